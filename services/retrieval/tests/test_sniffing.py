"""Sniffing: content over names, names over statements."""

from __future__ import annotations

import pytest
from whitebox_retrieval import sniffing
from whitebox_retrieval.loading import UnreadableDocumentError
from whitebox_retrieval.sniffing import sniff


@pytest.mark.parametrize(
    ("content", "filename", "stated", "media_type"),
    [
        (b"%PDF-1.7 ...", "a.txt", "text/plain", sniffing.PDF),
        (b"\n\njunk%PDF-1.7", "a", "", sniffing.PDF),
        (b"PK\x03\x04....word/document.xml", "a.zip", "", sniffing.DOCX),
        (b"  <!DOCTYPE html><p>x", "a.txt", "text/plain", sniffing.HTML),
        (b"<!-- x --> <html>", "a", "", sniffing.HTML),
        (b"<p>x", "a.HTM", "", sniffing.HTML),
        (b"<p>x", "a", "text/html; charset=utf-8", sniffing.HTML),
        (b"# Title", "README.md", "application/octet-stream", sniffing.MARKDOWN),
        (b"# Title", "a", "Text/Markdown", sniffing.MARKDOWN),
        (b"# Title", "a.txt", "", sniffing.TEXT),
        (b"a < b and html", "a", "", sniffing.TEXT),
        (b"MZ-700 manual", "notes.txt", "", sniffing.TEXT),
        (b"text", "no ending.", "", sniffing.TEXT),
    ],
)
def test_the_type_is_found(content, filename, stated, media_type):
    assert sniff(content, filename, stated) == media_type


@pytest.mark.parametrize(
    ("content", "filename", "code", "says"),
    [
        (b"", "a.pdf", "empty", "empty"),
        (b" \n\t ", "a.txt", "empty", "empty"),
        (b"\x89PNG\r\n\x1a\n", "a.txt", "unsupported", "PNG"),
        (b"\xff\xd8\xff\xe0", "a.pdf", "unsupported", "JPEG"),
        (b"PK\x03\x04 xl/workbook.xml", "a.docx", "unsupported", "no Word document"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a.docx", "unsupported", "old or encrypted Office"),
        (b"MZ\x90\x00\x03", "setup.exe", "unsupported", "program"),
        (b"not one", "a.pdf", "corrupt", "no PDF"),
        (b"not one", "a.DOCX", "corrupt", "no Word document"),
    ],
)
def test_what_cannot_be_read_is_named(content, filename, code, says):
    with pytest.raises(UnreadableDocumentError, match=says) as caught:
        sniff(content, filename, "text/plain")
    assert caught.value.code == code
