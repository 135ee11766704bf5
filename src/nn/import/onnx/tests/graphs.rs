//! Random networks of images, as floats and as integers.
use super::{
    operators::{Rows, agree, ints, rng},
    reference::{Array, Attribute, Net},
};
use crate::nn::{
    FixedPoint,
    import::{ImportError, QuantizationReport},
};
use proptest::prelude::*;
use rand::{Rng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

/// A network that grows.
struct Random {
    net: Net,
    rng: ChaCha8Rng,
    value: String,
    /// Without samples.
    shape: Vec<usize>,
    /// Values before.
    before: Vec<(String, Vec<usize>)>,
}

impl Random {
    fn new(seed: u64) -> Self {
        let mut rng = rng(seed);
        let shape: Vec<usize> = [3, 8, 8].map(|most| rng.gen_range(1..most)).to_vec();
        Self {
            net: Net::new(&shape),
            rng,
            value: "x".into(),
            before: vec![("x".into(), shape.clone())],
            shape,
        }
    }

    fn push(
        &mut self,
        operator: &'static str,
        more: &[&str],
        attributes: &[(&'static str, Attribute)],
    ) {
        let inputs = [&[self.value.as_str()], more].concat();
        self.value = self.net.step(operator, &inputs, attributes);
        let samples = [&[1], self.net.input.as_slice()].concat();
        let made = self.net.run(&Array::from(&samples, |_| 0.0));
        self.shape = made.shape[1..].to_vec();
        self.before.push((self.value.clone(), self.shape.clone()));
    }

    fn floats(&mut self, shape: &[usize], low: f64, high: f64) -> String {
        let rng = &mut self.rng;
        self.net.floats(shape, || rng.gen_range(low..high))
    }

    /// Windows that fit, padded or not.
    fn windows(&mut self, padded: bool) -> ([usize; 2], Vec<(&'static str, Attribute)>) {
        let rng = &mut self.rng;
        let kernel = [1, 2].map(|k| rng.gen_range(1..=self.shape[k].min(3)));
        let strides = ints(&[1, 2].map(|_| rng.gen_range(1..3)));
        let mut attributes = vec![("strides", strides)];
        match rng.gen_range(0..3) {
            0 if padded => {
                let side = *["SAME_UPPER", "SAME_LOWER", "VALID"].choose(rng).unwrap();
                attributes.push(("auto_pad", Attribute::Text(side)));
            }
            1 if padded => {
                let pads = [0, 1, 0, 1].map(|k| rng.gen_range(0..kernel[k]) as i64);
                attributes.push(("pads", ints(&pads)));
            }
            _ => {}
        }
        (kernel, attributes)
    }

    fn layer(&mut self) {
        let (kernel, attributes) = self.windows(true);
        let outputs = self.rng.gen_range(1..4);
        let scale = 1.0 / (self.shape[0] * kernel[0] * kernel[1]) as f64;
        let weight = self.floats(
            &[outputs, self.shape[0], kernel[0], kernel[1]],
            -scale,
            scale,
        );
        let bias = self.floats(&[outputs], -0.3, 0.3);
        self.push("Conv", &[&weight, &bias], &attributes);
        if self.rng.gen_bool(0.3) {
            let parts = [(0.5, 1.2), (-0.3, 0.3), (-0.3, 0.3), (0.8, 2.0)];
            let parts = parts.map(|(low, high)| self.floats(&[outputs], low, high));
            let conv = self.before.len() - 1;
            self.push(
                "BatchNormalization",
                &parts.each_ref().map(String::as_str),
                &[],
            );
            // It is a part of the layer, and so nothing else may read that.
            self.before.remove(conv);
        }
    }

    fn pool(&mut self) {
        let is_mean = self.rng.gen_bool(0.5);
        let (kernel, mut attributes) = self.windows(is_mean);
        if kernel == [1, 1] {
            return;
        }
        attributes.push(("kernel_shape", ints(&kernel.map(|k| k as i64))));
        if is_mean {
            attributes.push(("count_include_pad", Attribute::Integer(1)));
        }
        self.push(
            if is_mean { "AveragePool" } else { "MaxPool" },
            &[],
            &attributes,
        );
    }

    /// There and back.
    fn turned(&mut self) {
        let mut perm = vec![1, 2, 3];
        perm.shuffle(&mut self.rng);
        let there: Vec<i64> = std::iter::once(0).chain(perm).collect();
        let mut back = [0; 4];
        for (k, from) in there.iter().enumerate() {
            back[*from as usize] = k as i64;
        }
        self.push("Transpose", &[], &[("perm", ints(&there))]);
        let turned = self.before.len() - 1;
        self.push("Transpose", &[], &[("perm", ints(&back))]);
        // An image is not added to one that is turned, of one shape or not.
        self.before.remove(turned);
    }

    fn grow(&mut self) {
        match self.rng.gen_range(0..8) {
            0..3 => self.layer(),
            3 => {
                let function = *["Relu", "Relu", "Tanh", "Sigmoid"]
                    .choose(&mut self.rng)
                    .unwrap();
                self.push(function, &[], &[]);
            }
            4 => self.pool(),
            5 => self.turned(),
            6 => {
                let same = |(_, shape): &&(String, Vec<usize>)| *shape == self.shape;
                let found: Vec<_> = self.before.iter().filter(same).collect();
                let other = found.choose(&mut self.rng).unwrap().0.clone();
                self.push("Add", &[&other], &[]);
            }
            _ => self.push("Dropout", &[], &[]),
        }
    }

    /// A layer on all of it, and perhaps another.
    fn end(mut self) -> Net {
        if self.rng.gen_bool(0.2) && self.shape[1..] != [1, 1] {
            self.push("GlobalAveragePool", &[], &[]);
        }
        if self.rng.gen_bool(0.5) {
            self.push("Transpose", &[], &[("perm", ints(&[0, 2, 3, 1]))]);
        }
        match self.rng.gen_bool(0.5) {
            true => self.push("Flatten", &[], &[]),
            false => {
                let lens = self.net.integers(&[0, -1]);
                self.push("Reshape", &[&lens], &[]);
            }
        }
        for outputs in [3, 2] {
            let inputs = self.shape[0];
            let scale = 1.0 / inputs as f64;
            if self.rng.gen_bool(0.5) {
                let weight = self.floats(&[inputs, outputs], -scale, scale);
                let bias = self.floats(&[1, outputs], -0.3, 0.3);
                self.push("MatMul", &[&weight], &[]);
                self.push("Add", &[&bias], &[]);
            } else {
                let weight = self.floats(&[outputs, inputs], -scale, scale);
                self.push("Gemm", &[&weight], &[("transB", Attribute::Integer(1))]);
            }
            if outputs == 2 || self.rng.gen_bool(0.5) {
                break;
            }
            self.push("Relu", &[], &[]);
        }
        self.net
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever is exported, what is read computes the same, and so do its integers, nearly.
    #[test]
    fn random_graphs_are_read(seed: u64, length in 0_usize..9, samples in prop::option::of(Just(1_i64))) {
        let mut random = Random::new(seed);
        for _ in 0..length {
            random.grow();
        }
        let net = random.end();
        let image = [net.input[0], net.input[1], net.input[2]];
        let is_windowed = |operator: &str| operator == "Conv" || operator.ends_with("Pool");
        let rows = match net.steps.iter().any(|step| is_windowed(step.operator)) {
            true => Rows::Image(image),
            false => first_seen(&net, image),
        };
        let model = agree(&net, rows, &net.file(18, samples));
        let fixed = FixedPoint::compact();
        let inputs: Vec<f64> = (0..4 * model.architecture().num_inputs())
            .map(|k| ((k * 37 % 101) as f64 - 50.0) / 50.0)
            .collect();
        let (weights, grid) = model.quantize(&fixed, 18).unwrap();
        match QuantizationReport::new(&model, (&weights, grid), &fixed, &inputs) {
            Ok(report) => prop_assert!(report.max_error < 0.2, "{}", report),
            // Sums of sums grow.
            Err(ImportError::OutOfRange { .. }) => {}
            Err(error) => prop_assert!(false, "{}", error),
        }
    }
}

/// Where nothing is an image, rows are what the first layer reads, in its order.
fn first_seen(net: &Net, [channels, height, width]: [usize; 3]) -> Rows {
    let turned = net
        .steps
        .iter()
        .take_while(|step| !matches!(step.operator, "Gemm" | "MatMul"));
    let turned = turned.filter(|step| step.operator == "Transpose").count();
    match turned % 2 {
        0 => Rows::Same,
        _ => Rows::Image([channels, height, width]),
    }
}
