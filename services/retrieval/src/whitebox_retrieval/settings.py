"""Configuration of the retrieval service's two processes."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict
from whitebox_runtime.settings import ServiceSettings


class RetrievalSettings(ServiceSettings):
    """Environment variables `WHITEBOX_RETRIEVAL_*`, as the api process reads them."""

    model_config = SettingsConfigDict(env_prefix="WHITEBOX_RETRIEVAL_")

    port: int = Field(50052, ge=0, le=65535, description="gRPC port of the api process; 0 takes a free one")
    metrics_port: int = Field(
        9102, ge=-1, le=65535, description="HTTP port of /metrics, /live and /ready; 0 takes a free one, -1 is off"
    )
    database_url: str = Field(
        "sqlite+aiosqlite:///.whitebox/data/retrieval.sqlite",
        description="Documents, jobs and outbox: sqlite+aiosqlite:///path or postgresql+asyncpg://...",
        repr=False,
    )
    object_store_url: str = Field(
        "",
        description="Originals: file:///folder or s3://bucket/prefix; empty is .whitebox/data/objects below the "
        "working directory",
    )
    kafka_bootstrap_servers: str = Field("127.0.0.1:9392", min_length=1, description="Kafka brokers, host:port[,...]")
    qdrant_url: str = Field(
        "http://127.0.0.1:6344", min_length=1, description="Qdrant's gRPC address, http(s)://host:port"
    )
    embedding_target: str = Field("127.0.0.1:50051", min_length=1, description="The embedding service, host:port")
    max_document_bytes: int = Field(
        50 * 2**20, ge=1, le=2**31, description="Larger documents are refused while they are being uploaded"
    )
    max_pages: int = Field(5000, ge=1, description="Documents with more pages are refused")
    max_text_characters: int = Field(
        20_000_000, ge=1000, description="Documents that unfold to more text (zip bombs among them) are refused"
    )
    load_timeout_seconds: float = Field(60.0, gt=0, description="A loader that takes longer is killed")
    loader_processes: int = Field(1, ge=1, le=64, description="Processes that parse documents")
    chunk_tokens: int = Field(200, ge=16, le=510, description="Tokens of a chunk at most; the encoder reads 254")
    chunk_overlap_tokens: int = Field(40, ge=0, le=255, description="Tokens repeated from the chunk before")
    index_concurrency: int = Field(4, ge=1, le=64, description="Documents that the indexer works on at a time")
    republish_after_seconds: float = Field(
        30.0, gt=0, description="Changes that are not indexed by then are announced again"
    )

    audit_share: float = Field(
        0.01, ge=0, le=1, description="Share of dense searches that are held against exact search by whitebox"
    )
    audit_max_vectors: int = Field(
        100_000, ge=1, description="Searches over more chunks than this are not scanned for the audit"
    )

    @model_validator(mode="after")
    def _overlap_leaves_room(self) -> Self:
        if self.chunk_overlap_tokens >= self.chunk_tokens:
            budgets = f"{self.chunk_overlap_tokens} and {self.chunk_tokens}"
            raise ValueError(f"chunk_overlap_tokens must be less than chunk_tokens, got {budgets}")
        return self


class IndexerSettings(RetrievalSettings):
    """The same variables, as the indexer process reads them: both run on one machine without further ado."""

    metrics_port: int = Field(
        9103, ge=-1, le=65535, description="HTTP port of /metrics, /live and /ready; 0 takes a free one, -1 is off"
    )
