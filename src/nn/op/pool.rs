//! Pooling: means over windows of an image, or over all of it, and maxima.
//!
//! Means are exact sums times $1 / n$.
//!
//! Of $n = 2^k$ pixels only the place of the point moves. Otherwise $1 / n$ is the integer nearest to $2^m / n$ over $2^m$, with
//! $m = 16 + \lceil \log_2 n \rceil$: a network with another constant by at most $2^{-17}$ of it.
//!
//! No mean is over one pixel: that had no more fraction bits than what it reads, and a rounding behind it would make
//! no value of its own.
use super::{
    Chain, Forward, Kind, Op, Operator,
    operator::{of_rounded, only},
    windows::{self, Windows, through},
};
use crate::{
    error::ConfigError,
    nn::{
        gadget,
        program::{Program, Value, at, over, term},
    },
};

/// Means over windows, of images `[height, width, channels]`. Padding counts as zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AveragePool {
    /// What each mean is over.
    pub windows: Windows,
}

/// The mean over all pixels of each channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GlobalAverage;

pub(super) static AVERAGE: Kind = Kind {
    code: 11,
    name: "average_pool",
    fields: &windows::FIELDS,
    make: |numbers| {
        let windows = Windows::of(numbers)?;
        Some(Operator::new(AveragePool { windows }))
    },
};

pub(super) static GLOBAL: Kind = Kind {
    code: 12,
    name: "global_average_pool",
    fields: &[],
    make: |_| Some(Operator::new(GlobalAverage)),
};

/// The maximum of windows that lie inside of images `[height, width, channels]`. Backward its cotangent goes to
/// the first of the largest, row by row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxPool {
    /// What each maximum is over: without padding.
    pub windows: Windows,
}

pub(super) static MAXIMUM: Kind = Kind {
    code: 17,
    name: "max_pool",
    fields: &windows::FIELDS,
    make: |numbers| {
        let windows = Windows::of(numbers)?;
        Some(Operator::new(MaxPool { windows }))
    },
};

/// What a mean has to be over.
const TWO_PIXELS: &str = "a mean is over two or more pixels";

/// `1 / n` as an integer and its fraction bits.
fn share(n: usize) -> (i128, u32) {
    if n.is_power_of_two() {
        return (1, n.ilog2());
    }
    let bits = 17 + n.ilog2();
    let n = n as i128;
    (((1_i128 << (bits + 1)) + n) / (2 * n), bits)
}

impl Op for AveragePool {
    fn kind(&self) -> &'static Kind {
        &AVERAGE
    }

    fn numbers(&self) -> Vec<u64> {
        self.windows.numbers()
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, &'static str> {
        let ([rows, columns], channels) = self.windows.on(only(inputs)?)?;
        match self.windows.kernel {
            [1, 1] => Err(TWO_PIXELS),
            _ => Ok(vec![rows, columns, channels]),
        }
    }

    fn is_rounded(&self, _: bool) -> Result<bool, &'static str> {
        Ok(false)
    }

    fn chain(&self) -> Chain {
        Chain::Exact
    }

    fn forward(&self, p: &mut Program, label: usize, x: &[Value]) -> Result<Forward, ConfigError> {
        let x = super::single("average_pool", x)?;
        let [samples, height, width, channels] = super::image(p, "average_pool", x)?;
        let placed = self.windows.place(p, [height, width])?;
        let [rows, columns] = placed.windows;
        let fact = p.fact(x).clone();
        let axes = [samples, rows, columns, channels];
        let (factor, bits) = share(self.windows.kernel.iter().product());
        let pixels = (factor, at(x, &over(&fact.axes)));
        let terms = vec![through(p, placed.sees, pixels, &over(&axes))];
        let name = format!("mean of A{label} over windows");
        Ok(Forward {
            output: p.sum(name, &axes, fact.fraction + bits, terms),
            saved: vec![x, placed.sees[0], placed.sees[1]],
        })
    }

    fn backward(
        &self,
        p: &mut Program,
        label: usize,
        saved: &[Value],
        cotangent: Value,
        _: &[bool],
    ) -> Result<Vec<Option<Value>>, ConfigError> {
        let [x, by_row, by_column] = super::saved("average_pool", saved)?;
        let (fact, axes) = (p.fact(cotangent).clone(), p.fact(x).axes.clone());
        let [rows, columns] = [by_row, by_column].map(|value| p.fact(value).axes[0]);
        let (factor, bits) = share(self.windows.kernel.iter().product());
        let means = at(cotangent, &over(&[axes[0], rows, columns, axes[3]]));
        let means = (factor, means);
        let terms = vec![through(p, [by_row, by_column], means, &over(&axes))];
        let name = format!("D{label} of pixels");
        Ok(vec![Some(p.sum(name, &axes, fact.fraction + bits, terms))])
    }
}

impl Op for GlobalAverage {
    fn kind(&self) -> &'static Kind {
        &GLOBAL
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, &'static str> {
        match only(inputs)? {
            [1, 1, _] => Err(TWO_PIXELS),
            [_, _, channels] => Ok(vec![*channels]),
            _ => Err("it reads an image: height, width and channels"),
        }
    }

    fn is_rounded(&self, _: bool) -> Result<bool, &'static str> {
        Ok(false)
    }

    fn chain(&self) -> Chain {
        Chain::Exact
    }

    fn forward(&self, p: &mut Program, label: usize, x: &[Value]) -> Result<Forward, ConfigError> {
        let x = super::single("global_average_pool", x)?;
        let [samples, height, width, channels] = super::image(p, "global_average_pool", x)?;
        let fact = p.fact(x).clone();
        let axes = [samples, channels];
        let (factor, bits) = share(p.len(height) * p.len(width));
        let terms = vec![term(factor, [at(x, &over(&fact.axes))], &over(&axes))];
        let name = format!("mean of A{label}");
        Ok(Forward {
            output: p.sum(name, &axes, fact.fraction + bits, terms),
            saved: vec![x],
        })
    }

    fn backward(
        &self,
        p: &mut Program,
        label: usize,
        saved: &[Value],
        cotangent: Value,
        _: &[bool],
    ) -> Result<Vec<Option<Value>>, ConfigError> {
        let [x] = super::saved("global_average_pool", saved)?;
        let (fact, axes) = (p.fact(cotangent).clone(), p.fact(x).axes.clone());
        let [samples, height, width, channels] = super::image(p, "global_average_pool", x)?;
        let one = p.one(&[height, width]);
        let operands = [
            at(cotangent, &over(&[samples, channels])),
            at(one, &over(&[height, width])),
        ];
        let (factor, bits) = share(p.len(height) * p.len(width));
        let terms = vec![term(factor, operands, &over(&axes))];
        let name = format!("D{label} of pixels");
        Ok(vec![Some(p.sum(name, &axes, fact.fraction + bits, terms))])
    }
}

impl Op for MaxPool {
    fn kind(&self) -> &'static Kind {
        &MAXIMUM
    }

    fn numbers(&self) -> Vec<u64> {
        self.windows.numbers()
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, &'static str> {
        let ([rows, columns], channels) = self.windows.on(only(inputs)?)?;
        match self.windows.before == [0, 0] && self.windows.behind == [0, 0] {
            true => Ok(vec![rows, columns, channels]),
            false => Err("maxima are over windows without padding"),
        }
    }

    fn is_rounded(&self, inputs: bool) -> Result<bool, &'static str> {
        of_rounded(inputs, true)
    }

    fn chain(&self) -> Chain {
        Chain::Function
    }

    fn forward(&self, p: &mut Program, label: usize, x: &[Value]) -> Result<Forward, ConfigError> {
        let x = super::single("max_pool", x)?;
        let [samples, height, width, channels] = super::image(p, "max_pool", x)?;
        let placed = self.windows.place(p, [height, width])?;
        let fact = p.fact(x).clone();
        let seen = p.group(&placed.places);
        let axes = [
            samples,
            placed.windows[0],
            placed.windows[1],
            channels,
            seen,
        ];
        let pixels = (1, at(x, &over(&fact.axes)));
        let terms = vec![through(p, placed.sees, pixels, &over(&axes))];
        let name = format!("windows of A{label}");
        let entries = p.sum(name, &axes, fact.fraction, terms);
        let choice = gadget::first_maximum(p, &format!("maximum of A{label}"), entries)?;
        Ok(Forward {
            output: choice.value,
            saved: vec![x, placed.sees[0], placed.sees[1], choice.bits],
        })
    }

    fn backward(
        &self,
        p: &mut Program,
        label: usize,
        saved: &[Value],
        cotangent: Value,
        _: &[bool],
    ) -> Result<Vec<Option<Value>>, ConfigError> {
        let [x, by_row, by_column, chosen] = super::saved("max_pool", saved)?;
        let cotangent = gadget::gradient(p, format!("D{label} of windows"), cotangent);
        let bits = p.fact(cotangent).fraction;
        let (of, image) = (p.fact(chosen).axes.clone(), p.fact(x).axes.clone());
        let back = [
            at(chosen, &over(&of)),
            at(cotangent, &over(&of[..of.len() - 1])),
        ];
        let name = format!("D{label} of entries");
        let back = p.sum(name, &of, bits, vec![term(1, back, &over(&of))]);
        let entries = (1, at(back, &over(&of)));
        let terms = vec![through(p, [by_row, by_column], entries, &over(&image))];
        let name = format!("D{label} of pixels");
        Ok(vec![Some(p.sum(name, &image, bits, terms))])
    }
}
