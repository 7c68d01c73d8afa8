"""Configuration of the serving service."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict
from whitebox_runtime.settings import ServiceSettings

from whitebox_serving.batcher import BatchLimits


class ServingSettings(ServiceSettings):
    """Environment variables `WHITEBOX_SERVING_*`."""

    # `model_` is the prefix of this service's settings, not of pydantic's own names.
    model_config = SettingsConfigDict(env_prefix="WHITEBOX_SERVING_", protected_namespaces=())

    port: int = Field(50054, ge=0, le=65535, description="gRPC port; 0 takes a free one")
    metrics_port: int = Field(
        9105, ge=-1, le=65535, description="HTTP port of /metrics, /live and /ready; 0 takes a free one, -1 is off"
    )
    model_store: Path = Field(Path(".whitebox/data/models"), description="Folder of models: name/version/...")
    poll_seconds: float = Field(2.0, ge=0.1, le=3600, description="How often the store is looked at for changes")
    versions_in_service: int = Field(
        3, ge=1, le=100, description="Newest valid versions of each model that are served side by side"
    )
    audit_share: float = Field(
        0.01, ge=0, le=1, description="Share of requests to models with coefficients that is recomputed by whitebox"
    )
    backend: Literal["batcher", "ray"] = Field(
        "batcher", description="Where models are computed: batcher (this process) or ray (Ray Serve, to scale out)"
    )
    intra_op_threads: int = Field(1, ge=1, le=256, description="Threads that share one run of a model")
    max_batch_rows: int = Field(1024, ge=1, le=65_536, description="Rows in one batch; a larger request runs alone")
    max_waiting_rows: int = Field(
        16_384, ge=4096, le=10_000_000, description="Rows that wait for a thread (batcher); more are refused"
    )
    threads: int = Field(1, ge=1, le=256, description="Batches on threads at the same time (batcher)")
    direct_seconds: float = Field(
        0.001,
        ge=0,
        le=0.1,
        description="Runs expected to be shorter do not go to a thread, which costs more than it saves (batcher)",
    )
    ray_address: str = Field(
        "", max_length=500, description="Ray cluster to join; empty starts one on this machine, on loopback (ray)"
    )
    ray_min_replicas: int = Field(1, ge=1, le=1000, description="Replicas of each version at rest (ray)")
    ray_max_replicas: int = Field(2, ge=1, le=1000, description="Replicas of each version under load (ray)")
    ray_target_requests: int = Field(
        16, ge=1, le=10_000, description="Requests under way that a replica should have before one is added (ray)"
    )
    ray_max_waiting_requests: int = Field(
        1024, ge=1, le=1_000_000, description="Requests of a version that wait for a replica; more are refused (ray)"
    )
    ray_batch_wait_seconds: float = Field(
        0.001, ge=0, le=1, description="How long a replica waits for a batch to fill (ray)"
    )
    ray_cpus: float = Field(
        0.1,
        gt=0,
        le=256,
        description="Processors that Ray reserves for a replica; successors start beside what they replace (ray)",
    )
    ray_start_seconds: float = Field(
        60.0, ge=1, le=3600, description="How long a version may take to come into service before it is given up (ray)"
    )

    @model_validator(mode="after")
    def _replicas_in_order(self) -> Self:
        if self.ray_max_replicas < self.ray_min_replicas:
            raise ValueError("WHITEBOX_SERVING_RAY_MAX_REPLICAS is less than WHITEBOX_SERVING_RAY_MIN_REPLICAS")
        return self

    @property
    def batch_limits(self) -> BatchLimits:
        """The limits of the batcher."""
        return BatchLimits(
            direct_seconds=self.direct_seconds,
            max_batch_rows=self.max_batch_rows,
            max_waiting_rows=self.max_waiting_rows,
            threads=self.threads,
        )
