//! Networks from outside: those that are none are refused by name, at the cost of their bytes; those at all
//! limits are expanded at a cost that no number in them stretches.
use crate::{alone, memory::check, memory::peak, proportion::statement_of};
use zktree::{
    error::DecodeError,
    nn::{Architecture, FixedPoint, FixedPointConfig, encoding::Encoder},
};

/// Codes of operators, as encodings have them.
pub const LINEAR: u64 = 1;
pub const ROUND: u64 = 2;
const ADD: u64 = 3;
const CONVOLUTION: u64 = 10;
const AVERAGE: u64 = 11;
const DENSE: u64 = 13;
const RELU: u64 = 4;
const GELU: u64 = 5;
const SILU: u64 = 6;

/// An operator's code and number, and what it reads.
type Node = (u64, u64, Vec<u64>);

/// The encoding of a network, whatever it is.
fn encoded(inputs: u64, nodes: &[Node]) -> Vec<u8> {
    let start = Encoder::default().number(inputs).count(nodes.len());
    let each = nodes.iter().fold(start, |encoder, (code, number, read)| {
        let encoder = encoder.number(*code).number(*number);
        encoder.numbers(read.iter().copied())
    });
    each.finish()
}

/// The encoding of a perceptron of these widths, of any size.
pub fn perceptron(widths: &[usize]) -> Vec<u8> {
    let mut nodes: Vec<Node> = Vec::new();
    for width in &widths[1..] {
        let before = nodes.len() as u64;
        nodes.push((LINEAR, *width as u64, vec![before]));
        nodes.push((RELU, 0, vec![before + 1]));
    }
    nodes.last_mut().expect("two widths").0 = ROUND;
    encoded(widths[0] as u64, &nodes)
}

/// One layer of `n` inputs and outputs, with these nodes between it and the rounding of the last one.
fn around(n: u64, nodes: &[Node]) -> Vec<u8> {
    let last = nodes.len() as u64 + 1;
    let ends: [&[Node]; 3] = [&[(LINEAR, n, vec![0])], nodes, &[(ROUND, 0, vec![last])]];
    encoded(n, &ends.concat())
}

/// Asserts that the network is refused with this message, at no cost beyond its bytes.
#[track_caller]
fn refused(bytes: &[u8], message: &str) {
    let error = Architecture::decode(bytes).unwrap_err().to_string();
    assert!(error.contains(message), "{error}");
    check("network", |bytes| drop(Architecture::decode(bytes)), bytes);
}

#[test]
fn what_is_no_network_is_refused_by_name() {
    let _alone = alone();
    assert!(Architecture::decode(&around(3, &[])).is_ok());
    assert!(Architecture::decode(&around(3, &[(RELU, 0, vec![1]), (LINEAR, 3, vec![2])])).is_ok());

    let add = |inputs: &[u64]| around(3, &[(ADD, 0, inputs.to_vec())]);
    let needs = "node 1 (from 0) of the network: it has two or more inputs of one shape";
    let order = "node 1 (from 0) of the network: it reads a node that does not come before";
    assert!(Architecture::decode(&add(&[0, 1])).is_ok());
    for inputs in [&[][..], &[1]] {
        refused(&add(inputs), needs);
    }
    for inputs in [&[1, 2][..], &[3, 1], &[u64::MAX, 0]] {
        refused(&add(inputs), order);
    }
    // Of widths 3 and 2.
    let wide = [
        (LINEAR, 2, vec![0]),
        (ADD, 0, vec![0, 1]),
        (ROUND, 0, vec![2]),
    ];
    refused(&encoded(3, &wide), needs);
    for inputs in [vec![], vec![0, 0]] {
        let linear = [(LINEAR, 3, inputs), (ROUND, 0, vec![1])];
        refused(
            &encoded(3, &linear),
            "node 0 (from 0) of the network: it has",
        );
    }
    for width in [0, 1 << 16 | 1, u64::MAX] {
        let linear = [(LINEAR, width, vec![0]), (ROUND, 0, vec![1])];
        let message = format!("width 1 (from 0) is {width}; it must be from 1 to 65536");
        refused(&encoded(3, &linear), &message);
        // A width of 0 says that a shape follows.
        let message = match width {
            0 => "is invalid".to_owned(),
            _ => message.replace("width 1", "width 0"),
        };
        refused(&around(width, &[]), &message);
    }
    for (code, number, what) in [
        (0, 0, "0"),
        (99, 0, "99"),
        (u64::MAX, 0, "18446744073709551615"),
        (RELU, 1, "relu [1]"),
        (ADD, 2, "add [2]"),
        (ROUND, 1, "round [1]"),
    ] {
        let message = format!("the field `operator` is invalid: {what}");
        refused(&around(3, &[(code, number, vec![1])]), &message);
    }
}

/// The encoding of a convolution, or of another operator on windows, on an image, a dense layer and a rounding.
fn windows(image: &[u64], code: u64, numbers: &[u64]) -> Vec<u8> {
    let start = Encoder::default().number(0).numbers(image.iter().copied());
    let start = start.count(5).number(code);
    let windows = numbers
        .iter()
        .fold(start, |encoder, number| encoder.number(*number));
    let nodes = [(ROUND, 0, 1), (DENSE, 2, 2), (RELU, 0, 3), (LINEAR, 2, 4)];
    let end = windows.numbers([0].into_iter());
    // The last one has to be a rounding: it is refused before, or for that alone.
    let each = nodes.iter().fold(end, |encoder, (code, number, read)| {
        encoder
            .number(*code)
            .number(*number)
            .numbers([*read].into_iter())
    });
    each.finish()
}

#[test]
fn windows_of_any_size_are_refused_by_name() {
    let _alone = alone();
    let end = "node 4 (from 0) of the network: the last one is a rounding";
    let image = [8, 8, 3];
    let with = |kernel, stride, before| [kernel, 3, stride, 1, before, 0, 0, 0];
    let convolution =
        |numbers: [u64; 8]| windows(&image, CONVOLUTION, &[&[4], &numbers[..]].concat());
    refused(&convolution(with(3, 1, 0)), end);
    let first = "node 0 (from 0) of the network: ";
    for (numbers, what) in [
        (with(3, 0, 0), "windows and strides are at least 1"),
        (with(0, 1, 0), "windows and strides are at least 1"),
        (with(3, 1, 3), "padding is less than a window"),
        (with(9, 1, 0), "a window is larger than the padded image"),
        (
            with(1 << 40, 1, (1 << 40) - 1),
            "its windows have more than 2^26 entries together",
        ),
        (
            with(u64::MAX, 1, u64::MAX - 1),
            "its windows have more than 2^26 entries together",
        ),
        (
            with(u64::MAX, u64::MAX, 0),
            "a window is larger than the padded image",
        ),
    ] {
        refused(&convolution(numbers), &format!("{first}{what}"));
        refused(&windows(&image, AVERAGE, &numbers), what);
    }
    // One window, whatever lies beyond it.
    refused(&convolution(with(3, u64::MAX, 0)), end);
    let other = convolution(with(3, 1, 0));
    let images: [(&[u64], &str); 5] = [
        (&[8], "one dimension is a width"),
        (&[8, 8], "it reads an image"),
        (&[0, 8, 3], "it must be from 1 to 65536"),
        (&[1 << 16, 1 << 16, 1 << 16], "a shape of 3 dimensions"),
        (&[8, 8, 3, 1, 1], "a shape of 5 dimensions"),
    ];
    for (image, what) in images {
        refused(
            &windows(image, CONVOLUTION, &[4, 3, 3, 1, 1, 0, 0, 0, 0]),
            what,
        );
    }
    for cut in 0..other.len() {
        assert!(Architecture::decode(&other[..cut]).is_err());
    }
}

/// Bits of fractions would add up beyond any integer; and an output that is no value of its own is opened as
/// what it is besides.
#[test]
fn what_is_not_rounded_where_it_must_be_is_refused() {
    let _alone = alone();
    let linear = (LINEAR, 3, vec![1]);
    let message = "node 1 (from 0) of the network: what it reads has to be rounded first";
    refused(&around(3, &[linear]), message);
    for operator in [ROUND, RELU, GELU] {
        let message = "node 2 (from 0) of the network: what it reads has nothing to round";
        refused(&around(3, &[(operator, 0, vec![1])]), message);
    }
    let message = "node 0 (from 0) of the network: what it reads has nothing to round";
    refused(&encoded(3, &[(ROUND, 0, vec![0])]), message);
    let ends: [&[Node]; 3] = [&[], &[(RELU, 0, vec![1])], &[(ADD, 0, vec![0, 1])]];
    for end in ends {
        let nodes = [&[(LINEAR, 3, vec![0])], end].concat();
        refused(&encoded(3, &nodes), "the last one is a rounding");
    }
}

#[test]
fn networks_beyond_the_limits_are_refused() {
    let _alone = alone();
    let chain = |count: u64| -> Vec<Node> { (1..=count).map(|k| (ADD, 0, vec![k, 0])).collect() };
    assert!(Architecture::decode(&around(1, &chain(1022))).is_ok());
    refused(&around(1, &chain(1023)), "1025 nodes with ");
    refused(&around(1, &chain(100_000)), "1025 nodes with ");
    let reads = |count| around(1, &[(ADD, 0, vec![1; count])]);
    assert!(Architecture::decode(&reads(4094)).is_ok());
    refused(&reads(4095), "3 nodes with 4097 inputs: 1 to 1024, 4096");
    refused(&reads(100_000), "3 nodes with 100002 inputs");
    refused(&encoded(1, &[]), "0 nodes");

    assert!(Architecture::decode(&perceptron(&[1; 65])).is_ok());
    refused(&perceptron(&[1; 66]), "66 widths");
    refused(
        &perceptron(&[1 << 16, 1 << 16]),
        "4295032832 weights and biases",
    );
    refused(&perceptron(&[1 << 16; 65]), "weights and biases");

    // Numbers without what they count.
    let honest = around(3, &[]);
    let count = |at: usize, number: u64| {
        let mut bytes = honest.clone();
        bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
        bytes
    };
    for number in [3, 1 << 10, 1 << 61, u64::MAX] {
        refused(&count(8, number), "it ends within the field `operator`");
        refused(&count(32, number), "it ends within the field");
    }
    for len in 0..honest.len() {
        let error = Architecture::decode(&honest[..len]).unwrap_err();
        assert!(matches!(error, DecodeError::Truncated { .. }), "{error}");
    }
    let extended = Architecture::decode(&[&honest[..], &[0]].concat());
    assert_eq!(extended, Err(DecodeError::TrailingBytes { count: 1 }));
}

/// Networks from which mutation starts.
pub fn samples() -> Vec<Vec<u8>> {
    let perceptrons = ["3,4,2", "2,3,3,3,1 gelu residual", "1,2,1 sigmoid"];
    let perceptrons = perceptrons.map(|text| text.parse::<Architecture>().unwrap().encode());
    let others = [
        around(3, &[(ADD, 0, vec![0, 1])]),
        // An activation of a sum, read twice; a layer that nothing reads.
        around(
            3,
            &[
                (RELU, 0, vec![1]),
                (ADD, 0, vec![0, 2]),
                (SILU, 0, vec![3]),
                (LINEAR, 2, vec![4]),
                (LINEAR, 3, vec![4]),
                (ADD, 0, vec![4, 6, 0]),
            ],
        ),
        around(2, &[(ROUND, 0, vec![1]), (LINEAR, 2, vec![2])]),
    ];
    [&perceptrons[..], &others].concat()
}

/// Long chains of each operator between two layers.
fn deep() -> [(&'static str, Vec<u8>); 4] {
    let chain = |count: u64, node: fn(u64) -> Node| -> Vec<u8> {
        let nodes: Vec<Node> = (1..=count).map(node).collect();
        around(1, &[nodes, vec![(LINEAR, 1, vec![count + 1])]].concat())
    };
    let layers = format!("{} gelu residual", ["1"; 65].join(","));
    let layers = layers.parse::<Architecture>();
    [
        ("rectifiers", chain(9, |k| (RELU, 0, vec![k]))),
        ("functions", chain(9, |k| (GELU, 0, vec![k]))),
        ("layers", layers.unwrap().encode()),
        (
            "sums",
            around(
                1,
                &(1..150).map(|k| (ADD, 0, vec![k, 0])).collect::<Vec<_>>(),
            ),
        ),
    ]
}

/// The format in which functions have their largest tables.
fn largest_tables() -> FixedPoint {
    let config = FixedPointConfig {
        activation_bits: 12,
        gradient_bits: 12,
        hidden_range_bits: 18,
        output_range_bits: 18,
        gradient_range_bits: 18,
        ..FixedPoint::compact().config().clone()
    };
    FixedPoint::new(config).unwrap()
}

/// What a statement about them takes: no more than a relation of as many values.
#[test]
fn deep_networks_are_weighed() {
    let _alone = alone();
    for (name, bytes) in deep() {
        for format in [FixedPoint::compact(), largest_tables()] {
            let network = Architecture::decode(&bytes).unwrap();
            let statement = statement_of(network, format, (2, 2), false);
            let taken = peak(|| {
                let told = statement.soundness();
                assert!(told.is_ok(), "{name}: {told:?}");
            });
            assert!(taken < 16 << 20, "{name}: {taken} bytes");
        }
    }
}

/// Sums of sums, of which the number of paths is 4 to the number of nodes: they would be folded as often.
#[test]
fn sums_of_sums_are_refused() {
    let _alone = alone();
    let sums = |count: u64| -> Vec<Node> { (1..=count).map(|k| (ADD, 0, vec![k; 4])).collect() };
    assert!(Architecture::decode(&around(1, &sums(6))).is_ok());
    for count in [7, 1022] {
        refused(&around(1, &sums(count)), "too many sums of sums");
    }
}

/// Each function of a function is a level of claims, at a point of its own, on all that is summed beside it.
#[test]
fn chains_of_functions_are_refused() {
    let _alone = alone();
    for operator in [RELU, GELU] {
        let chain = |count: u64, with_sums: bool| -> Vec<Node> {
            let each = (0..count).flat_map(|k| match with_sums {
                false => vec![(operator, 0, vec![k + 1])],
                true => vec![(operator, 0, vec![2 * k + 1]), (ADD, 0, vec![2 * k + 2, 0])],
            });
            let mut nodes: Vec<Node> = each.collect();
            nodes.push((LINEAR, 1, vec![nodes.len() as u64 + 1]));
            nodes
        };
        // The first one reads what it rounds.
        for with_sums in [false, true] {
            assert!(Architecture::decode(&around(1, &chain(9, with_sums))).is_ok());
            for count in [10, 500] {
                let message = "too many functions one behind the other";
                refused(&around(1, &chain(count, with_sums)), message);
            }
        }
    }
}
