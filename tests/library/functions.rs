//! Compares tabulated functions with vectors of an independent implementation: `vectors/functions.py`,
//! which has the functions as they are defined, on long decimal numbers, writes
//! `vectors/functions.json`.

use ark_pallas::Fr;
use serde::{Deserialize, de::IgnoredAny};
use sha2::{Digest, Sha256};
use zktree::gkr::{Activation, Function, LookupTable, function};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    formats: Vec<Format>,
    tables: Vec<Table>,
    exponentials: Vec<Exponential>,
    /// For the tests beside the code: they are about what is not rounded yet.
    #[serde(rename = "long")]
    _long: Vec<IgnoredAny>,
}

/// All functions in a format, one after the other.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Format {
    bits: u32,
    s: u32,
    phi: u32,
    sha256: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    function: String,
    bits: u32,
    s: u32,
    phi: u32,
    /// Of all entries, with slopes.
    sha256: String,
    /// Argument, value, slope.
    samples: Vec<[i64; 3]>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exponential {
    p: u32,
    sigma: u32,
    depth: u32,
    /// From -1.
    first: Vec<i64>,
    sha256: String,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../vectors/functions.json")).unwrap()
}

fn digest(numbers: impl IntoIterator<Item = i64>) -> String {
    let hash = numbers
        .into_iter()
        .fold(Sha256::new(), |hash, x| hash.chain_update(x.to_le_bytes()));
    hex::encode(hash.finalize())
}

fn function(name: &str) -> Function {
    let mut all = Function::ALL.into_iter();
    all.find(|function| function.name() == name).unwrap()
}

/// All entries, number by number.
fn numbers(function: Function, bits: u32, s: u32, phi: u32) -> Vec<i64> {
    let table = Activation::new(function, bits, s, Some(phi)).unwrap();
    let table: &dyn LookupTable<Fr> = &table;
    let mut numbers = vec![0; 4 << bits];
    for (index, tuple) in numbers.chunks_mut(4).enumerate() {
        table.entry(index, tuple);
    }
    numbers
}

#[test]
fn samples_and_tables_agree() {
    let Vectors {
        formats, tables, ..
    } = vectors();
    assert_eq!((formats.len(), tables.len()), (4, 44));
    for table in tables {
        let (bits, s, phi) = (table.bits, table.s, table.phi);
        let function = function(&table.function);
        assert!(!table.samples.is_empty());
        for [y, value, slope] in table.samples {
            let place = format!("{function:?}({y} / 2^{s}), phi = {phi}");
            assert_eq!(function.at(y, s, phi), Some((value, slope)), "{place}");
        }
        let entries = numbers(function, bits, s, phi);
        let place = format!("{function:?}, bits = {bits}, s = {s}, phi = {phi}");
        assert_eq!(digest(entries), table.sha256, "{place}");
    }
    for Format {
        bits,
        s,
        phi,
        sha256,
    } in formats
    {
        let all = Function::ALL.into_iter();
        let entries = all.flat_map(|function| numbers(function, bits, s, phi));
        assert_eq!(
            digest(entries),
            sha256,
            "bits = {bits}, s = {s}, phi = {phi}"
        );
    }
}

#[test]
fn exponentials_agree() {
    let exponentials = vectors().exponentials;
    assert_eq!(exponentials.len(), 7);
    for Exponential {
        p,
        sigma,
        depth,
        first,
        sha256,
    } in exponentials
    {
        let value = |d| function::exponential(d, p, sigma).unwrap();
        for (d, expected) in (-1..).zip(first) {
            assert_eq!(value(d), expected, "exp(-{d} / 2^{sigma}), p = {p}");
        }
        let values = (-1..1 << depth).map(value);
        assert_eq!(digest(values), sha256, "p = {p}, sigma = {sigma}");
    }
}
