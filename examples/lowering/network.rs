//! A forward pass of GPT-2's shape, to the rounded logits of every position.
use crate::operators::{self, Axes, RANGE};
use std::error::Error;
use zktree::{
    gkr::function::Function,
    nn::{
        FixedPoint, FixedPointConfig,
        op::{Activation, Add, Linear, Nonlinearity, Op, Round},
        program::{Data, Program, Purpose, SAMPLE, Value, at, over, term},
    },
};

/// Fraction bits of activations. A format of weights of 16 bits has no more: `s + g <= w`.
pub const S: u32 = 8;
/// Fraction bits of weights.
pub const W: u32 = 16;
const WIDTH: usize = 768;
const HEADS: usize = 12;
const INNER: usize = 4 * WIDTH;

/// What is not GPT-2's own.
#[derive(Clone, Copy)]
pub struct Shape {
    /// Of one text.
    pub tokens: usize,
    /// Number of layers.
    pub layers: usize,
    /// Number of different tokens.
    pub vocabulary: usize,
}

impl Shape {
    /// The program.
    pub fn program(&self) -> Result<Program, Box<dyn Error>> {
        let mut p = Program::new(Purpose::Inference, &format()?, 1);
        let axes = Axes {
            position: p.axis(self.tokens),
            key: p.axis(self.tokens),
            width: p.axis(WIDTH),
            unit: p.axis(WIDTH / HEADS),
            head: p.axis(HEADS),
        };
        let rows = p.input("rows", Data::Inputs, &axes.stream());
        let mut x = operators::embedding(&mut p, &axes, rows);
        for layer in 0..self.layers {
            let norm = operators::norm(&mut p, &axes, x);
            let heads = operators::attention(&mut p, &axes, layer, &norm);
            let y = operators::projection(&mut p, &axes, layer, heads);
            x = Add.forward(&mut p, 2 * layer, &[x, y])?.output;
            let norm = operators::norm(&mut p, &axes, x);
            let y = feed_forward(&mut p, 2 * layer + 1, norm.value)?;
            x = Add.forward(&mut p, 2 * layer + 1, &[x, y])?.output;
        }
        let norm = operators::norm(&mut p, &axes, x);
        self.head(&mut p, &axes, norm.value);
        Ok(p)
    }

    /// The logits, rounded: what an argmax is taken of.
    fn head(&self, p: &mut Program, axes: &Axes, x: Value) {
        let vocabulary = p.axis(self.vocabulary);
        let matrix = [axes.width, vocabulary];
        let weights = p.parameter("head".into(), &matrix);
        let product = [at(x, &over(&axes.stream())), at(weights, &over(&matrix))];
        let all = [SAMPLE, axes.position, vocabulary];
        let terms = vec![term(1, product, &over(&all))];
        let logits = p.sum("logits, exact", &all, S + W, terms);
        operators::rounded(p, "logits", logits, S);
    }
}

fn format() -> Result<FixedPoint, Box<dyn Error>> {
    Ok(FixedPoint::new(FixedPointConfig {
        activation_bits: S,
        gradient_bits: S,
        weight_bits: W,
        limbs: vec![W],
        hidden_range_bits: RANGE,
        output_range_bits: RANGE,
        gradient_range_bits: RANGE,
        data_range_bits: RANGE,
        functions: None,
    })?)
}

fn feed_forward(p: &mut Program, label: usize, x: Value) -> Result<Value, Box<dyn Error>> {
    let hidden = Linear { outputs: INNER }.forward(p, 2 * label, &[x])?;
    let function = Nonlinearity::Smooth(Function::Gelu);
    let active = Activation { function }.forward(p, 2 * label, &[hidden.output])?;
    let down = Linear { outputs: WIDTH }.forward(p, 2 * label + 1, &[active.output])?;
    Ok(Round.forward(p, 2 * label + 1, &[down.output])?.output)
}
