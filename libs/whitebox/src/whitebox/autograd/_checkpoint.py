"""Memory for time: a part of the graph that is computed again when its gradient is due."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from whitebox.autograd._tensor import AnyArray, Node, Part, Tensor, is_recording, no_grad


def checkpoint(function: Callable[..., Tensor], *inputs: Tensor, parameters: Sequence[Tensor] = ()) -> Tensor:
    """Computes a function without keeping its intermediate results; backward computes them again.

    The graph inside holds memory only while its own gradient is computed, for a second evaluation in time (Chen et al.
    2016: Training Deep Nets with Sublinear Memory Cost). The function has to do the same both times: anything random in
    it must take its draws as an input.

    Args:
        function: Of the inputs, to one tensor.
        inputs: What it is given.
        parameters: Further tensors that it uses and whose gradients are wanted, such as a layer's weights.

    >>> from whitebox.autograd import tanh, tensor
    >>> x = tensor([1.0, 2.0], requires_grad=True)
    >>> checkpoint(lambda t: tanh(t) * t, x).sum().backward()
    >>> x.grad.round(4).tolist()
    [1.1816, 1.1053]
    """
    with no_grad():
        value = function(*inputs)
    needed = (*inputs, *parameters)
    result = Tensor(value.data)
    if not (is_recording() and any(one.requires_grad for one in needed)):
        return result

    def pullback(gradient: AnyArray) -> Sequence[Part]:
        # Leaves of their own: what is accumulated inside must not reach the caller's leaves twice.
        again = [Tensor(one.data, one.requires_grad) for one in inputs]
        before = [(one, one.grad) for one in parameters]
        for one in parameters:
            one.grad = None
        function(*again).backward(gradient)
        found: list[Part] = [one.grad for one in again]
        for one, kept in before:
            found.append(one.grad)
            one.grad = kept
        return found

    result.requires_grad = True
    result._node = Node("checkpoint", needed, pullback)
    return result
