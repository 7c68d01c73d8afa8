"""scikit-learn models as ONNX graphs, by skl2onnx."""

from skl2onnx import to_onnx

from whitebox_serving.training import Trained

# Pinned, so that an upgrade of skl2onnx alone does not change the graphs; ONNX Runtime reads it since 1.15.
_OPSET = 18


def export(trained: Trained) -> bytes:
    """Converts a fitted model; the same model gives the same bytes.

    Returns:
        A graph whose input is float32 (rows, features) and whose last output is float32 probabilities or values.
    """
    # Without a name of its own, a graph gets a random one.
    options = {id(trained.model): {"zipmap": False}} if trained.dataset.task == "classifier" else None
    graph = to_onnx(
        trained.model, trained.held_out[:1], name=trained.dataset.name, options=options, target_opset=_OPSET
    )
    data: bytes = graph.SerializeToString(deterministic=True)
    return data
