#!/usr/bin/env bash
# Regenerates libs/contracts from protos/. The virtual path keeps the stubs out of the `whitebox` package, which is the maths wheel.
set -euo pipefail
cd "$(dirname "$0")/.."
out="${1:-libs/contracts/src}"
find "$out/whitebox_contracts" -name '*_pb2*' -delete 2>/dev/null || true
mapfile -t files < <(cd protos/whitebox && find . -name '*.proto' | sed 's#^\./#whitebox_contracts/#' | sort)
"${PYTHON:-.venv/bin/python}" -m grpc_tools.protoc -Iwhitebox_contracts=protos/whitebox \
  --python_out="$out" --grpc_python_out="$out" \
  --mypy_out="readable_stubs,quiet:$out" --mypy_grpc_out="quiet:$out" "${files[@]}"
find "$out/whitebox_contracts" -type d -exec sh -c 'for d; do [ -e "$d/__init__.py" ] || printf "\"\"\"Generated from protos/; see protos/ for the documentation.\"\"\"\n" >"$d/__init__.py"; done' _ {} +
