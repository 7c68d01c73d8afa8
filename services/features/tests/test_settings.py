from __future__ import annotations

import pytest
from whitebox_features.main import main
from whitebox_features.settings import FeaturesSettings


def start(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["whitebox_features.main", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


def test_help_lists_every_setting(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    assert start(monkeypatch, "--help") == 0
    listed = capsys.readouterr().out
    assert all(f"WHITEBOX_FEATURES_{name.upper()}" in listed for name in FeaturesSettings.model_fields)


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        ([], {}, "name one process: api or stream"),
        (["worker"], {}, "name one process: api or stream"),
        (["api", "stream"], {}, "name one process: api or stream"),
        (["api"], {"DEFINITIONS": "nowhere"}, "definitions module 'nowhere' cannot be imported"),
        (["stream"], {"DEFINITIONS": "json"}, "'json' has no DEFINITIONS"),
        (["api"], {"DATABASE_URL": "mysql://x"}, "WHITEBOX_FEATURES_DATABASE_URL"),
        (["api"], {"FLUSH_SECONDS": "90"}, "must be below WHITEBOX_FEATURES_REPUBLISH_AFTER_SECONDS"),
        (["api"], {"MAX_EVENTS_PER_ENTITY": "1"}, "greater than or equal to 100"),
    ],
)
def test_a_bad_start_ends_at_once_with_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments, environment, message
):
    for name, value in environment.items():
        monkeypatch.setenv(f"WHITEBOX_FEATURES_{name}", value)
    assert start(monkeypatch, *arguments) == 2
    written = capsys.readouterr().err
    assert message in written
    assert len(written.strip().splitlines()) == 1
