"""Cleaning: encodings repaired, layout undone, meaning kept."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whitebox_retrieval.cleaning import clean


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("cafÃ© au lait", "café au lait"),
        ("caf\u0065\u0301", "café"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("a \t\u00a0 b", "a b"),
        ("a\n\n\n\n\nb", "a\n\nb"),
        ("one\x0ctwo", "one\n\ntwo"),
        ("in\u00advis\u200bible\ufeff", "invisible"),
        ("nul\x00and\x07bell", "nulandbell"),
        ("“quoted” – dash", "“quoted” – dash"),
        ("ﬁnal ﬂow", "final flow"),
        ("", ""),
        (" \n ", ""),
    ],
)
def test_text_is_repaired(raw, cleaned):
    assert clean(raw) == cleaned


@given(st.text(max_size=300), st.booleans())
def test_any_text_comes_out_normal(raw, unwrap):
    cleaned = clean(raw, unwrap=unwrap)
    assert cleaned == cleaned.strip()
    assert not {"\x00", "\r", "\t", "\u200b"} & set(cleaned)
    assert "\n\n\n" not in cleaned
    assert "  " not in cleaned


@given(st.text(alphabet="aé水 .\n-", max_size=200))
def test_no_letter_is_lost(raw):
    def letters(text: str) -> str:
        return "".join(character for character in text if character.isalpha())

    assert letters(clean(raw, unwrap=True)) == unicodedata.normalize("NFC", letters(raw))


LONG = "The river carries silt from the mountains to the delta where"


def test_lines_of_a_paragraph_are_joined():
    assert clean(f"{LONG}\n{LONG}\nrice grows.", unwrap=True) == f"{LONG} {LONG} rice grows."


def test_lines_stay_where_breaks_are_the_authors():
    assert clean("one\ntwo") == "one\ntwo"


def test_a_short_heading_is_not_glued_to_its_paragraph():
    assert clean(f"2 Turbines\n{LONG}\n{LONG}\nrice grows", unwrap=True) == f"2 Turbines\n{LONG} {LONG} rice grows"


def test_the_short_last_line_of_a_paragraph_ends_it():
    assert clean(f"{LONG}\nrice grows\n{LONG}\nfish live", unwrap=True) == f"{LONG} rice grows\n{LONG} fish live"


@pytest.mark.parametrize("item", ["- silt", "• silt", "3. silt", "| a | b |", "# Silt"])
def test_list_items_and_rows_stay_lines_of_their_own(item):
    assert clean(f"{LONG}\n{item}", unwrap=True) == f"{LONG}\n{item}"


def test_a_blank_line_stays():
    assert clean(f"{LONG}\n\n{LONG}", unwrap=True) == f"{LONG}\n\n{LONG}"


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        (f"{LONG} mainte-\nnance", f"{LONG} maintenance"),
        (f"{LONG} Anglo-\nSaxon", f"{LONG} Anglo-Saxon"),
        (f"{LONG} über-\n  all", f"{LONG} überall"),
    ],
)
def test_a_word_that_was_hyphenated_for_its_line_is_mended(raw, cleaned):
    assert clean(raw, unwrap=True) == cleaned


def test_hyphens_of_the_authors_lines_stay():
    assert clean("well-\nknown") == "well-\nknown"
