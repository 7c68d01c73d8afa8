"""ONNX Runtime behind the domain's Encoder protocol."""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from whitebox_embedding.errors import ModelError

# Read when the library is loaded: its Linux builds send usage data to Microsoft unless this is set.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime


class OnnxEncoder:
    """A sentence encoder on the CPU; `encode` may run in several threads at once and holds no lock of Python's.

    Args:
        path: The graph that `graph.build_graph` made.
        intra_op_threads: Threads that share the work of one batch.

    Raises:
        ModelError: ONNX Runtime refuses the graph.
    """

    def __init__(self, path: Path, *, intra_op_threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = intra_op_threads
        options.inter_op_num_threads = 1
        # Spinning threads steal the cores of everything else on the machine while they wait for work.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the library's exceptions share no public base
            raise ModelError(f"ONNX Runtime cannot load {path}: {error}") from error

    @property
    def runtime(self) -> str:
        """Engine and version."""
        return f"onnxruntime {onnxruntime.__version__}"

    def encode(self, token_ids: NDArray[np.int32], lengths: NDArray[np.int32]) -> NDArray[np.float32]:
        """(batch, sequence) padded ids and (batch,) lengths to (batch, dimensions) unit vectors."""
        vectors: NDArray[np.float32] = self._session.run(["vectors"], {"input_ids": token_ids, "lengths": lengths})[0]
        return vectors
