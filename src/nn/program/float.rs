//! A program in double precision, without rounding: a reader, for comparing losses. Nothing is proven
//! about it.
use super::{
    Data, Gadget, Node, Operand, Program, Table, Term, Value, eval::strides, rule::by_rows,
};
use crate::{gkr::function::Function, nn::tensor::float};

/// Real numbers for the values of a program.
pub struct Reals(Vec<Vec<f64>>);

impl Reals {
    /// The numbers that a value stands for, row-major; empty of a gradient.
    pub fn get(&self, value: Value) -> &[f64] {
        self.0.get(value.0).map_or(&[], Vec::as_slice)
    }
}

/// Computes all values but gradients. `data` and `parameters` are real numbers, row-major.
///
/// # Panics
/// If they are not of the program's shapes.
pub fn run(program: &Program, data: &dyn Fn(Data) -> Vec<f64>, parameters: &[Vec<f64>]) -> Reals {
    let mut reals = Reals(vec![Vec::new(); program.values.len()]);
    let gradients: Vec<Value> = program.gradients().iter().flatten().copied().collect();
    for (value, definition) in program.numbered() {
        let found = match &definition.node {
            Node::Data(kind) => data(*kind),
            Node::Parameter(k) => parameters[*k].clone(),
            Node::One => vec![1.0; program.size(value)],
            Node::Known(_) => continue,
            Node::Sum(_) if gradients.contains(&value) => continue,
            Node::Sum(terms) => sum(program, &reals, value, terms),
            Node::Committed => committed(program, &reals, value),
        };
        assert!(found.is_empty() || found.len() == program.size(value));
        reals.0[value.0] = found;
    }
    reals
}

/// The gradient of a parameter, row-major.
pub fn gradient(program: &Program, reals: &Reals, parameter: usize) -> Vec<f64> {
    let mut total = vec![0.0; program.size(program.parameters()[parameter])];
    for value in &program.gradients()[parameter] {
        if let Node::Sum(terms) = &program.values[value.0].node {
            let part = sum(program, reals, *value, terms);
            total.iter_mut().zip(part).for_each(|(t, x)| *t += x);
        }
    }
    total
}

/// An exact sum: only the place of the point is another.
fn sum(program: &Program, reals: &Reals, value: Value, terms: &[Term]) -> Vec<f64> {
    let mut out = vec![0.0; program.size(value)];
    for term in terms {
        let fraction = |operand: &Operand| program.fact(operand.value).fraction as i32;
        let shift =
            term.operands.iter().map(fraction).sum::<i32>() - program.fact(value).fraction as i32;
        let factor = term.factor as f64 * 2.0_f64.powi(shift);
        let operands: Vec<&[f64]> = program
            .unknown(term)
            .map(|operand| reals.get(operand.value))
            .collect();
        float::add_term(&strides(program, value, term), factor, &operands, &mut out);
    }
    out
}

/// A committed value without its rounding.
fn committed(program: &Program, reals: &Reals, value: Value) -> Vec<f64> {
    let Some((number, k)) = program.maker(value) else {
        return Vec::new();
    };
    match &program.gadgets[number] {
        Gadget::Round { wide, .. } => reals.get(*wide).to_vec(),
        Gadget::Lookup {
            live, key, table, ..
        } => {
            let flags = live.map_or(&[][..], |live| reals.get(live));
            let image = |(at, x): (usize, &f64)| match flags.get(at) {
                Some(0.0) => 0.0,
                _ => real_image(*table, k, *x),
            };
            reals.get(*key).iter().enumerate().map(image).collect()
        }
        Gadget::Compute {
            rule,
            rows,
            of,
            made,
        } => {
            let count: usize = rows.iter().map(|axis| program.len(*axis)).product();
            let width = |value: &Value| program.size(*value) / count.max(1);
            let entry = |value: &Value| {
                let entries = reals.get(*value);
                move |k: usize| entries[k]
            };
            let operands: Vec<_> = of.iter().map(|v| (width(v), entry(v))).collect();
            let widths: Vec<usize> = made.iter().map(width).collect();
            let computed = by_rows(count, &operands, &widths, |of, made| {
                rule.reals(of, made);
                Ok::<_, std::convert::Infallible>(())
            });
            let Ok(mut columns) = computed;
            columns.swap_remove(k)
        }
        Gadget::Range { .. } | Gadget::Zero { .. } | Gadget::Tell { .. } => Vec::new(),
    }
}

/// Image number `k` of a key, as a real number.
fn real_image(table: Table, k: usize, x: f64) -> f64 {
    match table {
        Table::Signed(_) => x,
        Table::Positive(_) => f64::from(x > 0.0),
        Table::Negative(_) => f64::from(x < 0.0),
        Table::Function { function, .. } => match k {
            0 => real(function, x).0,
            _ => real(function, x).1,
        },
        Table::Exponential { scale, .. } => {
            let before = 0.5_f64.powi(scale as i32).exp_m1();
            (-x).exp() * if k == 0 { 1.0 } else { before }
        }
        Table::Maximum(_) | Table::Bit => 0.0,
    }
}

/// A function and its slope.
fn real(function: Function, x: f64) -> (f64, f64) {
    let logistic = |a: f64| 0.5 * (1.0 + (a / 2.0).tanh());
    let gate = |a: f64, slope: f64| {
        let sigma = logistic(a);
        (x * sigma, sigma + x * sigma * (1.0 - sigma) * slope)
    };
    match function {
        Function::Gelu => {
            let root = (8.0 / std::f64::consts::PI).sqrt();
            let cube = 0.044_715;
            gate(
                root * (x + cube * x.powi(3)),
                root * (1.0 + 3.0 * cube * x * x),
            )
        }
        Function::Silu => gate(x, 1.0),
        Function::Tanh => (x.tanh(), 1.0 - x.tanh().powi(2)),
        Function::Sigmoid => (logistic(x), logistic(x) * (1.0 - logistic(x))),
    }
}
