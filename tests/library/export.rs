//! Weights for PyTorch, read and evaluated by an independent script.
use serde::Deserialize;
use std::{
    io::Write,
    process::{Command, Stdio},
};
use zktree::nn::{
    Architecture, Dataset, FixedPoint, LearningRate, Normalization, Schedule, ScheduleSeed, Sgd,
    Table, Weights, init, train,
};

const WINE: &[u8] = include_bytes!("../../data/winequality-red.csv");
const ROWS: usize = 100;

#[derive(Deserialize)]
struct Evaluation {
    outputs: Vec<Vec<f64>>,
    bounds: Vec<Vec<f64>>,
    normalization: Normalization,
}

/// The script's answer about a file.
fn evaluate(file: &[u8], fixed: &FixedPoint, inputs: &[Vec<i64>]) -> Evaluation {
    let path = std::env::temp_dir().join(format!(
        "zktree-{}-{}.safetensors",
        std::process::id(),
        fixed.activation_bits()
    ));
    std::fs::write(&path, file).unwrap();
    let mut python = Command::new("python3")
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/vectors/torch.py"
        ))
        .arg(&path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this test needs python3, its standard library suffices");
    let task = serde_json::json!({"inputs": inputs, "activation_bits": fixed.activation_bits()});
    let mut stdin = python.stdin.take().unwrap();
    stdin.write_all(task.to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = python.wait_with_output().unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A network trained for a while, so that biases and weights have left their initial values.
fn trained(fixed: &FixedPoint, data: &Dataset) -> Weights {
    let architecture = Architecture::new(vec![data.num_features(), 24, 9, 1]).unwrap();
    let mut weights = init::expand(9, &architecture, fixed);
    let sgd = Sgd {
        fixed_point: fixed.clone(),
        plan: LearningRate::nearest(fixed, 16, 0.02).unwrap().into(),
    };
    let schedule = Schedule::new(ScheduleSeed([3; 32]), data.num_rows(), 16).unwrap();
    let go_on = |_, _| std::ops::ControlFlow::Continue(());
    train::train(&sgd, &mut weights, (data, &schedule), 0..80, go_on).unwrap();
    weights
}

#[test]
fn pytorch_files_compute_what_the_integers_compute() {
    let table = Table::from_reader("wine", WINE).unwrap();
    let normalization = Normalization::fit(&table, &["quality".to_owned()]).unwrap();
    for fixed in [FixedPoint::compact(), FixedPoint::paper()] {
        let data = Dataset::quantize(&table, &normalization, &fixed).unwrap();
        let data = data.split(0..ROWS).unwrap();
        let weights = trained(&fixed, &data);
        let inputs: Vec<Vec<i64>> = (0..ROWS).map(|n| data.features(n).to_vec()).collect();
        let file = weights.to_torch(&fixed, &normalization).unwrap();
        let answer = evaluate(&file, &fixed, &inputs);
        assert_eq!(answer.normalization, normalization);

        let unit = (1_u64 << fixed.activation_bits()) as f64;
        let integers = train::predict(&fixed, &weights, &inputs.concat()).unwrap();
        let floats = answer.outputs.iter().flatten();
        let bounds = answer.bounds.iter().flatten();
        let spread = integers.iter().max().unwrap() - integers.iter().min().unwrap();
        assert_eq!(answer.outputs.len(), ROWS);
        for ((integer, float), bound) in integers.iter().zip(floats).zip(bounds) {
            let error = (*integer as f64 / unit - float).abs();
            assert!(error <= *bound, "{error} > {bound}");
            // The bound says something: it is small beside what the network tells apart.
            assert!(
                bound * 8.0 < spread as f64 / unit,
                "{bound} beside {spread}"
            );
        }
    }
}
