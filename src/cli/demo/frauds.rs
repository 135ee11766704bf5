//! Three frauds, each really attempted.
use super::{
    super::Failure,
    family::{Family, Member, author, titled},
};
use rand::rngs::OsRng;
use serde::Serialize;
use std::ops::ControlFlow;
use zktree::{
    commit::Curve,
    nn::{Layer, Progress, WeightOpening, Weights},
    poly::WideField,
    tree::{AuthorSecret, Child, Draft, Edge, Node, TreeError},
};

/// Steps of the run that the cheater trains.
const STEPS: u64 = 8;

/// An attempt and what the library said.
#[derive(Debug, Serialize)]
pub struct Fraud {
    pub what: &'static str,
    /// What was tried, and the error.
    pub refusals: Vec<(&'static str, String)>,
}

/// Attempts all three.
///
/// # Errors
/// [`Failure::NotVerified`] if one of them is not refused.
pub fn attempt<C: Curve<ScalarField: WideField>>(
    family: &mut Family<C>,
) -> Result<Vec<Fraud>, Failure> {
    Ok(vec![
        changed_weights(family)?,
        another_parent(family)?,
        skipped_step(family)?,
    ])
}

fn go(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// The error, where there must be one.
fn refusal<T>(result: Result<T, TreeError>) -> Result<String, Failure> {
    match result {
        Ok(_) => Err(Failure::NotVerified("a fraud was not caught".into())),
        Err(error) => Ok(error.to_string()),
    }
}

impl<C: Curve<ScalarField: WideField>> Family<C> {
    /// Adds a node to a copy of the tree and verifies its lineage. Whoever it names as its author
    /// signs it: the proof alone has to refuse it.
    fn verdict(
        &self,
        node: Node<C>,
        mut edge: Edge<C>,
        signer: &AuthorSecret,
    ) -> Result<String, Failure> {
        edge.signature = signer.sign(node.id(&edge));
        let mut tree = self.tree.clone();
        let id = tree.add_node(node, edge)?;
        refusal(tree.verify_lineage(id))
    }

    /// What Mallory wants to train from Alice's network on Carol's data.
    fn draft<'a>(
        &self,
        carol: &'a Member<C>,
        mallory: &'a AuthorSecret,
        steps: u64,
    ) -> Draft<'a, C> {
        let mut parameters = carol.child.node.parameters.clone();
        parameters.steps = steps;
        parameters.segment_steps = steps;
        Draft {
            parent: self.members[0].id,
            dataset: &carol.dataset,
            parameters,
            nonce: 0,
            author: mallory,
            labels: titled("R_1,4"),
        }
    }
}

/// The weights with the first one larger by the smallest step, blinded anew.
fn nudged<C: Curve>(
    weights: &Weights,
    hiding: bool,
) -> Result<WeightOpening<C::ScalarField>, Failure> {
    let mut layers: Vec<Layer> = weights.layers().to_vec();
    if let Some(weight) = layers.first_mut().and_then(|l| l.weight_mut().first_mut()) {
        *weight += 1;
    }
    let weights = Weights::new(weights.architecture().clone(), layers)?;
    Ok(WeightOpening::new(weights, hiding, &mut OsRng))
}

fn changed_weights<C: Curve<ScalarField: WideField>>(family: &Family<C>) -> Result<Fraud, Failure> {
    let [alice, bob, carol] = &family.members;
    let mallory = author("Mallory");
    let draft = family.draft(carol, &mallory, STEPS);
    let hiding = draft.parameters.hiding;
    let trained = draft.run(&alice.child.opening, &mut OsRng, &mut go)?;
    let changed = nudged::<C>(trained.weights(), hiding)?;
    let parent = &alice.child.opening;
    let prover = refusal(draft.prove(&family.tree, parent, changed, &mut OsRng, &mut go))?;

    let Child {
        mut node,
        edge,
        opening,
    } = bob.child.clone();
    node.weights = nudged::<C>(opening.weights(), hiding)?.commit();
    let verifier = family.verdict(node, edge, &author(bob.run.author))?;
    Ok(Fraud {
        what: "one weight is changed after training, by the smallest amount there is",
        refusals: vec![
            ("Mallory asks for a proof", prover),
            (
                "Mallory puts the changed weights under Bob's proof",
                verifier,
            ),
        ],
    })
}

fn another_parent<C: Curve<ScalarField: WideField>>(family: &Family<C>) -> Result<Fraud, Failure> {
    let [_, bob, carol] = &family.members;
    let Child { mut node, edge, .. } = bob.child.clone();
    node.parent = carol.id;
    let verifier = family.verdict(node, edge, &author(bob.run.author))?;
    Ok(Fraud {
        what: "a run claims another parent than it was trained from",
        refusals: vec![("Bob's R_1,2 is hung below Carol's R_1,3", verifier)],
    })
}

fn skipped_step<C: Curve<ScalarField: WideField>>(family: &Family<C>) -> Result<Fraud, Failure> {
    let [alice, _, carol] = &family.members;
    let mallory = author("Mallory");
    let draft = family.draft(carol, &mallory, STEPS - 1);
    let child = draft.train(&family.tree, &alice.child.opening, &mut OsRng, &mut go)?;
    let Child {
        mut node,
        edge,
        opening,
    } = child;
    node.parameters.steps = STEPS;
    node.parameters.segment_steps = STEPS;
    let verifier = family.verdict(node, edge, &mallory)?;
    let claim = family.draft(carol, &mallory, STEPS);
    let parent = &alice.child.opening;
    let prover = refusal(claim.prove(&family.tree, parent, opening, &mut OsRng, &mut go))?;
    Ok(Fraud {
        what: "a run skips one step: 8 are claimed, 7 were done",
        refusals: vec![
            ("Mallory asks for a proof of 8 steps", prover),
            ("Mallory proves 7 steps and claims 8", verifier),
        ],
    })
}
