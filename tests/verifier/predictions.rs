//! Files of predictions and errors: honest ones of every kind, and tampered ones.
use crate::{
    compare::Predictions,
    honest::{CHILD, Family},
    messages::{altered, families},
    recorder::record,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use rand::{SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use zktree::{
    Bls12381, Pallas,
    commit::Curve,
    nn::{
        WeightOpening,
        data::Dataset,
        inference::{Batch, InferenceSecrets, RowsOpening},
        op::Loss,
        train,
    },
    poly::WideField,
    tree::{Inference, LabelledRows, NodeId, Said},
};

/// Of the families; of those of other networks what is not tampered with, and another value.
pub fn all(
    pallas: &Family<Pallas>,
    bls: &Family<Bls12381>,
    others: [&Family<Pallas>; 3],
) -> Vec<Predictions> {
    let mut files = honest(pallas);
    // All families of messages are in one that hides everything, one that hides nothing, and an error.
    let tampered: Vec<_> = files
        .iter()
        .enumerate()
        .flat_map(|(k, file)| of_file(pallas, file, [2, 4, 5].contains(&k)))
        .collect();
    files.extend(tampered);
    let mut all = vec![
        Predictions {
            tree: pallas.lineage(CHILD),
            files,
        },
        Predictions {
            tree: bls.lineage(CHILD),
            files: honest(bls),
        },
    ];
    all.extend(others.map(|family| {
        let mut files = honest(family);
        let (first, last) = (&files[0], &files[files.len() - 1]);
        let tampered = [first, last].map(|file| of_file(family, file, false));
        let of_claims = ["value of", "sum", "count", "classes"];
        let of_claims = of_claims.map(|what| format!("tampered: {what}"));
        let of_claims = |file: &File| of_claims.iter().any(|what| file.0.contains(what));
        files.extend(tampered.concat().into_iter().filter(of_claims));
        Predictions {
            tree: family.lineage(CHILD),
            files,
        }
    }));
    all
}

type File = (String, Vec<u8>, bool);

/// A model with its weights.
type Model<'a, C> = (
    NodeId,
    &'a WeightOpening<<C as ark_ec::PrimeGroup>::ScalarField>,
);

/// A prediction of a node and of a root, and an error; rows public, committed, or both; with hiding and
/// without.
fn honest<C: Curve<ScalarField: WideField>>(family: &Family<C>) -> Vec<File> {
    let child = &family.children[CHILD];
    let root: Model<'_, C> = (family.root, &family.start);
    let node: Model<'_, C> = (family.id(CHILD), &child.opening);
    let mut files = Vec::new();
    for (name, model, committed, hiding) in [
        ("node, public", node, [false, false], true),
        ("node, inputs committed", node, [true, false], true),
        ("node, all committed", node, [true, true], true),
        ("root, outputs committed", root, [false, true], true),
        ("root, all public, not hiding", root, [false, false], false),
    ] {
        let text = prediction(family, model, committed, hiding);
        files.push((format!("{} prediction: {name}", C::NAME), text, true));
    }
    for (name, model, committed) in [
        ("node, committed", node, true),
        ("root, public", root, false),
    ] {
        let text = error(family, model, committed);
        files.push((format!("{} error: {name}", C::NAME), text, true));
    }
    files
}

fn prediction<C: Curve<ScalarField: WideField>>(
    family: &Family<C>,
    (model, weights): Model<'_, C>,
    committed: [bool; 2],
    hiding: bool,
) -> Vec<u8> {
    let mut rng = StdRng::seed_from_u64(5);
    let origin = family.tree.path(model).unwrap().end().unwrap();
    let architecture = origin.start().architecture();
    let (width, height) = (architecture.num_inputs(), architecture.num_outputs());
    let inputs: Vec<i64> = [3, -7, 0, 12, -16, 5].repeat(width)[..3 * width].to_vec();
    let fixed = origin.start().fixed_point().clone();
    let outputs = train::predict(&fixed, weights.weights(), &inputs).unwrap();
    let mut batch = |committed, width, values: Vec<i64>| match committed {
        true => {
            let opening = RowsOpening::new(width, &values, hiding, &mut rng).unwrap();
            (Batch::committed(opening.commit::<C>()), Some(opening))
        }
        false => (Batch::public(width, values), None),
    };
    let (inputs, input_rows) = batch(committed[0], width, inputs);
    let (outputs, output_rows) = batch(committed[1], height, outputs);
    let secrets = InferenceSecrets {
        weights,
        inputs: input_rows.as_ref(),
        outputs: output_rows.as_ref(),
    };
    let said = Said::Prediction { inputs, outputs };
    let proven = Inference::prove(&origin, said, hiding, secrets).unwrap();
    proven.to_json().into_bytes()
}

fn error<C: Curve<ScalarField: WideField>>(
    family: &Family<C>,
    (model, weights): Model<'_, C>,
    committed: bool,
) -> Vec<u8> {
    let origin = family.tree.path(model).unwrap().end().unwrap();
    let fixed = origin.start().fixed_point().clone();
    let opening = family.data[CHILD].opening();
    let data: &Dataset = opening.dataset();
    let rows_opening = committed.then(|| RowsOpening::from(opening));
    let rows = match committed {
        true => LabelledRows::Committed(opening.commit()),
        false => LabelledRows::Public(data.clone()),
    };
    let secrets = InferenceSecrets {
        weights,
        inputs: rows_opening.as_ref(),
        outputs: rows_opening.as_ref(),
    };
    let weights_of = weights.weights();
    let said = match origin.start().architecture().graph().loss() {
        Loss::SquaredError => {
            let sum = train::squared_error(&fixed, weights_of, data).unwrap();
            let sum = u64::try_from(sum).unwrap();
            Said::SquaredError { rows, sum }
        }
        Loss::CrossEntropy => {
            let count = train::correct(&fixed, weights_of, data).unwrap();
            Said::Correct { rows, count }
        }
    };
    let proven = Inference::prove(&origin, said, true, secrets).unwrap();
    proven.to_json().into_bytes()
}

/// A file with each field altered and, with `messages`, each message family of its proof.
fn of_file<C: Curve<ScalarField: WideField>>(
    family: &Family<C>,
    file: &File,
    messages: bool,
) -> Vec<File> {
    let (name, text, _) = file;
    let value: Value = serde_json::from_slice(text).unwrap();
    let inference = Inference::<C>::from_json(text).unwrap();
    let origin = family.tree.path(inference.model).unwrap().end().unwrap();
    let (verified, transcripts) = record(|| inference.verify(&origin));
    verified.unwrap();
    let mut files = Vec::new();
    let mut push = |what: &str, text: String| {
        files.push((
            format!("{name}, tampered: {what}"),
            text.into_bytes(),
            false,
        ));
    };
    for (what, message) in families(&transcripts[0]).into_iter().filter(|_| messages) {
        let mut value = value.clone();
        let proof = altered::<C>(&inference.proof, &message);
        value["proof"] = json!(BASE64_STANDARD.encode(proof));
        push(&what, value.to_string());
    }
    let mut change = |what: &str, change: &dyn Fn(&mut Value)| {
        let mut other = value.clone();
        change(&mut other);
        push(what, other.to_string());
    };
    let elsewhere = match inference.model == family.root {
        true => family.id(CHILD),
        false => family.root,
    };
    change("model", &|value| {
        value["model"] = json!(elsewhere.to_string())
    });
    change("hiding", &|value| {
        value["hiding"] = json!(!inference.hiding)
    });
    change("format", &|value| {
        value["format"] = json!("zktree inference 2")
    });
    change("curve", &|value| value["curve"] = json!("BN254"));
    change("a field more", &|value| value["more"] = json!(1));
    change("case of the model", &|value| {
        value["model"] = json!(inference.model.to_string().to_uppercase());
    });
    change("an array for an object", &|value| {
        let fields = ["format", "curve", "model", "hiding", "claim", "proof"];
        *value = fields.iter().map(|name| value[name].clone()).collect();
    });
    change("unknown model", &|value| {
        value["model"] = json!("0".repeat(64))
    });
    change("longer proof", &|value| {
        let proof = [&inference.proof[..], &[0]].concat();
        value["proof"] = json!(BASE64_STANDARD.encode(proof));
    });
    for rows in ["inputs", "outputs"] {
        change_rows(
            &value,
            &format!("/claim/prediction/{rows}"),
            rows,
            &mut push,
        );
    }
    let fields = [
        (
            "squared_error",
            vec![("sum", 1), ("features", 1), ("targets", -1)],
        ),
        (
            "correct",
            vec![("count", 1), ("features", 1), ("classes", -2)],
        ),
    ];
    for (claim, fields) in fields {
        if value["claim"].get(claim).is_none() {
            continue;
        }
        change_rows(&value, &format!("/claim/{claim}/rows"), "rows", &mut push);
        for (field, by) in fields {
            let mut other = value.clone();
            let place = &mut other["claim"][claim][field];
            *place = json!(place.as_i64().unwrap() + by);
            push(field, other.to_string());
        }
    }
    files
}

/// Rows of a claim: values, their number, and commitments.
fn change_rows(value: &Value, at: &str, name: &str, push: &mut dyn FnMut(&str, String)) {
    let Some(rows) = value.pointer(at) else {
        return;
    };
    let mut with = |what: &str, rows: Value| {
        let mut other = value.clone();
        *other.pointer_mut(at).unwrap() = rows;
        push(&format!("{what} of {name}"), other.to_string());
    };
    if let Some(public) = rows.get("public") {
        let altered = |change: &dyn Fn(&mut Value)| {
            let mut public = public.clone();
            change(&mut public);
            json!({ "public": public })
        };
        with(
            "value",
            altered(&|rows| rows[1][0] = json!(rows[1][0].as_i64().unwrap() + 1)),
        );
        with(
            "greatest value",
            altered(&|rows| rows[1][0] = json!(i64::MAX)),
        );
        with("real number", altered(&|rows| rows[1][0] = json!(1.0)));
        with(
            "missing row",
            altered(&|rows| drop(rows.as_array_mut().unwrap().pop())),
        );
        with("no rows", json!({ "public": [] }));
    } else {
        let committed = &rows["committed"];
        let points = BASE64_STANDARD
            .decode(committed["rows"].as_str().unwrap())
            .unwrap();
        let length = points.len() / value["claim"].get("prediction").map_or(5, |_| 3);
        let rows = |width: &Value, points: &[u8]| json!({ "committed": { "width": width, "rows": BASE64_STANDARD.encode(points) } });
        let width = &committed["width"];
        with("width", rows(&json!(width.as_u64().unwrap() + 1), &points));
        with("missing row", rows(width, &points[length..]));
        with("cut commitments", rows(width, &points[1..]));
        let swapped = [
            &points[length..2 * length],
            &points[..length],
            &points[2 * length..],
        ];
        with("order", rows(width, &swapped.concat()));
    }
}
