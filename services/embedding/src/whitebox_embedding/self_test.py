"""Asks the served model for a vector whose value is known from first principles."""

import numpy as np
from numpy.typing import NDArray
from whitebox.metrics.pairwise import cosine_similarity
from whitebox_runtime.errors import Unavailable

from whitebox_embedding.embedder import Embedder
from whitebox_embedding.encoding import Precision

# Rounding differs between processors by some 1e-6; int8 keeps about 0.997 of a sentence's direction.
SMALLEST_COSINE: dict[Precision, float] = {"fp32": 0.99999, "int8": 0.98}
_LARGEST_NORM_ERROR = 1e-3
_REASON = "embedding_self_test_failed"


async def check_model(embedder: Embedder, probe: str, expected: NDArray[np.float32], precision: Precision) -> None:
    """Embeds the probe on the callers' own path and compares it with the vector that libs/whitebox gave.

    Raises:
        Unavailable: The model's answer is not the weights' answer.
        ResourceExhausted: There is no room even for a query.
    """
    vector = (await embedder.embed([probe])).vectors
    norm = float(np.linalg.norm(vector))
    # Negated comparisons, so that NaN fails too.
    if not abs(norm - 1) <= _LARGEST_NORM_ERROR:
        raise Unavailable(f"the self-test's vector has norm {norm:.6f} instead of 1", reason=_REASON)
    similarity = float(cosine_similarity(vector, expected[np.newaxis])[0, 0])
    if not similarity >= SMALLEST_COSINE[precision]:
        raise Unavailable(
            f"the self-test's vector has cosine {similarity:.6f} to the reference instead of at least "
            f"{SMALLEST_COSINE[precision]}",
            reason=_REASON,
        )
