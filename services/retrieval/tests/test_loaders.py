"""Loaders on files that other programs made, whole and broken."""

from __future__ import annotations

import io
import zipfile

import docx
import fpdf
import pypdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from whitebox_retrieval import sniffing
from whitebox_retrieval.adapters.loaders import load
from whitebox_retrieval.cleaning import clean
from whitebox_retrieval.loading import LoadedDocument, LoadLimits, UnreadableDocumentError

LIMITS = LoadLimits(max_pages=50, max_characters=1_000_000)


def read(content: bytes, filename: str = "file", stated: str = "", limits: LoadLimits = LIMITS) -> LoadedDocument:
    return load(content, filename, stated, limits)


def text_of(content: bytes, filename: str = "file", stated: str = "") -> str:
    (page,) = read(content, filename, stated).pages
    assert page.number == 0
    return page.text


def code_of(content: bytes, filename: str = "file", limits: LoadLimits = LIMITS) -> str:
    with pytest.raises(UnreadableDocumentError) as caught:
        read(content, filename, limits=limits)
    assert caught.value.reason.endswith(".")
    return caught.value.code


def outcome(content: bytes, filename: str) -> str:
    try:
        return "read" if read(content, filename).pages else "nothing"
    except UnreadableDocumentError as error:
        return error.code


def pdf_of(*pages: str) -> bytes:
    pdf = fpdf.FPDF()
    pdf.set_font("Helvetica", size=11)
    for page in pages:
        pdf.add_page()
        pdf.multi_cell(0, 6, page)
    return bytes(pdf.output())


def docx_of(*paragraphs: str) -> bytes:
    document = docx.Document()
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    return saved(document)


def saved(document: docx.document.Document) -> bytes:
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


class TestPdf:
    def test_pages_are_numbered_from_one_and_empty_ones_count(self):
        document = read(pdf_of("The tide.", "", "The moon."))
        assert document.media_type == sniffing.PDF
        assert [(page.number, page.text.strip()) for page in document.pages] == [
            (1, "The tide."),
            (2, ""),
            (3, "The moon."),
        ]
        assert document.page_count == 3

    def test_title_lines_paragraphs_and_hyphens_survive_the_layout(self):
        pdf = fpdf.FPDF()
        pdf.add_page()
        pdf.set_font("Helvetica", size=20)
        pdf.cell(0, 12, "Halden Tidal Station", new_x="LMARGIN", new_y="NEXT")
        pdf.set_font("Helvetica", size=11)
        pdf.multi_cell(
            0,
            6,
            "The station lies in the bay, and the tide there rises by nine metres twice a day: a place of mainte-\n"
            "nance where the river carries silt from the mountains to a delta and Anglo-\nSaxon ships lie in the mud",
        )
        (page,) = read(bytes(pdf.output())).pages
        lines = clean(page.text, unwrap=True).split("\n")
        assert lines[0] == "Halden Tidal Station"
        assert "a place of maintenance where" in lines[1]
        assert "Anglo-Saxon" in lines[1]

    def test_a_locked_pdf_is_told_from_a_broken_one(self):
        writer = pypdf.PdfWriter(clone_from=io.BytesIO(pdf_of("Secret.")))
        writer.encrypt("user", "owner", algorithm="AES-256")
        stream = io.BytesIO()
        writer.write(stream)
        assert code_of(stream.getvalue()) == "encrypted"

    def test_a_pdf_that_only_forbids_changes_is_read(self):
        writer = pypdf.PdfWriter(clone_from=io.BytesIO(pdf_of("Open to readers.")))
        writer.encrypt("", "owner", algorithm="AES-128")
        stream = io.BytesIO()
        writer.write(stream)
        assert read(stream.getvalue()).pages[0].text.strip() == "Open to readers."

    @pytest.mark.parametrize(
        "content", [b"%PDF-1.7", b"%PDF-1.7\n" + b"\x00\xff" * 500, b"%PDF-1.4\ntrailer<</Root 1 0 R>>"]
    )
    def test_a_broken_pdf_is_corrupt(self, content):
        assert code_of(content) == "corrupt"

    def test_pages_without_text_are_no_text(self):
        assert code_of(pdf_of("", "")) == "no_text"

    def test_too_many_pages_are_refused(self):
        limits = LoadLimits(max_pages=2, max_characters=1000)
        assert code_of(pdf_of("a", "b", "c"), limits=limits) == "too_large"

    def test_too_much_text_is_refused(self):
        limits = LoadLimits(max_pages=9, max_characters=10)
        assert code_of(pdf_of("a longer text"), limits=limits) == "too_large"

    @given(st.integers(0, 800), st.binary(min_size=1, max_size=40))
    @settings(deadline=None, max_examples=40)
    def test_damage_anywhere_gives_text_or_a_reason(self, at, damage):
        content = bytearray(pdf_of("The tide rises."))
        content[at : at + len(damage)] = damage
        assert outcome(bytes(content), "file.pdf") in {"read", "corrupt", "no_text", "encrypted", "unsupported"}


class TestDocx:
    def test_paragraphs_headings_and_tables_come_in_reading_order(self):
        document = docx.Document()
        document.add_heading("Turbines", level=1)
        document.add_paragraph("Before.")
        table = document.add_table(rows=2, cols=2)
        for cell, text in zip(
            [*table.rows[0].cells, *table.rows[1].cells], ["Unit", "Power", "T1", "12 MW"], strict=True
        ):
            cell.text = text
        document.add_paragraph("After.")
        assert text_of(saved(document)) == "Turbines\n\nBefore.\n\nUnit: T1; Power: 12 MW.\n\nAfter."

    @pytest.mark.parametrize(
        ("rows", "text"),
        [
            ([["a", "b"]], "a | b"),
            ([["a", ""], ["c", "d"]], "a | \nc | d"),
            ([["a", "a"], ["c", "d"]], "a | a\nc | d"),
        ],
        ids=["one row", "a column without heading", "headings that repeat"],
    )
    def test_a_table_without_proper_headings_stays_a_grid(self, rows, text):
        document = docx.Document()
        table = document.add_table(rows=len(rows), cols=2)
        for row, texts in zip(table.rows, rows, strict=True):
            for cell, value in zip(row.cells, texts, strict=True):
                cell.text = value
        assert text_of(saved(document)) == text

    def test_merged_cells_do_not_break_a_table(self):
        document = docx.Document()
        table = document.add_table(rows=2, cols=3)
        table.cell(0, 0).merge(table.cell(0, 1)).text = "wide"
        table.cell(1, 2).text = "last"
        assert "last" in text_of(saved(document))

    def test_an_archive_that_unfolds_to_gigabytes_is_refused_before_it_does(self):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("word/document.xml", b"\x00" * 200_000_000)
        assert len(stream.getvalue()) < 300_000
        assert code_of(stream.getvalue()) == "too_large"

    def test_an_entity_bomb_does_not_unfold(self):
        bomb = '<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "ha">' + "".join(
            f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9)
        )
        namespace = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
        bomb += (
            f']><w:document xmlns:w="{namespace}"><w:body><w:p><w:r><w:t>&j;</w:t></w:r></w:p></w:body></w:document>'
        )
        assert code_of(with_document_xml(bomb.encode())) in ("corrupt", "no_text")

    @pytest.mark.parametrize("keep", [100, 2000, -200])
    def test_an_archive_that_is_cut_short_is_corrupt(self, keep):
        assert code_of(docx_of("Text.")[:keep] + b"word/", "a.docx") == "corrupt"

    def test_markup_that_is_broken_is_corrupt(self):
        assert code_of(with_document_xml(b"<w:document><w:body>")) == "corrupt"

    def test_an_archive_without_the_document_is_corrupt(self):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("word/nothing.xml", b"<a/>")
        assert code_of(stream.getvalue()) == "corrupt"

    def test_one_without_text_is_no_text(self):
        assert code_of(docx_of("", " ")) == "no_text"

    def test_one_that_is_locked_says_so(self):
        content = docx_of("Secret.")
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            offset = archive.infolist()[0].header_offset
            directory = archive.start_dir
        assert offset == 0
        locked = bytearray(content)
        locked[6] |= 1
        locked[directory + 8] |= 1
        assert code_of(bytes(locked)) == "encrypted"


def with_document_xml(markup: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(docx_of("Text."))) as source, zipfile.ZipFile(stream, "w") as target:
        for entry in source.infolist():
            target.writestr(entry, markup if entry.filename == "word/document.xml" else source.read(entry))
    return stream.getvalue()


class TestHtml:
    @pytest.mark.parametrize(
        ("markup", "text"),
        [
            ("<p><b>W</b>hite <i>box</i>, <a>x</a>.", "White box, x."),
            ("<p>a<span>b</span> <span>c</span></p>", "ab c"),
            ("<p>one</p>two<div>three</div>four", "one\n\ntwo\n\nthree\n\nfour"),
            ("<p>one<br>two", "one\n\ntwo"),
            ("<p>\n  a\n  b </p>", "a b"),
            ("<table><tr><th>a<th>b<tr><td>c<td>d</table>", "a | b\n\nc | d"),
            ("<ul><li>a<li>b</ul>", "a\n\nb"),
            ("<title> T </title><p>x", "T\n\nx"),
            ("<title>T</title><h1>T</h1><p>x", "T\n\nx"),
            ("<p>a<script>var x</script><style>p{}</style><!-- c -->b<nav>menu</nav>", "ab"),
            ("<form><p>in a form</p><select><option>1</select><button>Go</button></form>", "in a form"),
            ("<p>a &lt; b &amp; c&nbsp;d &#x6c34;", "a < b & c d 水"),
            ("<p>open <b>tags <i>everywhere", "open tags everywhere"),
        ],
    )
    def test_it_reads_as_a_reader_sees_it(self, markup, text):
        assert text_of(markup.encode(), "a.html") == text

    def test_twenty_thousand_levels_are_read(self):
        markup = "<div>" * 20_000 + "deep" + "</div>" * 20_000
        assert text_of(markup.encode(), "a.html") == "deep"

    @pytest.mark.parametrize("markup", [b"<html></html>", b"<html><script>only()</script>", b"<!doctype html>"])
    def test_one_without_text_is_no_text(self, markup):
        assert code_of(markup) == "no_text"

    @given(st.text(max_size=200))
    def test_any_markup_gives_text_or_a_reason(self, markup):
        content = markup.encode("utf-8", "replace")
        assert outcome(content, "a.html") in {"read", "empty", "no_text", "unsupported", "corrupt"}


class TestText:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
    def test_the_usual_encodings_are_read(self, encoding):
        assert text_of("Café – 9 €".encode(encoding), "a.txt") == "Café – 9 €"

    @pytest.mark.parametrize("content", [bytes(range(256)) * 4, b"\x00" * 100, "text".encode("utf-32-be")])
    def test_binary_is_refused(self, content):
        assert code_of(content, "a.txt") == "unsupported"

    def test_bytes_that_no_encoding_has_are_replaced(self):
        assert text_of(b"caf\x81\xe9", "a.txt") == "caf\ufffdé"

    def test_half_a_utf_16_character_does_no_harm(self):
        assert text_of("ab".encode("utf-16") + b"\x41", "a.txt").startswith("ab")

    def test_a_byte_order_mark_alone_is_no_text(self):
        assert code_of(b"\xef\xbb\xbf", "a.txt") == "no_text"

    def test_markdown_loses_its_markup_and_keeps_its_tables(self):
        source = b"# Title\n\nSome *bold* [link](http://x).\n\n| a | b |\n|---|---|\n| c | d |\n\n<b>html</b>\n"
        assert text_of(source, "a.md") == "Title\n\nSome bold link.\n\na | b\n\nc | d\n\nhtml"

    def test_too_much_text_is_refused(self):
        assert code_of(b"a" * 11, limits=LoadLimits(max_pages=1, max_characters=10)) == "too_large"
