//! Convolution of images: an affine map of what each window sees.
//!
//! $X\lbrack o, k \rbrack = \sum_i \lbrack i = s o + k - p \rbrack \, A\lbrack i \rbrack$ for rows and for columns, by
//! known factors, then $Z = X W + 2^f \mathbf{1} b$; backward $P = G W^{\mathsf T}$ for each window, summed over the windows
//! that see a pixel. All exact, and nothing of it is committed.
use super::{
    Chain, Forward, Kind, Op, Operator, ParameterShape, linear,
    operator::{of_rounded, only},
    windows::{self, Windows, through},
};
use crate::{
    error::ConfigError,
    nn::program::{Index, Program, Value, at, over, term},
};

/// A convolution with a bias, on images `[height, width, channels]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Convolution {
    /// Channels of the output.
    pub outputs: usize,
    /// What each sees.
    pub windows: Windows,
}

const FIELDS: [&str; 9] = {
    let mut fields = ["outputs"; 9];
    let mut k = 0;
    while k < 8 {
        fields[k + 1] = windows::FIELDS[k];
        k += 1;
    }
    fields
};

pub(super) static KIND: Kind = Kind {
    code: 10,
    name: "convolution",
    fields: &FIELDS,
    make: |numbers| {
        let (outputs, windows) = numbers.split_first()?;
        Some(Operator::new(Convolution {
            outputs: usize::try_from(*outputs).ok()?,
            windows: Windows::of(windows)?,
        }))
    },
};

impl Op for Convolution {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn numbers(&self) -> Vec<u64> {
        [vec![self.outputs as u64], self.windows.numbers()].concat()
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, &'static str> {
        let ([rows, columns], _) = self.windows.on(only(inputs)?)?;
        Ok(vec![rows, columns, self.outputs])
    }

    fn parameter(&self, inputs: &[&[usize]]) -> Option<ParameterShape> {
        let (_, channels) = self.windows.on(only(inputs).ok()?).ok()?;
        let [height, width] = self.windows.kernel;
        Some(ParameterShape {
            rows: vec![height, width, channels],
            outputs: self.outputs,
        })
    }

    fn is_rounded(&self, inputs: bool) -> Result<bool, &'static str> {
        of_rounded(inputs, false)
    }

    fn chain(&self) -> Chain {
        Chain::Linear
    }

    fn forward(&self, p: &mut Program, label: usize, x: &[Value]) -> Result<Forward, ConfigError> {
        let x = super::single("convolution", x)?;
        let [samples, height, width, channels] = super::image(p, "convolution", x)?;
        let placed = self.windows.place(p, [height, width])?;
        let fact = p.fact(x).clone();
        let [[rows, columns], [kh, kw]] = [placed.windows, placed.places];
        let seen = p.group(&[kh, kw, channels]);
        let extended = p.extended(seen);
        let windows = [samples, rows, columns];
        let one = p.one(&windows);
        let indices = |last: Index| [over(&windows), vec![last]].concat();
        let pixels = (1, at(x, &over(&fact.axes)));
        let terms = vec![
            through(p, placed.sees, pixels, &indices(Index::Body(seen))),
            term(
                1 << fact.fraction,
                [at(one, &over(&windows))],
                &indices(Index::Tail),
            ),
        ];
        let axes = [samples, rows, columns, extended];
        let name = format!("windows of A{} with bias", label.saturating_sub(1));
        let input = p.sum(name, &axes, fact.fraction, terms);
        let mut forward = linear::product(p, label, input, self.outputs);
        forward.saved.extend([x, placed.sees[0], placed.sees[1]]);
        Ok(forward)
    }

    fn backward(
        &self,
        p: &mut Program,
        label: usize,
        saved: &[Value],
        cotangent: Value,
        needs: &[bool],
    ) -> Result<Vec<Option<Value>>, ConfigError> {
        let wanted = needs.first() == Some(&true);
        let back = linear::product_backward(p, label, saved, (cotangent, wanted))?;
        let (Some(back), [_, _, x, by_row, by_column]) = (back, saved) else {
            return Ok(vec![None]);
        };
        let (fact, axes) = (p.fact(back).clone(), p.fact(*x).axes.clone());
        let seen = (1, at(back, &over(&fact.axes)));
        let terms = vec![through(p, [*by_row, *by_column], seen, &over(&axes))];
        let name = format!("P{} of pixels", label.saturating_sub(1));
        Ok(vec![Some(p.sum(name, &axes, fact.fraction, terms))])
    }
}
