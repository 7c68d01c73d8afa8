"""Mistakes in `whitebox.quantize`, `whitebox.peft` and `whitebox.preference`."""

from __future__ import annotations

from mutants.mutant import Mutant

INT8 = "whitebox.quantize.int8"
NF4 = "whitebox.quantize.nf4"
GROUPWISE = "whitebox.quantize.groupwise"
LINEAR = "whitebox.quantize.linear"
LORA = "whitebox.peft.lora"
SEQUENCES = "whitebox.preference.sequences"
SFT = "whitebox.preference.sft"
DPO = "whitebox.preference.dpo"
QUANTIZE_LAWS = "laws.test_quantize"
LORA_LAWS = "laws.test_lora"
LAWS = "laws.test_preference"

MUTANTS = [
    Mutant(
        "numbers are rounded toward zero",
        INT8,
        "steps = np.rint(array / s)",
        "steps = np.trunc(array / s)",
        (
            "pair:quantize.int8.quantize_affine",
            f"{QUANTIZE_LAWS}:test_nothing_moves_by_more_than_half_a_step_and_zero_stays",
            f"{QUANTIZE_LAWS}:test_halves_are_rounded_to_the_even_integer",
        ),
    ),
    Mutant(
        "the zero point lies outside of eight bits, because the range does not hold 0",
        INT8,
        "a, b = np.minimum(a, 0), np.maximum(b, 0)",
        "pass",
        (
            "pair:quantize.int8.affine_parameters",
            f"{QUANTIZE_LAWS}:test_a_range_without_zero_is_widened_to_it",
            f"{QUANTIZE_LAWS}:test_nothing_moves_by_more_than_half_a_step_and_zero_stays",
        ),
    ),
    Mutant(
        "what is beyond eight bits wraps around",
        INT8,
        "np.clip(steps + z, _LOW, _HIGH).astype(np.int8)",
        "(steps + z).astype(np.int64).astype(np.int8)",
        ("pair:quantize.int8.quantize_affine",),
    ),
    Mutant(
        "the scale of each channel runs along the wrong axis",
        INT8,
        "if place != axis % array.ndim)",
        "if place == axis % array.ndim)",
        (f"{QUANTIZE_LAWS}:test_a_row_that_is_small_keeps_its_digits_per_channel",),
    ),
    Mutant(
        "weights are scaled as a whole, whatever was asked for",
        LINEAR,
        "self._axis = 0 if per_channel else None",
        "self._axis = None",
        (f"{QUANTIZE_LAWS}:test_a_row_that_is_small_keeps_its_digits_per_channel",),
    ),
    Mutant(
        "products of integers are added up in single precision",
        INT8,
        "range(0, x.shape[1], _EXACT_TERMS)",
        "range(0, x.shape[1], 1 << 30)",
        (f"{QUANTIZE_LAWS}:test_integer_products_are_exact_however_long_the_rows",),
    ),
    Mutant(
        "the zero point of the inputs is forgotten in the product",
        INT8,
        'left = x.astype(np.float32) - _column(x_zero, len(x), "x_zero")',
        "left = x.astype(np.float32)",
        (
            "pair:quantize.int8.integer_product",
            f"{QUANTIZE_LAWS}:test_integer_products_are_exact_however_long_the_rows",
        ),
    ),
    Mutant(
        "a histogram's counts are lost when its range grows",
        INT8,
        "self._counts = np.pad(joined, bins // 4)",
        "self._counts = np.zeros_like(self._counts)",
        (f"{QUANTIZE_LAWS}:test_observers_find_ranges_in_parts_as_in_the_whole",),
    ),
    Mutant(
        "calibration by least squares takes the whole range",
        INT8,
        "np.linspace(1, 0.01, 100)",
        "np.linspace(1, 1, 2)",
        (f"{QUANTIZE_LAWS}:test_the_observer_of_least_squares_beats_the_extremes_where_there_are_outliers",),
    ),
    Mutant(
        "the levels of NormalFloat are evenly spaced",
        NF4,
        "levels = np.concatenate([-below, [0.0], above[::-1]])",
        "levels = above[0] * np.linspace(-1, 1, 2 * half)",
        ("pair:quantize.nf4.normal_float_levels", f"{QUANTIZE_LAWS}:test_the_levels_are_the_published_ones"),
    ),
    Mutant(
        "the outermost quantile is that of the first of 2^b equal parts",
        NF4,
        "outermost = 1 - (1 / (4 * half) + 1 / (4 * half - 2)) / 2",
        "outermost = 1 - 1 / (4 * half)",
        ("pair:quantize.nf4.normal_float_levels", f"{QUANTIZE_LAWS}:test_the_levels_are_the_published_ones"),
    ),
    Mutant(
        "one largest value is taken for all blocks",
        NF4,
        "absmax = np.abs(rows).max(axis=1)",
        "absmax = np.full(len(rows), np.abs(rows).max())",
        (
            "pair:quantize.nf4.quantize_nf4",
            f"{QUANTIZE_LAWS}:test_each_number_gets_the_nearest_level_and_blocks_keep_their_largest",
        ),
    ),
    Mutant(
        "the two codes of a byte are exchanged",
        NF4,
        "np.left_shift(codes[::2], 4, dtype=np.uint8) | codes[1::2]",
        "np.left_shift(codes[1::2], 4, dtype=np.uint8) | codes[::2]",
        (
            "pair:quantize.nf4.dequantize_nf4",
            f"{QUANTIZE_LAWS}:test_each_number_gets_the_nearest_level_and_blocks_keep_their_largest",
        ),
    ),
    Mutant(
        "the mean of the scales is not added again",
        NF4,
        "np.repeat(scale, block)[: len(values)] + mean",
        "np.repeat(scale, block)[: len(values)] + 0 * mean",
        (f"{QUANTIZE_LAWS}:test_scales_of_scales_cost_little_and_move_little",),
    ),
    Mutant(
        "a group's scale is rounded down, so that its largest number lies beyond its levels",
        GROUPWISE,
        "scale = _rounded((high - minimum) / 15, towards=np.inf)",
        "scale = _rounded((high - minimum) / 15, towards=-np.inf)",
        ("pair:quantize.groupwise.quantize_groupwise",),
    ),
    Mutant(
        "sixteen levels are taken to have sixteen steps",
        GROUPWISE,
        "scale = _rounded((high - minimum) / 15, towards=np.inf)",
        "scale = _rounded((high - minimum) / 16, towards=np.inf)",
        (
            "pair:quantize.groupwise.quantize_groupwise",
            f"{QUANTIZE_LAWS}:test_groups_keep_to_half_of_their_stored_step",
        ),
    ),
    Mutant(
        "neighbours share a byte, where GGUF has halves of a group",
        GROUPWISE,
        "codes[..., :half] | np.left_shift(codes[..., half:], 4, dtype=np.uint8)",
        "codes[..., ::2] | np.left_shift(codes[..., 1::2], 4, dtype=np.uint8)",
        ("pair:quantize.groupwise.quantize_groupwise", f"{QUANTIZE_LAWS}:test_the_packed_bytes_are_gguf_s"),
    ),
    Mutant(
        "gradients pass where a static range cut the input",
        LINEAR,
        "of_rows = np.where((steps >= -128) & (steps <= 127), of_rows, 0)",
        "pass",
        (f"{QUANTIZE_LAWS}:test_static_ranges_are_those_of_calibration",),
    ),
    Mutant(
        "the update is added beside the weight that holds it already",
        LORA,
        "if self.merged or not self.enabled:",
        "if not self.enabled:",
        (f"{LORA_LAWS}:test_a_merged_model_computes_what_the_adapters_beside_it_do",),
    ),
    Mutant(
        "merging a second time adds the update twice",
        LORA,
        "if self.merged:\n            raise",
        "if False:\n            raise",
        (f"{LORA_LAWS}:test_merging_twice_and_unmerging_what_is_not_merged_are_refused",),
    ),
    Mutant(
        "unmerging subtracts the update, rounded",
        LORA,
        "weight.data, self._apart = before, None",
        "weight.data, self._apart = after - self.change(), None",
        (f"{LORA_LAWS}:test_unmerging_gives_back_every_bit_as_subtracting_would_not",),
    ),
    Mutant(
        "the scale forgets the rank",
        LORA,
        'rank, number_in(alpha, "alpha", 0, open_low=True)',
        'rank, rank * number_in(alpha, "alpha", 0, open_low=True)',
        ("pair:peft.lora.LoRALinear", f"{LORA_LAWS}:test_the_change_grows_with_alpha_over_rank"),
    ),
    Mutant(
        "B is random too, so that the adapter changes the model before it is trained",
        LORA,
        "Parameter(np.zeros((m, rank), dtype))",
        "Parameter(rng.standard_normal((m, rank)).astype(dtype))",
        (f"{LORA_LAWS}:test_a_fresh_adapter_changes_no_bit",),
    ),
    Mutant(
        "A is zero too, so that neither ever learns",
        LORA,
        "Parameter(drawn.astype(dtype))",
        "Parameter(0 * drawn.astype(dtype))",
        (
            f"{LORA_LAWS}:test_a_fresh_adapter_changes_no_bit",
            f"{LORA_LAWS}:test_a_change_of_its_rank_is_learned_entirely_and_one_above_it_is_not",
        ),
    ),
    Mutant(
        "the rest of the model goes on learning",
        LORA,
        "    model.requires_grad(False)\n",
        "",
        (f"{LORA_LAWS}:test_only_adapters_learn",),
    ),
    Mutant(
        "dropout goes on in use",
        LORA,
        "if self.training and self.dropout > 0:",
        "if self.dropout > 0:",
        (f"{LORA_LAWS}:test_dropout_keeps_the_mean_and_is_for_training_only",),
    ),
    Mutant(
        "prompts count in the loss",
        SEQUENCES,
        "rows, columns = batch.places",
        "rows, columns = Batch(batch.ids, batch.response | True).places",
        (
            "pair:preference.sft.sft_loss",
            f"{LAWS}:test_prompts_and_padding_have_exactly_no_gradient",
            f"{LAWS}:test_what_a_prompt_token_is_predicted_with_does_not_reach_the_weights",
        ),
    ),
    Mutant(
        "a token is predicted from itself",
        SEQUENCES,
        "before = rows * batch.ids.shape[1] + columns - 1",
        "before = rows * batch.ids.shape[1] + columns",
        ("pair:preference.sft.sft_loss", f"{LAWS}:test_prompts_and_padding_have_exactly_no_gradient"),
    ),
    Mutant(
        "the first token of a packed example is predicted from the example before it",
        SEQUENCES,
        "[mark and place > 0 for one in row",
        "[mark for one in row",
        (f"{LAWS}:test_packed_examples_count_as_they_do_alone_for_a_model_that_sees_one_token",),
    ),
    Mutant(
        "log-probabilities of a response are averaged instead of summed",
        SEQUENCES,
        "return total, lambda g: (g[rows],)",
        "return total / np.maximum(counts, 1).astype(total.dtype), lambda g: (g[rows],)",
        (
            "pair:preference.sequences.sequence_log_probabilities",
            f"{LAWS}:test_probabilities_of_all_responses_sum_to_one",
        ),
    ),
    Mutant(
        "the assistant never learns to stop",
        SFT,
        'say([*tokenizer.encode(content, special=False), end], role == "assistant")',
        'say(tokenizer.encode(content, special=False), role == "assistant")\n        say([end], False)',
        (f"{LAWS}:test_a_conversation_reads_as_chatml_and_marks_what_the_assistant_says",),
    ),
    Mutant(
        "a user's text is read for special tokens",
        SFT,
        "say([*tokenizer.encode(content, special=False), end]",
        "say([*tokenizer.encode(content), end]",
        (f"{LAWS}:test_a_conversation_reads_as_chatml_and_marks_what_the_assistant_says",),
    ),
    Mutant(
        "the reference model is forgotten",
        DPO,
        "return ((preferred - preferred_before) - (other - other_before)) * beta",
        "return (preferred - other) * beta",
        (
            "pair:preference.dpo.dpo_loss",
            f"{LAWS}:test_without_a_margin_the_loss_is_log_two",
            f"{LAWS}:test_dpo_finds_the_policy_that_is_optimal_for_the_rewards",
        ),
    ),
    Mutant(
        "chosen and rejected are swapped",
        DPO,
        "return ((preferred - preferred_before) - (other - other_before)) * beta",
        "return ((other - other_before) - (preferred - preferred_before)) * beta",
        (
            "pair:preference.dpo.dpo_loss",
            f"{LAWS}:test_only_differences_from_the_reference_count",
            f"{LAWS}:test_adapters_learn_a_preference_beside_the_model_that_is_their_reference",
        ),
    ),
    Mutant(
        "beta stands outside of the sigmoid",
        DPO,
        "return -log_sigmoid(margin).mean()",
        "return -log_sigmoid(margin * (1 / beta)).mean() * beta",
        (
            "pair:preference.dpo.dpo_loss",
            f"{LAWS}:test_the_gradient_of_a_pair_is_beta_times_how_wrongly_it_is_ranked",
            f"{LAWS}:test_dpo_finds_the_policy_that_is_optimal_for_the_rewards",
        ),
    ),
    Mutant(
        "smoothing is for the wrong label",
        DPO,
        "log_sigmoid(-margin) * label_smoothing",
        "log_sigmoid(margin) * label_smoothing",
        ("pair:preference.dpo.dpo_loss", f"{LAWS}:test_smoothed_labels_and_ipo_stop_where_they_should"),
    ),
]
