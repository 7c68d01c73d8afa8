import argparse

import pytest
from whitebox_llm.vllm_command import VllmOptions, vllm_argv


def flags(options: VllmOptions) -> dict[str, object]:
    """Reads the command line as a program would, so that flags and values cannot drift apart unseen."""
    program, command, model, *rest = vllm_argv(options)
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in (
        "host",
        "port",
        "served-model-name",
        "dtype",
        "gpu-memory-utilization",
        "max-model-len",
        "max-num-seqs",
    ):
        parser.add_argument(f"--{name}")
    for name in (
        "tensor-parallel-size",
        "pipeline-parallel-size",
        "data-parallel-size",
        "quantization",
        "kv-cache-dtype",
    ):
        parser.add_argument(f"--{name}")
    for name in ("revision", "download-dir", "chat-template", "speculative-config", "max-loras", "max-lora-rank"):
        parser.add_argument(f"--{name}")
    for name in ("enable-lora", "enforce-eager", "trust-remote-code", "enable-prompt-tokens-details"):
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--enable-prefix-caching", action=argparse.BooleanOptionalAction)
    parser.add_argument("--lora-modules", nargs="+")
    given = {name: value for name, value in vars(parser.parse_args(rest)).items() if value not in (None, False)}
    return {"program": program, "command": command, "model": model, **given}


def test_a_model_alone_leaves_the_rest_to_vllm() -> None:
    assert flags(VllmOptions(model="org/model")) == {
        "program": "vllm",
        "command": "serve",
        "model": "org/model",
        "host": "127.0.0.1",
        "port": "8000",
        "dtype": "auto",
        "gpu_memory_utilization": "0.9",
        "enable_prefix_caching": True,
        "enable_prompt_tokens_details": True,
    }


def test_every_option_reaches_the_command_line() -> None:
    given = flags(
        VllmOptions(
            model="/models/m",
            served_name="m",
            port=9000,
            dtype="bfloat16",
            max_model_len=4096,
            gpu_memory_utilization=0.85,
            tensor_parallel_size=2,
            pipeline_parallel_size=3,
            data_parallel_size=4,
            max_num_seqs=64,
            quantization="awq",
            kv_cache_dtype="fp8",
            revision="abc",
            download_dir="/cache",
            chat_template="/t.jinja",
            speculative_config='{"method": "ngram"}',
            lora_modules={"a": "/loras/a", "b": "/loras/b"},
            max_loras=2,
            max_lora_rank=32,
            enforce_eager=True,
            trust_remote_code=True,
        )
    )
    assert given == {
        "program": "vllm",
        "command": "serve",
        "model": "/models/m",
        "host": "127.0.0.1",
        "port": "9000",
        "served_model_name": "m",
        "dtype": "bfloat16",
        "gpu_memory_utilization": "0.85",
        "enable_prefix_caching": True,
        "enable_prompt_tokens_details": True,
        "max_model_len": "4096",
        "max_num_seqs": "64",
        "tensor_parallel_size": "2",
        "pipeline_parallel_size": "3",
        "data_parallel_size": "4",
        "quantization": "awq",
        "kv_cache_dtype": "fp8",
        "revision": "abc",
        "download_dir": "/cache",
        "chat_template": "/t.jinja",
        "speculative_config": '{"method": "ngram"}',
        "enable_lora": True,
        "max_loras": "2",
        "max_lora_rank": "32",
        "lora_modules": ["a=/loras/a", "b=/loras/b"],
        "enforce_eager": True,
        "trust_remote_code": True,
    }


def test_prefix_caching_is_turned_off_in_so_many_words() -> None:
    argv = vllm_argv(VllmOptions(model="m", prefix_caching=False))
    assert "--no-enable-prefix-caching" in argv
    assert "--enable-prefix-caching" not in argv


def test_lora_limits_are_left_out_without_adapters() -> None:
    assert not {"--enable-lora", "--max-loras", "--lora-modules"} & set(vllm_argv(VllmOptions(model="m", max_loras=8)))


def test_further_arguments_come_last_and_so_win() -> None:
    assert vllm_argv(VllmOptions(model="m", extra=("--dtype", "half")))[-2:] == ["--dtype", "half"]


def test_values_with_spaces_stay_one_argument() -> None:
    assert "my model" in vllm_argv(VllmOptions(model="m", served_name="my model"))


def test_another_program_may_start_it() -> None:
    argv = vllm_argv(VllmOptions(command=("python3", "-m", "vllm.entrypoints.cli.main"), model="m"))
    assert argv[:5] == ["python3", "-m", "vllm.entrypoints.cli.main", "serve", "m"]


@pytest.mark.parametrize("options", [VllmOptions(), VllmOptions(model="m", lora_modules={"a=b": "/x"})])
def test_what_cannot_work_is_refused(options: VllmOptions) -> None:
    with pytest.raises(ValueError, match=r"model|LoRA"):
        vllm_argv(options)
