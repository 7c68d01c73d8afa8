"""Plain text and Markdown."""

from __future__ import annotations

from markdown_it import MarkdownIt

from whitebox_retrieval import sniffing
from whitebox_retrieval.loading import LoadedDocument, LoadLimits, Page, UnreadableDocumentError

_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
# More than this share of control bytes is no text in any encoding.
_MOST_CONTROL = 0.02


def load_text(content: bytes, limits: LoadLimits) -> LoadedDocument:  # noqa: ARG001  # the shape of a loader
    """The text as it stands.

    Raises:
        UnreadableDocumentError: "unsupported" where the bytes are no text.
    """
    return LoadedDocument(sniffing.TEXT, [Page(0, decode(content))])


def load_markdown(content: bytes, limits: LoadLimits) -> LoadedDocument:  # noqa: ARG001  # the shape of a loader
    """Text without the markup; HTML inside is read as HTML.

    Raises:
        UnreadableDocumentError: "unsupported" where the bytes are no text.
    """
    from whitebox_retrieval.adapters.loaders.html import html_text

    rendered = MarkdownIt("commonmark").enable("table").render(decode(content))
    return LoadedDocument(sniffing.MARKDOWN, [Page(0, html_text(rendered))])


def decode(content: bytes) -> str:
    """Text from bytes: by byte-order mark, as UTF-8, or as Windows-1252, the usual encoding of other Western text.

    Raises:
        UnreadableDocumentError: "unsupported" where the bytes are no text.
    """
    for mark, encoding in _MARKS.items():
        if content.startswith(mark):
            return content.decode(encoding, errors="replace")
    control = sum(content.count(byte) for byte in (*range(8), *range(14, 27), *range(28, 32)))
    if control > _MOST_CONTROL * len(content):
        raise UnreadableDocumentError("unsupported", "The file is binary; send PDF, DOCX, HTML, Markdown or text.")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")
