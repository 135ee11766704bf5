//! For each check a prover who gets a false statement accepted where only this check is missing.
//!
//! A cheat commits its lie and is honest in everything that follows from it, so that one check alone
//! stands in its way. [`judge`](crate::check::judge) tries it twice: with the check taken out it must be accepted, which
//! shows that it is worth something and that nothing else refuses it; with the check it must be refused,
//! and by that name: an equation by its own, a lookup or an equality by the check that it is reduced to, and
//! with hiding all by the opening, where nothing tells them apart. A new [`Check`] does not compile here without a cheat.
use crate::check::{Check, Tried};

macro_rules! cheats {
    ($($check:ident, $test:ident: [$($cheat:path),+ $(,)?];)*) => {
        fn cheats(check: Check) -> &'static [fn() -> Tried] {
            match check {
                $(Check::$check => &[$($cheat),+],)*
            }
        }

        $(
            #[test]
            fn $test() {
                for cheat in cheats(Check::$check) {
                    assert_eq!(cheat().check(), Check::$check);
                }
            }
        )*
    };
}

use crate::{
    gkr::{fractional::cheats as lookups, layered::cheats as circuits},
    nn::{
        gadget::cheats as gadget, grid::cheats as grid, inference::cheats as inference,
        soundness::cheats as training,
    },
    tree::cheats as tree,
};

cheats! {
    LookupRoot, lookup_root: [lookups::a_pole_at_the_root];
    LookupGate, lookup_gate: [lookups::a_sum_that_is_not_zero];
    LookupNumerators, lookup_numerators: [lookups::fractions_of_other_multiplicities];
    LookupDenominators, lookup_denominators: [lookups::fractions_of_other_columns];
    CircuitLayer, circuit_layer: [circuits::another_output];
    ClaimsAgree, claims_agree: [training::one_tensor_with_two_values];
    AffineDefinition, affine_definition: [
        training::another_affine_tensor,
        grid::weights_of_a_wider_network,
    ];
    LevelEnd, level_end: [training::another_product];
    PublicTensor, public_tensor: [training::another_public_tensor, grid::biases_of_a_wider_network];
    PublicInput, public_input: [training::another_public_input, inference::other_outputs];
    UnitRange, unit_range: [
        training::a_unit_let_through,
        training::a_unit_out_of_range,
        training::another_slope,
        training::a_slope_on_padding,
        inference::a_unit_let_through,
        inference::another_value_of_a_function,
    ];
    OutputRange, output_range: [training::an_output_out_of_range, inference::an_output_out_of_range];
    GradientRange, gradient_range: [training::a_gradient_out_of_range];
    RemainderLow, remainder_low: [training::a_long_low_limb];
    RemainderTop, remainder_top: [training::a_long_top_limb];
    RangeLow, range_low: [inference::a_negative_low_limb];
    InputRange, input_range: [inference::an_input_out_of_range];
    TargetRange, target_range: [inference::a_target_out_of_range];
    DataRange, data_range: [training::data_out_of_range];
    WeightRange, weight_range: [grid::a_weight_out_of_range, grid::a_weight_where_no_unit_is];
    BiasRange, bias_range: [grid::a_bias_out_of_range, grid::a_bias_where_no_unit_is];
    LastWeights, last_weights: [training::another_child];
    SquaredError, squared_error: [inference::another_error];
    PublicRange, public_range: [inference::a_public_input_out_of_range];
    Probability, probability: [
        gadget::a_flat_row_of_one,
        gadget::the_largest_score_left_out,
        gadget::a_probability_that_is_masked,
        gadget::a_class_that_is_not_there,
    ];
    Distance, distance: [gadget::a_score_rounded_otherwise];
    Level, level: [gadget::a_level_out_of_range, gadget::a_level_between_integers];
    LevelFits, level_fits: [gadget::a_level_that_does_not_fit];
    LevelLeast, level_least: [gadget::a_level_above_the_least];
    MeanRest, mean_rest: [gadget::a_mean_that_is_off_by_one];
    Mean, mean: [gadget::a_mean_that_is_no_integer];
    Root, root: [gadget::a_root_on_padding];
    RootBelow, root_below: [gadget::a_root_that_is_too_large];
    RootAbove, root_above: [gadget::a_root_of_one];
    ClassBit, class_bit: [gadget::a_class_made_of_others, gadget::a_class_on_padding];
    ClassSum, class_sum: [gadget::no_class];
    ClassLabel, class_label: [gadget::another_class];
    FirstMaximum, first_maximum: [gadget::another_maximum];
    MaximumSum, maximum_sum: [gadget::no_maximum];
    Accuracy, accuracy: [gadget::another_accuracy];
    Signature, signature: [tree::a_node_of_another_author, tree::a_root_of_another_author];
    Parent, parent: [tree::a_node_of_another_parent];
    Architecture, architecture: [tree::a_node_of_other_widths];
    Format, format: [tree::a_node_of_another_format];
    NamedData, named_data: [tree::a_node_of_other_data];
    TrainingProof, training_proof: [tree::a_node_without_proof];
    DataProof, data_proof: [tree::data_without_proof];
    RootProof, root_proof: [tree::a_root_without_proof];
    Opening, opening: [training::another_commitment];
}
