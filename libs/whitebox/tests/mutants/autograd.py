"""Mistakes in `whitebox.autograd`."""

from __future__ import annotations

from mutants.mutant import Mutant

TENSOR = "whitebox.autograd._tensor"
PRIMITIVES = "whitebox.autograd.primitives"
CHECKPOINT = "whitebox.autograd._checkpoint"
LAWS = "laws.test_autograd"

MUTANTS = [
    Mutant(
        "a value used twice gets the last gradient instead of the sum",
        TENSOR,
        "pending[key] + gradient_of_source if key in pending else gradient_of_source",
        "gradient_of_source",
        ("pair:autograd.Tensor", f"{LAWS}:test_paths_multiply_but_each_node_is_visited_once"),
    ),
    Mutant(
        "gradients are added in place, into an array that another input was given too",
        TENSOR,
        "arrived.copy() if tensor.grad is None",
        "arrived if tensor.grad is None",
        (f"{LAWS}:test_gradients_add_up_over_calls_and_do_not_share_memory",),
    ),
    Mutant(
        "a second backward replaces the gradient",
        TENSOR,
        "else tensor.grad + arrived",
        "else arrived",
        (f"{LAWS}:test_gradients_add_up_over_calls_and_do_not_share_memory",),
    ),
    Mutant(
        "results may be overwritten before backward reads them",
        TENSOR,
        "result.data.flags.writeable = False",
        "pass",
        (f"{LAWS}:test_what_a_gradient_depends_on_cannot_be_overwritten",),
    ),
    Mutant(
        "nodes are visited in the order of their discovery",
        TENSOR,
        "            order.append(current)\n            path.pop()\n    order.reverse()",
        "            path.pop()\n        if all(current is not one for one in order):\n            order.append(current)",
        (f"{LAWS}:test_a_deep_branch_that_joins_late_arrives_before_the_node_passes_on",),
    ),
    Mutant(
        "broadcast gradients keep the broadcast shape",
        PRIMITIVES,
        "summed: AnyArray = g.sum(repeated, keepdims=True) if repeated else g\n    return summed.reshape(shape)",
        "return g",
        (f"{LAWS}:test_gradients_have_the_shapes_of_what_was_broadcast",),
    ),
    Mutant(
        "softmax passes its gradient on as if each entry stood alone",
        PRIMITIVES,
        "(y * (g - (g * y).sum(axis, keepdims=True)),)",
        "(y * (1 - y) * g,)",
        (f"{LAWS}:check_softmax",),
    ),
    Mutant(
        "rows taken twice get one of their gradients",
        PRIMITIVES,
        "np.add.at(whole, index, g)",
        "whole[index] = g",
        (f"{LAWS}:check_repeated_rows",),
    ),
    Mutant(
        "the mean's gradient is the sum's",
        PRIMITIVES,
        "_spread(g, x.shape, axis, keepdims) / count",
        "_spread(g, x.shape, axis, keepdims) / 1",
        (f"{LAWS}:check_mean",),
    ),
    Mutant(
        "the sigmoid overflows",
        PRIMITIVES,
        "np.exp(-np.abs(x))\n    value: AnyArray = np.where(x >= 0, 1, small) / (1 + small)",
        "np.exp(-x)\n    value: AnyArray = 1 / (1 + small)",
        (f"{LAWS}:test_extreme_values_do_not_overflow",),
    ),
    Mutant(
        "a checkpoint adds to its weights' gradients twice",
        CHECKPOINT,
        "one.grad = kept",
        "pass",
        (f"{LAWS}:test_a_checkpoint_gives_the_same_gradients",),
    ),
    Mutant(
        "a checkpoint keeps its graph",
        CHECKPOINT,
        "with no_grad():\n        value = function(*inputs)",
        "value = function(*inputs)\n    if True:\n        function.kept = value",
        (f"{LAWS}:test_a_checkpoint_keeps_less_in_memory",),
    ),
]
