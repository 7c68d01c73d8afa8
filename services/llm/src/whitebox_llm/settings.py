"""Configuration of the language model service."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict
from whitebox_runtime.settings import ServiceSettings

from whitebox_llm.vllm_command import VllmOptions


class LlmSettings(ServiceSettings):
    """Environment variables `WHITEBOX_LLM_*`."""

    # `model_` is the prefix of this service's settings, not of pydantic's own names.
    model_config = SettingsConfigDict(env_prefix="WHITEBOX_LLM_", protected_namespaces=())

    port: int = Field(50053, ge=0, le=65535, description="gRPC port; 0 takes a free one")
    metrics_port: int = Field(
        9104, ge=-1, le=65535, description="HTTP port of /metrics, /live and /ready; 0 takes a free one, -1 is off"
    )
    engine: Literal["llamacpp", "openai", "vllm"] = Field(
        "llamacpp",
        description="llamacpp: GGUF on this CPU; openai: any OpenAI-compatible URL; vllm: `vllm serve` as a child",
    )

    slots: int = Field(
        8, ge=1, le=4096, description="Generations at the same time; with llamacpp batched, memory for each"
    )
    max_waiting: int = Field(
        64, ge=0, le=100_000, description="Generations that may wait for a slot; more are turned away"
    )
    saturated_after_seconds: float = Field(
        30.0, gt=0, le=3600, description="Not ready once the queue has been full for this long"
    )
    silence_seconds: float = Field(
        60.0, gt=0, le=3600, description="An engine silent for this long in the middle of a generation counts as stuck"
    )
    default_max_tokens: int = Field(512, ge=1, le=1_000_000, description="Tokens of a request that names no number")
    max_tokens: int = Field(
        4096, ge=1, le=1_000_000, description="Most tokens of any request; larger numbers are cut to it"
    )
    default_temperature: float = Field(0.2, ge=0, le=2, description="Temperature of a request that names none")
    default_top_p: float = Field(0.9, gt=0, le=1, description="top_p of a request that names none")

    model_name: str = Field(
        "",
        max_length=256,
        description="What callers call the model and get by default; empty: the packaged model's or the file's name, "
        "the first that the URL lists, or WHITEBOX_LLM_VLLM_MODEL",
    )
    model_path: Path | None = Field(
        None, description="llamacpp: GGUF file; unset serves the packaged SmolLM2-135M-Instruct"
    )
    model_sha256: str = Field("", pattern="^([0-9a-f]{64})?$", description="llamacpp: SHA-256 that the file must have")
    context_tokens: int = Field(2048, ge=64, le=1_048_576, description="llamacpp: prompt and output of one generation")
    threads: int = Field(1, ge=1, le=512, description="llamacpp: threads that compute; at most the cores to spare")
    batch_tokens: int = Field(
        256, ge=32, le=8192, description="llamacpp: prompt tokens per step; more delays running generations and cancels"
    )
    prefix_cache_bytes: int = Field(
        256 * 2**20, ge=0, le=2**40, description="llamacpp: memory for the states of earlier prompts"
    )

    openai_base_url: str = Field(
        "",
        pattern="^(https?://.+)?$",
        description="openai: address up to and with /v1, for example http://vllm:8000/v1",
    )
    openai_api_key_file: Path | None = Field(None, description="openai: file that holds the API key, read at start")

    vllm_model: str = Field("", max_length=1024, description="vllm: Hugging Face name or folder")
    vllm_command: str = Field("vllm", min_length=1, description="vllm: what starts it, as in a shell")
    vllm_port: int = Field(0, ge=0, le=65535, description="vllm: its port on loopback; 0 takes a free one")
    vllm_dtype: str = Field("auto", description="vllm: auto, bfloat16, float16 or float32")
    vllm_max_model_len: int = Field(0, ge=0, description="vllm: prompt and output together; 0 takes the model's own")
    vllm_gpu_memory_utilization: float = Field(0.9, gt=0, le=1, description="vllm: share of each GPU's memory")
    vllm_tensor_parallel_size: int = Field(1, ge=1, le=64, description="vllm: GPUs that share each layer")
    vllm_pipeline_parallel_size: int = Field(1, ge=1, le=64, description="vllm: GPUs that each hold a run of layers")
    vllm_data_parallel_size: int = Field(1, ge=1, le=64, description="vllm: copies of the model")
    vllm_prefix_caching: bool = Field(True, description="vllm: keep the states of earlier prompts")
    vllm_quantization: str = Field(
        "", description="vllm: awq, gptq, fp8, bitsandbytes, gguf, ...; empty: as the weights are"
    )
    vllm_kv_cache_dtype: str = Field("auto", description="vllm: auto or fp8")
    vllm_revision: str = Field("", description="vllm: branch, tag or commit of the model")
    vllm_download_dir: str = Field("", description="vllm: where weights are kept; empty: Hugging Face's cache")
    vllm_chat_template: str = Field("", description="vllm: file of a Jinja chat template; empty: the model's")
    vllm_speculative_config: str = Field("", description="vllm: JSON object for speculative decoding; empty: off")
    vllm_lora_modules: Annotated[dict[str, str], NoDecode] = Field(
        default_factory=dict, description="vllm: LoRA adapters as name=path, separated by commas"
    )
    vllm_max_loras: int = Field(1, ge=1, le=1024, description="vllm: adapters in one batch")
    vllm_max_lora_rank: int = Field(16, ge=1, le=1024, description="vllm: largest rank of any adapter")
    vllm_enforce_eager: bool = Field(False, description="vllm: no CUDA graphs: less memory, slower")
    vllm_trust_remote_code: bool = Field(False, description="vllm: let the model bring Python code that runs here")
    vllm_extra_args: str = Field("", description="vllm: further arguments, as in a shell; they win over all others")
    vllm_start_seconds: float = Field(1800.0, gt=0, le=86_400, description="vllm: longest time to load the model")
    vllm_max_failures: int = Field(
        3, ge=1, le=1000, description="vllm: failures in a row after which this service exits"
    )

    @field_validator("vllm_lora_modules", mode="before")
    @classmethod
    def _split_lora_modules(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = [pair.partition("=") for pair in value.split(",") if pair.strip()]
        if not all(name.strip() and path.strip() for name, _, path in pairs):
            raise ValueError("must be name=path, separated by commas")
        return {name.strip(): path.strip() for name, _, path in pairs}

    @field_validator("vllm_speculative_config")
    @classmethod
    def _check_speculative_config(cls, value: str) -> str:
        if value and not isinstance(json.loads(value), dict):
            raise ValueError("must be a JSON object")
        return value

    @field_validator("vllm_command", "vllm_extra_args")
    @classmethod
    def _check_quoting(cls, value: str) -> str:
        shlex.split(value)
        return value

    @model_validator(mode="after")
    def _check_engine(self) -> Self:
        if self.engine == "openai" and not self.openai_base_url:
            raise ValueError("engine openai needs WHITEBOX_LLM_OPENAI_BASE_URL")
        if self.engine == "vllm" and not self.vllm_model:
            raise ValueError("engine vllm needs WHITEBOX_LLM_VLLM_MODEL")
        if self.default_max_tokens > self.max_tokens:
            raise ValueError("WHITEBOX_LLM_DEFAULT_MAX_TOKENS is above WHITEBOX_LLM_MAX_TOKENS")
        return self

    def vllm_options(self, port: int) -> VllmOptions:
        """Returns how to run vLLM on this port."""
        return VllmOptions(
            command=tuple(shlex.split(self.vllm_command)),
            model=self.vllm_model,
            served_name=self.model_name,
            port=port,
            dtype=self.vllm_dtype,
            max_model_len=self.vllm_max_model_len,
            gpu_memory_utilization=self.vllm_gpu_memory_utilization,
            tensor_parallel_size=self.vllm_tensor_parallel_size,
            pipeline_parallel_size=self.vllm_pipeline_parallel_size,
            data_parallel_size=self.vllm_data_parallel_size,
            max_num_seqs=self.slots,
            prefix_caching=self.vllm_prefix_caching,
            quantization=self.vllm_quantization,
            kv_cache_dtype=self.vllm_kv_cache_dtype,
            revision=self.vllm_revision,
            download_dir=self.vllm_download_dir,
            chat_template=self.vllm_chat_template,
            speculative_config=self.vllm_speculative_config,
            lora_modules=self.vllm_lora_modules,
            max_loras=self.vllm_max_loras,
            max_lora_rank=self.vllm_max_lora_rank,
            enforce_eager=self.vllm_enforce_eager,
            trust_remote_code=self.vllm_trust_remote_code,
            extra=tuple(shlex.split(self.vllm_extra_args)),
        )
