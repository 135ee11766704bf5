//! Optimisers against the vectors of another program.
use serde::Deserialize;
use sha2::{Digest, Sha256};
use zktree::nn::{
    LearningRate,
    encoding::{Decoder, Encoder},
    optimise::{Optimiser, Plan, UpdateMatrix},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    optimizer: String,
    schedule: String,
    units: u64,
    steps: u64,
    segment_steps: u64,
    encoding: String,
    rates: String,
    matrices: String,
    largest_sum: String,
}

fn digest(numbers: impl Iterator<Item = u64>) -> String {
    let mut hash = Sha256::new();
    numbers.for_each(|number| hash.update(number.to_le_bytes()));
    hex::encode(hash.finalize())
}

impl Case {
    fn plan(&self) -> Plan {
        let rate = LearningRate::from_coefficient(self.units).unwrap();
        let (momentum, schedule) = (self.optimizer.parse(), self.schedule.parse());
        Plan {
            optimiser: Optimiser::new(rate, momentum.unwrap(), schedule.unwrap()).unwrap(),
            steps: self.steps,
            segment_steps: self.segment_steps,
        }
    }

    fn check(&self) {
        let plan = self.plan();
        let (optimiser, steps) = (plan.optimiser, self.steps);
        let text = (
            optimiser.momentum().to_string(),
            optimiser.schedule().to_string(),
        );
        assert_eq!(text, (self.optimizer.clone(), self.schedule.clone()));

        let bytes = hex::decode(&self.encoding).unwrap();
        // Without a kind in front.
        let kind = Encoder::new("zktree/v1/test").finish();
        let framed = [kind, bytes].concat();
        let mut decoder = Decoder::new("zktree/v1/test", &framed).unwrap();
        assert_eq!(Optimiser::decode(&mut decoder).unwrap(), optimiser);
        assert_eq!(
            optimiser.encode(Encoder::new("zktree/v1/test")).finish(),
            framed
        );

        let few = 0..steps.min(300);
        let mut sampled: Vec<u64> = few.chain([steps / 3, steps / 2, steps - 1]).collect();
        sampled.sort_unstable();
        sampled.dedup();
        let rates = sampled
            .iter()
            .map(|step| optimiser.schedule().at(*step, steps));
        assert_eq!(digest(rates), self.rates);

        let last = plan.first_of(steps - 1);
        let mut firsts = vec![0, self.segment_steps.min(last), last];
        firsts.dedup();
        let entries = firsts
            .into_iter()
            .flat_map(|first| match plan.matrix(first) {
                UpdateMatrix::Of(matrix) => {
                    let columns = (0..matrix.steps()).map(|tau| matrix.column(tau).collect());
                    columns.collect::<Vec<Vec<i64>>>().concat()
                }
                UpdateMatrix::Plain(_) => panic!("it is not plain"),
            });
        assert_eq!(digest(entries.map(|k| k as u64)), self.matrices);
        assert_eq!(plan.largest_sum().unwrap().to_string(), self.largest_sum);
    }
}

#[test]
fn optimisers_are_those_of_the_notes() {
    let vectors: Vectors =
        serde_json::from_str(include_str!("../vectors/optimisers.json")).unwrap();
    assert!(vectors.cases.len() > 5);
    for case in vectors.cases {
        println!("{} {}", case.optimizer, case.schedule);
        case.check();
    }
}
