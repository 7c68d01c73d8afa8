"""Makes API keys: `python -m whitebox_gateway.keys create --tenant default --role user`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from pydantic import ValidationError

from whitebox_gateway.authentication import KeysFileError, create_key

_FILE_VARIABLE = "WHITEBOX_GATEWAY_API_KEYS_FILE"


def main(arguments: list[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m whitebox_gateway.keys", description="Makes API keys.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    create = commands.add_parser("create", help="print a new key once and append its hash to the file")
    create.add_argument("--file", type=Path, default=os.environ.get(_FILE_VARIABLE), help=f"default: {_FILE_VARIABLE}")
    create.add_argument("--tenant", default="default", help="whose data the key opens (default: default)")
    create.add_argument(
        "--role", action="append", choices=("user", "operator"), help="may be repeated (default: user)", default=[]
    )
    create.add_argument("--quiet", action="store_true", help="print the key and nothing else")
    chosen = parser.parse_args(arguments)
    if chosen.file is None:
        parser.error(f"name a file with --file, or set {_FILE_VARIABLE}")
    try:
        key, record = create_key(chosen.file, chosen.tenant, frozenset(chosen.role or ["user"]))
    except KeysFileError as error:
        sys.stderr.write(f"keys: {error}\n")
        return 1
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        sys.stderr.write(f"keys: {'.'.join(map(str, problem['loc']))}: {problem['msg']}\n")
        return 2
    sys.stdout.write(f"{key}\n")
    if not chosen.quiet:
        roles = ", ".join(sorted(record.roles))
        sys.stderr.write(f"{record.id}: tenant {record.tenant}, roles {roles}; the key is not shown again\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
