//! `--dry-run`: what a command would cost.
use super::{Ended, Failure, args::Reporting, output};
use rand::rngs::OsRng;
use serde::Serialize;
use std::{fmt, time::Duration};
use zktree::{
    commit::Curve,
    nn::{
        Architecture,
        argument::Size,
        estimate::{Calibration, Estimate},
    },
    poly::WideField,
};

#[derive(Serialize)]
struct Report {
    parameters: usize,
    #[serde(flatten)]
    estimate: Estimate,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let e = &self.estimate;
        let size = |bytes: u64| output::size(usize::try_from(bytes).unwrap_or(usize::MAX));
        writeln!(f, "parameters       {}", self.parameters)?;
        writeln!(f, "proofs           {}", e.proofs)?;
        writeln!(f, "rows to commit   {}, of {} values", e.rows, e.committed)?;
        writeln!(f, "lookups          {}", e.lookups)?;
        writeln!(f, "size of proofs   {}", size(e.proof_bytes))?;
        let time = output::time(Duration::from_secs_f64(e.seconds.clamp(0.0, 1e15)));
        writeln!(f, "time to prove    about {time}")?;
        writeln!(f, "memory           about {}", size(e.memory_bytes))
    }
}

/// Prints what proofs of these sizes would take, so many of each.
pub fn print<C: Curve<ScalarField: WideField>>(
    architecture: &Architecture,
    sizes: &[(Size, u64)],
    hiding: bool,
    reporting: Reporting,
) -> Result<Ended, Failure> {
    let calibration = Calibration::measure::<C>(hiding, &mut OsRng)?;
    Ok(reporting.print(&Report {
        parameters: architecture.num_parameters(),
        estimate: calibration.estimate(sizes),
    }))
}
