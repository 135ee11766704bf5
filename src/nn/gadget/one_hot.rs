//! The class of a label, as bits.
//!
//! **Proof.** Of a label $y$, bits $O_v$ are committed, with
//! $$ (m_v, O_v) \in \lbrace (0, 0), (1, 0), (1, 1) \rbrace, \qquad \sum_v O_v = \rho, \qquad \sum_v v O_v = y. $$
//! $m$ is one on real classes of real rows, $\rho$ on real rows.
//!
//! **Why one choice.** Bits that sum to one are one of them, and that is the label. Without the table, a third of class 0 and
//! two thirds of class 3 would be class 2; without its flag, a label of a class that is not there would have a column of
//! its own, and its gradient would go to weights that are padding.
//!
//! **Padding** is zero by the flag.
use super::{compute, look_up, zero};
use crate::{
    check::Check,
    error::ConfigError,
    nn::program::{Axis, Known, Outside, Program, Rule, Table, Value, at, over, term},
};

/// One at the class that a label says, else zero: of the rows of the label, which has one column, and classes.
///
/// # Errors
/// [`ConfigError`] if the label has more columns, or there are too many classes.
pub fn one_hot(
    p: &mut Program,
    name: &str,
    label: Value,
    classes: Axis,
) -> Result<Value, ConfigError> {
    let fact = p.fact(label).clone();
    let (rows, column) = super::rows(p, "label", label)?;
    if p.len(column) != 1 {
        return Err(ConfigError::Operator {
            operator: "label",
            what: "it has one column",
        });
    }
    let axes = [rows.as_slice(), &[classes]].concat();
    let (flag, one) = (p.one(&axes), p.one(&rows));
    let bits = p.commit(name.into(), &axes, 0, 1);
    let rule = OneHot {
        fraction: fact.fraction,
    };
    compute(p, rule, &rows, &[label, flag], &[bits]);
    look_up(
        p,
        Some(flag),
        (bits, Vec::new()),
        Table::Bit,
        Check::ClassBit,
    );
    let (of, each) = (over(&rows), over(&axes));
    let terms = vec![
        term(1, [at(bits, &each)], &of),
        term(-1, [at(one, &of)], &of),
    ];
    zero(
        p,
        format!("sum of {name}"),
        (&rows, 0),
        terms,
        Check::ClassSum,
    );
    let leaves = p.leaves(classes);
    let numbers = p.known("numbers of classes", Known::Position, &leaves)?;
    let operands = [at(numbers, &over(&leaves)), at(bits, &each)];
    let terms = vec![
        term(1 << fact.fraction, operands, &of),
        term(-1, [at(label, &over(&fact.axes))], &of),
    ];
    let name = format!("label of {name}");
    zero(p, name, (&rows, fact.fraction), terms, Check::ClassLabel);
    Ok(bits)
}

/// Of a label with so many fraction bits.
#[derive(Debug)]
struct OneHot {
    fraction: u32,
}

impl Rule for OneHot {
    fn integers(&self, of: &[&[i128]], made: &mut [Vec<i128>]) -> Result<(), Outside> {
        let ([[label], live], [bits]) = (of, made) else {
            return Ok(());
        };
        let classes = live.iter().filter(|live| **live != 0).count();
        if classes == 0 {
            return Ok(());
        }
        let class = label >> self.fraction;
        let whole = class << self.fraction == *label;
        let at = usize::try_from(class)
            .ok()
            .filter(|at| *at < classes && whole);
        let Some(bit) = at.and_then(|at| bits.get_mut(at)) else {
            return Err(Outside {
                of: 0,
                value: *label,
                range: [0, (classes as i128 - 1) << self.fraction],
            });
        };
        *bit = 1;
        Ok(())
    }

    fn reals(&self, of: &[&[f64]], made: &mut [Vec<f64>]) {
        if let ([[label], _], [bits]) = (of, made)
            && let Some(bit) = bits.get_mut(label.round() as usize)
        {
            *bit = 1.0;
        }
    }
}
