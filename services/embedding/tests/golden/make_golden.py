"""Writes the golden vectors: what sentence-transformers makes of texts.json, in fp32.

    pip install torch==2.13.0 sentence-transformers numpy   # in an environment of its own
    python make_golden.py FOLDER_OF_ALL_MINILM_L6_V2

It needs nothing of this repository, so that what it writes is evidence from outside.
"""

import argparse
import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="folder with model.safetensors, tokenizer.json and modules.json")
    folder = parser.parse_args().model
    torch.set_num_threads(1)
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    texts = json.loads((HERE / "texts.json").read_text(encoding="utf-8"))
    # One at a time: no padding, so every vector is the text's own.
    vectors = np.stack(
        [
            model.encode(text, convert_to_numpy=True, normalize_embeddings=True, show_progress_bar=False)
            for text in texts
        ]
    )
    counts = [int(model.preprocess([text])["attention_mask"].sum()) for text in texts]
    np.savez_compressed(
        HERE / "all-MiniLM-L6-v2.npz",
        vectors=vectors.astype(np.float32),
        token_counts=np.array(counts, np.int32),
        made_with=f"sentence-transformers {version('sentence-transformers')}, torch {torch.__version__}",
    )


if __name__ == "__main__":
    main()
