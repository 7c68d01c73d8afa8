"""Configuration of the gateway."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict
from whitebox_runtime.settings import ServiceSettings


class GatewaySettings(ServiceSettings):
    """Environment variables `WHITEBOX_GATEWAY_*`."""

    model_config = SettingsConfigDict(env_prefix="WHITEBOX_GATEWAY_")

    port: int = Field(8080, ge=0, le=65535, description="HTTP port; 0 picks a free one")
    metrics_port: int = Field(
        -1, ge=-1, le=65535, description="Second port for /metrics, /live and /ready; -1: only on the HTTP port itself"
    )
    api_keys_file: Path = Field(description="File of API keys, one JSON object a line; read again when it changes")
    embedding_target: str = Field("127.0.0.1:50051", min_length=1, description="Address of the embedding service")
    retrieval_target: str = Field("127.0.0.1:50052", min_length=1, description="Address of the retrieval service")
    llm_target: str = Field("127.0.0.1:50053", min_length=1, description="Address of the language model service")
    serving_target: str = Field("127.0.0.1:50054", min_length=1, description="Address of the model serving service")
    features_target: str = Field("127.0.0.1:50055", min_length=1, description="Address of the feature store")
    call_timeout_seconds: float = Field(10.0, gt=0, le=600, description="Longest wait for one call to a service")
    request_timeout_seconds: float = Field(
        120.0, gt=0, le=3600, description="Longest time for one request, uploads and streams included; passed on"
    )
    draft_timeout_seconds: float = Field(
        30.0, gt=0, le=600, description="Longest wait for the language model's draft of an answer; then it is extracted"
    )
    start_wait_seconds: float = Field(
        60.0, ge=0, le=3600, description="Not ready until every service answered once, for at most so long"
    )
    max_in_flight: int = Field(512, ge=1, le=100_000, description="Requests at the same time; more get 503")
    max_json_bytes: int = Field(2**20, ge=1024, le=64 * 2**20, description="Largest JSON body")
    max_json_depth: int = Field(32, ge=4, le=200, description="Deepest nesting of a JSON body")
    max_upload_bytes: int = Field(50 * 2**20, ge=1024, le=2**30, description="Largest document")
    max_context_characters: int = Field(
        6000, ge=500, le=400_000, description="Text of passages in the prompt; less where the model's window is smaller"
    )
    draft_tokens: int = Field(200, ge=16, le=8192, description="Longest draft of an answer where a question names none")
    gzip: bool = Field(True, description="Compress answers of 1 KiB and more for clients that accept it; never streams")
    cors_origins: list[str] = Field(
        default_factory=list,
        description='JSON list of origins whose pages may call, for example ["https://example.org"]',
    )
