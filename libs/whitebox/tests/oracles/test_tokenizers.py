"""Our tokenizers against Hugging Face's, on the published vocabularies and 20,000 strings of all sorts."""

from __future__ import annotations

import random
import unicodedata

import pytest
from oracles.published import minilm, smollm2
from whitebox.transformers.gguf import open_gguf
from whitebox.transformers.tokenizer import BytePairTokenizer, WordPieceTokenizer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ALPHABETS = [
    "abcdefghijklmnopqrstuvwxyz ABC", "0123456789 ", "'sdtlrevm ’ll", " \t\n\r\u00a0\u3000\u2028\x85\x1c\x0b",
    "!?.,;:-_()[]{}#$%^&*+=<>|~`@/\\\"'", "äöüßéèñçøåīŁžśćİıΣσςΑβ", "中文漢字かなカナ한국어ที่हिन्दी", "😀👍🏽👩‍💻\u200d\ufe0f",
    "\x00\x01\x7f\ufffd\u200b\ufeff\u00ad", "①½Ⅷ²٣४𝟘", "a\u0301e\u0327\u0301n\u0303",
]  # fmt: skip
WORDS = [
    "the",
    "tide",
    " rises",
    "it's",
    "don't",
    "<|im_start|>",
    "<|endoftext|>",
    "[CLS]",
    "unbelievable",
    "Straße",
    "naïve",
]


def strings(count: int) -> list[str]:
    """Strings of words, of letters of one alphabet or another, and of any character that Unicode has had since 3.2."""
    draws = random.Random(0)
    # The library's tables are older than Python's: nothing that was added or moved to another class since.
    old, new = unicodedata.ucd_3_2_0.category, unicodedata.category
    anything = [chr(c) for c in range(0x30000) if old(chr(c)) == new(chr(c)) not in ("Cn", "Cs")]
    found = []
    for _ in range(count):
        parts = []
        for _ in range(draws.randint(0, 24)):
            kind = draws.random()
            if kind < 0.3:
                parts.append(draws.choice(WORDS))
            else:
                parts.append(draws.choice(draws.choice(ALPHABETS) if kind < 0.95 else anything))
        found.append("".join(parts))
    return found


@pytest.fixture(scope="module")
def corpus() -> list[str]:
    return strings(20_000)


def test_wordpiece_reads_as_the_published_tokenizer_of_minilm(corpus: list[str]) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    theirs = tokenizers.Tokenizer.from_file(str(minilm() / "tokenizer.json"))
    theirs.no_truncation()
    theirs.no_padding()
    ours = WordPieceTokenizer.from_file(minilm() / "vocab.txt")
    for text, expected in zip(corpus, theirs.encode_batch(corpus), strict=True):
        assert ours.encode(text) == expected.ids, ascii(text)


def test_byte_pairs_are_joined_as_by_the_published_tokenizer_of_smollm2(corpus: list[str]) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    file = open_gguf(smollm2())
    tokens = file.metadata["tokenizer.ggml.tokens"]
    merges = [tuple(pair.split(" ", 1)) for pair in file.metadata["tokenizer.ggml.merges"]]
    theirs = tokenizers.Tokenizer(tokenizers.models.BPE({token: i for i, token in enumerate(tokens)}, merges))
    byte_level = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    digits = tokenizers.pre_tokenizers.Digits(individual_digits=True)
    theirs.pre_tokenizer = tokenizers.pre_tokenizers.Sequence([digits, byte_level])
    ours = BytePairTokenizer.from_gguf(file)
    assert ours.single_digits
    theirs.add_special_tokens([tokenizers.AddedToken(one, special=True, normalized=False) for one in ours.special])
    known = set("".join(tokens))
    for text, expected in zip(corpus, theirs.encode_batch(corpus), strict=True):
        numbers = ours.encode(text)
        assert numbers == expected.ids, ascii(text)
        if all(stand_in in known for stand_in in _stand_ins(text)):
            assert ours.decode(numbers) == text


def _stand_ins(text: str) -> list[str]:
    from whitebox.transformers import tokenizer

    return [tokenizer._stand_ins()[byte] for byte in text.encode()]
