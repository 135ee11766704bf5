//! Programs of a gadget alone: what satisfies their relation, real entries and padding, and what a proof of them says.
pub(super) mod choice;
pub(super) mod norm;
pub(super) mod softmax;
mod vectors;

use super::*;
use crate::{
    check::{Tried, judge},
    error::{TrainError, VerifyError},
    nn::{
        FixedPoint, LearningRate,
        argument::{Argument, Pending, Source},
        lower::{
            Cut, Extent, Lowered,
            forger::{Forger, Place},
            lower,
        },
        optimise::UpdateMatrix,
        program::{Data, eval},
        relation::{TensorId, Values, Violation},
        soundness,
    },
    poly,
};
use std::{cell::RefCell, collections::BTreeSet};

pub(super) type C = ark_pallas::Projective;
pub(super) type F = ark_pallas::Fr;

/// Steps, samples and columns, none of which is a power of two.
pub(super) const STEPS: usize = 3;
pub(super) const SAMPLES: usize = 3;

/// Small tables: `s = 4`, `g = 6`, `sigma = 2`, so that scores of data are rounded by two bits.
pub(super) fn format() -> FixedPoint {
    let text = "classifier,activation_bits=4,gradient_bits=6,weight_bits=14,limbs=7+7,hidden_range_bits=9,\
                output_range_bits=9,gradient_range_bits=10,data_range_bits=8,probability_bits=6,score_bits=2,\
                exponential_bits=6,level_range_bits=8,score_gradient_bits=6,mean_bits=1,root_bits=4,row_bits=1,\
                norm_range_bits=12";
    FixedPoint::from_preset(text).unwrap()
}

/// A program, and data for it: steps, samples, columns.
pub(super) struct Scene {
    pub(super) program: Program,
    pub(super) inputs: Vec<Vec<Vec<i64>>>,
    pub(super) targets: Vec<Vec<Vec<i64>>>,
}

impl Scene {
    /// A program of inputs and targets that have axes of these lengths beside samples.
    pub(super) fn new(
        format: &FixedPoint,
        [inputs, targets]: [&[usize]; 2],
        emit: impl Fn(&mut Program, Value, Value) -> Result<(), ConfigError>,
    ) -> Result<Self, ConfigError> {
        let mut program = Program::new(Purpose::Inference, format, SAMPLES);
        let mut input = |data, lens: &[usize]| {
            let own: Vec<Axis> = lens.iter().map(|len| program.axis(*len)).collect();
            let name = format!("{data:?}");
            program.input(&name, data, &[&[SAMPLE], own.as_slice()].concat())
        };
        let values = [(Data::Inputs, inputs), (Data::Targets, targets)];
        let [x, y] = values.map(|(data, lens)| input(data, lens));
        emit(&mut program, x, y)?;
        let zeros = |lens: &[usize]| vec![vec![vec![0; lens.iter().product()]; SAMPLES]; STEPS];
        Ok(Self {
            program,
            inputs: zeros(inputs),
            targets: zeros(targets),
        })
    }

    /// Data that are drawn, entry by entry.
    pub(super) fn draw(mut self, mut of: impl FnMut(Data) -> i64) -> Self {
        let mut fill = |rows: &mut Vec<Vec<Vec<i64>>>, data| {
            let all = rows.iter_mut().flatten().flatten();
            all.for_each(|x| *x = of(data));
        };
        fill(&mut self.inputs, Data::Inputs);
        fill(&mut self.targets, Data::Targets);
        self
    }

    pub(super) fn lowered(&self, cut: Cut) -> Lowered<F> {
        let extent = Extent {
            steps: STEPS,
            updates: None,
            cut,
            opened_outputs: false,
        };
        lower(self.program.clone(), &extent).unwrap()
    }

    pub(super) fn traces(&self) -> Result<Vec<eval::Trace>, TrainError> {
        let all = |rows: &Vec<Vec<i64>>| Arc::new(rows.concat());
        let pairs = self.inputs.iter().zip(&self.targets);
        pairs
            .map(|(inputs, targets)| {
                let inputs = eval::Inputs {
                    inputs: &all(inputs),
                    targets: &all(targets),
                    parameters: &[],
                    step: Some(5),
                };
                eval::eval(&self.program, &inputs)
            })
            .collect()
    }

    /// The integers of a value in all steps, if they are kept.
    pub(super) fn get(&self, name: &str) -> Vec<i64> {
        let value = self.program.find(name).unwrap();
        let traces = self.traces().unwrap();
        let all = traces
            .iter()
            .map(|trace| trace.get(value).unwrap().to_vec());
        all.flatten().collect()
    }

    /// What a prover commits who lies, and is honest in all that follows.
    pub(super) fn forged(
        &self,
        lowered: &Lowered<F>,
        lie: impl Fn(Place<'_>, &mut i128),
    ) -> Values {
        let data = [self.inputs.clone(), self.targets.clone()];
        // Nothing is trained.
        let updates = UpdateMatrix::Plain(LearningRate::from_coefficient(1).unwrap());
        let mut values = Forger::new(lowered, data, Vec::new(), updates).run(lie);
        soundness::count(lowered.relation(), &mut values);
        values
    }

    /// Whether a liar's witness satisfies the relation.
    pub(super) fn violation(&self, lie: impl Fn(Place<'_>, &mut i128)) -> Option<Violation> {
        let lowered = self.lowered(Cut::Format);
        let values = self.forged(&lowered, lie);
        lowered.relation().violation(&values)
    }

    /// What a verifier says of a liar's proof.
    pub(super) fn verdict(
        &self,
        hiding: bool,
        lie: impl Fn(Place<'_>, &mut i128),
    ) -> Result<(), VerifyError> {
        let lowered = self.lowered(Cut::Format);
        let values = self.forged(&lowered, lie);
        self.verdict_of(&lowered, &values, hiding)
    }

    pub(super) fn verdict_of(
        &self,
        lowered: &Lowered<F>,
        values: &Values,
        hiding: bool,
    ) -> Result<(), VerifyError> {
        let (relation, committed) = (lowered.relation().clone(), lowered.committed());
        let mut argument = Argument::new(relation, committed, 5, hiding);
        let told = lowered.told().iter().map(|(_, tensor)| *tensor);
        let data = [Data::Inputs, Data::Targets].map(|data| lowered.data(data));
        for tensor in data.into_iter().flatten().chain(told) {
            let values = values.get(&tensor).cloned().unwrap_or_default();
            let function = move |r: &[F]| poly::int::evaluate(&values, r);
            argument.input(tensor, Source::Public(Arc::new(function)));
        }
        let proof = argument.prove::<C>(b"gadget", values, &[], false).unwrap();
        let pending = argument.verify::<C>(b"gadget", &[], &proof)?;
        Pending::check_all(&[pending])
    }

    /// All committed values, at every place, padding too.
    fn places(&self) -> Vec<(String, [usize; 3])> {
        let lowered = self.lowered(Cut::Format);
        let places = RefCell::new(Vec::new());
        self.forged(&lowered, |here, _| {
            let place = [here.step, here.sample, here.unit];
            places.borrow_mut().push((here.name.to_owned(), place));
        });
        places.into_inner()
    }
}

/// Whether a place is this one.
pub(super) fn is(here: Place<'_>, name: &str, place: [usize; 3]) -> bool {
    here.name == name && [here.step, here.sample, here.unit] == place
}

/// The honest witness satisfies the relation, whoever makes it and however it is cut, and its proof is accepted.
pub(super) fn is_complete(scene: &Scene) {
    let honest = |_: Place<'_>, _: &mut i128| ();
    assert_eq!(scene.violation(honest), None);
    let traces = scene.traces().unwrap();
    for cut in [Cut::Format, Cut::Cheapest] {
        let lowered = scene.lowered(cut);
        let values = lowered.witness(&traces).unwrap();
        assert_eq!(lowered.relation().violation(&values), None);
        for hiding in [false, true] {
            assert_eq!(scene.verdict_of(&lowered, &values, hiding), Ok(()));
        }
    }
}

/// No committed value can be another, at any place, with all that follows from it; nor any limb.
pub(super) fn nothing_is_free(scene: &Scene) {
    let places = scene.places();
    let names: BTreeSet<&String> = places.iter().map(|(name, _)| name).collect();
    println!("{} places of {names:?}", places.len());
    for (name, place) in &places {
        for by in [1, -1, 3] {
            let lie = |here: Place<'_>, value: &mut i128| {
                *value += by * i128::from(is(here, name, *place));
            };
            assert_ne!(scene.violation(lie), None, "{name} {place:?}: {by}");
        }
    }
    let lowered = scene.lowered(Cut::Format);
    let honest = scene.forged(&lowered, |_, _| ());
    let uses: Vec<TensorId> = lowered.relation().tables.iter().map(|t| t.1).collect();
    let committed = lowered.committed().iter().map(|c| c.tensor);
    for tensor in committed.filter(|tensor| !uses.contains(tensor)) {
        for at in 0..1 << lowered.relation().num_vars(tensor) {
            let mut values = honest.clone();
            let column = Arc::make_mut(values.get_mut(&tensor).unwrap());
            column.resize(column.len().max(at + 1), 0);
            column[at] += 1;
            let name = lowered.relation().name(tensor);
            assert_ne!(lowered.relation().violation(&values), None, "{name} {at}");
        }
    }
}

/// Tries a cheat on a scene with and without a check, by proofs: see [`crate::cheats`]. `refused_by` is the check that
/// names it without hiding.
pub(super) fn tried(
    check: Check,
    refused_by: Check,
    scene: &Scene,
    lie: impl Fn(Place<'_>, &mut i128),
) -> Tried {
    soundness::cheats::tried(check, refused_by, |hiding| scene.verdict(hiding, &lie))
}

/// Tries a cheat that commits to elements of the field that are no integers: by the naive checker, which is asked for
/// everything but how often tables are used.
pub(super) fn tried_in_field(
    check: Check,
    named: &str,
    scene: &Scene,
    lie: impl Fn(&Lowered<F>, TensorId) -> Vec<F>,
) -> Tried {
    let cheat = || {
        let lowered = scene.lowered(Cut::Format);
        match lowered
            .relation()
            .violation_in_field(&|id| lie(&lowered, id))
        {
            None | Some(Violation::Multiplicities { .. }) => Ok(()),
            Some(violation) => Err(violation),
        }
    };
    judge(
        check,
        cheat,
        |violation| matches!(violation, Violation::Lookup { tensor, .. } if tensor == named),
    )
}
