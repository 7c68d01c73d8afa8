"""Direct preference optimisation: learning which of two answers is better, without a reward model."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from whitebox._validation import number_in
from whitebox.autograd import Tensor, as_tensor, log_sigmoid
from whitebox.errors import EmptyInputError, ShapeError


def implicit_rewards(policy: Tensor | npt.ArrayLike, reference: npt.ArrayLike, *, beta: float = 0.1) -> Tensor:
    r"""The reward for which a policy is optimal: :math:`\hat r(x, y) = \beta \log \frac{\pi(y|x)}{\pi_0(y|x)}`.

    Up to a term of the prompt alone (Rafailov et al. 2023, eq. 5), which the difference of two answers does not have.

    Args:
        policy: Log-probabilities of answers, shape (b,).
        reference: Those of the model before training, shape (b,).
        beta: How much a change from the reference costs, above 0.

    Raises:
        ShapeError, EmptyInputError, RangeError: As `dpo_loss`.

    >>> implicit_rewards(Tensor([-1.0, -2.0]), [-2.0, -2.0], beta=0.5).data.tolist()
    [0.5, 0.0]
    """
    number_in(beta, "beta", 0, open_low=True)
    (learned,), (fixed,) = _vectors([policy], [reference])
    return (learned - fixed) * beta


def dpo_loss(
    chosen: Tensor | npt.ArrayLike,
    rejected: Tensor | npt.ArrayLike,
    reference_chosen: npt.ArrayLike,
    reference_rejected: npt.ArrayLike,
    *,
    beta: float = 0.1,
    label_smoothing: float = 0.0,
) -> Tensor:
    r"""The mean over pairs of how improbable the preferences are under the implicit rewards.

    .. math:: -(1 - \epsilon) \log \sigma(h) - \epsilon \log \sigma(-h), \qquad
        h = \beta \left(\log \frac{\pi(y_w|x)}{\pi_0(y_w|x)} - \log \frac{\pi(y_l|x)}{\pi_0(y_l|x)}\right)

    with :math:`y_w` preferred to :math:`y_l` (Rafailov et al. 2023, eq. 7; smoothed for labels of which a share ε is
    wrong, as Mitchell 2023 has it, called cDPO). Its gradient pushes each pair apart by :math:`\beta \sigma(-h)`: most
    where the policy ranks it wrongly. What minimises it for preferences that follow rewards r is
    :math:`\pi \propto \pi_0 e^{r / \beta}`.

    Args:
        chosen: Log-probabilities of the preferred answers under the policy, shape (b,): sums over their tokens, as
            `whitebox.preference.sequences.sequence_log_probabilities` gives them.
        rejected: Of the others, shape (b,).
        reference_chosen: The same under the model before training, shape (b,).
        reference_rejected: The same, shape (b,).
        beta: How much a change from the reference costs, above 0.
        label_smoothing: The ε, from 0 to below ½.

    Raises:
        ShapeError: These are no vectors of one length.
        EmptyInputError: There is no pair.
        RangeError: `beta` or `label_smoothing` is out of its range.

    >>> loss = dpo_loss(Tensor([-1.0]), Tensor([-2.0]), [-1.0], [-2.0])
    >>> round(loss.item(), 4)
    0.6931
    """
    margin = _margin(chosen, rejected, reference_chosen, reference_rejected, beta)
    if number_in(label_smoothing, "label_smoothing", 0, 0.5) == 0:
        return -log_sigmoid(margin).mean()
    kept = log_sigmoid(margin) * (1 - label_smoothing)
    return -(kept + log_sigmoid(-margin) * label_smoothing).mean()


def ipo_loss(
    chosen: Tensor | npt.ArrayLike,
    rejected: Tensor | npt.ArrayLike,
    reference_chosen: npt.ArrayLike,
    reference_rejected: npt.ArrayLike,
    *,
    beta: float = 0.1,
) -> Tensor:
    r"""The mean over pairs of :math:`\left(\frac{h}{\beta} - \frac{1}{2 \beta}\right)^2`, h as in `dpo_loss`.

    (Azar et al. 2023: A General Theoretical Paradigm to Understand Learning from Human Preferences, eq. 17.) Where
    preferences are certain, DPO drives the margin to infinity and forgets the reference; this one stops at ½.

    Args:
        chosen: As in `dpo_loss`.
        rejected: As in `dpo_loss`.
        reference_chosen: As in `dpo_loss`.
        reference_rejected: As in `dpo_loss`.
        beta: How much a change from the reference costs, above 0.

    Raises:
        ShapeError, EmptyInputError, RangeError: As `dpo_loss`.

    >>> ipo_loss(Tensor([-1.0]), Tensor([-6.0]), [-1.0], [-1.0], beta=0.1).item()
    0.0
    """
    margin = _margin(chosen, rejected, reference_chosen, reference_rejected, beta)
    return ((margin * (1 / beta) - 1 / (2 * beta)) ** 2).mean()


def _margin(
    chosen: Tensor | npt.ArrayLike,
    rejected: Tensor | npt.ArrayLike,
    reference_chosen: npt.ArrayLike,
    reference_rejected: npt.ArrayLike,
    beta: float,
) -> Tensor:
    number_in(beta, "beta", 0, open_low=True)
    (preferred, other), (preferred_before, other_before) = _vectors(
        [chosen, rejected], [reference_chosen, reference_rejected]
    )
    return ((preferred - preferred_before) - (other - other_before)) * beta


def _vectors(policy: list[Tensor | npt.ArrayLike], reference: list[npt.ArrayLike]) -> tuple[list[Tensor], list[Tensor]]:
    learned = [as_tensor(one) for one in policy]
    # Nothing is learned in the reference, even if it comes with a history.
    fixed = [as_tensor(one).detach() for one in reference]
    shapes = sorted({one.shape for one in [*learned, *fixed]})
    if len(shapes) > 1 or learned[0].ndim != 1:
        raise ShapeError(f"log-probabilities must be vectors of one length, got shapes {shapes}")
    if not learned[0].size:
        raise EmptyInputError("there is no answer to compare")
    kind = learned[0].dtype if learned[0].dtype.kind == "f" else np.dtype(np.float64)
    as_kind = [[one if one.dtype == kind else one.astype(kind) for one in many] for many in (learned, fixed)]
    return as_kind[0], as_kind[1]
