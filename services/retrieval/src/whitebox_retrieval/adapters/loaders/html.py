"""HTML by selectolax: the text that a reader sees."""

from __future__ import annotations

from selectolax.lexbor import LexborHTMLParser, LexborNode

from whitebox_retrieval import sniffing
from whitebox_retrieval.adapters.loaders.text import decode
from whitebox_retrieval.loading import LoadedDocument, LoadLimits, Page

# Forms stay: some sites wrap the whole page in one.
_INVISIBLE = "script style noscript template svg nav iframe object button select textarea head".split()
_BLOCKS = frozenset(
    """
    address article aside blockquote br caption dd details div dl dt fieldset figcaption figure footer form
    h1 h2 h3 h4 h5 h6 header hr legend li main ol p pre section summary table tbody tfoot thead tr ul
    """.split()
)
_CELLS = frozenset({"td", "th"})


def load_html(content: bytes, limits: LoadLimits) -> LoadedDocument:  # noqa: ARG001  # the shape of a loader
    """Title and body text; scripts, styles and navigation are left out."""
    return LoadedDocument(sniffing.HTML, [Page(0, html_text(decode(content)))])


def html_text(markup: str) -> str:
    """Visible text, a blank line between blocks."""
    tree = LexborHTMLParser(markup)
    title = tree.css_first("title")
    heading = title.text(strip=True) if title is not None else ""
    tree.strip_tags(_INVISIBLE)
    parts: list[str] = []
    if tree.body is not None:
        _collect(tree.body, parts)
    lines = (" ".join(line.split()).removesuffix(" |") for line in "".join(parts).split("\n"))
    body = "\n\n".join(line for line in lines if line)
    return body if not heading or body.startswith(heading) else f"{heading}\n\n{body}"


def _collect(root: LexborNode, parts: list[str]) -> None:
    """Depth first with a stack of its own: markup nested ten thousand deep is no reason to crash."""
    stack: list[tuple[LexborNode | None, str]] = [(root, "")]
    while stack:
        node, closing = stack.pop()
        if node is None:
            parts.append(closing)
            continue
        if node.tag == "-text":
            parts.append((node.text_content or "").replace("\n", " "))
            continue
        if node.tag in _BLOCKS:
            parts.append("\n")
            stack.append((None, "\n"))
        elif node.tag in _CELLS:
            stack.append((None, " | "))
        children = list(node.iter(include_text=True))
        stack.extend((child, "") for child in reversed(children))
