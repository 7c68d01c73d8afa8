"""ONNX Runtime."""

import os

import numpy as np

# Read when ONNX Runtime is imported: it would keep a device identifier in the home folder and report its use.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

from whitebox_serving.artifact import TOLERANCE, Artifact, RejectedModelError, largest_difference
from whitebox_serving.prediction import Matrix


class OnnxEngine:
    """A graph with one float32 input, of which the last output is what the service answers.

    Loading runs the manifest's probe, so that a graph which this machine computes differently never comes into service.

    Args:
        artifact: The version.
        intra_op_threads: Threads that share one run.

    Raises:
        RejectedModelError: ONNX Runtime cannot load it, its shapes are not the manifest's, or it fails the probe.
    """

    def __init__(self, artifact: Artifact, *, intra_op_threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = intra_op_threads
        options.inter_op_num_threads = 1
        # Spinning threads take the processor from the event loop.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            session = onnxruntime.InferenceSession(artifact.onnx, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime has a class for each way a graph is wrong
            raise RejectedModelError(f"ONNX Runtime cannot load the graph: {_first_line(error)}") from error
        inputs = session.get_inputs()
        if len(inputs) != 1 or inputs[0].type != "tensor(float)":
            raise RejectedModelError("the graph must have one float32 input")
        self._session = session
        self._input = inputs[0].name
        self._outputs = [session.get_outputs()[-1].name]
        self._check_probe(artifact)

    def run(self, rows: Matrix) -> Matrix:
        """Computes (rows, features) to (rows, outputs)."""
        outputs: Matrix = self._session.run(self._outputs, {self._input: rows})[0]
        return outputs

    def _check_probe(self, artifact: Artifact) -> None:
        rows, expected = artifact.probe
        try:
            found = self.run(rows)
        except Exception as error:
            raise RejectedModelError(
                f"the graph does not compute the manifest's probe: {_first_line(error)}"
            ) from error
        if not isinstance(found, np.ndarray) or found.dtype != np.float32 or found.shape != expected.shape:
            raise RejectedModelError(f"the graph's output is not float32 of shape {expected.shape}")
        if (difference := largest_difference(found, expected)) > TOLERANCE:
            raise RejectedModelError(
                f"the graph's answers differ from the trained model's by {difference:.2g}, more than {TOLERANCE:g}"
            )


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:300] if str(error) else type(error).__name__
