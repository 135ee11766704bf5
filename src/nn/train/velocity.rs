//! Momentum: gradients of a segment are kept, and combined anew in each step.
use crate::{
    error::TrainError,
    nn::{
        network::Weights,
        optimise::{Coefficients, Plan, UpdateMatrix},
        program::{
            Program,
            eval::{self, Trace},
        },
        tensor::matmul,
    },
    poly::parallel,
};
/// What the steps of a segment so far leave to those behind them.
///
/// Equation 64 takes no less than all gradients: an integer sequence that falls like $\beta^l$ follows no recurrence, so
/// that none of them can be forgotten before its weight is zero, and none added up with another. A step takes a
/// multiplication for each entry of each gradient that is kept; memory is read once for several steps.
#[derive(Debug, Clone, Default)]
pub(super) struct Velocity {
    matrix: Option<Coefficients>,
    /// The first step of the segment, and the next one.
    first: u64,
    next: u64,
    kept: Vec<Kept>,
    ahead: Option<Ahead>,
}

/// The gradients of one step.
#[derive(Clone)]
struct Kept {
    /// By how many times the gradient parameters move in each step from its own on.
    moves: Vec<i64>,
    step: u64,
    /// Of each parameter, negated.
    gradients: Vec<Vec<i64>>,
    /// Magnitudes of each.
    sizes: Vec<u64>,
}

/// How much only: gradients are secrets.
impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Kept(step {})", self.step)
    }
}

impl Kept {
    /// By how many times the gradient parameters move in a step.
    fn weight(&self, step: u64) -> i64 {
        let lag = step
            .checked_sub(self.step)
            .and_then(|lag| usize::try_from(lag).ok());
        lag.and_then(|lag| self.moves.get(lag))
            .copied()
            .unwrap_or(0)
    }
}

/// What gradients before step `from` add up to in each of the steps from there on.
#[derive(Clone)]
struct Ahead {
    from: u64,
    /// Of each parameter, [`CHUNK`] entries of the first step, as many of the second, and so on, then the next ones.
    sums: Vec<Vec<i64>>,
    /// Bounds on the magnitudes of each parameter's sums in each step.
    sizes: Vec<[u128; BLOCK]>,
}

/// How much only.
impl std::fmt::Debug for Ahead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ahead(of step {})", self.from)
    }
}

/// Steps for which older gradients are added up at once.
const BLOCK: usize = 8;
/// Entries that are combined at once, of a block of steps: what one core has in its nearest cache.
const CHUNK: usize = 1 << 8;

/// Adds so many times a gradient.
fn add(to: &mut [i64], times: i64, gradient: &[i64]) {
    let pairs = to.iter_mut().zip(gradient);
    pairs.for_each(|(sum, x)| *sum += times * x);
}

impl Ahead {
    /// None if it is not worth it, or if a sum might leave its type.
    fn new(kept: &[Kept], from: u64) -> Option<Self> {
        let first = kept.first().filter(|_| kept.len() >= BLOCK)?;
        let times = |kept: &Kept, k: usize| kept.weight(from + k as u64);
        let size = |parameter: usize, k: usize| {
            kept.iter().fold(0, |sum: u128, kept| {
                let times = u128::from(times(kept, k).unsigned_abs());
                sum.saturating_add(times * u128::from(kept.sizes[parameter]))
            })
        };
        let parameters = 0..first.gradients.len();
        let sizes = parameters.map(|parameter| std::array::from_fn(|k| size(parameter, k)));
        let sizes: Vec<[u128; BLOCK]> = sizes.collect();
        if sizes.as_flattened().iter().any(|size| *size >= 1 << 63) {
            return None;
        }
        let sums = first
            .gradients
            .iter()
            .enumerate()
            .map(|(parameter, shape)| {
                let mut sums = vec![0; shape.len().div_ceil(CHUNK) * BLOCK * CHUNK];
                parallel::for_each_chunk(&mut sums, BLOCK * CHUNK, |start, steps| {
                    for kept in kept {
                        let gradient = &kept.gradients[parameter][start / BLOCK..];
                        for (k, step) in steps.chunks_mut(CHUNK).enumerate() {
                            match times(kept, k) {
                                0 => {}
                                times => add(step, times, gradient),
                            }
                        }
                    }
                });
                sums
            });
        Some(Self {
            from,
            sums: sums.collect(),
            sizes,
        })
    }

    /// Which of its steps a step is.
    fn place(&self, step: u64) -> usize {
        (step - self.from) as usize
    }

    /// The sums of a chunk of a parameter that starts at an entry.
    fn chunk(&self, parameter: usize, start: usize, step: u64) -> &[i64] {
        let at = start * BLOCK + self.place(step) * CHUNK;
        &self.sums[parameter][at..at + CHUNK]
    }
}

impl Velocity {
    /// Before a step: the first of a segment, or the one behind the last.
    pub(super) fn begin(&mut self, plan: &Plan, step: u64) -> Result<(), TrainError> {
        let first = plan.first_of(step);
        if step == first {
            self.kept.clear();
            self.ahead = None;
            (self.first, self.next) = (first, first);
            self.matrix = match plan.matrix(first) {
                UpdateMatrix::Of(matrix) => Some(matrix),
                UpdateMatrix::Plain(_) => None,
            };
        }
        match (self.first, self.next) == (first, step) {
            true => Ok(()),
            false => Err(TrainError::MidSegment { step, first }),
        }
    }

    /// Moves weights by the gradients of the segment so far, a step's own among them. After an error all is as before.
    pub(super) fn update(
        &mut self,
        run: (&Program, &Trace),
        weights: &mut Weights,
        step: u64,
    ) -> Result<(), TrainError> {
        let own = self.gradients(run, weights, step)?;
        if (step - self.first).is_multiple_of(BLOCK as u64) {
            self.ahead = Ahead::new(&self.kept, step);
        }
        self.kept.push(own);
        let moves = Moves {
            ahead: self.ahead.as_ref(),
            kept: &self.kept,
            step,
        };
        let moved = match moves.fit(run.1) {
            true => {
                moves.apply(weights);
                Ok(())
            }
            false => moves.apply_carefully(run, weights),
        };
        match moved {
            Ok(()) => {
                self.next = step + 1;
                let still = |kept: &Kept| {
                    (kept.moves.iter().skip((step - kept.step) as usize + 1)).any(|m| *m != 0)
                };
                self.kept.retain(still);
            }
            Err(_) => drop(self.kept.pop()),
        }
        moved
    }

    /// The gradients of a step.
    fn gradients(
        &self,
        (program, trace): (&Program, &Trace),
        weights: &Weights,
        step: u64,
    ) -> Result<Kept, TrainError> {
        let shapes = weights.tensors().into_iter().map(<[i64]>::len);
        let mut gradients: Vec<Vec<i64>> = shapes.map(|len| vec![0; len]).collect();
        let fits = eval::update_fits(program, trace, 1);
        let mut slices: Vec<&mut [i64]> = gradients.iter_mut().map(Vec::as_mut_slice).collect();
        eval::update(program, trace, (1, fits), &mut slices, Some(step))?;
        let tau = (step - self.first) as usize;
        let column = self.matrix.iter().flat_map(|matrix| matrix.column(tau));
        let moves = column.scan(0, |before, entry| {
            let moved = entry - *before;
            *before = entry;
            Some(moved)
        });
        Ok(Kept {
            moves: moves.collect(),
            step,
            sizes: gradients
                .iter()
                .map(|values| matmul::magnitude(values))
                .collect(),
            gradients,
        })
    }
}

/// What a step adds to parameters.
struct Moves<'a> {
    ahead: Option<&'a Ahead>,
    kept: &'a [Kept],
    step: u64,
}

impl Moves<'_> {
    /// Gradients from a step on, and how many times each is added.
    fn since(&self, step: u64) -> Vec<(i64, &Kept)> {
        let kept = self.kept.iter().filter(|kept| kept.step >= step);
        let moves = kept.map(|kept| (kept.weight(self.step), kept));
        moves.filter(|(times, _)| *times != 0).collect()
    }

    /// Those that are not added up yet.
    fn recent(&self) -> Vec<(i64, &Kept)> {
        self.since(self.ahead.map_or(0, |ahead| ahead.from))
    }

    /// Whether no sum on the way leaves its type.
    fn fit(&self, trace: &Trace) -> bool {
        let recent = self.recent();
        let fits = |(k, size): (usize, &u64)| {
            let before = self.ahead.map_or(0, |a| a.sizes[k][a.place(self.step)]);
            let start = before.saturating_add((*size).into());
            largest(&recent, k, start) < 1 << 63
        };
        trace.sizes().iter().enumerate().all(fits)
    }

    fn apply(&self, weights: &mut Weights) {
        let recent = self.recent();
        for (k, tensor) in weights.tensors_mut().into_iter().enumerate() {
            parallel::for_each_chunk(tensor, CHUNK, |start, chunk| {
                if let Some(ahead) = self.ahead {
                    add(chunk, 1, ahead.chunk(k, start, self.step));
                }
                for (times, kept) in &recent {
                    add(chunk, *times, &kept.gradients[k][start..]);
                }
            });
        }
    }

    /// Sums are wide, and each weight is looked at.
    fn apply_carefully(
        &self,
        (program, trace): (&Program, &Trace),
        weights: &mut Weights,
    ) -> Result<(), TrainError> {
        let moves = self.since(0);
        let step = Some(self.step);
        let mut sizes = trace.sizes().iter().enumerate();
        let is_wide = |(k, size): (usize, &u64)| largest(&moves, k, (*size).into()) >> 127 > 0;
        if let Some(k) = sizes.position(is_wide) {
            let tensor = program.name(program.parameters()[k]).to_owned();
            return Err(TrainError::Wide { step, tensor });
        }
        let before = weights.clone();
        for (k, tensor) in weights.tensors_mut().into_iter().enumerate() {
            for (place, w) in tensor.iter_mut().enumerate() {
                let term = |(times, kept): &(i64, &Kept)| {
                    i128::from(*times) * i128::from(kept.gradients[k][place])
                };
                let new = i128::from(*w) + moves.iter().map(term).sum::<i128>();
                let Ok(narrow) = i64::try_from(new) else {
                    *weights = before;
                    let value = program.parameters()[k];
                    return Err(eval::out_of_range(program, value, step, new, i64::BITS));
                };
                *w = narrow;
            }
        }
        Ok(())
    }
}

/// A bound on the magnitude of a parameter and so many times its gradients, and of all sums on the way.
fn largest(moves: &[(i64, &Kept)], parameter: usize, start: u128) -> u128 {
    moves.iter().fold(start, |sum, (times, kept)| {
        let size = u128::from(kept.sizes[parameter]);
        sum.saturating_add(u128::from(times.unsigned_abs()).saturating_mul(size))
    })
}
