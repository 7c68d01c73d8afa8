"""The command line of `vllm serve` for a configuration. Pure: it starts nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class VllmOptions:
    """How vLLM runs; what is left at its default is left to vLLM.

    Attributes:
        command: What starts vLLM, `("vllm",)` unless it is installed elsewhere.
        model: Hugging Face name or folder.
        served_name: What callers call the model; empty takes `model`.
        port: Where it listens, on loopback only.
        dtype: `"auto"`, `"bfloat16"`, `"float16"`, `"float32"`.
        max_model_len: Prompt and output together; 0 takes the model's own.
        gpu_memory_utilization: Share of each GPU's memory that vLLM takes.
        tensor_parallel_size: GPUs that share each layer.
        pipeline_parallel_size: GPUs that each hold a run of layers.
        data_parallel_size: Copies of the model.
        max_num_seqs: Generations in a batch; 0 takes vLLM's own.
        prefix_caching: Whether to keep the states of earlier prompts.
        quantization: `"awq"`, `"gptq"`, `"fp8"`, `"bitsandbytes"`, `"gguf"`, ...; empty takes the weights as they are.
        kv_cache_dtype: `"auto"` or `"fp8"`.
        revision: Branch, tag or commit of the model.
        download_dir: Where weights are kept; empty takes Hugging Face's cache.
        chat_template: File of a Jinja template; empty takes the model's.
        speculative_config: JSON object for speculative decoding; empty turns it off.
        lora_modules: LoRA adapters by the name that callers ask for.
        max_loras: Adapters in one batch.
        max_lora_rank: Largest rank of any of them.
        enforce_eager: Whether to do without CUDA graphs: less memory, slower.
        trust_remote_code: Whether the model may bring Python code that runs here.
        extra: Further arguments, as they stand, at the end: they win.
    """

    command: tuple[str, ...] = ("vllm",)
    model: str = ""
    served_name: str = ""
    port: int = 8000
    dtype: str = "auto"
    max_model_len: int = 0
    gpu_memory_utilization: float = 0.9
    tensor_parallel_size: int = 1
    pipeline_parallel_size: int = 1
    data_parallel_size: int = 1
    max_num_seqs: int = 0
    prefix_caching: bool = True
    quantization: str = ""
    kv_cache_dtype: str = "auto"
    revision: str = ""
    download_dir: str = ""
    chat_template: str = ""
    speculative_config: str = ""
    lora_modules: dict[str, str] = field(default_factory=dict)
    max_loras: int = 1
    max_lora_rank: int = 16
    enforce_eager: bool = False
    trust_remote_code: bool = False
    extra: Sequence[str] = ()


def vllm_argv(options: VllmOptions) -> list[str]:
    """Returns the arguments, the program first.

    The API key is not among them: it belongs into the environment, where other users' `ps` does not show it.

    Raises:
        ValueError: Options contradict each other or one is missing.
    """
    if not options.model:
        raise ValueError("no model is named")
    if any("=" in name or not name for name in options.lora_modules):
        raise ValueError("a LoRA adapter's name must not be empty or contain '='")
    argv = [*options.command, "serve", options.model, "--host", "127.0.0.1", "--port", str(options.port)]
    if options.served_name:
        argv += ["--served-model-name", options.served_name]
    argv += ["--dtype", options.dtype, "--gpu-memory-utilization", f"{options.gpu_memory_utilization:g}"]
    argv += ["--enable-prefix-caching" if options.prefix_caching else "--no-enable-prefix-caching"]
    # Without it vLLM's usage does not say how much of a prompt came from the cache.
    argv += ["--enable-prompt-tokens-details"]
    for flag, value, default in (
        ("--max-model-len", options.max_model_len, 0),
        ("--max-num-seqs", options.max_num_seqs, 0),
        ("--tensor-parallel-size", options.tensor_parallel_size, 1),
        ("--pipeline-parallel-size", options.pipeline_parallel_size, 1),
        ("--data-parallel-size", options.data_parallel_size, 1),
        ("--quantization", options.quantization, ""),
        ("--kv-cache-dtype", options.kv_cache_dtype, "auto"),
        ("--revision", options.revision, ""),
        ("--download-dir", options.download_dir, ""),
        ("--chat-template", options.chat_template, ""),
        ("--speculative-config", options.speculative_config, ""),
    ):
        if value != default:
            argv += [flag, str(value)]
    if options.lora_modules:
        argv += ["--enable-lora", "--max-loras", str(options.max_loras), "--max-lora-rank", str(options.max_lora_rank)]
        argv += ["--lora-modules", *(f"{name}={path}" for name, path in options.lora_modules.items())]
    if options.enforce_eager:
        argv += ["--enforce-eager"]
    if options.trust_remote_code:
        argv += ["--trust-remote-code"]
    return [*argv, *options.extra]
