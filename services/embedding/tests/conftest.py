"""The served model, built once for all tests."""

import json
import socket
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from whitebox_embedding.adapters.onnx_encoder import OnnxEncoder
from whitebox_embedding.adapters.tokenizer import HuggingFaceTokenizer
from whitebox_embedding.bundle import Bundle, ModelChoice, ensure_bundle
from whitebox_embedding.model_folder import Architecture, Weights

_GOLDEN = Path(__file__).parent / "golden"


@dataclass(frozen=True)
class Golden:
    """What sentence-transformers made of the texts, one at a time in fp32."""

    texts: list[str]
    vectors: NDArray[np.float32]
    token_counts: NDArray[np.int32]


@pytest.fixture(scope="session")
def golden() -> Golden:
    texts = json.loads((_GOLDEN / "texts.json").read_text(encoding="utf-8"))
    with np.load(_GOLDEN / "all-MiniLM-L6-v2.npz") as stored:
        return Golden(texts, stored["vectors"], stored["token_counts"])


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def bundle(data_dir: Path) -> Bundle:
    return ensure_bundle(data_dir, ModelChoice(), HuggingFaceTokenizer)


@pytest.fixture(scope="session")
def tokenizer(bundle: Bundle) -> HuggingFaceTokenizer:
    return HuggingFaceTokenizer(bundle.tokenizer_path, bundle.manifest.max_tokens)


@pytest.fixture(scope="session")
def encoder(bundle: Bundle) -> OnnxEncoder:
    return OnnxEncoder(bundle.graph_path)


@pytest.fixture(scope="module")
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


TINY = Architecture(layers=2, heads=4, dimensions=128, max_tokens=24, epsilon=1e-12, pooling="mean")


@pytest.fixture
def tiny_weights() -> Weights:
    """A BERT of random weights, large enough to make every part of the arithmetic matter."""
    random = np.random.default_rng(5)
    width, inner = TINY.dimensions, 256
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings": (50, width),
        "embeddings.position_embeddings": (32, width),
        "embeddings.token_type_embeddings": (2, width),
        "embeddings.LayerNorm": (width,),
    }
    for index in range(TINY.layers):
        layer = f"encoder.layer.{index}."
        for name in ("self.query", "self.key", "self.value", "output.dense"):
            shapes[f"{layer}attention.{name}"] = (width, width)
        shapes[layer + "attention.output.LayerNorm"] = (width,)
        shapes[layer + "intermediate.dense"] = (inner, width)
        shapes[layer + "output.dense"] = (width, inner)
        shapes[layer + "output.LayerNorm"] = (width,)
    weights = {name + ".weight": random.normal(0, 0.3, shape) for name, shape in shapes.items()}
    weights |= {
        name + ".bias": random.normal(0, 0.3, shape[:1]) for name, shape in shapes.items() if "_emb" not in name
    }
    return {name: tensor.astype(np.float32) for name, tensor in weights.items()}


@pytest.fixture
def tiny() -> Architecture:
    return TINY
