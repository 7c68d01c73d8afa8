"""The `whitebox` command: runs a local stack, and talks to a local or remote gateway."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from whitebox_local import demo as demonstration
from whitebox_local.gateway_client import GatewayClient, GatewayError, find_documents
from whitebox_local.home import Home
from whitebox_local.preflight import PreflightError
from whitebox_local.presentation import show_answer, show_features, show_prediction, show_status
from whitebox_local.stack import Stack, StackError
from whitebox_local.supervision import SupervisorError
from whitebox_local.topology import TopologyError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Runs Whitebox on this machine and talks to it. WHITEBOX_URL and WHITEBOX_API_KEY name another gateway; "
    "WHITEBOX_HOME another folder for the local stack (default: .whitebox).",
)
console = Console(highlight=False)

PortOffset = Annotated[int, typer.Option(help="Added to every port, so that several stacks fit on one machine.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the gateway's answer as JSON.")]


def main() -> None:
    """Runs the command; what goes wrong is said in one line, without a stack trace."""
    try:
        app(standalone_mode=True)
    except (GatewayError, PreflightError, StackError, SupervisorError, TopologyError) as error:
        Console(stderr=True, highlight=False).print(f"[red]whitebox:[/] {escape(str(error))}", soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


@app.command()
def up(port_offset: PortOffset = 0) -> None:
    """Starts every process in the background and waits until all are ready."""
    stack = Stack(Home.from_environment())
    with _stopped_on_interrupt(stack):
        _start(stack, port_offset)
    _show_addresses(stack)


@app.command()
def down() -> None:
    """Stops every process. Data stays."""
    home = Home.from_environment()
    Stack(home).down()
    console.print("everything is stopped")


@app.command()
def status() -> None:
    """Says which process is up and which is ready."""
    statuses = Stack(Home.from_environment()).status()
    show_status(console, statuses)
    if not all(item.ready for item in statuses):
        raise typer.Exit(1)


@app.command()
def logs(
    service: Annotated[str, typer.Argument(help="Name as `whitebox status` prints it.")] = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on printing what comes.")] = False,
    lines: Annotated[int, typer.Option(min=1, help="How many lines from the end.")] = 100,
) -> None:
    """Prints the log of one process."""
    home = Home.from_environment()
    names = sorted(path.stem for path in home.logs.glob("*.log"))
    if service not in names:
        raise StackError(f"name a log: {', '.join(names) or 'there is none yet'}")
    command = ["tail", "-n", str(lines), *(["-F"] if follow else []), str(home.logs / f"{service}.log")]
    raise typer.Exit(subprocess.call(command))  # noqa: S603  # a fixed program and our own file


@app.command()
def demo(port_offset: PortOffset = 0) -> None:
    """Starts everything, indexes documents, asks, predicts, recomputes, reads features; leaves it running."""
    stack = Stack(Home.from_environment())
    with _stopped_on_interrupt(stack):
        _start(stack, port_offset)
        with stack.client() as client:
            demonstration.run_demo(client, console)
    _show_addresses(stack)


@app.command()
def ingest(paths: Annotated[list[Path], typer.Argument(help="Files, or folders to search for documents.")]) -> None:
    """Uploads documents and waits until each is searchable or refused."""
    with _client() as client:
        files = find_documents(paths)
        ended = demonstration.ingest(client, console, files)
    indexed = sum(document["status"] == "indexed" for document in ended)
    console.print(f"{indexed} of {len(files)} documents are searchable")
    if indexed < len(files):
        raise typer.Exit(1)


@app.command()
def ask(
    question: str,
    top_k: Annotated[int, typer.Option(min=1, max=20, help="How many passages to read.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Asks a question about the documents."""
    with _client() as client:
        answer = client.post("/v1/questions", {"question": question, "top_k": top_k})
    if as_json:
        console.print_json(json.dumps(answer))
    else:
        show_answer(console, question, answer)


@app.command()
def predict(
    model: str,
    features: Annotated[
        str, typer.Argument(help="Features as a JSON object, or - to read it from standard input.")
    ] = "",
    explain: Annotated[bool, typer.Option(help="Say what each feature contributed, by Shapley values.")] = False,
    as_json: AsJson = False,
) -> None:
    """Predicts with a classical model; without features, for the average row of its training data."""
    with _client() as client:
        if not features:
            values = demonstration.typical_features(client, model)
        else:
            try:
                values = json.loads(sys.stdin.read() if features == "-" else features)
            except ValueError as error:
                raise GatewayError(f"the features are no valid JSON: {error}") from error
        result = client.post("/v1/predict", {"model": model, "features": values, "explain": explain})
    if as_json:
        console.print_json(json.dumps(result))
    else:
        show_prediction(console, result)


@app.command()
def check(
    texts: Annotated[
        list[str] | None, typer.Argument(help="Texts to embed twice; two of the demo's by default.")
    ] = None,
    prompt: Annotated[str, typer.Option(help="What the completion follows.")] = demonstration.CHECKED_PROMPT,
    completion: Annotated[str, typer.Option(help="What to score twice.")] = demonstration.CHECKED_COMPLETION,
) -> None:
    """Recomputes in NumPy, from the same weights, what the embedding and language models serve; for operators."""
    with _client() as client:
        demonstration.check(client, console, texts or list(demonstration.CHECKED_TEXTS), prompt, completion)


@app.command()
def features(
    view: str,
    entities: Annotated[list[str], typer.Argument(help="Entity ids.")],
    as_json: AsJson = False,
) -> None:
    """Reads online features, each with its age."""
    with _client() as client:
        read = client.post(f"/v1/features/{view}/online", {"entity_ids": entities})
    if as_json:
        console.print_json(json.dumps(read))
    else:
        show_features(console, read)


@app.command()
def bench(
    questions: Annotated[int, typer.Option(min=1, help="Requests per kind.")] = 50,
) -> None:
    """Measures a gateway from here: latency of searches, predictions and feature reads, one after another."""
    from whitebox_local.latency import measure

    with _client() as client:
        measure(client, console, questions)


@contextmanager
def _stopped_on_interrupt(stack: Stack) -> Iterator[None]:
    """Ctrl-C while starting leaves no process behind."""
    try:
        yield
    except KeyboardInterrupt:
        console.print("\ninterrupted: stopping everything")
        stack.down()
        raise


def _start(stack: Stack, port_offset: int) -> None:
    with console.status("starting") as spinner:

        def progress(waiting: str, ready: int, total: int) -> None:
            spinner.update(f"{ready} of {total} processes are ready; waiting for {waiting}" if waiting else "ready")

        stack.up(port_offset=port_offset, progress=progress)
    console.print(f"[green]✓[/] {len(stack.supervisor.states())} processes are up and ready")


def _client() -> GatewayClient:
    return GatewayClient.from_environment(Home.from_environment())


def _show_addresses(stack: Stack) -> None:
    url = f"http://127.0.0.1:{stack.ports['gateway']}"
    key_file = os.path.relpath(stack.home.api_key_file)
    console.rule("[bold]It is yours")
    console.print(f"gateway   {url}\nAPI docs  {url}/docs\nmetrics   {url}/metrics\nhealth    {url}/health")
    console.print(f"API key   in {key_file}\n")
    console.print(
        f'[dim]curl -s {url}/v1/questions -H "Authorization: Bearer $(cat {key_file})" '
        "-H 'Content-Type: application/json' -d '{\"question\": \"How deep is the water at the array?\"}'[/]",
        soft_wrap=True,
    )
    console.print("[dim]make status · make logs SERVICE=gateway · make down[/]")


if __name__ == "__main__":
    main()
