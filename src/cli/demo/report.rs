//! What the demo prints.
use super::{
    super::{
        Ended,
        output::{self, Printer, Style, size},
    },
    family::{Family, Run},
    frauds::Fraud,
    setting::Setting,
};
use serde_json::json;
use std::time::{Duration, Instant};
use zktree::{
    commit::Curve,
    poly::WideField,
    text::{quoted, visible},
};

/// Writes the story, or nothing but JSON at its end.
pub struct Report {
    printer: Printer,
    json: bool,
    start: Instant,
}

fn seconds(seconds: f64) -> String {
    output::time(Duration::from_secs_f64(seconds))
}

impl Report {
    /// A report that starts now.
    pub fn new(json: bool) -> Self {
        Self {
            printer: Printer::default(),
            json,
            start: Instant::now(),
        }
    }

    fn say(&mut self, text: &str) {
        self.say_styled(&[(Style::Plain, text)]);
    }

    /// A line of which pieces are in colour.
    fn say_styled(&mut self, pieces: &[(Style, &str)]) {
        if !self.json {
            let line = [pieces, &[(Style::Plain, "\n")]].concat();
            self.printer.print_styled(&line);
        }
    }

    fn heading(&mut self, title: &str) {
        self.say_styled(&[(Style::Plain, "\n"), (Style::Bold, title)]);
    }

    /// Who has what.
    pub fn setting<C: Curve>(&mut self, setting: &Setting) {
        let p = &setting.parameters;
        let rows = |k: usize| setting.owners[k].1.num_rows();
        let target = &setting.root.normalization().targets()[0].name;
        self.say_styled(&[(Style::Bold, "Three owners, one family of models")]);
        self.say(&format!(
            "\n  data      {}: {} rows, {} features, target {}\n            \
             normalized by mean and deviation of the whole file: these statistics are public\n            \
             Alice has {} rows, Bob {}, Carol {}; they share none. {} rows are held out",
            visible(&setting.file),
            setting.num_rows,
            p.architecture.num_inputs(),
            quoted(target),
            rows(0),
            rows(1),
            rows(2),
            setting.validation.num_rows(),
        ));
        self.say(&format!(
            "  network   {}, {} parameters, integers with {} fraction bits (preset {})\n  \
             root      R_init {}, expanded from the public seed {}\n  \
             training  {} steps a run, batch {}, rate {:.4}\n  \
             proofs    {}, segments of {} steps, {}\n",
            p.architecture,
            p.architecture.num_parameters(),
            p.fixed_point.activation_bits(),
            setting.preset,
            setting.root.id().short(),
            super::setting::SEED,
            p.steps,
            p.batch,
            setting.rate(),
            C::NAME,
            p.segment_steps.min(p.steps),
            match p.hiding {
                true => "weights and data hidden",
                false => "nothing hidden",
            },
        ))
    }

    /// A run that was proven and verified.
    pub fn run(&mut self, run: &Run, from: &str) {
        let trained = format!(
            "  {:5} trains {:5} from {from:6}: {} steps in {}, proven in {}, lineage ",
            run.author,
            run.title,
            run.steps,
            seconds(run.plain_seconds),
            seconds(run.proving_seconds),
        );
        let verifying = format!(" in {}", seconds(run.verifying_seconds));
        self.say_styled(&[
            (Style::Plain, &trained),
            (Style::Green, "verified"),
            (Style::Plain, &verifying),
        ]);
    }

    /// The tree and the table.
    pub fn tree<C: Curve<ScalarField: WideField>>(&mut self, family: &Family<C>) {
        self.heading("The tree");
        self.say("");
        for line in family.tree.to_string().lines() {
            self.say(&format!("  {line}"));
        }
        if family.members[0].child.node.parameters.hiding {
            self.say(
                "\n  Commitments are blinded afresh each time, so ids differ from run to run, and \
                 with them the\n  order of the data.",
            );
        }
        self.heading("Losses");
        self.say("");
        let header = [
            "",
            "own before",
            "after",
            "float",
            "held out before",
            "after",
            "float",
        ];
        let losses = |run: &Run| {
            let (own, out) = (run.training, run.validation);
            let mut cells = vec![run.title.to_owned()];
            cells.extend([own.before, own.after, run.float_training].map(number));
            cells.extend([out.before, out.after, run.float_validation].map(number));
            cells
        };
        self.rows(&header, family, losses);
        self.say(
            "  Mean squared errors, in squared deviations of the target, before and after a run: on \
             the owner's\n  rows and on those held out. Float is training in double precision \
             from the same start on the same\n  batches. The training is proven; the losses are \
             only told.",
        );
        self.heading("Costs");
        self.say("");
        let header = [
            "",
            "steps",
            "a step",
            "proving it",
            "ratio",
            "verifying",
            "proof",
        ];
        let costs = |run: &Run| {
            let steps = run.steps as f64;
            vec![
                run.title.to_owned(),
                run.steps.to_string(),
                seconds(run.plain_seconds / steps),
                seconds(run.proving_seconds / steps),
                format!("{:.0}", run.proving_seconds / run.plain_seconds),
                seconds(run.verifying_seconds),
                size(run.proof_bytes),
            ]
        };
        self.rows(&header, family, costs);
        let data = family.members.iter().map(|m| m.run.data_seconds);
        self.say(&format!(
            "  Verifying is that of the whole lineage; all {} edges together took {}. Before, each \
             owner\n  committed to the data and proved their range, once, in {} on average.",
            family.members.len(),
            output::time(family.verifying),
            seconds(data.sum::<f64>() / family.members.len() as f64),
        ))
    }

    fn rows<C: Curve>(
        &mut self,
        header: &[&str],
        family: &Family<C>,
        cells: impl Fn(&Run) -> Vec<String>,
    ) {
        let mut rows = vec![header.iter().map(|cell| (*cell).to_owned()).collect()];
        rows.extend(family.members.iter().map(|member| cells(&member.run)));
        self.say(&output::table(&rows));
    }

    /// The frauds and how they ended.
    pub fn frauds(&mut self, frauds: &[Fraud]) {
        self.heading("Three frauds");
        for (k, fraud) in frauds.iter().enumerate() {
            self.say(&format!("\n  {}. {}", k + 1, fraud.what));
            for (what, error) in &fraud.refusals {
                self.say_styled(&[
                    (Style::Plain, &format!("     {what}: ")),
                    (Style::Red, "refused"),
                    (Style::Plain, &format!("\n       {error}")),
                ]);
            }
        }
    }

    /// The last line, or all as JSON. Whatever became of the output, all was verified.
    pub fn finish<C: Curve<ScalarField: WideField>>(
        mut self,
        setting: &Setting,
        family: &Family<C>,
        frauds: &[Fraud],
    ) -> Ended {
        let total = self.start.elapsed();
        self.say(&format!(
            "\n  All lineages verified, all frauds refused, in {}.",
            output::time(total)
        ));
        if !self.json {
            return self.printer.end(Ok(()));
        }
        let p = &setting.parameters;
        let runs: Vec<&Run> = family.members.iter().map(|member| &member.run).collect();
        let result = json!({
            "data": setting.file,
            "curve": C::NAME,
            "preset": setting.preset,
            "architecture": p.architecture,
            "batch": p.batch,
            "rate": setting.rate(),
            "steps": p.steps,
            "segment_steps": p.segment_steps,
            "hiding": p.hiding,
            "root": family.root.to_string(),
            "runs": runs,
            "verify_all_seconds": family.verifying.as_secs_f64(),
            "frauds": frauds,
            "total_seconds": total.as_secs_f64(),
        });
        self.printer.print_json(&result);
        self.printer.end(Ok(()))
    }
}

fn number(loss: f64) -> String {
    format!("{loss:.3}")
}
