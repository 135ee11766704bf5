//! What is reported, as text and as JSON.
use super::operations::Operations;
use serde::{Serialize, Serializer};
use std::{collections::BTreeMap, fmt, time::Duration};

/// All figures of a run. Durations are seconds in JSON.
#[derive(Serialize)]
pub struct Report {
    pub curve: &'static str,
    pub architecture: String,
    pub parameters: usize,
    pub batch: usize,
    pub steps: usize,
    pub hiding: bool,
    pub threads: usize,
    /// One-time: the commitment to the data set.
    #[serde(serialize_with = "seconds")]
    pub commit_data: Duration,
    /// One-time: the commitment to the root's public weights, for all its children.
    #[serde(serialize_with = "seconds")]
    pub commit_root: Duration,
    #[serde(serialize_with = "seconds")]
    pub integer_step: Duration,
    #[serde(serialize_with = "seconds")]
    pub float_step: Duration,
    #[serde(serialize_with = "seconds")]
    pub commit_child: Duration,
    /// From openings to the proof, without training: its values are kept.
    #[serde(serialize_with = "seconds")]
    pub prove: Duration,
    /// By phase, of the whole segment.
    #[serde(serialize_with = "all_seconds")]
    pub phases: BTreeMap<&'static str, Duration>,
    #[serde(serialize_with = "seconds")]
    pub verify: Duration,
    /// Of the proof, by part.
    pub bytes: BTreeMap<String, u64>,
    pub proof_bytes: usize,
    /// In bytes.
    pub peak_memory: Option<u64>,
    /// In a build that counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Operations>,
}

fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}

fn all_seconds<S: Serializer>(
    times: &BTreeMap<&'static str, Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(times.iter().map(|(name, time)| (name, time.as_secs_f64())))
}

/// The phases that zkDL, zkLLM and others call the proving time: sumchecks and the opening.
const PAPERS: [&str; 6] = [
    "lookups",
    "fold operands",
    "level sumcheck",
    "fold rows",
    "replay",
    "linear form",
];

/// The parts of a proof that they count.
const PAPERS_PARTS: [&str; 2] = ["reductions", "opening"];

impl Report {
    /// All that a step costs behind the one-time setup, seconds.
    pub fn per_step(&self) -> f64 {
        (self.prove + self.commit_child).as_secs_f64() / self.steps as f64
    }

    /// [`per_step`](Self::per_step) to the plain integer step.
    pub fn ratio(&self) -> f64 {
        self.per_step() / self.integer_step.as_secs_f64()
    }

    /// [`per_step`](Self::per_step) to the `f32` step.
    pub fn float_ratio(&self) -> f64 {
        self.per_step() / self.float_step.as_secs_f64()
    }

    /// Sumchecks and opening only, seconds a step.
    pub fn papers_per_step(&self) -> f64 {
        let times = PAPERS.iter().filter_map(|name| self.phases.get(name));
        times.sum::<Duration>().as_secs_f64() / self.steps as f64
    }

    /// Proof without commitments.
    pub fn papers_bytes(&self) -> u64 {
        let parts = PAPERS_PARTS.iter().filter_map(|name| self.bytes.get(*name));
        parts.sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |what: &str, value: String| writeln!(f, "{what:>44}  {value}");
        let s = |time: &Duration| format!("{:.3} s", time.as_secs_f64());
        let steps = self.steps as f64;
        let a_step = |time: &Duration| format!("{:.4} s", time.as_secs_f64() / steps);
        line(
            "network",
            format!("{} on {}", self.architecture, self.curve),
        )?;
        line("parameters", self.parameters.to_string())?;
        let hiding = if self.hiding { "hiding" } else { "not hiding" };
        let run = format!("{} steps of {} samples, {hiding}", self.steps, self.batch);
        line("segment", run)?;
        line("threads", self.threads.to_string())?;
        line("one-time: commit the data", s(&self.commit_data))?;
        line("one-time: commit the root", s(&self.commit_root))?;
        line("plain integer step", s(&self.integer_step))?;
        line("plain f32 step", s(&self.float_step))?;
        line("commit the child, a step", a_step(&self.commit_child))?;
        line("prove, a step", a_step(&self.prove))?;
        for (phase, time) in &self.phases {
            line(&format!("of which {phase}"), a_step(time))?;
        }
        let rest = self.prove.saturating_sub(self.phases.values().sum());
        line("of which elsewhere", a_step(&rest))?;
        line("all, a step", format!("{:.4} s", self.per_step()))?;
        line(
            "to the plain integer step",
            format!("{:.1} x", self.ratio()),
        )?;
        let ratio = format!("{:.1} x", self.float_ratio());
        line("to the plain f32 step", ratio)?;
        line("verify the segment", s(&self.verify))?;
        line(
            "proof of the segment",
            format!("{} bytes", self.proof_bytes),
        )?;
        for (part, bytes) in &self.bytes {
            line(&format!("of which {part}"), format!("{bytes} bytes"))?;
        }
        let papers = format!("{:.4} s", self.papers_per_step());
        line("papers' accounting: sumchecks and opening", papers)?;
        let papers = format!("{} bytes", self.papers_bytes());
        line("papers' accounting: without commitments", papers)?;
        if let Some(peak) = self.peak_memory {
            line("peak memory", format!("{:.2} GB", peak as f64 / 1e9))?;
        }
        if let Some(operations) = &self.operations {
            operations.fmt(f)?;
        }
        Ok(())
    }
}
