"""Word documents: paragraphs, headings and tables in reading order."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator

import docx
from docx.document import Document
from docx.opc.exceptions import OpcError
from docx.table import Table
from docx.text.paragraph import Paragraph
from lxml.etree import LxmlError

from whitebox_retrieval import sniffing
from whitebox_retrieval.loading import LoadedDocument, LoadLimits, Page, UnreadableDocumentError


def load_docx(content: bytes, limits: LoadLimits) -> LoadedDocument:
    """Text of the body. The format stores no page numbers.

    Raises:
        UnreadableDocumentError: "corrupt", "encrypted" or "too_large".
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            # Checked before unpacking: a small archive can unfold to gigabytes. Markup is about ten times the text.
            if sum(entry.file_size for entry in archive.infolist()) > 10 * limits.max_characters:
                raise UnreadableDocumentError("too_large", "The Word document unfolds to more than is allowed.")
            if any(entry.flag_bits & 1 for entry in archive.infolist()):
                raise UnreadableDocumentError("encrypted", "The Word document is encrypted; remove its password first.")
        text = "\n\n".join(_blocks(docx.Document(io.BytesIO(content))))
    except (zipfile.BadZipFile, OpcError, LxmlError, KeyError, ValueError, EOFError, NotImplementedError):
        raise UnreadableDocumentError("corrupt", "The Word document is damaged and cannot be opened.") from None
    return LoadedDocument(sniffing.DOCX, [Page(0, text)])


def _blocks(document: Document) -> Iterator[str]:
    for block in document.iter_inner_content():
        if isinstance(block, Paragraph):
            if block.text.strip():
                yield block.text
        elif isinstance(block, Table):
            yield "\n".join(_rows(block))


def _rows(table: Table) -> Iterator[str]:
    """One line a row, with the column's heading before each value: a row then makes sense without the table."""
    rows = [[" ".join(cell.text.split()) for cell in row.cells] for row in table.rows]
    if not rows:
        return
    heading, *body = rows
    if not body or len(set(heading)) < len(heading) or not all(heading):
        yield from (" | ".join(row) for row in rows)
        return
    for row in body:
        yield "; ".join(f"{name}: {value}" for name, value in zip(heading, row, strict=False)) + "."
