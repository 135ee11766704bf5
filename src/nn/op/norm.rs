//! Layer norm and root-mean-square norm, without an affine part: that is one of the next linear operator.
//!
//! Of a row $x$ of $d$ entries with $s$ fraction bits, and of $q$, $m$ and $\alpha$ more,
//! $$ \mu = \mathrm{mean}(2^m x), \qquad c = 2^m x - \mu, \qquad r = \frac{2^q}{\sqrt{\mathrm{mean}(c^2) + \epsilon}},
//! \qquad n = \mathrm{round}(c \, r), $$
//! where means and root are integers, rounded to nearest ([`gadget::mean`], [`gadget::inverse_root`]), and $c = x$ where the
//! norm is not centred. Backward, with the cotangent $G$ rounded first,
//! $$ a = \mathrm{round}(\mathrm{mean}(G \, n)), \qquad b = \mathrm{mean}(2^\alpha G), \qquad
//! t = 2^{s + \alpha} G - n \, a - 2^s b, \qquad \mathrm{round}(t \, r), $$
//! $a$ and $b$ with $g + \alpha$ fraction bits, and without $b$ where the norm is not centred.
//!
//! **Padding.** What is the same for a row, $\mu$ and $b$, meets a mask of units before it is taken off.
use super::{
    Chain, Forward, Kind, Op, Operator,
    operator::{of_rounded, only},
};
use crate::{
    check::Check,
    error::ConfigError,
    nn::{
        gadget::{self, Epsilon},
        program::{Axis, Program, Term, Value, at, over, term},
    },
};

/// A norm along the last axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Norm {
    /// Whether the mean is taken off: a layer norm, else that of the root mean square.
    pub centred: bool,
    /// What is added to the mean square.
    pub epsilon: Epsilon,
}

const NAME: &str = "norm";

const FIELDS: [&str; 1] = ["epsilon"];

pub(super) static LAYER: Kind = Kind {
    code: 15,
    name: "layer_norm",
    fields: &FIELDS,
    make: |numbers| Norm::of(true, numbers),
};

pub(super) static ROOT_MEAN_SQUARE: Kind = Kind {
    code: 16,
    name: "rms_norm",
    fields: &FIELDS,
    make: |numbers| Norm::of(false, numbers),
};

impl Norm {
    fn of(centred: bool, numbers: &[u64]) -> Option<Operator> {
        let [units] = numbers else { return None };
        let epsilon = Epsilon::new(*units).ok()?;
        Some(Operator::new(Self { centred, epsilon }))
    }
}

impl Op for Norm {
    fn kind(&self) -> &'static Kind {
        match self.centred {
            true => &LAYER,
            false => &ROOT_MEAN_SQUARE,
        }
    }

    fn numbers(&self) -> Vec<u64> {
        vec![self.epsilon.units()]
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, &'static str> {
        match only(inputs)? {
            [] => Err("its input has an axis of units"),
            shape => Ok(shape.to_vec()),
        }
    }

    fn is_rounded(&self, inputs: bool) -> Result<bool, &'static str> {
        of_rounded(inputs, true)
    }

    fn chain(&self) -> Chain {
        Chain::Function
    }

    fn forward(&self, p: &mut Program, label: usize, x: &[Value]) -> Result<Forward, ConfigError> {
        let x = super::single(NAME, x)?;
        let bits = p.format().functions(NAME)?.clone();
        let fact = p.fact(x).clone();
        let (s, hidden) = (p.format().activation_bits(), p.format().hidden_range_bits());
        if fact.fraction > s {
            return Err(ConfigError::Operator {
                operator: NAME,
                what: "what it reads has to be rounded first",
            });
        }
        let c = match self.centred {
            true => centred(p, label, x, bits.mean_bits)?,
            false => x,
        };
        let numbers = (self.epsilon, bits.root_bits);
        let r = gadget::inverse_root(p, &format!("root {label}"), c, numbers)?;
        let product = scaled(p, format!("scaled {label}"), (c, r));
        let name = format!("norm {label}");
        let n = gadget::rounded(p, name, product, (s, hidden), Check::UnitRange);
        Ok(Forward {
            output: n,
            saved: vec![n, r],
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
        let [n, r] = super::saved(NAME, saved)?;
        let (format, check) = (p.format().clone(), Check::GradientRange);
        let bits = format.functions(NAME)?;
        let g = format.gradient_bits();
        let cotangent = gadget::gradient(p, format!("gradient of norm {label}"), cotangent);
        let t = projected(p, label, (cotangent, n), (self.centred, bits.row_bits))?;
        let exact = scaled(p, format!("gradient behind norm {label}, scaled"), (t, r));
        let names = (
            format!("gradient behind norm {label}"),
            "the gradient behind a norm",
        );
        let to = (g, bits.norm_range_bits);
        Ok(vec![Some(gadget::settled(p, names, exact, to, check)?)])
    }
}

/// The rows of a value, and its last axis.
fn rows(p: &Program, x: Value) -> Result<(Vec<Axis>, Axis), ConfigError> {
    let axes = p.fact(x).axes.split_last();
    let (units, rows) = axes.ok_or(ConfigError::Operator {
        operator: NAME,
        what: "its input has an axis of units",
    })?;
    Ok((rows.to_vec(), *units))
}

/// `x r`, of a row `x` and a number `r` for it.
fn scaled(p: &mut Program, name: String, (x, r): (Value, Value)) -> Value {
    let (fact, of) = (p.fact(x).clone(), p.fact(r).clone());
    let indices = over(&fact.axes);
    let product = [at(x, &indices), at(r, &over(&of.axes))];
    let terms = vec![term(1, product, &indices)];
    p.sum(name, &fact.axes, fact.fraction + of.fraction, terms)
}

/// A number for each row at every real unit: nothing of it on padding.
fn spread(p: &mut Program, factor: i128, row: Value, (rows, units): (&[Axis], Axis)) -> Term {
    let one = p.one(&[units]);
    let all = [over(rows), over(&[units])].concat();
    term(
        factor,
        [at(row, &over(rows)), at(one, &over(&[units]))],
        &all,
    )
}

/// `2^more x` less its mean.
fn centred(p: &mut Program, label: usize, x: Value, more: u32) -> Result<Value, ConfigError> {
    let (rows, units) = rows(p, x)?;
    let fact = p.fact(x).clone();
    let (indices, fraction) = (over(&fact.axes), fact.fraction + more);
    let whole = vec![term(1 << more, [at(x, &indices)], &over(&rows))];
    let whole = p.sum(format!("sum for mean {label}"), &rows, fraction, whole);
    let mean = gadget::mean(p, &format!("mean {label}"), whole, p.len(units))?;
    let terms = vec![
        term(1 << more, [at(x, &indices)], &indices),
        spread(p, -1, mean, (&rows, units)),
    ];
    Ok(p.sum(format!("centred {label}"), &fact.axes, fraction, terms))
}

/// The cotangent less what a row has of it along `n` and, if it is centred, along one; with `more` fraction bits more than
/// both together.
fn projected(
    p: &mut Program,
    label: usize,
    (cotangent, n): (Value, Value),
    (centred, more): (bool, u32),
) -> Result<Value, ConfigError> {
    let (rows, units) = rows(p, n)?;
    let (g, s) = (p.fact(cotangent).fraction, p.fact(n).fraction);
    let (axes, count) = (p.fact(n).axes.clone(), p.len(units));
    let (indices, of) = (over(&axes), over(&rows));
    let product = [at(cotangent, &indices), at(n, &indices)];
    let along = p.sum(
        format!("along norm {label}"),
        &rows,
        g + s,
        vec![term(1, product, &of)],
    );
    let along = gadget::mean(p, &format!("mean along norm {label}"), along, count)?;
    let bits = gadget::bits_of(p, NAME, along, g + more)?;
    let names = (format!("part along norm {label}"), "the part along a norm");
    let along = gadget::settled(p, names, along, (g + more, bits), Check::GradientRange)?;
    let mut terms = vec![
        term(1 << (s + more), [at(cotangent, &indices)], &indices),
        term(-1, [at(n, &indices), at(along, &of)], &indices),
    ];
    if centred {
        let whole = vec![term(1 << more, [at(cotangent, &indices)], &of)];
        let name = format!("sum of gradients of norm {label}");
        let whole = p.sum(name, &rows, g + more, whole);
        let name = format!("mean of gradients of norm {label}");
        let mean = gadget::mean(p, &name, whole, count)?;
        terms.push(spread(p, -(1 << s), mean, (&rows, units)));
    }
    let name = format!("projected gradient of norm {label}");
    Ok(p.sum(name, &axes, g + s + more, terms))
}
