//! The same training in double precision, for comparing losses. Nothing is proven about it.
//!
//! It starts from the integer weights divided by `2^w`, sees the integer data divided by `2^s`,
//! the same batches and the same rate; only the roundings are missing.

use std::ops::Range;

use super::{
    data::Dataset,
    fixed::FixedPoint,
    network::{Architecture, Weights},
    schedule::Schedule,
};

/// A network in double precision.
#[derive(Clone)]
pub struct FloatNetwork {
    architecture: Architecture,
    layers: Vec<FloatLayer>,
    activation_bits: u32,
}

/// Row-major `[inputs, outputs]` and `[outputs]`.
#[derive(Clone)]
struct FloatLayer {
    weight: Vec<f64>,
    bias: Vec<f64>,
}

impl FloatNetwork {
    /// The network with these weights divided by `2^w`.
    pub fn new(weights: &Weights, fixed: &FixedPoint) -> Self {
        let scale = |values: &[i64]| scaled(values, fixed.weight_bits());
        let layers = weights.layers().iter();
        let layers = layers
            .map(|l| FloatLayer {
                weight: scale(&l.weight),
                bias: scale(&l.bias),
            })
            .collect();
        let activation_bits = fixed.activation_bits();
        Self {
            architecture: weights.architecture().clone(),
            layers,
            activation_bits,
        }
    }

    /// Runs the steps of a range on the batches of the schedule, with `rate` for the mean loss of
    /// a batch. The dataset's widths are the network's and its rows the schedule's.
    pub fn train(&mut self, dataset: &Dataset, schedule: &Schedule, steps: Range<u64>, rate: f64) {
        let count = steps.end.saturating_sub(steps.start);
        for rows in schedule.batches(steps.start, count) {
            let (inputs, targets) = dataset.gather(&rows);
            let inputs = scaled(&inputs, self.activation_bits);
            let targets = scaled(&targets, self.activation_bits);
            self.step(&inputs, &targets, rate / rows.len() as f64);
        }
    }

    /// The mean over rows of the sum over outputs of the squared error, in units of the
    /// standardised targets. Zero for no rows.
    pub fn mean_squared_error(&self, dataset: &Dataset) -> f64 {
        let rows: Vec<usize> = (0..dataset.num_rows()).collect();
        let mut sum = 0.0;
        for rows in rows.chunks(256) {
            let (inputs, targets) = dataset.gather(rows);
            let activations = self.forward(&scaled(&inputs, self.activation_bits));
            let targets = scaled(&targets, self.activation_bits);
            let outputs = activations.last().into_iter().flatten();
            sum += outputs
                .zip(&targets)
                .map(|(y, t)| (y - t) * (y - t))
                .sum::<f64>();
        }
        sum / rows.len().max(1) as f64
    }

    /// Outputs of all layers, rectified but for the last.
    fn forward(&self, inputs: &[f64]) -> Vec<Vec<f64>> {
        let mut outputs: Vec<Vec<f64>> = Vec::with_capacity(self.layers.len());
        for (l, layer) in self.layers.iter().enumerate() {
            let a = outputs.last().map_or(inputs, Vec::as_slice);
            let mut y =
                Vec::with_capacity(a.len() / self.architecture.inputs(l) * layer.bias.len());
            for a in a.chunks_exact(self.architecture.inputs(l)) {
                let mut row = layer.bias.clone();
                for (&a, weights) in a.iter().zip(layer.weight.chunks_exact(row.len())) {
                    row.iter_mut().zip(weights).for_each(|(y, w)| *y += a * w);
                }
                y.extend(row);
            }
            if l + 1 < self.layers.len() {
                y.iter_mut().for_each(|y| *y = y.max(0.0));
            }
            outputs.push(y);
        }
        outputs
    }

    /// One step, with the rate for the summed loss.
    fn step(&mut self, inputs: &[f64], targets: &[f64], rate: f64) {
        let activations = self.forward(inputs);
        let outputs = activations.last().into_iter().flatten();
        let mut gradient: Vec<f64> = outputs.zip(targets).map(|(y, t)| y - t).collect();
        for l in (0..self.layers.len()).rev() {
            let layer = &mut self.layers[l];
            let (n_in, n_out) = (self.architecture.inputs(l), self.architecture.outputs(l));
            let a = l.checked_sub(1).map_or(inputs, |l| &activations[l]);
            // For hidden layers a > 0 exactly where the unrectified output is.
            let below = a
                .chunks_exact(n_in)
                .zip(gradient.chunks_exact(n_out))
                .flat_map(|(a, g)| {
                    let rows = a.iter().zip(layer.weight.chunks_exact(n_out));
                    rows.map(move |(&a, w)| {
                        if a > 0.0 {
                            w.iter().zip(g).map(|(w, g)| w * g).sum()
                        } else {
                            0.0
                        }
                    })
                });
            let below = below.collect();
            for (a, g) in a.chunks_exact(n_in).zip(gradient.chunks_exact(n_out)) {
                for (&a, w) in a.iter().zip(layer.weight.chunks_exact_mut(n_out)) {
                    w.iter_mut().zip(g).for_each(|(w, g)| *w -= rate * a * g);
                }
                layer
                    .bias
                    .iter_mut()
                    .zip(g)
                    .for_each(|(b, g)| *b -= rate * g);
            }
            gradient = below;
        }
    }
}

/// Shapes only: weights are secrets.
impl std::fmt::Debug for FloatNetwork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FloatNetwork({})", self.architecture)
    }
}

/// Integers divided by `2^bits`.
fn scaled(values: &[i64], bits: u32) -> Vec<f64> {
    let unit = (1_u64 << bits) as f64;
    values.iter().map(|&x| x as f64 / unit).collect()
}

#[cfg(test)]
mod tests {
    use super::{super::Layer, *};

    /// One step moves the weights by the derivative of the loss, as finite differences see it.
    #[test]
    fn gradients_match_finite_differences() {
        let fixed = FixedPoint::compact();
        let unit = |x: f64| (x * (1_u64 << 34) as f64) as i64;
        let layer = |weight: &[f64], bias: &[f64]| Layer {
            weight: weight.iter().copied().map(unit).collect(),
            bias: bias.iter().copied().map(unit).collect(),
        };
        let layers = vec![
            layer(&[0.5, -0.75, 0.25, 1.0, 0.5, -0.5], &[0.125, 0.25, -0.125]),
            layer(&[1.0, -0.5, 0.75], &[0.5]),
        ];
        let weights = Weights::new(Architecture::new(vec![2, 3, 1]).unwrap(), layers).unwrap();
        let network = FloatNetwork::new(&weights, &fixed);
        let (inputs, targets) = ([1.0, -0.5, 0.25, 2.0], [0.5, -1.0]);
        let loss = |network: &FloatNetwork| {
            let outputs = network.forward(&inputs).pop().unwrap();
            outputs
                .iter()
                .zip(targets)
                .map(|(y, t)| (y - t) * (y - t) / 2.0)
                .sum::<f64>()
        };
        let rate = 1e-3;
        let mut trained = network.clone();
        trained.step(&inputs, &targets, rate);
        let nudge = 1e-5;
        for l in 0..2 {
            for k in 0..network.layers[l].weight.len() {
                let (mut up, mut down) = (network.clone(), network.clone());
                up.layers[l].weight[k] += nudge;
                down.layers[l].weight[k] -= nudge;
                let slope = (loss(&up) - loss(&down)) / (2.0 * nudge);
                let moved = network.layers[l].weight[k] - trained.layers[l].weight[k];
                assert!((moved / rate - slope).abs() < 1e-6, "layer {l}, weight {k}");
            }
            for k in 0..network.layers[l].bias.len() {
                let (mut up, mut down) = (network.clone(), network.clone());
                up.layers[l].bias[k] += nudge;
                down.layers[l].bias[k] -= nudge;
                let slope = (loss(&up) - loss(&down)) / (2.0 * nudge);
                let moved = network.layers[l].bias[k] - trained.layers[l].bias[k];
                assert!((moved / rate - slope).abs() < 1e-6, "layer {l}, bias {k}");
            }
        }
        assert_eq!(format!("{network:?}"), "FloatNetwork(2,3,1)");
    }
}
