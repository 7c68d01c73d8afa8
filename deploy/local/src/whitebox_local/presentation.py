"""How results look in a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from whitebox_local.stack import ProcessStatus


def show_answer(console: Console, question: str, answer: dict[str, Any]) -> None:
    """An answer, its citations, and how it came about."""
    lines = [escape(answer["answer"])]
    for citation in answer["citations"]:
        page = f", page {citation['page']}" if citation.get("page") else ""
        lines.append(
            f"[cyan]\\[{citation['n']}][/] {escape(citation['filename'])}{page}: [dim]{escape(citation['quote'])}[/]"
        )
    elapsed = f"{answer['timings']['total_seconds']:.2f} s"
    console.print(
        Panel("\n".join(lines), title=escape(question), subtitle=f"{answer['outcome']} · {elapsed}", title_align="left")
    )


def show_prediction(console: Console, result: dict[str, Any]) -> None:
    """A prediction with its probabilities."""
    table = Table(title=f"{result['model']} {result['version']}", title_justify="left")
    table.add_column("class")
    table.add_column("probability", justify="right")
    for name, probability in sorted(result.get("probabilities", {}).items(), key=lambda item: -item[1]):
        chosen = name == result["prediction"]
        table.add_row(f"[bold green]{escape(name)}[/]" if chosen else escape(name), f"{probability:.4f}")
    if not result.get("probabilities"):
        table.add_row("value", f"{result['prediction']:.4f}")
    console.print(table)
    if result.get("explanation"):
        show_explanation(console, result["explanation"])


def show_explanation(console: Console, explanation: dict[str, Any], most: int = 8) -> None:
    """What the features that moved a prediction most contributed, as bars to either side."""
    of = f"the probability of {escape(explanation['output'])}" if explanation["output"] else "the value"
    how = "every coalition" if explanation["exact"] else "sampled coalitions"
    table = Table(
        title=f"What moved {of} (Shapley values, {how}, {explanation['evaluated_rows']} rows)", title_justify="left"
    )
    table.add_column("feature")
    table.add_column("contribution", justify="right")
    table.add_column("", width=24)
    ranked = sorted(explanation["attributions"].items(), key=lambda item: -abs(item[1]))
    largest = abs(ranked[0][1]) or 1.0
    table.add_row("[dim]mean over the training data[/]", f"[dim]{explanation['base_value']:.4f}[/]", "")
    for name, share in ranked[:most]:
        bar = "█" * max(1, round(22 * abs(share) / largest)) if share else ""
        colour = "green" if share > 0 else "red"
        table.add_row(escape(name), f"{share:+.4f}", f"[{colour}]{bar}[/]")
    if rest := ranked[most:]:
        table.add_row(f"[dim]{len(rest)} more[/]", f"[dim]{sum(share for _, share in rest):+.4f}[/]", "")
    console.print(table)


def show_embedding_check(console: Console, texts: list[str], found: dict[str, Any]) -> None:
    """Vectors that are served beside those recomputed."""
    table = Table(title=_check_title(found), title_justify="left")
    for column in ("text", "tokens", "recomputed", "cosine distance"):
        table.add_column(column, justify="left" if column == "text" else "right")
    for text, one in zip(texts, found["texts"], strict=True):
        counts = (str(one["token_count"]), str(one["recomputed_token_count"]))
        distance = "none" if one["cosine_distance"] is None else f"{one['cosine_distance']:.1e}"
        table.add_row(escape(text if len(text) <= 60 else f"{text[:59]}…"), *counts, distance)
    console.print(table)


def show_completion_check(console: Console, prompt: str, found: dict[str, Any]) -> None:
    """Log-probabilities that are served beside those recomputed."""
    table = Table(title=_check_title(found), title_justify="left", caption=escape(f"behind {prompt!r}"))
    for column in ("token", "served log-probability", "recomputed", "difference"):
        table.add_column(column, justify="left" if column == "token" else "right")
    for one in found["tokens"]:
        served, ours = one["served_logprob"], one["recomputed_logprob"]
        shown = ("none", "") if served is None else (f"{served:.3f}", f"{served - ours:+.3f}")
        table.add_row(escape(repr(one["token"])), shown[0], f"{ours:.3f}", shown[1])
    console.print(table)


def _check_title(found: dict[str, Any]) -> str:
    verdict = "[green]agrees[/]" if found["agrees"] else "[red]differs[/]"
    seconds = f"{found['served_seconds']:.2f} s served, {found['recomputed_seconds']:.2f} s recomputed"
    return f"{escape(found['model'])}: {verdict} within {found['tolerance']:g} ({seconds})"


def show_features(console: Console, read: dict[str, Any]) -> None:
    """Feature values of entities, each with its status and age."""
    table = Table(title=f"{read['feature_view']} v{read['feature_view_version']}", title_justify="left")
    for column in ("entity", "feature", "value", "status", "age"):
        table.add_column(column, justify="right" if column in ("value", "age") else "left")
    for entity in read["entities"]:
        for item in entity["values"]:
            age = "-" if item["age_seconds"] is None else f"{item['age_seconds']:.1f} s"
            table.add_row(escape(entity["entity_id"]), item["feature"], f"{item['value']:g}", item["status"], age)
    console.print(table)


def show_status(console: Console, statuses: list[ProcessStatus]) -> None:
    """Every process of the stack."""
    table = Table()
    for column in ("process", "state", "ready", "pid", "up", ""):
        table.add_column(column, justify="right" if column in ("pid", "up") else "left")
    for status in statuses:
        state = status.state
        ready = "[green]yes[/]" if status.ready else "[red]no[/]"
        table.add_row(
            state.name,
            state.state.lower(),
            ready,
            str(state.pid or "-"),
            f"{state.seconds:.0f} s",
            escape(status.reason),
        )
    console.print(table)
