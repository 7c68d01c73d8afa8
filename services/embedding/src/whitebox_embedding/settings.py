"""Configuration of the embedding service."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict
from whitebox_runtime.settings import ServiceSettings

from whitebox_embedding.bundle import ModelChoice
from whitebox_embedding.encoding import Precision


class EmbeddingSettings(ServiceSettings):
    """Environment variables `WHITEBOX_EMBEDDING_*`."""

    # `model_` is the prefix of this service's settings, not of pydantic's own names.
    model_config = SettingsConfigDict(env_prefix="WHITEBOX_EMBEDDING_", protected_namespaces=())

    port: int = Field(50051, ge=0, le=65535, description="gRPC port; 0 takes a free one")
    metrics_port: int = Field(
        9101, ge=-1, le=65535, description="HTTP port of /metrics, /live and /ready; 0 takes a free one, -1 is off"
    )
    data_dir: Path = Field(
        Path(".whitebox/embedding"),
        description="Folder of built models; may be read-only where it already holds the model to serve",
    )
    model_path: Path | None = Field(
        None,
        description="sentence-transformers folder of a BERT encoder; unset serves all-MiniLM-L6-v2 from its wheel",
    )
    model_name: str = Field(
        "",
        max_length=200,
        description="What callers call the model; empty takes the default model's name, or the folder's",
    )
    model_sha256: str = Field(
        "",
        pattern="^([0-9a-f]{64})?$",
        description="SHA-256 that the weights must have; empty trusts model_path. The default model is always pinned",
    )
    precision: Precision = Field(
        "fp32",
        description="fp32, or int8 for more speed and slightly other vectors; the model's name then ends in -int8",
    )
    threads: int = Field(1, ge=1, le=256, description="Batches that run at the same time, each in its own thread")
    intra_op_threads: int = Field(1, ge=1, le=256, description="Threads that share the work of one batch")
    max_batch_tokens: int = Field(
        256, ge=16, le=65_536, description="Padded tokens in a batch; more delays queries and gains no throughput"
    )
    max_waiting_texts: int = Field(
        2048,
        ge=512,
        le=1_000_000,
        description="Texts admitted at the same time; a quarter of the room is for requests of up to 8 texts",
    )

    cache_texts: int = Field(
        4096, ge=0, le=1_000_000, description="Query texts whose vectors are remembered, about 2 KB each; 0 is off"
    )

    @property
    def choice(self) -> ModelChoice:
        """The model these settings choose."""
        return ModelChoice(
            precision=self.precision, path=self.model_path, name=self.model_name, weights_sha256=self.model_sha256
        )
