"""The OpenAPI document tells the truth."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest


async def test_every_route_declares_its_errors_its_keys_and_no_default_validation_error(gateway) -> None:
    document = (await gateway.client.get("/openapi.json")).json()
    text = str(document)
    assert "HTTPValidationError" not in text
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if not path.startswith("/v1"):
                assert "security" not in operation
                continue
            assert operation["security"] == [{"bearer": []}, {"header": []}], path
            assert {"400", "401", "404", "413", "503", "504"} <= operation["responses"].keys(), path
            assert "422" not in operation["responses"]
            assert ("415" in operation["responses"]) == (method == "post" and not path.endswith("/reload")), path
            assert operation["summary"]


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_schemathesis_finds_no_answer_that_the_document_does_not_announce(gateway, tmp_path: Path) -> None:
    # Not `positive_data_acceptance`: names of models and views are valid by schema and unknown. Not `use_after_free`:
    # a deleted document may be read while its job runs.
    checks = (
        "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,"
        "missing_required_header,unsupported_method,ignored_auth"
    )
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("schemathesis")), "run", f"{gateway.url}/openapi.json", "--checks", checks,
        "--max-examples", "10", "--seed", "1", "--header", f"Authorization: Bearer {gateway.operator_key}", "--no-color",
        "--exclude-path-regex", "/metrics|/docs|/ready",
        cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()[-6000:]
