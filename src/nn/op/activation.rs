//! Activation functions, entry by entry.
//!
//! The argument is rounded, $Y = \mathrm{round}(Z)$ (3), and $A = f(Y)$ (4). Backward the cotangent is rounded first,
//! $H = \mathrm{round}(P)$ (7), then $G = f^{\prime}(Y) \cdot H$ (8), and rounded again where the slope has fraction bits.
//!
//! **Departure.** Elsewhere a value is rounded once, after everything linear. Here a slope times $P$ would
//! have $P$ as the factor of a product, and a prover had to fold the weights of every step for it; so $P$ is
//! rounded first. Of the rectifier, whose slope is a bit, the result is the same.
use super::{Chain, Forward, Kind, Op, Operator, operator::only};
use crate::{
    check::Check,
    error::ConfigError,
    gkr::function::{Function, MAX_KEY_BITS, MAX_VALUE_BITS},
    nn::{
        gadget,
        program::{Program, Purpose, Value, at, over, term},
    },
};

/// Fraction bits of the slope of a tabulated function.
pub const SLOPE_BITS: u32 = 12;

/// A function of one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Nonlinearity {
    /// `max(x, 0)`, with derivative 0 at 0.
    Relu,
    /// A function with a table.
    Smooth(Function),
}

impl Nonlinearity {
    /// All functions.
    pub const ALL: [Self; 5] = [
        Self::Relu,
        Self::Smooth(Function::Gelu),
        Self::Smooth(Function::Silu),
        Self::Smooth(Function::Tanh),
        Self::Smooth(Function::Sigmoid),
    ];

    /// Its name in small letters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::Smooth(function) => function.name(),
        }
    }
}

/// A name in small letters.
impl std::str::FromStr for Nonlinearity {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let named = Self::ALL
            .into_iter()
            .find(|function| function.name() == text);
        named.ok_or_else(|| ConfigError::UnknownFunction {
            name: text.to_owned(),
        })
    }
}

/// An activation function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Activation {
    /// Which one.
    pub function: Nonlinearity,
}

/// The kind of an activation function.
macro_rules! kind {
    ($name:ident, $code:literal, $function:expr) => {
        pub(super) static $name: Kind = Kind {
            code: $code,
            name: $function.name(),
            fields: &[],
            make: |_| {
                let function = $function;
                Some(Operator::new(Activation { function }))
            },
        };
    };
}

kind!(RELU, 4, Nonlinearity::Relu);
kind!(GELU, 5, Nonlinearity::Smooth(Function::Gelu));
kind!(SILU, 6, Nonlinearity::Smooth(Function::Silu));
kind!(TANH, 7, Nonlinearity::Smooth(Function::Tanh));
kind!(SIGMOID, 8, Nonlinearity::Smooth(Function::Sigmoid));

impl Op for Activation {
    fn kind(&self) -> &'static Kind {
        match self.function {
            Nonlinearity::Relu => &RELU,
            Nonlinearity::Smooth(Function::Gelu) => &GELU,
            Nonlinearity::Smooth(Function::Silu) => &SILU,
            Nonlinearity::Smooth(Function::Tanh) => &TANH,
            Nonlinearity::Smooth(Function::Sigmoid) => &SIGMOID,
        }
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, &'static str> {
        Ok(only(inputs)?.to_vec())
    }

    fn is_rounded(&self, _: bool) -> Result<bool, &'static str> {
        Ok(true)
    }

    fn chain(&self) -> Chain {
        Chain::Function
    }

    fn forward(&self, p: &mut Program, label: usize, x: &[Value]) -> Result<Forward, ConfigError> {
        let x = super::single("activation", x)?;
        match self.function {
            Nonlinearity::Relu => Ok(rectified(p, label, x)),
            Nonlinearity::Smooth(function) => smooth(p, label, x, function),
        }
    }

    fn backward(
        &self,
        p: &mut Program,
        label: usize,
        saved: &[Value],
        cotangent: Value,
        _: &[bool],
    ) -> Result<Vec<Option<Value>>, ConfigError> {
        let [slope] = super::saved("activation", saved)?;
        let axes = p.fact(slope).axes.clone();
        let h = gadget::gradient(p, format!("H{label}"), cotangent);
        let indices = over(&axes);
        let product = [at(slope, &indices), at(h, &indices)];
        let fraction = p.fact(slope).fraction + p.fact(h).fraction;
        let terms = vec![term(1, product, &indices)];
        let exact = p.sum(format!("G{label}"), &axes, fraction, terms);
        let name = format!("G{label} rounded");
        Ok(vec![Some(gadget::gradient(p, name, exact))])
    }
}

fn rectified(p: &mut Program, label: usize, x: Value) -> Forward {
    let format = p.format();
    let to = (format.activation_bits(), format.hidden_range_bits());
    let training = p.purpose() == Purpose::Training;
    let sign = format!("{}{label}", if training { "S" } else { "N" });
    let names = (format!("Y{label}"), sign);
    let gadget::Signed { value, sign } = gadget::signed(p, names, x, to, Check::UnitRange);
    let axes = p.fact(value).axes.clone();
    let indices = over(&axes);
    let product = [at(sign, &indices), at(value, &indices)];
    let terms = match training {
        true => vec![term(1, product, &indices)],
        false => vec![
            term(1, [at(value, &indices)], &indices),
            term(-1, product, &indices),
        ],
    };
    let output = p.sum(format!("A{label}"), &axes, to.0, terms);
    let saved = vec![sign];
    Forward { output, saved }
}

fn smooth(
    p: &mut Program,
    label: usize,
    x: Value,
    function: Function,
) -> Result<Forward, ConfigError> {
    let format = p.format();
    let (s, bits) = (format.activation_bits(), format.hidden_range_bits());
    if s > MAX_VALUE_BITS || bits > MAX_KEY_BITS {
        return Err(ConfigError::NoTable {
            function: function.name(),
            fraction: s,
            bits,
            max_fraction: MAX_VALUE_BITS,
            max_bits: MAX_KEY_BITS,
        });
    }
    let names = ["Y", "A", "S"].map(|name| format!("{name}{label}"));
    let slope = (p.purpose() == Purpose::Training).then_some(SLOPE_BITS);
    let format = (s, bits, slope);
    let tabulated = gadget::tabulated(p, names, x, function, format, Check::UnitRange);
    Ok(Forward {
        output: tabulated.value,
        saved: tabulated.slope.into_iter().collect(),
    })
}
