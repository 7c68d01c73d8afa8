from __future__ import annotations

import pytest
from examples import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from whitebox.text.sentences import split_sentences


@EXAMPLES
@given(st.text(st.one_of(st.sampled_from(list('aZ .!?\n")。”')), st.characters())))
def test_spans_cover_the_text_without_gaps(text: str) -> None:
    spans = split_sentences(text)
    assert "".join(text[start:end] for start, end in spans) == text
    assert all(start < end for start, end in spans)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("It rose. It fell.", ["It rose. ", "It fell."]),
        ("See Fig. 3 of Dr. A. Noor.", ["See Fig. 3 of Dr. A. Noor."]),
        ("It was 3.5 m! Really?", ["It was 3.5 m! ", "Really?"]),
        ('"Stop." She left.', ['"Stop." ', "She left."]),
        ("水が出た。終わり。", ["水が出た。", "終わり。"]),
        ("One line\nanother", ["One line\n", "another"]),
        ("", []),
    ],
)
def test_sentences(text: str, sentences: list[str]) -> None:
    assert [text[start:end] for start, end in split_sentences(text)] == sentences
