"""PDF by pdfium, page by page."""

from __future__ import annotations

import pypdfium2
from pypdfium2.raw import FPDF_ERR_PASSWORD, FPDF_GetLastError

from whitebox_retrieval import sniffing
from whitebox_retrieval.loading import LoadedDocument, LoadLimits, Page, UnreadableDocumentError


def load_pdf(content: bytes, limits: LoadLimits) -> LoadedDocument:
    """Text of every page.

    Raises:
        UnreadableDocumentError: "encrypted", "corrupt" or "too_large".
    """
    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        if FPDF_GetLastError() == FPDF_ERR_PASSWORD or "password" in str(error).lower():
            raise UnreadableDocumentError("encrypted", "The PDF is encrypted; remove its password first.") from None
        raise UnreadableDocumentError("corrupt", "The PDF is damaged and cannot be opened.") from None
    try:
        if len(document) > limits.max_pages:
            raise UnreadableDocumentError("too_large", f"The document has more than {limits.max_pages} pages.")
        pages: list[Page] = []
        characters = 0
        for number in range(1, len(document) + 1):
            text = _page_text(document, number)
            characters += len(text)
            if characters > limits.max_characters:
                break
            pages.append(Page(number, text))
    finally:
        document.close()
    if characters > limits.max_characters:
        raise UnreadableDocumentError("too_large", f"The document has more than {limits.max_characters} characters.")
    return LoadedDocument(sniffing.PDF, pages)


def _page_text(document: pypdfium2.PdfDocument, number: int) -> str:
    try:
        page = document[number - 1]
    except pypdfium2.PdfiumError:
        raise UnreadableDocumentError("corrupt", f"Page {number} of the PDF is damaged.") from None
    text_page = page.get_textpage()
    text: str = text_page.get_text_bounded()
    text_page.close()
    page.close()
    # Pdfium's sign for a hyphen at a line's end, the line break included.
    return text.replace("\x02", "-\n")
