//! What ONNX says that operators do, one number after the other: nothing of it knows of networks here.
use super::encode;
use std::collections::BTreeMap;

/// Numbers, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    pub shape: Vec<usize>,
    pub values: Vec<f64>,
}

impl Array {
    /// A number at each place.
    pub fn from(shape: &[usize], mut at: impl FnMut(&[usize]) -> f64) -> Self {
        let mut values = Vec::new();
        let mut place = vec![0; shape.len()];
        for _ in 0..shape.iter().product::<usize>() {
            values.push(at(&place));
            for k in (0..shape.len()).rev() {
                place[k] += 1;
                if place[k] < shape[k] {
                    break;
                }
                place[k] = 0;
            }
        }
        let shape = shape.to_vec();
        Self { shape, values }
    }

    pub fn at(&self, place: &[usize]) -> f64 {
        assert_eq!(place.len(), self.shape.len());
        let pairs = place.iter().zip(&self.shape);
        self.values[pairs.fold(0, |index, (k, len)| {
            assert!(k < len);
            index * len + k
        })]
    }

    fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        let values = self.values.iter().map(|x| f(*x)).collect();
        let shape = self.shape.clone();
        Self { shape, values }
    }

    /// One of a vector for each channel, the second dimension.
    fn by_channel(&self, f: impl Fn(usize, f64) -> f64) -> Self {
        Self::from(&self.shape, |place| f(place[1], self.at(place)))
    }
}

/// The value of an attribute.
#[derive(Debug, Clone)]
pub enum Attribute {
    Float(f32),
    Integer(i64),
    Integers(Vec<i64>),
    Text(&'static str),
}

/// A constant.
#[derive(Debug, Clone)]
pub enum Constant {
    Floats(Array),
    Integers(Vec<i64>),
}

#[derive(Debug, Clone)]
pub struct Step {
    pub operator: &'static str,
    pub inputs: Vec<String>,
    pub output: String,
    pub attributes: Vec<(&'static str, Attribute)>,
}

/// A graph whose steps read what is before them.
#[derive(Debug, Clone, Default)]
pub struct Net {
    /// Without samples.
    pub input: Vec<usize>,
    pub constants: BTreeMap<String, Constant>,
    pub steps: Vec<Step>,
}

impl Net {
    pub fn new(input: &[usize]) -> Self {
        let input = input.to_vec();
        Self {
            input,
            ..Self::default()
        }
    }

    /// A constant of numbers that a file can hold.
    pub fn floats(&mut self, shape: &[usize], mut draw: impl FnMut() -> f64) -> String {
        let array = Array::from(shape, |_| f64::from(draw() as f32));
        self.constant(Constant::Floats(array))
    }

    pub fn integers(&mut self, values: &[i64]) -> String {
        self.constant(Constant::Integers(values.to_vec()))
    }

    fn constant(&mut self, constant: Constant) -> String {
        let name = format!("c{}", self.constants.len());
        self.constants.insert(name.clone(), constant);
        name
    }

    /// Adds a step; the name of its output.
    pub fn step(
        &mut self,
        operator: &'static str,
        inputs: &[&str],
        attributes: &[(&'static str, Attribute)],
    ) -> String {
        let output = format!("v{}", self.steps.len());
        self.steps.push(Step {
            operator,
            inputs: inputs.iter().map(ToString::to_string).collect(),
            output: output.clone(),
            attributes: attributes.to_vec(),
        });
        output
    }

    /// The file, for so many samples or any.
    pub fn file(&self, version: i64, samples: Option<i64>) -> Vec<u8> {
        let last = self.steps.len() - 1;
        let steps = self.steps.iter().enumerate().map(|(k, step)| {
            let inputs: Vec<&str> = step.inputs.iter().map(String::as_str).collect();
            let output = if k == last { "y" } else { &step.output };
            let attributes = step.attributes.iter().map(|(name, value)| match value {
                Attribute::Float(x) => encode::of_float(name, *x),
                Attribute::Integer(x) => encode::of_integer(name, *x),
                Attribute::Integers(list) => encode::of_integers(name, list),
                Attribute::Text(text) => encode::of_text(name, text),
            });
            let attributes: Vec<_> = attributes.collect();
            encode::node(step.operator, &inputs, output, &attributes)
        });
        let constants = self
            .constants
            .iter()
            .map(|(name, constant)| match constant {
                Constant::Floats(array) => {
                    let shape: Vec<i64> = array.shape.iter().map(|len| *len as i64).collect();
                    let values: Vec<f32> = array.values.iter().map(|x| *x as f32).collect();
                    encode::floats(name, &shape, &values)
                }
                Constant::Integers(values) => encode::integers(name, values),
            });
        let dims = self.input.iter().map(|len| Some(*len as i64));
        let shape: Vec<Option<i64>> = [samples].into_iter().chain(dims).collect();
        let (steps, constants): (Vec<_>, Vec<_>) = (steps.collect(), constants.collect());
        encode::file_of(version, &steps, &constants, &shape)
    }

    /// The last step's output, or what a last softmax reads.
    pub fn run(&self, x: &Array) -> Array {
        let mut values = BTreeMap::from([("x".to_owned(), x.clone())]);
        for (name, constant) in &self.constants {
            if let Constant::Floats(array) = constant {
                values.insert(name.clone(), array.clone());
            }
        }
        let mut last = x.clone();
        for step in &self.steps {
            let of = |name: &String| values.get(name).cloned();
            let inputs: Vec<Option<Array>> = step.inputs.iter().map(of).collect();
            last = self.apply(step, &inputs);
            values.insert(step.output.clone(), last.clone());
        }
        last
    }

    fn apply(&self, step: &Step, inputs: &[Option<Array>]) -> Array {
        let input = |k: usize| inputs[k].as_ref().unwrap();
        let optional = |k: usize| inputs.get(k).and_then(Option::as_ref);
        let x = input(0);
        match step.operator {
            "Identity" | "Dropout" | "Cast" | "Softmax" | "LogSoftmax" => x.clone(),
            "Relu" => x.map(|x| x.max(0.0)),
            "Tanh" => x.map(f64::tanh),
            "Sigmoid" => x.map(|x| 1.0 / (1.0 + (-x).exp())),
            "Gelu" => x.map(|x| {
                let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x);
                0.5 * x * (1.0 + inner.tanh())
            }),
            "Gemm" => gemm(step, x, input(1), optional(2)),
            "MatMul" => matmul(x, input(1)),
            "Add" => broadcast(x, input(1)),
            "Conv" => convolution(step, x, input(1), optional(2)),
            "BatchNormalization" => {
                let epsilon = f64::from(step.float("epsilon", 1e-5) as f32);
                x.by_channel(|k, x| {
                    let [scale, shift, mean, variance] = [1, 2, 3, 4].map(|j| input(j).values[k]);
                    scale * (x - mean) / (variance + epsilon).sqrt() + shift
                })
            }
            "GlobalAveragePool" => {
                let [n, c, h, w] = x.shape[..].try_into().unwrap();
                let pixels = |n, k| (0..h * w).map(move |at| [n, k, at / w, at % w]);
                Array::from(&[n, c, 1, 1], |at| {
                    let sum: f64 = pixels(at[0], at[1]).map(|at| x.at(&at)).sum();
                    sum / (h * w) as f64
                })
            }
            "AveragePool" | "MaxPool" => pool(step, x),
            _ => self.rearrange(step, x),
        }
    }

    fn rearrange(&self, step: &Step, x: &Array) -> Array {
        let reshaped = |shape: Vec<usize>| {
            assert_eq!(shape.iter().product::<usize>(), x.values.len());
            let values = x.values.clone();
            Array { shape, values }
        };
        let list = |name: &str| match step.inputs.get(1).map(|name| &self.constants[name]) {
            Some(Constant::Integers(list)) => list.clone(),
            _ => step.integers(name).unwrap(),
        };
        let counted = |k: i64, rank: usize| (if k < 0 { k + rank as i64 } else { k }) as usize;
        match step.operator {
            "Flatten" => reshaped(vec![x.shape[0], x.values.len() / x.shape[0]]),
            "Reshape" => {
                let asked = list("");
                let lens = asked.iter().enumerate();
                let known: Vec<usize> = lens
                    .map(|(k, len)| match len {
                        0 => x.shape[k],
                        -1 => 1,
                        len => *len as usize,
                    })
                    .collect();
                let open = x.values.len() / known.iter().product::<usize>();
                let each = known.iter().zip(&asked);
                reshaped(
                    each.map(|(len, asked)| if *asked == -1 { open } else { *len })
                        .collect(),
                )
            }
            "Transpose" => {
                let perm = step.integers("perm").unwrap();
                let shape: Vec<usize> = perm.iter().map(|k| x.shape[*k as usize]).collect();
                Array::from(&shape, |place| {
                    let mut from = vec![0; place.len()];
                    for (k, at) in perm.iter().zip(place) {
                        from[*k as usize] = *at;
                    }
                    x.at(&from)
                })
            }
            "Squeeze" => {
                let rank = x.shape.len();
                let axes: Vec<usize> = list("axes").iter().map(|k| counted(*k, rank)).collect();
                let kept = x
                    .shape
                    .iter()
                    .enumerate()
                    .filter(|(k, _)| !axes.contains(k));
                reshaped(kept.map(|(_, len)| *len).collect())
            }
            "Unsqueeze" => {
                let axes = list("axes");
                let rank = x.shape.len() + axes.len();
                let axes: Vec<usize> = axes.iter().map(|k| counted(*k, rank)).collect();
                let mut lens = x.shape.iter();
                reshaped(
                    (0..rank)
                        .map(|k| {
                            if axes.contains(&k) {
                                1
                            } else {
                                *lens.next().unwrap()
                            }
                        })
                        .collect(),
                )
            }
            other => panic!("{other}"),
        }
    }
}

impl Step {
    fn attribute(&self, name: &str) -> Option<&Attribute> {
        let mut all = self.attributes.iter();
        all.find(|(other, _)| *other == name)
            .map(|(_, value)| value)
    }

    fn float(&self, name: &str, default: f64) -> f64 {
        match self.attribute(name) {
            Some(Attribute::Float(x)) => f64::from(*x),
            _ => default,
        }
    }

    fn integer(&self, name: &str) -> i64 {
        match self.attribute(name) {
            Some(Attribute::Integer(x)) => *x,
            _ => 0,
        }
    }

    fn integers(&self, name: &str) -> Option<Vec<i64>> {
        match self.attribute(name) {
            Some(Attribute::Integers(list)) => Some(list.clone()),
            _ => None,
        }
    }

    fn text(&self, name: &str) -> &str {
        match self.attribute(name) {
            Some(Attribute::Text(text)) => text,
            _ => "NOTSET",
        }
    }

    /// Along height and width: kernel, stride, padding before, and number of windows.
    fn windows(&self, kernel: [usize; 2], image: [usize; 2]) -> [[i64; 4]; 2] {
        let strides = self.integers("strides").unwrap_or(vec![1, 1]);
        let pads = self.integers("pads").unwrap_or(vec![0; 4]);
        [0, 1].map(|k| {
            let (kernel, len, stride) = (kernel[k] as i64, image[k] as i64, strides[k]);
            match self.text("auto_pad") {
                "NOTSET" => {
                    let room = len + pads[k] + pads[k + 2] - kernel;
                    [kernel, stride, pads[k], room / stride + 1]
                }
                "VALID" => [kernel, stride, 0, (len - kernel) / stride + 1],
                side => {
                    let windows = (len + stride - 1) / stride;
                    let total = ((windows - 1) * stride + kernel - len).max(0);
                    let before = if side == "SAME_UPPER" {
                        total / 2
                    } else {
                        total - total / 2
                    };
                    [kernel, stride, before, windows]
                }
            }
        })
    }
}

fn broadcast(x: &Array, y: &Array) -> Array {
    let rank = x.shape.len().max(y.shape.len());
    let whole = |a: &Array| [vec![1; rank - a.shape.len()], a.shape.clone()].concat();
    let (a, b) = (whole(x), whole(y));
    let shape: Vec<usize> = a.iter().zip(&b).map(|(a, b)| *a.max(b)).collect();
    let of = |array: &Array, shape: &[usize], place: &[usize]| {
        let at: Vec<usize> = place
            .iter()
            .zip(shape)
            .map(|(k, len)| *k.min(&(len - 1)))
            .collect();
        array.at(&at[rank - array.shape.len()..])
    };
    Array::from(&shape, |place| of(x, &a, place) + of(y, &b, place))
}

fn gemm(step: &Step, x: &Array, w: &Array, c: Option<&Array>) -> Array {
    let turned = step.integer("transB") != 0;
    let outputs = w.shape[usize::from(!turned)];
    let (alpha, beta) = (step.float("alpha", 1.0), step.float("beta", 1.0));
    let product = Array::from(&[x.shape[0], outputs], |at| {
        let terms = (0..x.shape[1]).map(|k| {
            let weight = if turned { [at[1], k] } else { [k, at[1]] };
            x.at(&[at[0], k]) * w.at(&weight)
        });
        alpha * terms.sum::<f64>()
    });
    match c {
        None => product,
        Some(c) => broadcast(&product, &c.map(|c| beta * c)),
    }
}

fn matmul(x: &Array, w: &Array) -> Array {
    let (last, rest) = x.shape.split_last().unwrap();
    Array::from(&[rest, &[w.shape[1]]].concat(), |at| {
        let (output, rest) = at.split_last().unwrap();
        let terms = (0..*last).map(|k| x.at(&[rest, &[k]].concat()) * w.at(&[k, *output]));
        terms.sum()
    })
}

/// What a window sees, with zeros beyond the image; `None` there for maxima.
fn seen(x: &Array, at: &[usize], windows: [[i64; 4]; 2], place: [i64; 2]) -> Option<f64> {
    let mut pixel = [0; 2];
    for k in 0..2 {
        let [_, stride, before, _] = windows[k];
        let position = at[k + 2] as i64 * stride + place[k] - before;
        if !(0..x.shape[k + 2] as i64).contains(&position) {
            return None;
        }
        pixel[k] = position as usize;
    }
    Some(x.at(&[at[0], at[1], pixel[0], pixel[1]]))
}

fn convolution(step: &Step, x: &Array, w: &Array, b: Option<&Array>) -> Array {
    let [outputs, channels, height, width] = w.shape[..].try_into().unwrap();
    let windows = step.windows([height, width], [x.shape[2], x.shape[3]]);
    let shape = [
        x.shape[0],
        outputs,
        windows[0][3] as usize,
        windows[1][3] as usize,
    ];
    Array::from(&shape, |at| {
        let mut sum = b.map_or(0.0, |b| b.values[at[1]]);
        for channel in 0..channels {
            for row in 0..height {
                for column in 0..width {
                    let at_channel = [at[0], channel, at[2], at[3]];
                    let place = [row as i64, column as i64];
                    let pixel = seen(x, &at_channel, windows, place).unwrap_or(0.0);
                    sum += pixel * w.at(&[at[1], channel, row, column]);
                }
            }
        }
        sum
    })
}

fn pool(step: &Step, x: &Array) -> Array {
    let kernel = step.integers("kernel_shape").unwrap();
    let kernel = [kernel[0] as usize, kernel[1] as usize];
    let windows = step.windows(kernel, [x.shape[2], x.shape[3]]);
    let shape = [
        x.shape[0],
        x.shape[1],
        windows[0][3] as usize,
        windows[1][3] as usize,
    ];
    Array::from(&shape, |at| {
        let places =
            (0..kernel[0] * kernel[1]).map(|k| [(k / kernel[1]) as i64, (k % kernel[1]) as i64]);
        let pixels = places.filter_map(|place| seen(x, at, windows, place));
        let pixels: Vec<f64> = pixels.collect();
        let count = match step.integer("count_include_pad") {
            0 => pixels.len(),
            _ => kernel[0] * kernel[1],
        };
        match step.operator {
            "MaxPool" => pixels.into_iter().fold(f64::NEG_INFINITY, f64::max),
            _ => pixels.iter().sum::<f64>() / count as f64,
        }
    })
}
