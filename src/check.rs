//! The checks that a verdict depends on, each with a name.
//!
//! What a verifier refuses for a value that a prover chose is one of these: an equation between messages,
//! a lookup that a relation makes, a field of a node that must be another's. What only says that bytes are
//! no encoding, or that a statement is none, is not: it has errors of its own.
//!
//! A check is worth what would pass without it. So in the tests of this library each can be taken out
//! (`without`), and `src/cheats.rs` has for each a cheat that commits its lie and is consistent
//! everywhere else: it is accepted without the check, and refused with it. A check that
//! has no cheat does not compile there.
use std::fmt;

macro_rules! checks {
    ($($(#[$doc:meta])* $name:ident => $text:literal,)*) => {
        /// A check that a verdict depends on.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Check {
            $($(#[$doc])* $name,)*
        }

        impl Check {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// What holds if it passes.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

checks! {
    // Equations between messages.
    /// Lookups, the root of (32).
    LookupRoot => "the denominator at the root of the lookups is not zero",
    /// Lookups, (33).
    LookupGate => "the sumcheck of the lookups ends in the sum of two fractions",
    /// Lookups, the first of (35).
    LookupNumerators => "the numerators of the lookups are ones and multiplicities",
    /// Lookups, the second of (35).
    LookupDenominators => "the denominators of the lookups are those of columns and tables",
    /// Layered circuits: a layer's gates.
    CircuitLayer => "the sumcheck of the layer ends in its gates",
    /// Two ways lead to one evaluation of a tensor.
    ClaimsAgree => "two claims on one evaluation agree",
    /// All operands of an affine tensor are claimed, (20).
    AffineDefinition => "an affine definition holds",
    /// A level, (22).
    LevelEnd => "the end of a level's sumcheck",
    /// A tensor that the relation itself lists is looked up.
    PublicTensor => "a public tensor is the relation's",
    /// An input that the verifier evaluates: weights of a seed, public rows, a stated error.
    PublicInput => "an input is the public one",
    // What the relations ask for: without one of these more witnesses satisfy them.
    /// Hidden units in training (30) and in inference (57).
    UnitRange => "hidden units are in range, with their signs",
    /// The last layer's units.
    OutputRange => "outputs are in range",
    /// Gradients by hidden units.
    GradientRange => "gradients are in range",
    /// Limbs of (29) below the top one.
    RemainderLow => "the low limbs of a remainder are in range",
    /// The top limb of (29).
    RemainderTop => "the top limb of a remainder is in range",
    /// Limbs of (57) below the top one.
    RangeLow => "the low limbs of a range are in range",
    /// Committed inputs of an inference.
    InputRange => "committed inputs are in range",
    /// Committed targets of an inference.
    TargetRange => "committed targets are in range",
    /// All entries of a data set.
    DataRange => "data are in range",
    /// Weights of unknown origin (56).
    WeightRange => "weights are in range, and none where there is no unit",
    /// Biases of unknown origin (56).
    BiasRange => "biases are in range, and none where there is no unit",
    /// The update (26).
    LastWeights => "the last weights are those behind the last step",
    /// The stated error (55).
    SquaredError => "the squared error is the sum of squares",
    /// Rows of an inference that the verifier sees.
    PublicRange => "public values are in range",
    /// Tuples of (73).
    Probability => "probabilities are exponentials of distances",
    /// The remainder of (73).
    Distance => "distances are those of rounded scores from their level",
    /// Levels of (73).
    Level => "levels of rows of scores are in range",
    /// The first of (74).
    LevelFits => "the probabilities of a row are not more than one",
    /// The second of (74).
    LevelLeast => "the level of a row is the least one",
    /// The rest of (71).
    MeanRest => "the rest of a mean is below its divisor",
    /// Means of (71).
    Mean => "means are in range",
    /// Roots of (72).
    Root => "inverse roots are in range",
    /// The first of (72).
    RootBelow => "an inverse root is not too large",
    /// The second of (72).
    RootAbove => "an inverse root is not too small",
    /// Bits of (75).
    ClassBit => "classes are chosen by bits, and none where there is no class",
    /// The first of (75).
    ClassSum => "one class is chosen",
    /// The second of (75).
    ClassLabel => "the class that is chosen is the label",
    /// Tuples of (76).
    FirstMaximum => "the first maximum is chosen",
    /// The sum of (76).
    MaximumSum => "one maximum is chosen",
    /// The count (78) of right answers.
    Accuracy => "the right answers are counted",
    // What a lineage asks of a node, beside its proof.
    /// A node, or an imported root, is its author's.
    Signature => "the author signed the id",
    /// The statement is of the parent at hand; the node names it.
    Parent => "the node names its parent",
    /// Widths.
    Architecture => "the node has the architecture of its root",
    /// Fraction bits, ranges and limbs.
    Format => "the node has the number formats of its root",
    /// The statement is of the data set at hand; the node names it.
    NamedData => "the node names its data set",
    /// The edge.
    TrainingProof => "training is proven",
    /// The range of the data, which training takes for granted.
    DataProof => "the range of the data is proven",
    /// The range of imported weights, which training takes for granted.
    RootProof => "the range of imported weights is proven",
    /// The group equation (51), with all that is put off to it.
    Opening => "the opening of the commitments",
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Check {
    /// Whether a verifier makes this check: always, but in a control of the tests.
    #[inline]
    pub(crate) fn is_made(self) -> bool {
        is_made(self.name())
    }
}

/// Whether a verifier makes the check of this name.
#[cfg(not(test))]
#[inline]
pub(crate) fn is_made(_name: &str) -> bool {
    true
}

#[cfg(test)]
pub(crate) use removed::{is_made, without};

#[cfg(test)]
mod removed {
    use super::Check;
    use std::cell::Cell;

    thread_local! {
        static REMOVED: Cell<Option<Check>> = const { Cell::new(None) };
    }

    /// Whether the check of this name was not taken out.
    pub(crate) fn is_made(name: &str) -> bool {
        REMOVED.get().is_none_or(|check| check.name() != name)
    }

    /// Runs `work` with this check taken out, on this thread.
    pub(crate) fn without<T>(check: Check, work: impl FnOnce() -> T) -> T {
        struct Back(Option<Check>);
        impl Drop for Back {
            fn drop(&mut self) {
                REMOVED.set(self.0);
            }
        }
        let _back = Back(REMOVED.replace(Some(check)));
        work()
    }
}

/// A check, and the proof that it was tried.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct Tried(Check);

#[cfg(test)]
impl Tried {
    pub(crate) fn check(&self) -> Check {
        self.0
    }
}

/// Tries a cheat with and without a check; `names` tells whether an error is that of the check.
#[cfg(test)]
pub(crate) fn judge<E: fmt::Debug>(
    check: Check,
    cheat: impl Fn() -> Result<(), E>,
    names: impl Fn(&E) -> bool,
) -> Tried {
    if let Err(error) = without(check, &cheat) {
        panic!("{check:?}: refused without the check, so that something else is wrong: {error:?}");
    }
    match cheat() {
        Ok(()) => panic!("{check:?}: a false statement is accepted"),
        Err(error) => assert!(names(&error), "{check:?}: refused for {error:?}"),
    }
    Tried(check)
}
