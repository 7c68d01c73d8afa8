"""Keys files: made by the command, read strictly."""

from __future__ import annotations

import hashlib
import json
import stat
from pathlib import Path

import pytest
from whitebox_gateway.authentication import KeyRing, KeysFileError
from whitebox_gateway.keys import main
from whitebox_runtime.errors import PermissionDenied, Unauthenticated

GOOD = {"id": "k", "sha256": "a" * 64, "tenant": "t", "roles": ["user"]}


def test_a_new_key_is_printed_once_and_only_its_hash_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "deep" / "keys"
    arguments = ["create", "--file", str(path), "--tenant", "acme", "--role", "user", "--role", "operator", "--quiet"]
    assert main(arguments) == 0
    assert main(["create", "--file", str(path)]) == 0
    key, second = capsys.readouterr().out.split()
    assert key not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    who = KeyRing(path).authenticate(key.encode())
    assert (who.tenant, who.roles) == ("acme", {"user", "operator"})
    who.require_operator()
    other = KeyRing(path).authenticate(second.encode())
    assert other.tenant == "default"
    with pytest.raises(PermissionDenied, match="operator"):
        other.require_operator()


def test_the_command_refuses_what_it_cannot_do(tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.delenv("WHITEBOX_GATEWAY_API_KEYS_FILE", raising=False)
    assert main(["create", "--file", str(tmp_path / "keys"), "--tenant", "a/b"]) == 2
    assert "tenant" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert main(["create", "--file", str(tmp_path / "file" / "keys")]) == 1
    with pytest.raises(SystemExit):
        main(["create"])


@pytest.mark.parametrize(
    "content",
    [
        "",
        "\n\n",
        "{broken",
        json.dumps({**GOOD, "sha256": "A" * 64}),
        json.dumps({**GOOD, "roles": []}),
        json.dumps({**GOOD, "roles": ["king"]}),
        json.dumps({**GOOD, "tenant": ""}),
        json.dumps({**GOOD, "extra": 1}),
        "[]",
        "\xff",
    ],
)
def test_a_file_that_is_wrong_is_refused_with_its_name_and_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "keys"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(KeysFileError) as caught:
        KeyRing(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(KeysFileError, match=r"python -m whitebox_gateway\.keys create --file"):
        KeyRing(tmp_path / "absent")


def test_unknown_keys_are_refused_whatever_they_look_like(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(json.dumps({**GOOD, "sha256": hashlib.sha256(b"right").hexdigest()}))
    ring = KeyRing(path)
    assert ring.authenticate(b"right").key_id == "k"
    for wrong in (b"", b"wrong", b"right ", b"\x00", b"x" * 10_000, b"\xff\xfe"):
        with pytest.raises(Unauthenticated):
            ring.authenticate(wrong)
