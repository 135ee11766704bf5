//! Secrets are not printed: what holds them shows shapes alone, or cannot be shown at all.
use crate::common::{Case, Story, tiny};
use rand::{SeedableRng, rngs::StdRng};
use std::{fmt::Debug, marker::PhantomData, ops::ControlFlow};
use zktree::{
    Pallas,
    commit::{RowBlindings, hadamard::Masks},
    nn::{Table, proof, train},
    transcript::ProverChannel,
    tree::{AuthorSecret, ProvenDataset},
};

type F = <Pallas as ark_ec::PrimeGroup>::ScalarField;

fn story(seed: u64) -> Story<Pallas> {
    Story::new(&Case {
        network: "2,3,1".parse().unwrap(),
        batch: 2,
        steps: 2,
        segment_steps: 2,
        seed,
        hiding: true,
        fixed: tiny(),
    })
}

/// Two different secrets of one shape look the same.
fn alike<T: Debug + ?Sized>(a: &T, b: &T) {
    assert_eq!(format!("{a:?}"), format!("{b:?}"));
    assert_eq!(format!("{a:#?}"), format!("{b:#?}"));
}

#[test]
fn secrets_show_their_shapes_alone() {
    let [a, b] = [1, 100].map(story);
    assert!(a.child.weights() != b.child.weights());
    assert!(a.data[0].dataset() != b.data[0].dataset());
    alike(&a.child, &b.child);
    alike(a.child.weights(), b.child.weights());
    alike(a.child.weights().layers(), b.child.weights().layers());
    alike(&a.data[0], &b.data[0]);
    alike(a.data[0].dataset(), b.data[0].dataset());
    alike(a.data[0].blindings(), b.data[0].blindings());
    let rows = [&a, &b].map(|story| story.data[0].open_row(1).unwrap());
    assert!(rows[0] != rows[1]);
    alike(&rows[0], &rows[1]);
    let blindings =
        [1, 2].map(|seed| RowBlindings::<F>::random(3, &mut StdRng::seed_from_u64(seed)));
    alike(&blindings[0], &blindings[1]);

    let recorded = [&a, &b].map(|story| {
        let statement = &story.first;
        let schedule = statement.schedule().unwrap();
        let (parameters, data) = (&statement.parameters, story.data[0].dataset());
        let go = &mut |_| ControlFlow::Continue(());
        proof::train_recorded(parameters, story.root.weights(), data, &schedule, go)
            .unwrap()
            .1
    });
    alike(&recorded[0], &recorded[1]);
    let steps = [&a, &b].map(|story| {
        let (sgd, mut weights) = (story.first.parameters.sgd(), story.root.weights().clone());
        let data = (story.data[0].dataset(), &story.first.schedule().unwrap());
        let mut steps = Vec::new();
        let keep = |_, step| {
            steps.push(step);
            ControlFlow::Continue(())
        };
        let _ = train::train(&sgd, &mut weights, data, 0..1, keep).unwrap();
        steps
    });
    assert!(steps[0] != steps[1]);
    alike(&steps[0], &steps[1]);

    let tables = ["x,y\n1,2\n", "x,y\n3,4\n"]
        .map(|text| Table::from_reader("t.csv", text.as_bytes()).unwrap());
    alike(&tables[0], &tables[1]);
    let proven = [&a, &b]
        .map(|story| ProvenDataset::<Pallas>::new(story.data[0].clone(), &tiny(), true).unwrap());
    alike(&proven[0], &proven[1]);
}

/// A key is known by its public half; nothing of the secret one is shown.
#[test]
fn keys_show_their_public_half_alone() {
    let bytes = [0xa5; 32];
    let secret = AuthorSecret::from_bytes(&bytes);
    let shown = format!("{secret:?} {secret:#?}");
    assert!(shown.contains(&secret.public().short().to_string()));
    assert!(!shown.contains("a5a5") && !shown.contains("165"));
}

/// Whether a type can be shown: the constant of `Shown` hides that of the trait where it can.
trait Hidden {
    const SHOWN: bool = false;
}
impl<T> Hidden for T {}
struct Shown<T>(PhantomData<T>);
impl<T: Debug> Shown<T> {
    const SHOWN: bool = true;
}

const _: () = {
    assert!(Shown::<u8>::SHOWN);
    assert!(!Shown::<Masks<F>>::SHOWN);
    assert!(!Shown::<ProverChannel<F>>::SHOWN);
};
