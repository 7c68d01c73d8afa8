"""Mistakes in layers and losses."""

from __future__ import annotations

from mutants.mutant import Mutant

CONVOLUTION = "whitebox.nn._convolution"
WINDOWS = "whitebox.nn._windows"
POOLING = "whitebox.nn._pooling"
NORMALIZATION = "whitebox.nn._normalization"
BLOCKS = "whitebox.nn._blocks"
RECURRENT = "whitebox.nn._recurrent"
LOSSES = "whitebox.nn._losses"
LAWS = "laws.test_layers"

MUTANTS = [
    Mutant(
        "convolution flips its kernel",
        CONVOLUTION,
        "used[:, :, i, j, out_rows, out_columns] = part",
        "used[:, :, -1 - i, -1 - j, out_rows, out_columns] = part",
        ("pair:nn.conv2d", f"{LAWS}:test_a_kernel_lies_on_the_image_as_it_is_written"),
    ),
    Mutant(
        "all groups see the channels of the first",
        CONVOLUTION,
        "np.matmul(rows, columns, out=result[block])",
        "np.matmul(rows, columns[:, :1], out=result[block])",
        ("pair:nn.conv2d", f"{LAWS}:test_groups_do_not_see_each_other"),
    ),
    Mutant(
        "columns put back replace what another window gave",
        CONVOLUTION,
        "part[:, :, in_rows, in_columns] += back",
        "part[:, :, in_rows, in_columns] = back",
        (f"{LAWS}:test_convolutions_differentiate",),
    ),
    Mutant(
        "a kernel's gradient is that of the last image",
        CONVOLUTION,
        "found += (ends[block] @ columns.swapaxes(-1, -2)).sum(axis=0)",
        "found = (ends[block] @ columns.swapaxes(-1, -2))[-1]",
        (f"{LAWS}:test_convolutions_differentiate",),
    ),
    Mutant(
        "a bias learns from one pixel",
        CONVOLUTION,
        "ends.sum(axis=(0, 3))",
        "ends.sum(axis=0)[..., 0]",
        (f"{LAWS}:test_convolutions_differentiate",),
    ),
    Mutant(
        "dilation stretches the steps, not the window",
        WINDOWS,
        "first = place * self.dilation[axis] - self.padding[axis]",
        "first = place - self.padding[axis]",
        ("pair:nn.conv2d",),
    ),
    Mutant(
        "the last window is forgotten",
        WINDOWS,
        "// s + 1\n",
        "// s + (s == 1)\n",
        ("pair:nn.conv2d", "pair:nn.max_pool2d"),
    ),
    Mutant(
        "padding of zeros wins over negative numbers",
        POOLING,
        'lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min',
        "lowest = 0",
        ("pair:nn.max_pool2d", f"{LAWS}:test_padding_never_wins_and_counts_only_where_it_should"),
    ),
    Mutant(
        "each of several equal numbers gets the whole gradient",
        POOLING,
        "free[place] ^= won",
        "pass",
        (f"{LAWS}:test_only_the_first_of_equal_numbers_gets_the_gradient",),
    ),
    Mutant(
        "padding counts in the mean whatever was asked for",
        POOLING,
        "    if count_include_pad:\n        seen",
        "    if True:\n        seen",
        ("pair:nn.avg_pool2d", f"{LAWS}:test_padding_never_wins_and_counts_only_where_it_should"),
    ),
    Mutant(
        "the running variance is the batch's own, biased one",
        NORMALIZATION,
        "share * (count / (count - 1)) * variance",
        "share * variance",
        (f"{LAWS}:test_a_batch_has_mean_0_and_variance_1_and_its_statistics_are_followed",),
    ),
    Mutant(
        "the batch is normalised by the unbiased variance",
        NORMALIZATION,
        "/ x.dtype.type(count)",
        "/ x.dtype.type(count - 1)",
        ("pair:nn.batch_norm", f"{LAWS}:test_a_batch_has_mean_0_and_variance_1_and_its_statistics_are_followed"),
    ),
    Mutant(
        "momentum and its complement are exchanged",
        NORMALIZATION,
        "self.running_mean = (1 - share) * self.running_mean + share * mean",
        "self.running_mean = share * self.running_mean + (1 - share) * mean",
        (f"{LAWS}:test_a_batch_has_mean_0_and_variance_1_and_its_statistics_are_followed",),
    ),
    Mutant(
        "a batch's statistics are treated as constants",
        NORMALIZATION,
        "            if own:\n",
        "            if own is None:\n",
        (f"{LAWS}:test_batch_normalisation_differentiates",),
    ),
    Mutant(
        "batch statistics are used after training",
        NORMALIZATION,
        "if not self.training:\n            return batch_norm",
        "if self.training is None:\n            return batch_norm",
        (f"{LAWS}:test_in_use_a_row_does_not_depend_on_its_neighbours_and_nothing_is_followed",),
    ),
    Mutant(
        "dropout does not scale up what stays",
        BLOCKS,
        "x.dtype.type(1 / (1 - self.p) if self.p < 1 else 0)",
        "x.dtype.type(1)",
        (f"{LAWS}:test_dropout_keeps_the_expected_value_and_its_gradient_passes_where_numbers_did",),
    ),
    Mutant(
        "dropout goes on after training",
        BLOCKS,
        "if not self.training or self.p == 0:",
        "if self.p == 0:",
        (f"{LAWS}:test_dropout_keeps_the_expected_value_and_its_gradient_passes_where_numbers_did",),
    ),
    Mutant(
        "dropout keeps as many as it should drop",
        BLOCKS,
        ">= self.p",
        "< self.p",
        (f"{LAWS}:test_dropout_keeps_the_expected_value_and_its_gradient_passes_where_numbers_did",),
    ),
    Mutant(
        "a residual block forgets the path around it",
        BLOCKS,
        "return around + through",
        "return through",
        (f"{LAWS}:test_a_gradient_comes_through_fifty_residual_blocks_and_dies_in_fifty_plain_ones",),
    ),
    Mutant(
        "input and forget gate are exchanged",
        RECURRENT,
        "c = np.multiply(f, c, out=cells[t])\n        c += i * g",
        "c = np.multiply(i, c, out=cells[t])\n        c += f * g",
        ("pair:nn.LSTM", f"{LAWS}:test_an_open_forget_gate_carries_cell_and_gradient_over_a_thousand_steps"),
    ),
    Mutant(
        "the cell is shown without its tanh",
        RECURRENT,
        "h = np.multiply(o, np.tanh(c), out=hidden[t])",
        "h = np.multiply(o, c, out=hidden[t])",
        ("pair:nn.LSTM", f"{LAWS}:test_the_gates_explain_the_states"),
    ),
    Mutant(
        "backpropagation drops the path along the cell",
        RECURRENT,
        "of_h, of_c = of_gates[t] @ weight_hh, of_c * f",
        "of_h, of_c = of_gates[t] @ weight_hh, np.zeros_like(of_c)",
        (
            f"{LAWS}:test_recurrent_networks_differentiate",
            f"{LAWS}:test_an_open_forget_gate_carries_cell_and_gradient_over_a_thousand_steps",
        ),
    ),
    Mutant(
        "backpropagation is cut off after one step",
        RECURRENT,
        "of_h = of_h * z + of_former[t] @ weight_hh",
        "of_h = of_h * 0",
        (f"{LAWS}:test_recurrent_networks_differentiate",),
    ),
    Mutant(
        "the update gate keeps what it should replace",
        RECURRENT,
        "h = np.multiply(z, h - new, out=hidden[t])\n        h += new",
        "h = np.multiply(1 - z, h - new, out=hidden[t])\n        h += new",
        ("pair:nn.GRU", f"{LAWS}:test_a_full_update_gate_keeps_the_state"),
    ),
    Mutant(
        "the reset gate acts before the product, beside which the bias stays",
        RECURRENT,
        "new += r * inner[t]",
        "new += r * (inner[t] - bias[2 * width :]) + bias[2 * width :]",
        ("pair:nn.GRU",),
    ),
    Mutant(
        "label smoothing spreads over the other classes, and takes as much again from the target",
        LOSSES,
        "sharp, spread = z.dtype.type(1 - smoothing), z.dtype.type(smoothing / classes)",
        "sharp, spread = z.dtype.type(1 - 2 * smoothing), z.dtype.type(smoothing / classes)",
        ("pair:nn.cross_entropy", f"{LAWS}:test_smoothing_spreads_the_whole_of_what_it_takes"),
    ),
    Mutant(
        "what is ignored still counts below the fraction line",
        LOSSES,
        "total = of_row.sum()",
        "total = of_class[targets].sum()",
        (
            "pair:nn.cross_entropy",
            f"{LAWS}:test_what_is_ignored_and_what_weighs_nothing_changes_neither_loss_nor_gradient",
        ),
    ),
    Mutant(
        "weighted losses are divided by the number of rows",
        LOSSES,
        "total = of_row.sum()",
        "total = counts.sum().astype(z.dtype)",
        ("pair:nn.cross_entropy",),
    ),
    Mutant(
        "the softmax is computed without taking the largest away",
        LOSSES,
        "largest = rows.max(axis=1, keepdims=True)",
        "largest = np.zeros_like(rows[:, :1])",
        (f"{LAWS}:test_extreme_scores_do_not_overflow",),
    ),
    Mutant(
        "InfoNCE leaves the positive out of the sum",
        LOSSES,
        "return cross_entropy((queries @ keys.T) * (1 / temperature), np.arange(len(queries)))",
        "from whitebox.autograd import logsumexp\n"
        "    scores = (queries @ keys.T) * (1 / temperature)\n"
        "    own = np.arange(len(queries))\n"
        "    others = scores + Tensor(np.where(np.eye(*scores.shape), -1e9, 0.0))\n"
        "    return (logsumexp(others) - scores[own, own]).mean()",
        ("pair:nn.info_nce", f"{LAWS}:test_losses_have_their_known_values"),
    ),
    Mutant(
        "InfoNCE multiplies by the temperature",
        LOSSES,
        "* (1 / temperature)",
        "* temperature",
        ("pair:nn.info_nce",),
    ),
    Mutant(
        "similar pairs are pushed apart, others drawn together",
        LOSSES,
        "losses = np.where(similar, distance, short)",
        "losses = np.where(similar, short, distance)",
        ("pair:nn.contrastive_loss",),
    ),
    Mutant(
        "pairs are pushed apart without end",
        LOSSES,
        "short = np.maximum(a.dtype.type(margin) - distance, 0)",
        "short = a.dtype.type(margin) - distance",
        ("pair:nn.contrastive_loss", f"{LAWS}:test_losses_have_their_known_values"),
    ),
    Mutant(
        "BPR pulls what was not chosen to the top",
        LOSSES,
        "log_sigmoid(positive - others)",
        "log_sigmoid(others - positive)",
        ("pair:nn.bpr_loss",),
    ),
]
