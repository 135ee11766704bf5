//! Time, operations and memory of a piece of work.
use std::{
    ops::AddAssign,
    time::{Duration, Instant},
};
use zktree::count::{self, Counts};

/// How long something took, and what was done meanwhile.
#[derive(Clone, Copy, Default)]
pub struct Work {
    pub time: Duration,
    /// Nothing where the build does not count.
    pub counts: Counts,
}

impl AddAssign for Work {
    fn add_assign(&mut self, other: Self) {
        self.time += other.time;
        self.counts += other.counts;
    }
}

/// When something began.
pub struct Start(Instant, Counts);

impl Start {
    pub fn now() -> Self {
        Self(Instant::now(), count::snapshot().unwrap_or_default())
    }

    /// What was done since.
    pub fn work(&self) -> Work {
        Work {
            time: self.0.elapsed(),
            counts: count::snapshot().unwrap_or_default() - self.1,
        }
    }
}

/// Does it, and measures.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Work) {
    let start = Start::now();
    let result = work();
    (result, start.work())
}

/// The most memory that was resident, in bytes, where the system says it.
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib << 10)
}
