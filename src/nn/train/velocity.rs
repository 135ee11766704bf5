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
use std::collections::VecDeque;

/// What the steps of a segment so far leave to those behind them.
///
/// Equation 64 takes no less than all gradients: an integer sequence that falls like $\beta^l$ follows no recurrence, so
/// that none of them can be forgotten before its weight is zero, and none added up with another. A step takes a
/// multiplication for each entry of each gradient that is kept.
#[derive(Debug, Clone, Default)]
pub(super) struct Velocity {
    matrix: Option<Coefficients>,
    /// The first step of the segment, and the next one.
    first: u64,
    next: u64,
    kept: VecDeque<Kept>,
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

/// Entries that are combined at once: what one core has in its nearest cache.
const CHUNK: usize = 1 << 11;

impl Velocity {
    /// Before a step: the first of a segment, or the one behind the last.
    pub(super) fn begin(&mut self, plan: &Plan, step: u64) -> Result<(), TrainError> {
        let first = plan.first_of(step);
        if step == first {
            self.kept.clear();
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
        self.kept.push_back(own);
        let moves: Vec<(i64, &Kept)> = self.kept.iter().map(|k| (k.weight(step), k)).collect();
        let moved = combine(run, &moves, weights, step);
        match moved {
            Ok(()) => {
                self.next = step + 1;
                let still = |kept: &Kept| {
                    (kept.moves.iter().skip((step - kept.step) as usize + 1)).any(|m| *m != 0)
                };
                self.kept.retain(still);
            }
            Err(_) => drop(self.kept.pop_back()),
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

/// Adds so many times each negated gradient.
fn combine(
    (program, trace): (&Program, &Trace),
    moves: &[(i64, &Kept)],
    weights: &mut Weights,
    step: u64,
) -> Result<(), TrainError> {
    let moves: Vec<_> = moves.iter().filter(|(times, _)| *times != 0).collect();
    // A bound on the magnitude of a parameter behind the step, and of all sums on the way.
    let largest = |k: usize, before: u64| {
        moves.iter().fold(u128::from(before), |sum, (times, kept)| {
            sum.saturating_add(u128::from(times.unsigned_abs()) * u128::from(kept.sizes[k]))
        })
    };
    let sizes = trace.sizes().iter().enumerate();
    let largest: Vec<u128> = sizes.map(|(k, size)| largest(k, *size)).collect();
    if largest.iter().all(|largest| *largest < 1 << 63) {
        for (k, tensor) in weights.tensors_mut().into_iter().enumerate() {
            parallel::for_each_chunk(tensor, CHUNK, |start, chunk| {
                for (times, kept) in &moves {
                    let gradient = &kept.gradients[k][start..start + chunk.len()];
                    chunk
                        .iter_mut()
                        .zip(gradient)
                        .for_each(|(w, g)| *w += times * g);
                }
            });
        }
        return Ok(());
    }
    if let Some(k) = largest.iter().position(|largest| largest >> 127 > 0) {
        let tensor = program.name(program.parameters()[k]).to_owned();
        return Err(TrainError::Wide {
            step: Some(step),
            tensor,
        });
    }
    let before = weights.clone();
    for (k, tensor) in weights.tensors_mut().into_iter().enumerate() {
        for (place, w) in tensor.iter_mut().enumerate() {
            let terms = moves
                .iter()
                .map(|(times, kept)| i128::from(*times) * i128::from(kept.gradients[k][place]));
            let new = terms.fold(i128::from(*w), |sum, term| sum + term);
            match i64::try_from(new) {
                Ok(new) => *w = new,
                Err(_) => {
                    *weights = before;
                    return Err(eval::out_of_range(
                        program,
                        program.parameters()[k],
                        Some(step),
                        new,
                        i64::BITS,
                    ));
                }
            }
        }
    }
    Ok(())
}
