"""Text to tokens and back: WordPiece as BERT reads, byte-pair encoding as GPT-2 and its kin do."""

from __future__ import annotations

import heapq
import json
import re
import unicodedata
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

from whitebox.errors import RangeError, StateError
from whitebox.transformers.gguf import GGUF

# Words that were taken apart lately; text repeats itself.
_REMEMBERED = 65_536
# What llama.cpp calls tokenizers that split as GPT-2 does, and before that each digit off.
_SINGLE_DIGITS = ("smollm", "codeshell", "exaone", "starcoder", "refact", "command-r")
_BERT_SPECIALS = ("[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]")
_ASCII_SYMBOLS = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


class WordPieceTokenizer:
    """Words in their longest known pieces, from left to right (Wu et al. 2016; Devlin et al. 2018).

    Text is cleaned of control characters, lower-cased, stripped of accents, and split at white space, punctuation and
    around each Chinese character. A word is taken apart greedily: at each place the longest piece of the vocabulary;
    pieces inside a word begin with `##`. A word with a part that is no piece becomes `[UNK]` whole.
    O(characters · longest piece) time. Classes of characters are those of Python's Unicode tables; published tokenizers
    have older ones, and may treat characters differently that were added since.

    Args:
        vocabulary: Number of each piece.
        lowercase: Whether case and accents are dropped.
        longest_word: Words of more characters are unknown.

    >>> pieces = ["[UNK]", "[CLS]", "[SEP]", "tide", "##s", "rise", "!"]
    >>> tokenizer = WordPieceTokenizer({piece: number for number, piece in enumerate(pieces)})
    >>> tokenizer.tokens("Tides rise!"), tokenizer.encode("Tides rise!")
    (['tide', '##s', 'rise', '!'], [1, 3, 4, 5, 6, 2])
    """

    def __init__(self, vocabulary: Mapping[str, int], *, lowercase: bool = True, longest_word: int = 100) -> None:
        for special in ("[UNK]", "[CLS]", "[SEP]"):
            if special not in vocabulary:
                raise StateError(f"the vocabulary has no {special}")
        self.vocabulary = dict(vocabulary)
        self.lowercase, self.longest_word = lowercase, longest_word
        self._pieces = {number: piece for piece, number in vocabulary.items()}
        self._longest = max(map(len, vocabulary))
        known = [re.escape(token) for token in _BERT_SPECIALS if token in vocabulary]
        self._special = re.compile(f"({'|'.join(known)})")

    @classmethod
    def from_file(cls, path: str | Path, *, lowercase: bool = True) -> Self:
        """From a published `vocab.txt`: a piece on each line, numbered from 0."""
        lines = Path(path).read_text(encoding="utf-8").split("\n")
        return cls({line: number for number, line in enumerate(lines) if line}, lowercase=lowercase)

    def tokens(self, text: str, *, special: bool = True) -> list[str]:
        """The pieces of a text; `special` as in `encode`."""
        pieces: list[str] = []
        for place, part in enumerate(self._special.split(text) if special else [text]):
            if place % 2:
                pieces.append(part)
            else:
                pieces += [piece for word in self._words(part) for piece in self._taken_apart(word)]
        return pieces

    def encode(self, text: str, *, max_tokens: int | None = None, special: bool = True) -> list[int]:
        """Numbers of the pieces, between those of `[CLS]` and `[SEP]`.

        Args:
            text: Any text.
            special: Whether `[MASK]` and its like in the text are taken as such. For text of strangers: False.
            max_tokens: Pieces behind this number are dropped; the two specials count, and stay.

        Raises:
            RangeError: `max_tokens` leaves no room for the specials.
        """
        if max_tokens is not None and max_tokens < 2:
            raise RangeError(f"max_tokens must be at least 2, got {max_tokens}")
        numbers = [self.vocabulary[piece] for piece in self.tokens(text, special=special)]
        kept = numbers if max_tokens is None else numbers[: max_tokens - 2]
        return [self.vocabulary["[CLS]"], *kept, self.vocabulary["[SEP]"]]

    def decode(self, numbers: Iterable[int]) -> str:
        """Words of pieces; what cleaning dropped does not come back.

        Raises:
            RangeError: A number is no piece.
        """
        words: list[str] = []
        for number in numbers:
            if number not in self._pieces:
                raise RangeError(f"{number} is no piece: the vocabulary has {len(self._pieces)}")
            piece = self._pieces[number]
            if piece.startswith("##") and words:
                words[-1] += piece[2:]
            elif not (piece.startswith("[") and piece.endswith("]")):
                words.append(piece)
        return " ".join(words)

    def _words(self, text: str) -> Iterator[str]:
        cleaned = "".join(f" {c} " if _is_chinese(c) else " " if c.isspace() else c for c in text if not _dropped(c))
        if self.lowercase:
            cleaned = "".join(c for c in unicodedata.normalize("NFD", cleaned) if unicodedata.category(c) != "Mn")
            # Letter by letter: a final sigma becomes what any other does.
            cleaned = "".join(c.lower() for c in cleaned)
        for word in cleaned.split():
            start = 0
            for place, character in enumerate(word):
                if _is_punctuation(character):
                    if start < place:
                        yield word[start:place]
                    yield character
                    start = place + 1
            if start < len(word):
                yield word[start:]

    def _taken_apart(self, word: str) -> list[str]:
        if len(word) > self.longest_word:
            return ["[UNK]"]
        pieces: list[str] = []
        start = 0
        while start < len(word):
            prefix = "##" if start else ""
            for end in range(min(len(word), start + self._longest), start, -1):
                piece = prefix + word[start:end]
                if piece in self.vocabulary:
                    pieces.append(piece)
                    start = end
                    break
            else:
                return ["[UNK]"]
        return pieces


class BytePairTokenizer:
    """Bytes, of which the pairs that training joined first are joined first (Sennrich et al. 2016; GPT-2).

    Text is split into words, numbers, punctuation and white space as GPT-2 does; each part's bytes are joined to tokens
    by the ranked list of pairs. Where the vocabulary has a token for every byte, any text comes back as it was; bytes
    that have none are dropped, as published tokenizers do. O(n log n) for a part of n bytes.

    Args:
        vocabulary: Number of each token; tokens are written in GPT-2's printable stand-ins for bytes.
        merges: Pairs in the order in which they are joined.
        special: Tokens that are found as they are and never taken apart, such as `<|im_start|>`.
        single_digits: Whether each digit is a part of its own.

    >>> tokens = ["t", "i", "d", "e", "ti", "de", "tide", "Ġ"]
    >>> merges = [("t", "i"), ("d", "e"), ("ti", "de")]
    >>> tokenizer = BytePairTokenizer({token: number for number, token in enumerate(tokens)}, merges)
    >>> tokenizer.encode("tide tie"), tokenizer.decode([6, 7, 4, 3])
    ([6, 7, 4, 3], 'tide tie')
    """

    def __init__(
        self,
        vocabulary: Mapping[str, int],
        merges: Sequence[tuple[str, str]],
        *,
        special: Iterable[str] = (),
        single_digits: bool = False,
    ) -> None:
        self.vocabulary = dict(vocabulary)
        self.special = {token: vocabulary[token] for token in special}
        self.single_digits = single_digits
        self._ranks = {pair: rank for rank, pair in enumerate(merges)}
        self._tokens = {number: token for token, number in vocabulary.items()}
        # The longest first: of two that begin alike the longer one is meant.
        listed = "|".join(re.escape(token) for token in sorted(self.special, key=len, reverse=True))
        self._special = re.compile(f"({listed})") if listed else None
        self._known: OrderedDict[str, list[int]] = OrderedDict()

    @classmethod
    def from_gguf(cls, file: GGUF) -> Self:
        """The tokenizer in a GGUF file's header.

        Raises:
            StateError: The file has none of this kind.
        """
        data = file.metadata
        if data.get("tokenizer.ggml.model") != "gpt2":
            raise StateError(f"the file's tokenizer is a {data.get('tokenizer.ggml.model')!r}, not a gpt2")
        try:
            tokens, kinds = data["tokenizer.ggml.tokens"], data["tokenizer.ggml.token_type"]
            merges = [tuple(pair.split(" ", 1)) for pair in data["tokenizer.ggml.merges"]]
        except KeyError as error:
            raise StateError(f"the file's header lacks {error}") from error
        # 3: control tokens.
        special = [token for token, kind in zip(tokens, kinds, strict=True) if kind == 3]
        single = data.get("tokenizer.ggml.pre") in ("smollm", "codeshell", "exaone", "starcoder", "refact", "command-r")
        return cls(
            {token: number for number, token in enumerate(tokens)}, merges, special=special, single_digits=single
        )

    @classmethod
    def from_files(cls, vocabulary: str | Path, merges: str | Path, **options: Any) -> Self:
        """From a published `vocab.json` and `merges.txt`; options as in the constructor."""
        lines = Path(merges).read_text(encoding="utf-8").splitlines()
        pairs = [tuple(line.split(" ", 1)) for line in lines if line and not line.startswith("#version")]
        return cls(json.loads(Path(vocabulary).read_text(encoding="utf-8")), pairs, **options)  # type: ignore[arg-type]

    def encode(self, text: str, *, special: bool = True) -> list[int]:
        """Numbers of a text's tokens.

        Args:
            text: Any text; a lone surrogate, which has no bytes, becomes a question mark.
            special: Whether special tokens in the text are taken as such. For text of strangers: False.
        """
        parts = self._special.split(text) if special and self._special else [text]
        numbers: list[int] = []
        for place, part in enumerate(parts):
            if place % 2:
                numbers.append(self.special[part])
            else:
                for piece in split_words(part, single_digits=self.single_digits):
                    numbers += self._joined(piece)
        return numbers

    def decode(self, numbers: Iterable[int], *, errors: str = "replace") -> str:
        """The text of tokens.

        Args:
            numbers: Of the tokens.
            errors: What to do with bytes that are no text, as when a character is cut: see `bytes.decode`.

        Raises:
            RangeError: A number is no token.
        """
        return b"".join(self.token_bytes(number) for number in numbers).decode(errors=errors)

    def token_bytes(self, number: int) -> bytes:
        """The bytes that a token stands for.

        Raises:
            RangeError: It is no token.
        """
        token = self._tokens.get(number)
        if token is None:
            raise RangeError(f"{number} is no token: the vocabulary has {len(self._tokens)}")
        if token in self.special:
            return token.encode()
        bytes_of = _bytes_of_stand_ins()
        return bytes(bytes_of[character] for character in token)

    def _joined(self, piece: str) -> list[int]:
        known = self._known.get(piece)
        if known is None:
            stand_ins = _stand_ins()
            symbols = [stand_ins[byte] for byte in piece.encode(errors="replace")]
            known_symbols = [symbol for symbol in symbols if symbol in self.vocabulary]
            known = [self.vocabulary[symbol] for symbol in merge(known_symbols, self._ranks)]
            self._known[piece] = known
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return known


def merge(symbols: Sequence[str], ranks: Mapping[tuple[str, str], int]) -> list[str]:
    """Joins neighbours, the pair of the lowest rank first and of equal pairs the leftmost, until no pair is known.

    Symbols are a linked list and pairs wait in a heap: O(n log n), where joining pass by pass takes O(n²).

    >>> merge(["a", "b", "a", "b", "c"], {("a", "b"): 0, ("ab", "c"): 1})
    ['ab', 'abc']
    """
    joined: list[str | None] = list(symbols)
    before, behind = list(range(-1, len(joined) - 1)), list(range(1, len(joined) + 1))
    waiting = [(ranks[pair], place, pair) for place, pair in enumerate(pairwise(symbols)) if pair in ranks]
    heapq.heapify(waiting)
    while waiting:
        _, left, pair = heapq.heappop(waiting)
        right = behind[left] if joined[left] is not None else len(joined)
        # One of the two may have been joined to another neighbour meanwhile.
        if right >= len(joined) or (joined[left], joined[right]) != pair:
            continue
        both = pair[0] + pair[1]
        joined[left], joined[right] = both, None
        behind[left] = behind[right]
        if behind[left] < len(joined):
            before[behind[left]] = left
            following = (both, joined[behind[left]] or "")
            if following in ranks:
                heapq.heappush(waiting, (ranks[following], left, following))
        if before[left] >= 0:
            preceding = (joined[before[left]] or "", both)
            if preceding in ranks:
                heapq.heappush(waiting, (ranks[preceding], before[left], preceding))
    return [symbol for symbol in joined if symbol is not None]


def split_words(text: str, *, single_digits: bool = False) -> Iterator[str]:
    r"""Parts of a text that are encoded on their own, by GPT-2's pattern.

    `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`, written out because Python's regular
    expressions know no classes of Unicode.

    Args:
        text: Any text.
        single_digits: Splits off every digit before the pattern is applied.

    >>> list(split_words("It's 1905,  ok"))
    ['It', "'s", ' 1905', ',', ' ', ' ok']
    """
    if not single_digits:
        yield from _gpt2_words(text)
        return
    start = 0
    for place, character in enumerate(text):
        if _kind(character) == "N":
            yield from _gpt2_words(text[start:place])
            yield character
            start = place + 1
    yield from _gpt2_words(text[start:])


_CONTRACTIONS = ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d")


def _gpt2_words(text: str) -> Iterator[str]:
    place, length = 0, len(text)
    while place < length:
        if text[place] == "'":
            found = next((one for one in _CONTRACTIONS if text.startswith(one, place)), None)
            if found is not None:
                yield found
                place += len(found)
                continue
        # One space goes with what follows it.
        start = place + 1 if text[place] == " " and place + 1 < length and _kind(text[place + 1]) != " " else place
        kind = _kind(text[start])
        end = start + 1
        while end < length and _kind(text[end]) == kind:
            end += 1
        if kind == " " and end < length and end - start > 1:
            # The last space before a word is left to the word, or stands alone.
            end -= 1
        yield text[place:end]
        place = end


@cache
def _kind(character: str) -> str:
    """Letter (L), number (N), white space (a space), or anything else (an empty string)."""
    if character.isspace() and character not in "\x1c\x1d\x1e\x1f":
        return " "
    category = unicodedata.category(character)[0]
    return category if category in "LN" else ""


@cache
def _stand_ins() -> list[str]:
    """GPT-2's printable character for each byte: itself where it is printable, else one from 256 on."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    shown = {byte: chr(byte) for byte in printable}
    further = iter(range(256, 512))
    return [shown.get(byte) or chr(next(further)) for byte in range(256)]


@cache
def _bytes_of_stand_ins() -> dict[str, int]:
    return {character: byte for byte, character in enumerate(_stand_ins())}


@cache
def _dropped(character: str) -> bool:
    """Whether cleaning drops a character: controls, formats and private ones, but no white space."""
    return character == "\ufffd" or (
        character not in "\t\n\r" and unicodedata.category(character) in ("Cc", "Cf", "Co")
    )


@cache
def _is_punctuation(character: str) -> bool:
    ascii_symbols = (
        "!" <= character <= "/" or ":" <= character <= "@" or "[" <= character <= "`" or "{" <= character <= "~"
    )
    return ascii_symbols or unicodedata.category(character)[0] == "P"


# The blocks of Chinese characters that BERT knows.
_CHINESE = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F), (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
)  # fmt: skip


def _is_chinese(character: str) -> bool:
    return character >= "\u3400" and any(first <= ord(character) <= last for first, last in _CHINESE)
