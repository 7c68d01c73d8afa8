"""A small client of the gateway's REST API, for the `whitebox` command."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from whitebox_local.home import Home


class GatewayError(RuntimeError):
    """What the gateway answered instead of a result, in one line."""


class GatewayClient:
    """Talks to one gateway.

    Args:
        url: Base address, e.g. http://127.0.0.1:8080.
        api_key: Sent as a bearer token.
        timeout_seconds: Longest wait for one answer; a small model on two busy cores takes its time.
    """

    def __init__(self, url: str, api_key: str, *, timeout_seconds: float = 120.0) -> None:
        self.url = url.rstrip("/")
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=timeout_seconds)

    @classmethod
    def from_environment(cls, home: Home) -> GatewayClient:
        """The gateway at WHITEBOX_URL with WHITEBOX_API_KEY; without them the local stack."""
        key = os.environ.get("WHITEBOX_API_KEY", "")
        if not key and home.api_key_file.exists():
            key = home.api_key_file.read_text().strip()
        return cls(os.environ.get("WHITEBOX_URL") or local_url(home), key)

    def __enter__(self) -> GatewayClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._http.close()

    def get(self, path: str, **parameters: Any) -> Any:
        """GET, as JSON."""
        return self._json("GET", path, params=parameters)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """POST of a JSON body, as JSON."""
        return self._json("POST", path, json=body)

    def delete(self, path: str) -> Any:
        """DELETE, as JSON."""
        return self._json("DELETE", path)

    def health(self) -> dict[str, Any] | None:
        """The health report, or None where nothing answers. An unhealthy platform still answers."""
        try:
            report: dict[str, Any] = self._http.get("/health", timeout=5).json()
        except (httpx.HTTPError, ValueError):
            return None
        return report

    def upload(self, path: Path) -> dict[str, Any]:
        """Uploads one document; it is durable when this returns."""
        with path.open("rb") as content:
            result: dict[str, Any] = self._json("POST", "/v1/documents", files={"file": (path.name, content)})
        return result

    def wait_for_job(
        self, job_id: str, *, timeout_seconds: float = 180.0, sleep: Callable[[float], None] = time.sleep
    ) -> dict[str, Any]:
        """Polls a job until it ends.

        Raises:
            GatewayError: if it does not end in time.
        """
        deadline = time.monotonic() + timeout_seconds
        pause = 0.05
        while True:
            job: dict[str, Any] = self.get(f"/v1/jobs/{job_id}")
            if job["state"] in ("succeeded", "failed"):
                return job
            if time.monotonic() > deadline:
                raise GatewayError(f"job {job_id} is still {job['state']} after {timeout_seconds:.0f} s")
            sleep(pause)
            pause = min(1.0, pause * 1.5)

    def stream_answer(self, body: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Asks a question and yields (event, data) as the server sends them.

        Raises:
            GatewayError: if the question is refused.
        """
        with self._http.stream("POST", "/v1/questions", json={**body, "stream": True}) as response:
            if response.is_error:
                response.read()
                raise GatewayError(_reason(response))
            event, data = "message", ""
            for line in response.iter_lines():
                if line.startswith("event:"):
                    event = line[6:].strip()
                elif line.startswith("data:"):
                    data += line[5:].strip()
                elif not line and data:
                    yield event, json.loads(data)
                    event, data = "message", ""

    def _json(self, method: str, path: str, **arguments: Any) -> Any:
        try:
            response = self._http.request(method, path, **arguments)
        except httpx.TimeoutException as error:
            raise GatewayError(f"{self.url} did not answer in time") from error
        except httpx.HTTPError as error:
            raise GatewayError(f"{self.url} cannot be reached ({error}). Is it up? `whitebox up`") from error
        if response.is_error:
            raise GatewayError(_reason(response))
        return response.json()


def local_url(home: Home) -> str:
    """Where the local stack's gateway listens, or would listen by default."""
    port = 8080
    if home.ports_file.exists():
        port = json.loads(home.ports_file.read_text())["gateway"]
    return f"http://127.0.0.1:{port}"


def find_documents(paths: Sequence[Path]) -> list[Path]:
    """The files named, and below folders every file of a type that the platform reads.

    Raises:
        GatewayError: if a path does not exist.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(
                file
                for file in path.rglob("*")
                if file.suffix.lower() in (".pdf", ".docx", ".txt", ".md", ".html", ".htm")
            )
        elif path.exists():
            found.append(path)
        else:
            raise GatewayError(f"{path} does not exist")
    return found


def _reason(response: httpx.Response) -> str:
    try:
        problem = response.json()
        return f"{response.status_code} {problem['title']}: {problem.get('detail') or ''}".rstrip(": ")
    except (ValueError, KeyError, TypeError):
        return f"{response.status_code} {response.reason_phrase}"
