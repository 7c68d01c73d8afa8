"""Finding out what a document is from its bytes: names and stated types lie."""

from __future__ import annotations

import re

from whitebox_retrieval.loading import UnreadableDocumentError

PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
HTML = "text/html"
MARKDOWN = "text/markdown"
TEXT = "text/plain"

# Formats that people mistake for documents that can be read, by their first bytes.
_UNSUPPORTED = {
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"\x7fELF": "a program",
    b"MZ\x90\x00": "a program",
    b"\x1f\x8b": "a gzip archive",
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an old or encrypted Office file",
}
_HTML_START = re.compile(rb"^\s*(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)


def sniff(content: bytes, filename: str, stated: str) -> str:
    """The media type that the content really has.

    Args:
        content: The whole document.
        filename: Its ending tells Markdown from plain text.
        stated: The client's media type; used for text only, where content does not decide.

    Raises:
        UnreadableDocumentError: "empty", or "unsupported" with what it seems to be.
    """
    if not content.strip():
        raise UnreadableDocumentError("empty", "The file is empty.")
    # Some producers put a few bytes before the header; PDF readers accept it within the first kilobyte.
    if b"%PDF-" in content[:1024]:
        return PDF
    if content[:4] == b"PK\x03\x04":
        if b"word/" in content:
            return DOCX
        raise UnreadableDocumentError("unsupported", "The file is a ZIP archive, but no Word document.")
    for magic, name in _UNSUPPORTED.items():
        if content.startswith(magic):
            raise UnreadableDocumentError("unsupported", f"The file is {name}; send PDF, DOCX, HTML, Markdown or text.")
    ending = filename.rsplit(".", 1)[-1].lower() if "." in filename else ""
    if ending == "pdf":
        raise UnreadableDocumentError("corrupt", "The file is named .pdf, but is no PDF.")
    if ending == "docx":
        raise UnreadableDocumentError("corrupt", "The file is named .docx, but is no Word document.")
    declared = stated.split(";", maxsplit=1)[0].strip().lower()
    if ending in ("html", "htm", "xhtml") or declared == HTML or _HTML_START.match(content):
        return HTML
    if ending in ("md", "markdown") or declared == MARKDOWN:
        return MARKDOWN
    return TEXT
