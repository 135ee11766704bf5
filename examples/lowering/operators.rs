//! Stand-ins for the operators that the library has not yet.
//!
//! Each commits to as many values of the same shapes as the operator itself, looks up as many numbers and drops
//! as many remainders, and has its products; what it computes is another thing. Softmax is a sigmoid
//! of scores less a level, and the inverse root of a norm is the tangent to it.
use crate::network::{S, W};
use zktree::{
    check::Check,
    gkr::function::Function,
    nn::{
        gadget,
        program::{Axis, Index, Program, SAMPLE, Value, at, over, term},
    },
};

/// Bits of all ranges.
pub const RANGE: u32 = 16;
/// More fraction bits of a mean than of what it is of.
const MEAN: u32 = 2;
/// Fraction bits of an inverse root.
const ROOT: u32 = 15;
/// Fraction bits by which scores are divided, those of the root of a head's width and one.
const KAPPA: u32 = 4;
/// Fraction bits of levels, probabilities and steps.
const P: u32 = 8;

/// Axes that all layers share, in the order in which sums run over them.
#[derive(Clone, Copy)]
pub struct Axes {
    /// Of tokens.
    pub position: Axis,
    /// Of the tokens that a token attends to.
    pub key: Axis,
    /// Of what flows between layers.
    pub width: Axis,
    /// Within a head.
    pub unit: Axis,
    /// The heads.
    pub head: Axis,
}

impl Axes {
    fn row(&self) -> [Axis; 2] {
        [SAMPLE, self.position]
    }

    /// Of what flows between layers.
    pub fn stream(&self) -> [Axis; 3] {
        [SAMPLE, self.position, self.width]
    }

    fn heads(&self) -> [Axis; 4] {
        [SAMPLE, self.position, self.unit, self.head]
    }

    fn scores(&self) -> [Axis; 4] {
        [SAMPLE, self.position, self.key, self.head]
    }

    fn levels(&self) -> [Axis; 3] {
        [SAMPLE, self.position, self.head]
    }
}

/// Rounds to `fraction` bits in the one range that there is.
pub fn rounded(p: &mut Program, name: &str, x: Value, fraction: u32) -> Value {
    gadget::rounded(p, name.into(), x, (fraction, RANGE), Check::OutputRange)
}

fn ranged(p: &mut Program, x: Value) {
    gadget::ranged(p, x, RANGE, Check::OutputRange);
}

/// Rows that are given, as those of tokens are, and a parameter for each position.
pub fn embedding(p: &mut Program, axes: &Axes, rows: Value) -> Value {
    let positions = p.parameter("positions".into(), &[axes.position, axes.width]);
    let (one, stream) = (p.one(&[SAMPLE]), axes.stream());
    let place = at(positions, &over(&[axes.position, axes.width]));
    let terms = vec![
        term(1 << (W - S), [at(rows, &over(&stream))], &over(&stream)),
        term(1, [at(one, &[SAMPLE.into()]), place], &over(&stream)),
    ];
    let exact = p.sum("embedding, exact", &stream, W, terms);
    rounded(p, "embedding", exact, S)
}

/// What a norm makes.
pub struct Norm {
    /// The normalised values.
    pub value: Value,
    mean: Value,
}

/// A norm with a mean: per row the mean with its rest in two ranges, and the inverse root with two slacks.
pub fn norm(p: &mut Program, axes: &Axes, x: Value) -> Norm {
    let (row, stream) = (axes.row(), axes.stream());
    let mean = mean(p, axes, x);
    let ones = p.one(&[axes.width]);
    let broadcast = [at(mean, &over(&row)), at(ones, &[axes.width.into()])];
    let terms = vec![
        term(1 << MEAN, [at(x, &over(&stream))], &over(&stream)),
        term(-1, broadcast, &over(&stream)),
    ];
    let centred = p.sum("centred", &stream, S + MEAN, terms);
    let root = inverse_root(p, axes, centred);
    let product = [at(centred, &over(&stream)), at(root, &over(&row))];
    let terms = vec![term(1, product, &over(&stream))];
    let exact = p.sum("norm, exact", &stream, S + 12, terms);
    let value = rounded(p, "norm", exact, S);
    Norm { value, mean }
}

/// The sum over 256: a rounding proves one range of its rest, and here is the second.
fn mean(p: &mut Program, axes: &Axes, x: Value) -> Value {
    let row = axes.row();
    let terms = vec![term(1, [at(x, &over(&axes.stream()))], &over(&row))];
    let total = p.sum("total", &row, S + MEAN + 8, terms);
    let mean = rounded(p, "mean", total, S + MEAN);
    let one = p.one(&row);
    let part = |factor, value| term(factor, [at(value, &over(&row))], &over(&row));
    let terms = vec![part(-1, total), part(1 << 8, mean), part(255, one)];
    let rest = p.sum("rest of mean", &row, S + MEAN + 8, terms);
    ranged(p, rest);
    mean
}

/// `3/2 - V/2` for what is near 1, with a bracket of two slacks of three limbs each.
fn inverse_root(p: &mut Program, axes: &Axes, centred: Value) -> Value {
    let (row, stream) = (axes.row(), over(&axes.stream()));
    let one = p.one(&row);
    let part = |factor, value| term(factor, [at(value, &over(&row))], &over(&row));
    let product = |factor, x, y| {
        let both = [at(x, &over(&row)), at(y, &over(&row))];
        term(factor, both, &over(&row))
    };
    let square = [at(centred, &stream), at(centred, &stream)];
    let terms = vec![term(1, square, &over(&row)), part(1, one)];
    let energy = p.sum("energy", &row, 2 * (S + MEAN), terms);
    // Of values of variance 1.
    let usual = (p.len(axes.width) as i128) << (2 * (S + MEAN));
    let terms = vec![part(3 * 8 * usual, one), part(-8, energy)];
    let exact = p.sum("root, exact", &row, ROOT + 24, terms);
    let root = rounded(p, "root", exact, ROOT);
    let squared = p.sum("root squared", &row, 2 * ROOT, vec![product(1, root, root)]);
    let usual_root = (16 * usual) >> 24;
    let target = usual_root * usual_root * usual;
    for (name, sign) in [("below", -1), ("above", 1)] {
        let terms = vec![
            part(-sign * target, one),
            product(sign, squared, energy),
            product(1, root, energy),
            part(sign, energy),
        ];
        let slack = p.sum(name, &row, 64, terms);
        rounded(p, &format!("{name}, top limb"), slack, 30);
    }
    root
}

/// An input with a constant one behind it, which a bias is for.
fn extended(p: &mut Program, axes: &Axes, x: Value) -> (Axis, Value) {
    let behind = p.extended(axes.width);
    let one = p.one(&axes.row());
    let row = over(&axes.row());
    let index = |last: Index| [row.as_slice(), &[last]].concat();
    let body = index(Index::Body(axes.width));
    let terms = vec![
        term(1, [at(x, &over(&axes.stream()))], &body),
        term(1 << S, [at(one, &row)], &index(Index::Tail)),
    ];
    let all = [SAMPLE, axes.position, behind];
    (behind, p.sum("norm with bias", &all, S, terms))
}

/// Attention of all heads, to the rounded output of the heads.
pub fn attention(p: &mut Program, axes: &Axes, layer: usize, norm: &Norm) -> Value {
    let (behind, input) = extended(p, axes, norm.value);
    let [q, k, v] = ["q", "k", "v"].map(|name| {
        let matrix = [behind, axes.unit, axes.head];
        let weights = p.parameter(format!("{name}{layer}"), &matrix);
        let product = [
            at(input, &over(&[SAMPLE, axes.position, behind])),
            at(weights, &over(&matrix)),
        ];
        let terms = vec![term(1, product, &over(&axes.heads()))];
        let exact = p.sum(format!("{name}, exact"), &axes.heads(), S + W, terms);
        rounded(p, name, exact, S)
    });
    let probabilities = softmax(p, axes, (q, k), norm.mean);
    let product = [
        at(probabilities, &over(&axes.scores())),
        at(v, &over(&[SAMPLE, axes.key, axes.unit, axes.head])),
    ];
    let terms = vec![term(1, product, &over(&axes.heads()))];
    let exact = p.sum("heads, exact", &axes.heads(), P + S, terms);
    rounded(p, "heads", exact, S)
}

/// Scores less the level of their row, rounded, and what a table says of them: a value and a step.
fn softmax(p: &mut Program, axes: &Axes, (q, k): (Value, Value), level_of: Value) -> Value {
    let (scores, levels) = (over(&axes.scores()), axes.levels());
    let product = [
        at(q, &over(&axes.heads())),
        at(k, &over(&[SAMPLE, axes.key, axes.unit, axes.head])),
    ];
    let terms = vec![term(1, product, &scores)];
    let exact = p.sum("scores", &axes.scores(), 2 * S + KAPPA, terms);
    let level = level(p, axes, level_of);
    let (ones, live) = (p.one(&[axes.key]), p.one(&axes.scores()));
    let drop = 2 * S + KAPPA - P;
    // A row of so many scores sums to about 1.
    let flat = ((p.len(axes.key) as f64).ln() * f64::from(1 << P)) as i128;
    let broadcast = [at(level, &over(&levels)), at(ones, &[axes.key.into()])];
    let terms = vec![
        term(1, [at(exact, &scores)], &scores),
        term(-(1 << drop), broadcast, &scores),
        term(-(flat << drop), [at(live, &scores)], &scores),
    ];
    let below = p.sum("scores below level", &axes.scores(), P + drop, terms);
    let names = ["distance", "probability", "step"].map(String::from);
    let (format, check) = ((P, RANGE, Some(P)), Check::UnitRange);
    let found = gadget::tabulated(p, names, below, Function::Sigmoid, format, check);
    let sums = [Some(found.value), found.slope];
    row_ranges(p, axes, sums.into_iter().flatten().collect());
    found.value
}

/// A level of a row: a multiple of a number that the row has.
fn level(p: &mut Program, axes: &Axes, of: Value) -> Value {
    let (levels, ones) = (axes.levels(), p.one(&[axes.head]));
    let product = [at(of, &over(&axes.row())), at(ones, &[axes.head.into()])];
    let terms = vec![term(1 << (P - 1), product, &over(&levels))];
    let exact = p.sum("level, exact", &levels, 2 * P, terms);
    rounded(p, "level", exact, P)
}

/// What a row lacks to one, and what it would have too much with a step more.
fn row_ranges(p: &mut Program, axes: &Axes, entries: Vec<Value>) {
    let levels = axes.levels();
    let one = p.one(&levels);
    for (name, sign, number) in [("fits", -1, 1), ("least", 1, entries.len())] {
        let constant = [at(one, &over(&levels))];
        let mut terms = vec![term(-sign << P, constant, &over(&levels))];
        let scores = over(&axes.scores());
        for entry in &entries[..number] {
            terms.push(term(sign, [at(*entry, &scores)], &over(&levels)));
        }
        let slack = p.sum(name, &levels, P, terms);
        ranged(p, slack);
    }
}

/// What the heads add to the stream.
pub fn projection(p: &mut Program, axes: &Axes, layer: usize, heads: Value) -> Value {
    let matrix = [axes.unit, axes.head, axes.width];
    let weights = p.parameter(format!("o{layer}"), &matrix);
    let bias = p.parameter(format!("bias of o{layer}"), &[axes.width]);
    let (one, stream) = (p.one(&axes.row()), axes.stream());
    let product = [at(heads, &over(&axes.heads())), at(weights, &over(&matrix))];
    let constant = [at(one, &over(&axes.row())), at(bias, &[axes.width.into()])];
    let terms = vec![
        term(1, product, &over(&stream)),
        term(1 << S, constant, &over(&stream)),
    ];
    let exact = p.sum("attention, exact", &stream, S + W, terms);
    rounded(p, "attention", exact, S)
}
