"""Parsers by media type. They run in processes of their own: see `whitebox_retrieval.adapters.loader_pool`."""

from __future__ import annotations

from collections.abc import Callable

from whitebox_retrieval import sniffing
from whitebox_retrieval.adapters.loaders.docx import load_docx
from whitebox_retrieval.adapters.loaders.html import load_html
from whitebox_retrieval.adapters.loaders.pdf import load_pdf
from whitebox_retrieval.adapters.loaders.text import load_markdown, load_text
from whitebox_retrieval.loading import LoadedDocument, LoadLimits, UnreadableDocumentError

_LOADERS: dict[str, Callable[[bytes, LoadLimits], LoadedDocument]] = {
    sniffing.PDF: load_pdf,
    sniffing.DOCX: load_docx,
    sniffing.HTML: load_html,
    sniffing.MARKDOWN: load_markdown,
    sniffing.TEXT: load_text,
}


def load(content: bytes, filename: str, stated: str, limits: LoadLimits) -> LoadedDocument:
    """Reads a document.

    Raises:
        UnreadableDocumentError: with code and reason, where it cannot be indexed.
    """
    document = _LOADERS[sniffing.sniff(content, filename, stated)](content, limits)
    if document.page_count > limits.max_pages:
        raise UnreadableDocumentError("too_large", f"The document has more than {limits.max_pages} pages.")
    if sum(len(page.text) for page in document.pages) > limits.max_characters:
        raise UnreadableDocumentError("too_large", f"The document has more than {limits.max_characters} characters.")
    if not any(page.text.strip() for page in document.pages):
        raise UnreadableDocumentError("no_text", "The document holds no text; scans need text recognition first.")
    return document
