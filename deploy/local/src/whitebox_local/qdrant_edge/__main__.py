"""`python -m whitebox_local.qdrant_edge --path DIR --port N`: serves the local vector engine."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

from whitebox_local.qdrant_edge.collections import Collections
from whitebox_local.qdrant_edge.server import serve


def main() -> int:
    """Parses the command line, serves until SIGTERM or SIGINT, and says in one line why it could not."""
    parser = argparse.ArgumentParser(prog="python -m whitebox_local.qdrant_edge", description=__doc__)
    parser.add_argument("--path", type=Path, required=True, help="folder of the collections")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: loopback)")
    parser.add_argument("--port", type=int, default=6344, help="gRPC port (default: 6344)")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    try:
        asyncio.run(_run(arguments.path, arguments.host, arguments.port))
    except OSError as error:
        print(f"qdrant-edge: {error}", file=sys.stderr)
        return 1
    return 0


async def _run(path: Path, host: str, port: int) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stopping.set)
    await serve(Collections(path), host, port, stopping)


if __name__ == "__main__":
    sys.exit(main())
