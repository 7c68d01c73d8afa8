import pytest
from whitebox_llm.settings import LlmSettings
from whitebox_llm.vllm_command import vllm_argv
from whitebox_runtime.settings import load_settings


def load(monkeypatch: pytest.MonkeyPatch, **variables: str) -> LlmSettings:
    for name, value in variables.items():
        monkeypatch.setenv(f"WHITEBOX_LLM_{name}", value)
    return load_settings(LlmSettings)


def test_nothing_needs_to_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch)
    assert (settings.engine, settings.port, settings.metrics_port) == ("llamacpp", 50053, 9104)


def test_vllm_is_configured_by_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(
        monkeypatch,
        ENGINE="vllm",
        VLLM_MODEL="org/model",
        VLLM_COMMAND="/opt/vllm/bin/python -m vllm",
        VLLM_LORA_MODULES="a=/loras/a, b=/loras/b",
        VLLM_SPECULATIVE_CONFIG='{"method": "ngram", "num_speculative_tokens": 4}',
        VLLM_EXTRA_ARGS="--swap-space '2 GiB'",
        MODEL_NAME="house-model",
        SLOTS="256",
    )
    argv = vllm_argv(settings.vllm_options(1234))
    assert argv[:5] == ["/opt/vllm/bin/python", "-m", "vllm", "serve", "org/model"]
    assert argv[argv.index("--port") + 1] == "1234"
    assert argv[argv.index("--max-num-seqs") + 1] == "256"
    assert argv[argv.index("--served-model-name") + 1] == "house-model"
    assert argv[argv.index("--lora-modules") + 1 :][:2] == ["a=/loras/a", "b=/loras/b"]
    assert argv[-2:] == ["--swap-space", "2 GiB"]


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({"ENGINE": "chatgpt"}, "WHITEBOX_LLM_ENGINE"),
        ({"ENGINE": "openai"}, "needs WHITEBOX_LLM_OPENAI_BASE_URL"),
        ({"ENGINE": "vllm"}, "needs WHITEBOX_LLM_VLLM_MODEL"),
        ({"OPENAI_BASE_URL": "vllm:8000"}, "WHITEBOX_LLM_OPENAI_BASE_URL"),
        ({"SLOTS": "0"}, "WHITEBOX_LLM_SLOTS"),
        ({"CONTEXT_TOKENS": "many"}, "WHITEBOX_LLM_CONTEXT_TOKENS"),
        ({"MODEL_SHA256": "abc"}, "WHITEBOX_LLM_MODEL_SHA256"),
        ({"DEFAULT_MAX_TOKENS": "100", "MAX_TOKENS": "50"}, "above WHITEBOX_LLM_MAX_TOKENS"),
        ({"VLLM_LORA_MODULES": "a"}, "name=path"),
        ({"VLLM_SPECULATIVE_CONFIG": "[1]"}, "JSON object"),
        ({"VLLM_EXTRA_ARGS": "--a 'b"}, "WHITEBOX_LLM_VLLM_EXTRA_ARGS"),
        ({"VLLM_GPU_MEMORY_UTILIZATION": "90"}, "WHITEBOX_LLM_VLLM_GPU_MEMORY_UTILIZATION"),
    ],
)
def test_bad_configuration_stops_the_start_with_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variables: dict[str, str], complaint: str
) -> None:
    with pytest.raises(SystemExit) as raised:
        load(monkeypatch, **variables)
    assert raised.value.code == 2
    assert complaint in capsys.readouterr().err
