//! Two verifiers on the same trees: this library, and the Python program beside this file, which was
//! written from `paper-notes.md` alone. They agree on each tree and each node, and refuse what was
//! tampered with: one tampering for each family of messages of a proof, and for each field of what is
//! in a tree. Where a tampering is inside, everything around it is made anew and signed by the author,
//! so that nothing but the check it aims at can refuse it.
mod compare;
mod edges;
mod files;
mod forgeries;
mod honest;
mod logs;
mod messages;
mod nodes;
mod predictions;
#[path = "../soundness/recorder.rs"]
mod recorder;
mod roots;

use compare::{Case, compare};
use zktree::{Bls12381, Pallas};

#[test]
fn the_second_verifier_agrees() {
    let Some(python) = compare::python() else {
        println!("SKIPPED: there is no python3, the second verifier is not compared");
        return;
    };
    let (pallas, bls) = (honest::family::<Pallas>(1), honest::family::<Bls12381>(2));
    let imported = honest::imported::<Pallas>(3);
    let (smooth, images) = (honest::smooth(4), honest::images(5));
    let classes = honest::classes(6);
    let mut cases: Vec<Case> = honest::shapes();
    let families = [&pallas, &imported, &smooth, &images, &classes].map(|family| &family.files);
    for files in families.into_iter().chain([&bls.files]) {
        cases.push(Case::honest("a family", files.clone()));
    }
    cases.extend(logs::honest_logs(&pallas));
    cases.extend(messages::of_edges(&pallas));
    cases.extend(messages::of_edges(&bls).into_iter().step_by(5));
    cases.extend(messages::of_edges(&images).into_iter().step_by(5));
    cases.extend(messages::of_edges(&classes).into_iter().step_by(6));
    cases.extend(messages::of_imported(&imported));
    cases.extend(nodes::of_nodes(&pallas));
    cases.extend(nodes::of_node_encodings(&pallas));
    cases.extend(nodes::of_optimisers(&classes));
    cases.extend(edges::of_signatures(&pallas));
    cases.extend(edges::of_containers(&pallas));
    cases.extend(roots::of_roots(&pallas, &imported));
    cases.extend(roots::of_networks(&pallas));
    cases.extend(logs::of_files(&pallas));
    cases.extend(logs::of_logs(&pallas));
    cases.push(forgeries::wider_root(&pallas));
    let predictions = predictions::all(&pallas, &bls, [&smooth, &images, &classes]);
    compare(&python, &cases, &predictions);
}
