"""Configuration of the feature store."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import SettingsConfigDict
from whitebox_runtime.settings import ServiceSettings

from whitebox_features.definitions import load_definitions


class FeaturesSettings(ServiceSettings):
    """Environment variables `WHITEBOX_FEATURES_*` of the api process."""

    model_config = SettingsConfigDict(env_prefix="WHITEBOX_FEATURES_")

    port: int = Field(50055, ge=0, le=65535, description="gRPC port of the api process; 0 takes a free one")
    metrics_port: int = Field(
        9106,
        ge=-1,
        le=65535,
        description="HTTP port of /metrics, /live and /ready (stream: 9107 by default); 0 takes a free one, -1 is off",
    )
    definitions: str = Field(
        "whitebox_features.demo", min_length=1, description="Importable module whose DEFINITIONS are served"
    )
    database_url: str = Field(
        "sqlite+aiosqlite:///.whitebox/features/features.sqlite",
        pattern=r"^(sqlite\+aiosqlite:///|postgresql\+asyncpg://)",
        description="Ledger of event ids and outbox: sqlite+aiosqlite:///path or postgresql+asyncpg://user:password@host/db",
    )
    offline_dir: Path = Field(
        Path(".whitebox/features/offline"),
        description="Folder of the Parquet files; both processes must see the same one",
    )
    redis_url: str = Field(
        "redis://127.0.0.1:6390/0", description="Online store; its eviction policy must be noeviction, persistence on"
    )
    redis_max_connections: int = Field(64, ge=1, le=10_000, description="Connections to Redis per process")
    redis_timeout_seconds: float = Field(2.0, gt=0, le=60, description="Longest wait for a connection or an answer")
    kafka_bootstrap_servers: str = Field("127.0.0.1:9392", min_length=1, description="Brokers, comma-separated")
    max_future_seconds: float = Field(60.0, ge=0, le=600, description="How far ahead of ours an event's clock may be")
    max_events_per_entity: int = Field(
        10_000,
        ge=100,
        le=1_000_000,
        description="Events kept online per entity and source; above it values are TRUNCATED",
    )
    dedupe_days: int = Field(
        30, ge=1, le=3650, description="How long a repeated event_id is recognised when it is sent again"
    )
    flush_seconds: float = Field(5.0, gt=0, le=600, description="Longest time an event waits to be written to Parquet")
    flush_events: int = Field(
        20_000, ge=1, le=1_000_000, description="Events that wait for Parquet before the stream does"
    )
    republish_after_seconds: float = Field(
        60.0,
        gt=0,
        le=3600,
        description="When an event that is not in both stores is published again; above flush_seconds",
    )
    stream_batch_events: int = Field(
        1000, ge=1, le=10_000, description="Most events the stream process takes at a time"
    )
    skew_check_seconds: float = Field(
        60.0,
        ge=0,
        le=86_400,
        description="How often a sample of served values is compared with the offline store; 0: never",
    )

    @field_validator("definitions")
    @classmethod
    def _definitions_are_good(cls, module: str) -> str:
        load_definitions(module)
        return module

    @model_validator(mode="after")
    def _flush_comes_before_republishing(self) -> Self:
        if self.flush_seconds >= self.republish_after_seconds:
            raise ValueError(
                "WHITEBOX_FEATURES_FLUSH_SECONDS must be below WHITEBOX_FEATURES_REPUBLISH_AFTER_SECONDS, "
                "or every event is published again before it is written"
            )
        return self


class StreamSettings(FeaturesSettings):
    """The same variables for the stream process, which listens for probes only."""

    metrics_port: int = Field(
        9107, ge=-1, le=65535, description="HTTP port of /metrics, /live and /ready; 0 takes a free one, -1 is off"
    )
