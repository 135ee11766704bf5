//! The identities of `paper-notes.md` on images and on functions with a table, each against its naive form in what a
//! proof's witness holds. A test is named after, or says, the numbers of the equations that it checks; (86) is
//! checked beside its code, in `src/nn/relation/public.rs`.
use crate::common::tiny;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::{collections::BTreeMap, sync::Arc};
use zktree::{
    gkr::{LookupTable, function::Function, table::Activation as Table},
    nn::{
        Architecture, LearningRate, Sgd, Trainer, Weights,
        fixed::round,
        init,
        layout::weight_values,
        lower::{Cut, Extent, lower},
        model::{Graph, GraphNode, Operator},
        op::{
            Activation, AveragePool, Convolution, Dense, GlobalAverage, Linear, Nonlinearity,
            Round, SLOPE_BITS, Windows,
        },
        optimise::Plan,
        program::{Program, eval::Trace},
        relation::TensorId,
    },
    poly::num_vars,
};

type Scalar = ark_pallas::Fr;

/// Rows of an image: row by row, channels fastest.
type Image = Vec<i128>;

/// Steps of training, and the witness of their relation by name.
struct Run {
    batch: usize,
    program: Program,
    steps: Vec<Trace>,
    inputs: Vec<Arc<Vec<i64>>>,
    weights: Vec<Weights>,
    witness: BTreeMap<String, Arc<Vec<i64>>>,
}

impl Run {
    fn new(input: &[usize], operators: Vec<Operator>, batch: usize, steps: u64) -> Self {
        let nodes = operators.into_iter().enumerate();
        let nodes = nodes.map(|(k, operator)| GraphNode {
            operator,
            inputs: vec![k],
        });
        let graph = Graph::new(input.to_vec(), nodes.collect()).unwrap();
        let architecture = Architecture::from(graph);
        let fixed = tiny();
        let rate = LearningRate::from_coefficient(3).unwrap();
        let plan = Plan {
            steps,
            segment_steps: steps,
            ..rate.into()
        };
        let sgd = Sgd {
            fixed_point: fixed.clone(),
            plan,
        };
        let mut trainer = Trainer::new(&sgd, &architecture, batch).unwrap();
        let rng = &mut ChaCha8Rng::seed_from_u64(80);
        let mut weights = vec![init::expand(5, &architecture, &fixed)];
        let (mut traces, mut inputs) = (Vec::new(), Vec::new());
        for step in 0..steps {
            let mut draw = |width: usize| -> Arc<Vec<i64>> {
                let values = (0..batch * width).map(|_| rng.gen_range(-16..=16));
                Arc::new(values.collect())
            };
            let rows = draw(architecture.num_inputs());
            let targets = draw(architecture.num_outputs());
            let mut next = weights.last().unwrap().clone();
            traces.push(trainer.step(&mut next, &rows, &targets, step).unwrap());
            inputs.push(rows);
            weights.push(next);
        }
        let program = trainer.program().clone();
        let extent = Extent {
            steps: steps as usize,
            updates: Some(plan.matrix(0)),
            cut: Cut::Format,
            opened_outputs: false,
        };
        let lowered = lower::<Scalar>(program.clone(), &extent).unwrap();
        let name = |id: &TensorId| lowered.relation().name(*id).to_string();
        let values = lowered.witness(&traces).unwrap();
        let witness = values.iter().map(|(id, v)| (name(id), v.clone())).collect();
        Self {
            batch,
            program,
            steps: traces,
            inputs,
            weights,
            witness,
        }
    }

    /// A value of the first of this name, sample by sample.
    fn value(&self, step: usize, name: &str) -> Vec<Image> {
        let value = self.program.find(name).unwrap();
        let values = self.steps[step].get(value).unwrap();
        let width = values.len() / self.batch;
        let wide = |row: &[i64]| row.iter().map(|v| i128::from(*v)).collect();
        values.chunks_exact(width).map(wide).collect()
    }

    fn input(&self, step: usize, sample: usize) -> Image {
        let width = self.inputs[step].len() / self.batch;
        let row = self.inputs[step].chunks_exact(width).nth(sample).unwrap();
        row.iter().map(|v| i128::from(*v)).collect()
    }

    /// Compares a tensor of the witness, at all indices, with a function of step, sample and what is behind them; of
    /// padding that is zero.
    fn check(&self, name: &str, lens: &[usize], expected: impl Fn(usize, usize, &[usize]) -> i128) {
        let all = [&[self.batch, self.steps.len()], lens].concat();
        let vars: Vec<usize> = all.iter().map(|len| num_vars(*len)).collect();
        let tensor = &self.witness[name];
        for flat in 0..1_usize << vars.iter().sum::<usize>() {
            let mut rest = flat;
            let mut index = Vec::new();
            for dim in &vars {
                index.push(rest & ((1 << dim) - 1));
                rest >>= dim;
            }
            let real = index.iter().zip(&all).all(|(k, len)| k < len);
            let expected = match real {
                true => expected(index[1], index[0], &index[2..]),
                false => 0,
            };
            let found = tensor.get(flat).copied().unwrap_or(0);
            assert_eq!(i128::from(found), expected, "{name} at {index:?}");
        }
    }

    /// `W(i, j)` of a layer from 0 before a step.
    fn weight(&self, step: usize, layer: usize, i: usize, j: usize) -> i128 {
        let layer = &self.weights[step].layers()[layer];
        let outputs = layer.bias().len();
        layer.weight()[i * outputs + j].into()
    }

    fn bias(&self, step: usize, layer: usize, j: usize) -> i128 {
        self.weights[step].layers()[layer].bias()[j].into()
    }
}

/// (80): the index that window `o` sees at place `q` of an axis of `n` entries.
fn seen(windows: &Windows, axis: usize, n: usize, o: usize, q: usize) -> Option<usize> {
    let (stride, before) = (windows.stride[axis], windows.before[axis]);
    (0..n).find(|i| i + before == stride * o + q)
}

/// Numbers of windows, as (80) says.
fn counts(windows: &Windows, image: [usize; 3]) -> [usize; 2] {
    [0, 1].map(|axis| {
        let padded = image[axis] + windows.before[axis] + windows.behind[axis];
        (padded - windows.kernel[axis]) / windows.stride[axis] + 1
    })
}

/// (81): what window `o` sees at place `q`, an entry of `X`.
fn window(a: &Image, image: [usize; 3], windows: &Windows, o: [usize; 2], q: [usize; 3]) -> i128 {
    let rows = seen(windows, 0, image[0], o[0], q[0]);
    let columns = seen(windows, 1, image[1], o[1], q[1]);
    let at = rows.zip(columns);
    at.map_or(0, |(i, j)| a[(i * image[1] + j) * image[2] + q[2]])
}

/// All `[o, o', q, q']`.
fn places(windows: &Windows, image: [usize; 3]) -> Vec<[usize; 4]> {
    let [rows, columns] = counts(windows, image);
    let [k, l] = windows.kernel;
    let flat = 0..rows * columns * k * l;
    let split = |n: usize| {
        [
            n / (columns * k * l),
            n / (k * l) % columns,
            n / l % k,
            n % l,
        ]
    };
    flat.map(split).collect()
}

fn uneven() -> Windows {
    Windows {
        kernel: [2, 3],
        stride: [1, 2],
        before: [1, 0],
        behind: [0, 2],
    }
}

fn relu() -> Operator {
    Operator::new(Activation {
        function: Nonlinearity::Relu,
    })
}

fn dense(outputs: usize) -> [Operator; 2] {
    [Operator::new(Dense { outputs }), Operator::new(Round)]
}

/// (80), (81) what windows see of the image (85) of a row, with the bias behind, and their affine map, rounded; (82) and
/// the gradient of two convolutions, one behind the other.
#[test]
fn equations_80_to_82_and_85() {
    let (image, windows) = ([3, 4, 2], uneven());
    let convolution = |outputs, windows| Operator::new(Convolution { outputs, windows });
    let second = Windows {
        kernel: [2, 2],
        before: [1, 0],
        behind: [1, 1],
        ..Windows::apart(1)
    };
    let operators = [
        vec![
            convolution(3, windows),
            relu(),
            convolution(2, second),
            relu(),
        ],
        dense(2).to_vec(),
    ];
    let run = Run::new(&image, operators.concat(), 3, 3);
    let (s, w) = (4, 14);
    let [rows, columns] = counts(&windows, image);
    let lens = [rows, columns, 2, 3, 2, 2];
    run.check("windows of A0 with bias", &lens, |t, b, x| match x[5] {
        0 => window(
            &run.input(t, b),
            image,
            &windows,
            [x[0], x[1]],
            [x[2], x[3], x[4]],
        ),
        _ => i128::from(x[2..5] == [0; 3]) << s,
    });
    let width = 2 * 3 * 2;
    let affine = |t: usize, b: usize, o: [usize; 2], j: usize| -> i128 {
        let terms = (0..width).map(|i| {
            let q = [i / 6, i / 2 % 3, i % 2];
            window(&run.input(t, b), image, &windows, o, q) * run.weight(t, 0, i, j)
        });
        terms.sum::<i128>() + (run.bias(t, 0, j) << s)
    };
    run.check("Y1", &[rows, columns, 3], |t, b, x| {
        round(w, affine(t, b, [x[0], x[1]], x[2]))
    });
    // Backward, from what the second convolution got.
    let hidden = [rows, columns, 3];
    let gradient = |t: usize, b: usize, layer: usize| -> Image {
        let [slope, h] = ["S", "H"].map(|name| run.value(t, &format!("{name}{layer}"))[b].clone());
        slope.iter().zip(&h).map(|(s, h)| s * h).collect()
    };
    let [_, beside] = counts(&second, hidden);
    let pulled = |t: usize, b: usize, x: &[usize]| -> i128 {
        let d = gradient(t, b, 2);
        let all = places(&second, hidden).into_iter();
        let meets = all.filter(|[o, p, q, r]| {
            let at = [
                seen(&second, 0, rows, *o, *q),
                seen(&second, 1, columns, *p, *r),
            ];
            at == [Some(x[0]), Some(x[1])]
        });
        let terms = meets.map(|[o, p, q, r]| {
            let each = (0..2).map(|j| {
                let weight = run.weight(t, 1, (q * 2 + r) * 3 + x[2], j);
                d[(o * beside + p) * 2 + j] * weight
            });
            each.sum::<i128>()
        });
        terms.sum()
    };
    run.check("H1", &hidden, |t, b, x| round(w, pulled(t, b, x)));
    // The update of the first one's weights: its windows are so many samples more.
    for t in 0..run.steps.len() {
        for (i, j) in (0..width).flat_map(|i| (0..3).map(move |j| (i, j))) {
            let mut sums = [0_i128; 2];
            for b in 0..3 {
                let d = gradient(t, b, 1);
                for (o, p) in (0..rows).flat_map(|o| (0..columns).map(move |p| (o, p))) {
                    let q = [i / 6, i / 2 % 3, i % 2];
                    let d = d[(o * columns + p) * 3 + j];
                    sums[0] += window(&run.input(t, b), image, &windows, [o, p], q) * d;
                    sums[1] += d << s;
                }
            }
            assert_eq!(
                run.weight(t + 1, 0, i, j),
                run.weight(t, 0, i, j) - 3 * sums[0]
            );
            assert_eq!(run.bias(t + 1, 0, j), run.bias(t, 0, j) - 3 * sums[1]);
        }
    }
}

/// (83): the nearest integer to a power of two over `n`.
fn share(n: usize) -> (i128, u32) {
    let exact = (0..64).find(|m| 1 << m == n);
    let m = exact.unwrap_or_else(|| 16 + (0..64).find(|m| 1 << m >= n).unwrap());
    (((1_i128 << (m + 1)) + n as i128) / (2 * n as i128), m)
}

/// (83), (84) means over windows and over all pixels, forward and backward, with what a rectifier behind them rounds;
/// (87) their bounds.
#[test]
fn equations_83_84_and_87() {
    assert_eq!(
        [share(2), share(4), share(6)],
        [(1, 1), (1, 2), (87_381, 19)]
    );
    let image = [3, 4, 2];
    let windows = uneven();
    let mean = Operator::new(AveragePool { windows });
    let pixel = Operator::new(Convolution {
        outputs: 2,
        windows: Windows::apart(1),
    });
    let operators = [vec![pixel.clone(), mean, relu()], dense(2).to_vec()];
    let run = Run::new(&image, operators.concat(), 2, 2);
    let linear = |run: &Run, t: usize, b: usize| -> Image {
        let pixels = run.input(t, b);
        let of = |pixel: &[i128], j: usize| -> i128 {
            let terms = pixel
                .iter()
                .enumerate()
                .map(|(i, a)| a * run.weight(t, 0, i, j));
            terms.sum::<i128>() + (run.bias(t, 0, j) << 4)
        };
        pixels
            .chunks(2)
            .flat_map(|pixel| [of(pixel, 0), of(pixel, 1)])
            .collect()
    };
    let (factor, bits) = share(6);
    let [rows, columns] = counts(&windows, image);
    run.check("Y1", &[rows, columns, 2], |t, b, x| {
        let z = linear(&run, t, b);
        let all = (0..6).map(|q| window(&z, image, &windows, [x[0], x[1]], [q / 3, q % 3, x[2]]));
        round(14 + bits, factor * all.sum::<i128>())
    });
    let gradient = |run: &Run, t: usize, b: usize| -> Image {
        let [slope, h] = ["S1", "H1"].map(|name| run.value(t, name)[b].clone());
        slope.iter().zip(&h).map(|(s, h)| s * h).collect()
    };
    run.check("G1 rounded", &image, |t, b, x| {
        let d = gradient(&run, t, b);
        let terms = places(&windows, image).into_iter().map(|[o, p, q, r]| {
            let at = [seen(&windows, 0, 3, o, q), seen(&windows, 1, 4, p, r)];
            let meets = at == [Some(x[0]), Some(x[1])];
            i128::from(meets) * d[(o * columns + p) * 2 + x[2]]
        });
        round(bits, factor * terms.sum::<i128>())
    });
    // Two windows see a pixel, a row above and below; of columns two if the window's end is the next one's start.
    let pixels = run.program.find("D1 of pixels").unwrap();
    let one = 1 << 13;
    let most = |axis: usize, n: usize, count: usize| -> u128 {
        let by = |i: usize| {
            let all = (0..count).flat_map(|o| (0..windows.kernel[axis]).map(move |q| (o, q)));
            all.filter(|(o, q)| seen(&windows, axis, n, *o, *q) == Some(i))
                .count()
        };
        (0..n).map(by).max().unwrap() as u128
    };
    let expected = factor as u128 * one * most(0, 3, rows) * most(1, 4, columns);
    assert_eq!(run.program.fact(pixels).bound, Some(expected));
    assert!(most(0, 3, rows) * most(1, 4, columns) > 1);

    let linear_two = Operator::new(Linear { outputs: 2 });
    let operators = vec![
        pixel,
        Operator::new(GlobalAverage),
        relu(),
        linear_two,
        Operator::new(Round),
    ];
    let run = Run::new(&image, operators, 2, 2);
    let (factor, bits) = share(12);
    run.check("Y1", &[2], |t, b, x| {
        let z = linear(&run, t, b);
        let sum: i128 = z.chunks(2).map(|pixel| pixel[x[0]]).sum();
        round(14 + bits, factor * sum)
    });
    run.check("G1 rounded", &image, |t, b, x| {
        round(bits, factor * gradient(&run, t, b)[x[2]])
    });
}

/// (88) where weights whose rows have dimensions lie, and their biases; nothing else is there.
#[test]
fn equation_88_is_the_layout_of_weights() {
    let operators = [
        vec![
            Operator::new(Convolution {
                outputs: 3,
                windows: Windows::same(3),
            }),
            relu(),
        ],
        dense(2).to_vec(),
    ];
    let run = Run::new(&[3, 5, 2], operators.concat(), 1, 2);
    for (layer, (rows, outputs)) in [([3, 3, 2], 3), ([3, 5, 3], 2)].into_iter().enumerate() {
        let tensor = weight_values(&run.weights[2], layer);
        let [v1, v2, v3] = rows.map(num_vars);
        let v = num_vars(outputs);
        let mut found = 0;
        for i in 0..rows.iter().product() {
            let [a, b, c] = [i / (rows[1] * rows[2]), i / rows[2] % rows[1], i % rows[2]];
            for j in 0..outputs {
                let place = c + ((b + (a << v2)) << v3);
                let entry = tensor[j + (place << v)];
                assert_eq!(i128::from(entry), run.weight(2, layer, i, j));
                found += usize::from(entry != 0);
            }
        }
        for j in 0..outputs {
            let entry = tensor[j + (1 << (v + v1 + v2 + v3))];
            assert_eq!(i128::from(entry), run.bias(2, layer, j));
            found += usize::from(entry != 0);
        }
        let all = tensor.iter().filter(|entry| **entry != 0).count();
        assert_eq!(found, all);
    }
}

/// (58) the tuples of a function with a table at real entries and at padding, which is zero, and what rounding the product
/// of slope and gradient leaves.
#[test]
fn equation_58_in_the_witness() {
    for function in [Function::Gelu, Function::Sigmoid] {
        let smooth = Operator::new(Activation {
            function: Nonlinearity::Smooth(function),
        });
        let linear = |outputs| Operator::new(Linear { outputs });
        let operators = vec![linear(3), smooth, linear(1), Operator::new(Round)];
        let run = Run::new(&[2], operators, 3, 3);
        let fixed = tiny();
        let (bits, s) = (fixed.hidden_range_bits(), fixed.activation_bits());
        let table = Table::new(function, bits, s, Some(SLOPE_BITS)).unwrap();
        let index = |tuple: [i64; 4]| LookupTable::<Scalar>::index(&table, &tuple);
        let tensor = |name: &str, at: usize| run.witness[name].get(at).copied().unwrap_or(0);
        // Samples and steps of two variables each, units of two.
        let mut real = 0;
        for at in 0..1 << 6 {
            let live = [at & 3, at >> 2 & 3, at >> 4].into_iter().all(|k| k < 3);
            let [y, a, slope] = ["Y1", "A1", "S1"].map(|name| tensor(name, at));
            let tuple = [i64::from(live), y, a, slope];
            assert!(index(tuple).is_some());
            match live {
                true => {
                    let images = function.at(y, s, SLOPE_BITS).unwrap();
                    assert_eq!((a, slope), images);
                    real += 1;
                }
                false => assert_eq!(tuple, [0; 4]),
            }
            let [h, g, rest] =
                ["H1", "G1 rounded", "rest of G1 rounded, limb 0"].map(|name| tensor(name, at));
            assert_eq!(slope * h - (g << SLOPE_BITS), rest);
            let half = 1 << (SLOPE_BITS - 1);
            assert!((-half..half).contains(&rest));
        }
        assert_eq!(real, 27);
        // Without its flag padding is no tuple, and another slope is none of this key.
        let (value, slope) = function.at(0, s, SLOPE_BITS).unwrap();
        assert_eq!(index([0, 0, value, slope]), None);
        assert_eq!(index([1, 0, value, slope + 1]), None);
    }
}
