"""Supervised fine-tuning: learning responses, and not the prompts before them (Ouyang et al. 2022, sec. 3.5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from whitebox.autograd import Tensor
from whitebox.errors import EmptyInputError, RangeError, StateError
from whitebox.preference.sequences import Batch, Example, response_log_probabilities

_START, _END = "<|im_start|>", "<|im_end|>"
_ROLES = ("system", "user", "assistant")


class Turn(NamedTuple):
    """What somebody says in a conversation.

    Attributes:
        role: "system", "user" or "assistant".
        content: The text.
    """

    role: str
    content: str


class Tokenizer(Protocol):
    """What encoding a conversation needs; `whitebox.transformers.tokenizer.BytePairTokenizer` is one."""

    @property
    def special(self) -> Mapping[str, int]:
        """Numbers of tokens that are never taken apart."""

    def encode(self, text: str, *, special: bool = True) -> list[int]:
        """Numbers of a text's tokens."""


def encode_chat(turns: Sequence[Turn], tokenizer: Tokenizer, *, answer_next: bool = False) -> Example:
    r"""A conversation in ChatML, with marks on what the assistant has to learn to say.

    Each turn becomes `<|im_start|>role\ncontent<|im_end|>\n`. Marked are the contents of the assistant's turns and the
    `<|im_end|>` behind each, with which it learns to stop. Contents cannot smuggle in special tokens: what looks like
    one is encoded as text.

    Args:
        turns: At least one.
        tokenizer: Knows the two special tokens.
        answer_next: Adds the head of a further assistant's turn, for a model to go on from.

    Raises:
        EmptyInputError: There is no turn.
        RangeError: A role is unknown.
        StateError: The tokenizer does not know ChatML.

    >>> from whitebox.transformers.tokenizer import BytePairTokenizer
    >>> names = ["<|im_start|>", "<|im_end|>", *"useraintp", "Ċ", "A", "B"]
    >>> tokenizer = BytePairTokenizer({name: n for n, name in enumerate(names)}, [], special=names[:2])
    >>> ids, response = encode_chat([Turn("user", "A"), Turn("assistant", "B")], tokenizer)
    >>> ids[6:9], [number for number, marked in zip(ids, response) if marked]
    ([12, 1, 11], [13, 1])
    """
    if not len(turns):
        raise EmptyInputError("a conversation needs at least one turn")
    for token in (_START, _END):
        if token not in tokenizer.special:
            raise StateError(f"the tokenizer has no special token {token}: it does not know ChatML")
    start, end = tokenizer.special[_START], tokenizer.special[_END]
    ids: list[int] = []
    response: list[bool] = []

    def say(numbers: Sequence[int], marked: bool) -> None:
        ids.extend(numbers)
        response.extend([marked] * len(numbers))

    for role, content in turns:
        if role not in _ROLES:
            raise RangeError(f"a role is one of {', '.join(_ROLES)}, got {role!r}")
        say([start, *tokenizer.encode(f"{role}\n", special=False)], False)
        say([*tokenizer.encode(content, special=False), end], role == "assistant")
        say(tokenizer.encode("\n", special=False), False)
    if answer_next:
        say([start, *tokenizer.encode("assistant\n", special=False)], False)
    return Example(ids, response)


def sft_loss(model: Any, batch: Batch) -> Tensor:
    r"""Mean of :math:`-\log \pi(y_t \mid x, y_{<t})` over all response tokens of a batch.

    Prompts and padding are read, and not predicted: whatever a model says of them, the loss and its gradient are the
    same. Every token counts alike, so that a long answer counts for more than a short one.

    Args:
        model: As in `whitebox.preference.sequences.response_log_probabilities`.
        batch: Rows of tokens with marks on the responses.

    Raises:
        EmptyInputError: No token counts.
        ShapeError: The logits have another shape.

    >>> import numpy as np
    >>> batch = Batch(np.array([[0, 1, 1]]), np.array([[False, True, True]]))
    >>> round(sft_loss(lambda ids: Tensor(np.zeros((*ids.shape, 4))), batch).item(), 4)
    1.3863
    """
    return -response_log_probabilities(model, batch).mean()
