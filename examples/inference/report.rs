//! What an inference cost.
use serde::{Serialize, Serializer};
use std::{collections::BTreeMap, fmt, time::Duration};

#[derive(Serialize)]
pub struct Report {
    pub curve: &'static str,
    pub preset: String,
    pub architecture: String,
    pub parameters: usize,
    pub batch: usize,
    pub hiding: bool,
    /// Once for a model.
    #[serde(serialize_with = "seconds")]
    pub commit: Duration,
    pub commitment_bytes: usize,
    /// Once for a model that was trained elsewhere.
    #[serde(serialize_with = "seconds")]
    pub prove_range: Duration,
    pub range_bytes: usize,
    /// The plain forward pass in integers.
    #[serde(serialize_with = "seconds")]
    pub forward: Duration,
    #[serde(serialize_with = "seconds")]
    pub prove: Duration,
    #[serde(skip)]
    pub phases: BTreeMap<&'static str, Duration>,
    #[serde(serialize_with = "seconds")]
    pub verify: Duration,
    pub proof_bytes: usize,
    pub bytes: BTreeMap<String, u64>,
    pub peak_memory: Option<u64>,
}

fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |what: &str, value: String| writeln!(f, "{what:>34}  {value}");
        let s = |time: &Duration| format!("{:.4} s", time.as_secs_f64());
        let hiding = if self.hiding { "hiding" } else { "not hiding" };
        line(
            "network",
            format!("{}, {} on {}", self.architecture, self.preset, self.curve),
        )?;
        line("parameters", self.parameters.to_string())?;
        line("samples", format!("{}, {hiding}", self.batch))?;
        line("one-time: commit the weights", s(&self.commit))?;
        if self.range_bytes > 0 {
            line("one-time: prove their range", s(&self.prove_range))?;
            line(
                "proof of their range",
                format!("{} bytes", self.range_bytes),
            )?;
        }
        line("plain forward pass", s(&self.forward))?;
        line("prove", s(&self.prove))?;
        for (phase, time) in &self.phases {
            line(&format!("of which {phase}"), s(time))?;
        }
        let a_sample = self.prove.as_secs_f64() / self.batch as f64;
        line("prove, a sample", format!("{a_sample:.4} s"))?;
        line("verify", s(&self.verify))?;
        line("proof", format!("{} bytes", self.proof_bytes))?;
        for (part, bytes) in &self.bytes {
            line(&format!("of which {part}"), format!("{bytes} bytes"))?;
        }
        if let Some(peak) = self.peak_memory {
            line("peak memory", format!("{:.3} GB", peak as f64 / 1e9))?;
        }
        Ok(())
    }
}
