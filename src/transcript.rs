//! Fiat-Shamir and the masked channel. The only file that names merlin.
//!
//! # One code path, hiding or not
//!
//! The reductions of this crate (sumcheck, LogUp, the levels of a relation) know nothing of
//! hiding: a prover [sends](ProverChannel::send) scalars, a verifier [receives](VerifierChannel::receive)
//! them, computes with them and [checks](VerifierChannel::assert_zero) that some expression is zero.
//!
//! * Without hiding a received scalar is a number and each check is evaluated at once.
//! * With hiding the prover adds to the `i`-th scalar a one-time *pad* `p_i`, committed before
//!   anything was sent. What travels, and what the transcript absorbs, is the sum. A received
//!   scalar is the [`Expr`] `received - p_i`, the verifier computes with affine forms in the
//!   pads, and each check becomes a *constraint* on them, kept for the one linear-form proof that
//!   ends every proof (`commit::opening`).
//!
//! A product of two received scalars needs the product of their pads,
//! `x y = (X - p)(Y - q) = X Y - X q - Y p + pq` (equations 42 and 43 of [`notes`](crate::notes)); those products are committed with the pads and
//! proven by `commit::hadamard`.
//!
//! This is the construction of Longfellow [Frigo-shelat 2024/2010], with Pedersen
//! commitments in place of Ligero. How many pads and products a statement needs is found by a
//! [dry run](VerifierChannel::dry_run) of its verifier.
//!
//! # Seen from outside
//!
//! Everything that a transcript does is an event of [`tracing`] at level `TRACE` with the target
//! `zktree::transcript`: `event` is one of `begin`, `absorb`, `message`, `challenge`, `check`, with
//! the `label`, the `len` in bytes and the `kind` of a message. A subscriber sees labels and
//! lengths only. The tests of soundness find every message of a proof by it.
//!
//! # Rules
//!
//! * A transcript cannot be made without a label and the whole statement.
//! * Sending absorbs; receiving absorbs; a challenge depends on all that came before.
//! * The verifier pulls exactly what the statement calls for, and [`VerifierChannel::finish`]
//!   refuses trailing bytes. No length is read from the proof.
use crate::{check, count, error::VerifyError, poly::parallel};
use ark_ec::CurveGroup;
use ark_ff::PrimeField;
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize, Compress, Validate};
use rand::{CryptoRng, RngCore, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};
use tracing::trace;
use zeroize::Zeroizing;

/// Version of the protocol: part of every transcript, apart from the crate's version.
pub const PROTOCOL: &[u8] = b"zktree proof of training, version 2";

/// Kinds of messages.
const SCALAR: &str = "scalar";
const POINT: &str = "point";

/// The sequence of public bytes that challenges are derived from.
#[derive(Clone)]
struct Transcript {
    merlin: merlin::Transcript,
    /// Whether it is seen from outside: a dry run is not.
    seen: bool,
}

impl Transcript {
    fn new(application: &'static [u8], statement: &[u8]) -> Self {
        trace!(event = "begin", label = %application.escape_ascii());
        Self {
            seen: true,
            ..Self::unseen(application, statement)
        }
    }

    fn unseen(application: &'static [u8], statement: &[u8]) -> Self {
        let mut transcript = merlin::Transcript::new(PROTOCOL);
        transcript.append_message(b"application", application);
        transcript.append_message(b"statement", statement);
        Self {
            merlin: transcript,
            seen: false,
        }
    }

    /// Public bytes that both sides know.
    fn absorb(&mut self, label: &'static str, bytes: &[u8]) {
        if self.seen {
            trace!(event = "absorb", label, len = bytes.len() as u64);
        }
        self.merlin.append_message(label.as_bytes(), bytes);
    }

    /// What the prover sends.
    fn message(&mut self, label: &'static str, kind: &'static str, bytes: &[u8]) {
        if self.seen {
            trace!(event = "message", label, kind, len = bytes.len() as u64);
        }
        self.merlin.append_message(label.as_bytes(), bytes);
    }

    fn challenge<F: PrimeField>(&mut self, label: &'static str) -> F {
        if self.seen {
            trace!(event = "challenge", label);
        }
        // 512 bits: the bias of a reduction modulo a 255-bit prime is below 2^-256.
        let mut bytes = [0u8; 64];
        self.merlin.challenge_bytes(label.as_bytes(), &mut bytes);
        let drawn = F::from_le_bytes_mod_order(&bytes);
        #[cfg(test)]
        let drawn = match self.seen {
            true => frozen::challenge(label, drawn),
            false => drawn,
        };
        drawn
    }
}

/// What both sides of a protocol share: absorbing public claims and drawing challenges.
pub trait Challenger<F: PrimeField> {
    /// Binds all later challenges to public bytes that both sides know.
    fn absorb(&mut self, label: &'static str, bytes: &[u8]);
    /// A uniform field element that depends on everything absorbed so far.
    ///
    /// `error` is the numerator of its soundness error: of all `|F|` values, at most so many let
    /// pass what was false before it was drawn. A verifier [adds them up](VerifierChannel::errors).
    fn challenge(&mut self, label: &'static str, error: u64) -> F;
    /// `n` challenges, each with this `error`.
    fn challenges(&mut self, label: &'static str, n: usize, error: u64) -> Vec<F> {
        (0..n).map(|_| self.challenge(label, error)).collect()
    }
}

/// The soundness errors of all challenges of a proof, by label: how many were drawn, and the sum of
/// their numerators.
pub type Errors = BTreeMap<&'static str, (u64, u128)>;

/// How many pads and which products of pads a statement's verifier uses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MaskPlan {
    /// Number of masked scalars.
    pub num_pads: usize,
    /// Pairs of pads whose product is needed, in the order of use.
    pub products: Vec<(usize, usize)>,
}

impl MaskPlan {
    /// The pads that occur in some product, in increasing order.
    pub fn factors(&self) -> Vec<usize> {
        let set: BTreeSet<usize> = self.products.iter().flat_map(|(i, j)| [*i, *j]).collect();
        set.into_iter().collect()
    }
}

/// The prover's end: writes the proof and draws challenges.
pub struct ProverChannel<F: PrimeField> {
    transcript: Transcript,
    proof: Vec<u8>,
    /// One-time pads still to be used, last first; `None` without hiding. Used ones are erased with
    /// the others, when the channel is dropped.
    pads: Option<Zeroizing<Vec<F>>>,
}

impl<F: PrimeField> ProverChannel<F> {
    /// Starts a proof of `statement` (its whole canonical encoding).
    pub fn new(application: &'static [u8], statement: &[u8]) -> Self {
        Self {
            transcript: Transcript::new(application, statement),
            proof: Vec::new(),
            pads: None,
        }
    }

    /// From here on the `i`-th scalar sent is masked by `pads[i]`.
    pub fn mask_with(&mut self, mut pads: Vec<F>) {
        pads.reverse();
        self.pads = Some(Zeroizing::new(pads));
    }

    /// Sends a scalar, masked if the proof is hiding.
    ///
    /// # Panics
    /// If more scalars are sent than pads were prepared: the prover and the dry run of the
    /// verifier that counted them disagree, which is a defect of the protocol's code.
    pub fn send(&mut self, label: &'static str, scalar: &F) {
        let pad = match &mut self.pads {
            Some(pads) => pads
                .pop()
                .expect("the dry run counts every scalar that is sent"),
            None => F::ZERO,
        };
        self.send_clear(label, &(*scalar + pad));
    }

    /// Sends scalars, masked if the proof is hiding.
    pub fn send_all(&mut self, label: &'static str, scalars: &[F]) {
        for scalar in scalars {
            self.send(label, scalar);
        }
    }

    /// Sends a scalar as it is: only for values that hide themselves.
    pub fn send_clear(&mut self, label: &'static str, scalar: &F) {
        self.write(label, SCALAR, scalar);
    }

    /// Sends a group element.
    pub fn send_point<C: CurveGroup>(&mut self, label: &'static str, point: &C::Affine) {
        self.write(label, POINT, point);
    }

    /// Sends group elements.
    pub fn send_points<C: CurveGroup>(&mut self, label: &'static str, points: &[C::Affine]) {
        for point in points {
            self.write(label, POINT, point);
        }
    }

    /// A generator for blindings and pads, hedged: it depends on system entropy, on the
    /// transcript so far and on the caller's secret bytes (a digest of the witness).
    pub fn secret_rng(&self, witness: &[u8]) -> impl RngCore + CryptoRng + use<F> {
        let mut rng = self
            .transcript
            .merlin
            .build_rng()
            .rekey_with_witness_bytes(b"witness", witness)
            .finalize(&mut rand::rngs::OsRng);
        let mut seed = [0u8; 32];
        rng.fill_bytes(&mut seed);
        rand_chacha::ChaCha20Rng::from_seed(seed)
    }

    /// The proof so far.
    pub fn proof(&self) -> &[u8] {
        &self.proof
    }

    /// Number of pads not used yet.
    pub fn pads_left(&self) -> usize {
        self.pads.as_ref().map_or(0, |pads| pads.len())
    }

    /// Ends the proof.
    pub fn finish(self) -> Vec<u8> {
        self.proof
    }

    fn write(
        &mut self,
        label: &'static str,
        kind: &'static str,
        message: &impl CanonicalSerialize,
    ) {
        let start = self.proof.len();
        message
            .serialize_compressed(&mut self.proof)
            .expect("writing to memory does not fail");
        self.transcript.message(label, kind, &self.proof[start..]);
    }
}

impl<F: PrimeField> Challenger<F> for ProverChannel<F> {
    fn absorb(&mut self, label: &'static str, bytes: &[u8]) {
        self.transcript.absorb(label, bytes);
    }

    fn challenge(&mut self, label: &'static str, _: u64) -> F {
        self.transcript.challenge(label)
    }
}

/// A pad or a product of two pads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mask {
    /// The pad of the `i`-th masked scalar.
    Pad(usize),
    /// The `k`-th product of pads of the [`MaskPlan`].
    Product(usize),
}

/// What the verifier knows of a scalar: an affine form in the pads.
///
/// Without hiding there are no pads and it is a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expr<F> {
    constant: F,
    /// Sorted by mask, no zero coefficients added on purpose.
    terms: Vec<(Mask, F)>,
}

impl<F: PrimeField> Expr<F> {
    /// A number that everybody knows.
    pub fn known(constant: F) -> Self {
        Self {
            constant,
            terms: Vec::new(),
        }
    }

    /// Zero.
    pub fn zero() -> Self {
        Self::known(F::ZERO)
    }

    /// The part that does not depend on pads.
    pub fn constant(&self) -> F {
        self.constant
    }

    /// The coefficients of pads and products, sorted.
    pub fn terms(&self) -> &[(Mask, F)] {
        &self.terms
    }

    /// `self + factor * other`.
    pub fn plus(&self, factor: F, other: &Self) -> Self {
        count::field_multiplications(other.terms.len());
        // The constant.
        count::field_multiplications(1);
        let mut terms = Vec::with_capacity(self.terms.len() + other.terms.len());
        let (mut a, mut b) = (self.terms.iter().peekable(), other.terms.iter().peekable());
        loop {
            let next = match (a.peek(), b.peek()) {
                (None, None) => break,
                (Some((m, _)), Some((n, _))) if m == n => (*m, true, true),
                (Some((m, _)), Some((n, _))) if m < n => (*m, true, false),
                (Some((m, _)), None) => (*m, true, false),
                (_, Some((n, _))) => (*n, false, true),
            };
            let mut sum = F::ZERO;
            if next.1 {
                sum += a.next().map(|t| t.1).unwrap_or_default();
            }
            if next.2 {
                sum += factor * b.next().map(|t| t.1).unwrap_or_default();
            }
            terms.push((next.0, sum));
        }
        Self {
            constant: self.constant + factor * other.constant,
            terms,
        }
    }

    /// The sum of all `factor * expr`, at once: one `plus` after the other goes through all terms so
    /// far each time.
    pub fn combination<'a>(parts: impl IntoIterator<Item = (F, &'a Self)>) -> Self {
        let (mut constant, mut terms) = (F::ZERO, Vec::new());
        for (factor, part) in parts {
            // The constant, and one a term.
            count::field_multiplications(1 + part.terms.len());
            constant += factor * part.constant;
            terms.extend(part.terms.iter().map(|(mask, c)| (*mask, factor * c)));
        }
        terms.sort_by_key(|(mask, _)| *mask);
        terms.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 += next.1;
            }
            same
        });
        Self { constant, terms }
    }

    /// `self - other`.
    pub fn minus(&self, other: &Self) -> Self {
        self.plus(-F::ONE, other)
    }

    /// `factor * self`.
    pub fn times(&self, factor: F) -> Self {
        count::field_multiplications(self.terms.len());
        // The constant.
        count::field_multiplications(1);
        Self {
            constant: factor * self.constant,
            terms: self.terms.iter().map(|(m, c)| (*m, factor * c)).collect(),
        }
    }

    /// The masked value and its pad, if this is a single received scalar.
    fn as_received(&self) -> Option<(F, usize)> {
        match self.terms.as_slice() {
            [(Mask::Pad(i), c)] if *c == -F::ONE => Some((self.constant, *i)),
            _ => None,
        }
    }
}

/// A check that the verifier put off: `expr` must be zero.
#[derive(Debug, Clone)]
pub struct Constraint<F> {
    /// What must be zero.
    pub expr: Expr<F>,
    /// What it means.
    pub check: &'static str,
}

/// Where the verifier's messages come from.
enum Source<'a> {
    Proof(&'a [u8]),
    /// Every message is zero. Counts pads, and the bytes that a proof would have.
    DryRun(usize),
}

/// The verifier's end: pulls messages from the proof and draws the same challenges.
pub struct VerifierChannel<'a, F> {
    transcript: Transcript,
    source: Source<'a>,
    hiding: bool,
    plan: MaskPlan,
    constraints: Vec<Constraint<F>>,
    num_constraints: usize,
    errors: Errors,
}

impl<'a, F: PrimeField> VerifierChannel<'a, F> {
    /// Reads `proof` as a proof of `statement`.
    pub fn new(application: &'static [u8], statement: &[u8], proof: &'a [u8]) -> Self {
        Self {
            transcript: Transcript::new(application, statement),
            source: Source::Proof(proof),
            hiding: false,
            plan: MaskPlan::default(),
            constraints: Vec::new(),
            num_constraints: 0,
            errors: Errors::new(),
        }
    }

    /// A run on messages that are all zero, to learn the [`MaskPlan`] and the [`Errors`]. No check
    /// fails in it.
    pub fn dry_run(hiding: bool) -> Self {
        Self {
            transcript: Transcript::unseen(b"dry run", b""),
            source: Source::DryRun(0),
            hiding,
            plan: MaskPlan::default(),
            constraints: Vec::new(),
            num_constraints: 0,
            errors: Errors::new(),
        }
    }

    /// From here on received scalars are masked.
    pub fn masked(&mut self) {
        self.hiding = true;
    }

    /// A scalar that may be masked.
    pub fn receive(&mut self, label: &'static str) -> Result<Expr<F>, VerifyError> {
        let constant = self.receive_clear(label)?;
        if !self.hiding {
            return Ok(Expr::known(constant));
        }
        let pad = Mask::Pad(self.plan.num_pads);
        self.plan.num_pads += 1;
        Ok(Expr {
            constant,
            terms: vec![(pad, -F::ONE)],
        })
    }

    /// `n` scalars that may be masked; `n` comes from the statement.
    pub fn receive_all(
        &mut self,
        label: &'static str,
        n: usize,
    ) -> Result<Vec<Expr<F>>, VerifyError> {
        (0..n).map(|_| self.receive(label)).collect()
    }

    /// A scalar that was sent as it is.
    pub fn receive_clear(&mut self, label: &'static str) -> Result<F, VerifyError> {
        let proof = match &mut self.source {
            Source::Proof(proof) => proof,
            Source::DryRun(bytes) => {
                *bytes = bytes.saturating_add(F::ZERO.compressed_size());
                return Ok(F::ZERO);
            }
        };
        let bytes =
            take(proof, F::ZERO.compressed_size()).ok_or(VerifyError::Truncated { label })?;
        self.transcript.message(label, SCALAR, bytes);
        decode(bytes).ok_or(VerifyError::NonCanonicalScalar { label })
    }

    /// A group element.
    pub fn receive_point<C: CurveGroup>(
        &mut self,
        label: &'static str,
    ) -> Result<C::Affine, VerifyError> {
        let points = self.receive_points::<C>(label, 1)?;
        points
            .first()
            .copied()
            .ok_or(VerifyError::Truncated { label })
    }

    /// `n` group elements; `n` comes from the statement. Memory is only taken for what is there.
    pub fn receive_points<C: CurveGroup>(
        &mut self,
        label: &'static str,
        n: usize,
    ) -> Result<Vec<C::Affine>, VerifyError> {
        let size = C::Affine::default().compressed_size();
        let proof = match &mut self.source {
            Source::Proof(proof) => proof,
            Source::DryRun(bytes) => {
                *bytes = bytes.saturating_add(n.saturating_mul(size));
                return Ok(vec![C::Affine::default(); n]);
            }
        };
        let bytes = n
            .checked_mul(size)
            .and_then(|len| take(proof, len))
            .ok_or(VerifyError::Truncated { label })?;
        let encodings: Vec<&[u8]> = bytes.chunks_exact(size).collect();
        for encoding in &encodings {
            self.transcript.message(label, POINT, encoding);
        }
        parallel::map(encodings.len(), 512, |i| {
            encodings.get(i).and_then(|bytes| decode(bytes))
        })
        .into_iter()
        .map(|point| point.ok_or(VerifyError::InvalidPoint { label }))
        .collect()
    }

    /// Reads past `n` encodings of points of `size` bytes without decoding them, absorbing each: for a prover
    /// who replays its own messages.
    pub fn skip(&mut self, label: &'static str, size: usize, n: usize) -> Result<(), VerifyError> {
        for _ in 0..n {
            if let Source::Proof(proof) = &mut self.source {
                let bytes = take(proof, size).ok_or(VerifyError::Truncated { label })?;
                self.transcript.message(label, POINT, bytes);
            }
        }
        Ok(())
    }

    /// The product of two scalars, each a number or a single received scalar.
    pub fn multiply(&mut self, x: &Expr<F>, y: &Expr<F>) -> Result<Expr<F>, VerifyError> {
        if x.terms.is_empty() {
            return Ok(y.times(x.constant));
        }
        if y.terms.is_empty() {
            return Ok(x.times(y.constant));
        }
        let (Some((x0, p)), Some((y0, q))) = (x.as_received(), y.as_received()) else {
            return Err(VerifyError::Defect("a factor is no single received scalar"));
        };
        let product = Mask::Product(self.plan.products.len());
        self.plan.products.push((p, q));
        let linear = Expr {
            constant: x0 * y0,
            terms: vec![(Mask::Pad(p), -y0)],
        };
        let linear = linear.plus(
            -x0,
            &Expr {
                constant: F::ZERO,
                terms: vec![(Mask::Pad(q), F::ONE)],
            },
        );
        Ok(linear.plus(
            F::ONE,
            &Expr {
                constant: F::ZERO,
                terms: vec![(product, F::ONE)],
            },
        ))
    }

    /// Checks that `expr` is zero: at once if it is a number, else by the final proof.
    pub fn assert_zero(&mut self, expr: Expr<F>, check: &'static str) -> Result<(), VerifyError> {
        if !check::is_made(check) {
            return Ok(());
        }
        if !expr.terms.is_empty() {
            self.num_constraints += 1;
        }
        if self.is_dry() {
            return Ok(());
        }
        trace!(event = "check", label = check);
        if !expr.terms.is_empty() {
            self.constraints.push(Constraint { expr, check });
        } else if expr.constant != F::ZERO {
            return Err(VerifyError::CheckFailed { check });
        }
        Ok(())
    }

    /// Checks that a number is not zero. A masked one is not tested.
    pub fn assert_nonzero(&self, expr: &Expr<F>, check: &'static str) -> Result<(), VerifyError> {
        if self.is_dry() || !expr.terms.is_empty() {
            return Ok(());
        }
        trace!(event = "check", label = check);
        match expr.constant == F::ZERO && check::is_made(check) {
            true => Err(VerifyError::CheckFailed { check }),
            false => Ok(()),
        }
    }

    /// Checks that `a == b`.
    pub fn assert_equal(
        &mut self,
        a: &Expr<F>,
        b: &Expr<F>,
        check: &'static str,
    ) -> Result<(), VerifyError> {
        self.assert_zero(a.minus(b), check)
    }

    /// The pads and products used so far.
    pub fn plan(&self) -> &MaskPlan {
        &self.plan
    }

    /// Whether this is a dry run.
    pub fn is_dry(&self) -> bool {
        matches!(self.source, Source::DryRun(_))
    }

    /// In a dry run, how many bytes the messages so far would have; 0 in another.
    pub fn dry_bytes(&self) -> usize {
        match self.source {
            Source::Proof(_) => 0,
            Source::DryRun(bytes) => bytes,
        }
    }

    /// How many checks were put off, in all.
    pub fn num_constraints(&self) -> usize {
        self.num_constraints
    }

    /// The soundness errors of the challenges drawn so far.
    pub fn errors(&self) -> &Errors {
        &self.errors
    }

    /// The checks put off so far. Whoever takes them must have them proven.
    #[must_use = "constraints are unchecked until the linear-form proof"]
    pub fn take_constraints(&mut self) -> Vec<Constraint<F>> {
        std::mem::take(&mut self.constraints)
    }

    /// Ends the proof: nothing may follow, and no constraint may be left unproven.
    pub fn finish(self) -> Result<(), VerifyError> {
        match self.source {
            Source::Proof(rest) if !rest.is_empty() => {
                Err(VerifyError::TrailingBytes { count: rest.len() })
            }
            _ if !self.constraints.is_empty() => {
                Err(VerifyError::Defect("a constraint on pads is not proven"))
            }
            _ => Ok(()),
        }
    }
}

impl<F: PrimeField> Challenger<F> for VerifierChannel<'_, F> {
    fn absorb(&mut self, label: &'static str, bytes: &[u8]) {
        self.transcript.absorb(label, bytes);
    }

    fn challenge(&mut self, label: &'static str, error: u64) -> F {
        let (count, sum) = self.errors.entry(label).or_default();
        *count += 1;
        *sum = sum.saturating_add(error.into());
        self.transcript.challenge(label)
    }
}

fn take<'a>(proof: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (head, rest) = proof.split_at_checked(len)?;
    *proof = rest;
    Some(head)
}

/// Decodes the one canonical compressed encoding of a field or group element; group elements
/// are on the curve and in the prime-order subgroup.
pub fn decode<T: CanonicalDeserialize + CanonicalSerialize>(bytes: &[u8]) -> Option<T> {
    let value = T::deserialize_with_mode(bytes, Compress::Yes, Validate::Yes).ok()?;
    let mut again = Vec::with_capacity(bytes.len());
    value.serialize_compressed(&mut again).ok()?;
    (again == bytes).then_some(value)
}

/// Challenges that a test lays down beforehand, for this thread: what Fiat-Shamir is there to prevent.
#[cfg(test)]
pub(crate) mod frozen {
    use ark_ff::PrimeField;
    use std::{cell::RefCell, collections::VecDeque};

    /// A challenge with its label.
    pub(crate) type Drawn = (&'static str, Vec<u8>);

    enum Mode {
        Record(Vec<Drawn>),
        Replay(VecDeque<Drawn>),
    }

    thread_local! {
        static MODE: RefCell<Option<Mode>> = const { RefCell::new(None) };
    }

    /// Runs `work` and lists the challenges that it draws.
    pub(crate) fn record<T>(work: impl FnOnce() -> T) -> (T, Vec<Drawn>) {
        let (result, mode) = with(Mode::Record(Vec::new()), work);
        match mode {
            Mode::Record(drawn) => (result, drawn),
            Mode::Replay(_) => unreachable!(),
        }
    }

    /// Runs `work` with these challenges in place of those of the transcript.
    ///
    /// # Panics
    /// If it draws others, by label, or more.
    pub(crate) fn replay<T>(drawn: &[Drawn], work: impl FnOnce() -> T) -> T {
        with(Mode::Replay(drawn.iter().cloned().collect()), work).0
    }

    fn with<T>(mode: Mode, work: impl FnOnce() -> T) -> (T, Mode) {
        MODE.with(|m| assert!(m.replace(Some(mode)).is_none()));
        let result = work();
        (result, MODE.with(|m| m.take()).unwrap())
    }

    pub(super) fn challenge<F: PrimeField>(label: &'static str, drawn: F) -> F {
        MODE.with(|mode| match mode.borrow_mut().as_mut() {
            None => drawn,
            Some(Mode::Record(all)) => {
                let mut bytes = Vec::new();
                drawn.serialize_compressed(&mut bytes).unwrap();
                all.push((label, bytes));
                drawn
            }
            Some(Mode::Replay(all)) => {
                let (expected, bytes) = all.pop_front().unwrap();
                assert_eq!(expected, label);
                F::deserialize_compressed(&*bytes).unwrap()
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bls12_381::{Fr, G1Affine, G1Projective};
    use ark_ff::UniformRand;
    use ark_std::test_rng;

    fn value(expr: &Expr<Fr>, plan: &MaskPlan, pads: &[Fr]) -> Fr {
        expr.terms().iter().fold(expr.constant(), |sum, (mask, c)| {
            sum + *c
                * match mask {
                    Mask::Pad(i) => pads[*i],
                    Mask::Product(k) => pads[plan.products[*k].0] * pads[plan.products[*k].1],
                }
        })
    }

    /// At once or one after the other, with masks in common and without, and of nothing.
    #[test]
    fn combinations_are_sums() {
        let rng = &mut test_rng();
        for count in 0..6 {
            let exprs: Vec<(Fr, Expr<Fr>)> = (0..count)
                .map(|k| {
                    let masks = [Mask::Pad(k % 2), Mask::Pad(k + 2), Mask::Product(k % 3)];
                    let terms = masks.map(|mask| (mask, Fr::rand(rng)));
                    let constant = Fr::rand(rng);
                    let expr = Expr {
                        constant,
                        terms: terms.into(),
                    };
                    (Fr::rand(rng), expr)
                })
                .collect();
            let one_by_one = exprs
                .iter()
                .fold(Expr::zero(), |sum, (c, e)| sum.plus(*c, e));
            let at_once = Expr::combination(exprs.iter().map(|(c, e)| (*c, e)));
            assert_eq!(at_once, one_by_one);
        }
    }

    #[test]
    fn masked_arithmetic_is_arithmetic() {
        let rng = &mut test_rng();
        let pads: Vec<Fr> = (0..3).map(|_| Fr::rand(rng)).collect();
        let x: Vec<Fr> = (0..3).map(|_| Fr::rand(rng)).collect();
        let mut prover = ProverChannel::new(b"test", b"statement");
        prover.mask_with(pads.clone());
        prover.send_all("x", &x);
        let c: Fr = prover.challenge("c", 1);
        let proof = prover.finish();

        let mut verifier = VerifierChannel::<Fr>::new(b"test", b"statement", &proof);
        verifier.masked();
        let y = verifier.receive_all("x", 3).unwrap();
        assert_eq!(c, verifier.challenge("c", 1));
        let product = verifier.multiply(&y[0], &y[1]).unwrap();
        let square = verifier.multiply(&y[2], &y[2]).unwrap();
        let sum = product.plus(c, &y[2]).minus(&square).minus(&y[0].times(c));
        let plan = verifier.plan().clone();
        assert_eq!(
            value(&sum, &plan, &pads),
            x[0] * x[1] + c * x[2] - x[2] * x[2] - c * x[0]
        );
        // Only what was received as it is can be a factor.
        for other in [&sum, &y[0].times(Fr::from(2u64)), &y[0].plus(c, &y[1])] {
            assert!(verifier.multiply(other, &y[0]).is_err());
        }
        assert_eq!(plan.factors(), vec![0, 1, 2]);
        verifier.assert_zero(sum, "sum").unwrap();
        assert_eq!(
            verifier.finish(),
            Err(VerifyError::Defect("a constraint on pads is not proven"))
        );
    }

    /// Sums are merged: each mask is there once, in order.
    #[test]
    fn sums_are_sorted() {
        let expr = |masks: &[Mask]| Expr {
            constant: Fr::from(3u64),
            terms: masks.iter().map(|m| (*m, Fr::from(5u64))).collect(),
        };
        let masks = [0, 1, 2].map(Mask::Pad).into_iter();
        let masks: Vec<Mask> = masks.chain([0, 1].map(Mask::Product)).collect();
        let subset = |bits: u32| -> Vec<Mask> {
            let in_subset = |k: &usize| bits >> k & 1 == 1;
            (0..masks.len())
                .filter(in_subset)
                .map(|k| masks[k])
                .collect()
        };
        for a in 0..1 << masks.len() {
            for b in 0..1 << masks.len() {
                let sum = expr(&subset(a)).plus(Fr::from(2u64), &expr(&subset(b)));
                let found: Vec<Mask> = sum.terms().iter().map(|(m, _)| *m).collect();
                assert_eq!(found, subset(a | b));
                for (mask, c) in sum.terms() {
                    let has = |bits| u64::from(subset(bits).contains(mask));
                    assert_eq!(*c, Fr::from(5 * has(a) + 10 * has(b)));
                }
                assert_eq!(sum.constant(), Fr::from(9u64));
            }
        }
    }

    #[test]
    fn reading_is_strict() {
        let mut prover = ProverChannel::<Fr>::new(b"test", b"");
        prover.send("x", &Fr::from(7u64));
        prover.send_point::<G1Projective>("P", &G1Affine::identity());
        let proof = prover.finish();
        let read = |bytes: &[u8]| {
            let mut channel = VerifierChannel::<Fr>::new(b"test", b"", bytes);
            channel.receive("x")?;
            let _ = channel.receive_point::<G1Projective>("P")?;
            channel.finish()
        };
        assert_eq!(read(&proof), Ok(()));
        assert_eq!(
            read(&proof[..31]),
            Err(VerifyError::Truncated { label: "x" })
        );
        assert_eq!(
            read(&proof[..79]),
            Err(VerifyError::Truncated { label: "P" })
        );
        assert_eq!(
            read(&[&proof[..], &[0]].concat()),
            Err(VerifyError::TrailingBytes { count: 1 })
        );
        let mut big = proof.clone();
        big[..32].fill(0xff);
        assert_eq!(
            read(&big),
            Err(VerifyError::NonCanonicalScalar { label: "x" })
        );
        let mut garbage = proof.clone();
        garbage[40] = 1; // the identity's encoding has zeros behind its flag
        assert_eq!(
            read(&garbage),
            Err(VerifyError::InvalidPoint { label: "P" })
        );
    }

    #[test]
    fn challenges_depend_on_label_statement_and_messages() {
        let draw = |app: &'static [u8], statement: &[u8], message: u64| -> Fr {
            let mut channel = ProverChannel::new(app, statement);
            channel.send("x", &Fr::from(message));
            channel.challenge("c", 1)
        };
        let base = draw(b"a", b"s", 1);
        assert_eq!(base, draw(b"a", b"s", 1));
        for other in [
            draw(b"b", b"s", 1),
            draw(b"a", b"t", 1),
            draw(b"a", b"s", 2),
        ] {
            assert_ne!(base, other);
        }
    }
}
