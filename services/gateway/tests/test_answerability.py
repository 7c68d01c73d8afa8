"""How often the right sentence is found and how often nothing is invented, with the real encoder.

Thresholds were chosen on `calibration.json` alone. `heldout.json` speaks of other documents and was only measured.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from whitebox_gateway.asking import analyse
from whitebox_gateway.extraction import Thresholds, candidates_of, judge, select, shortlist, words_to_embed

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def embed(tmp_path_factory: pytest.TempPathFactory):
    pytest.importorskip("whitebox_embedding")
    from whitebox_embedding.adapters.onnx_encoder import OnnxEncoder
    from whitebox_embedding.adapters.tokenizer import HuggingFaceTokenizer
    from whitebox_embedding.bundle import ModelChoice, ensure_bundle

    bundle = ensure_bundle(Path(tmp_path_factory.mktemp("models")), ModelChoice(), HuggingFaceTokenizer)
    tokenizer = HuggingFaceTokenizer(bundle.tokenizer_path, bundle.manifest.max_tokens)
    encoder = OnnxEncoder(bundle.graph_path)
    known: dict[str, np.ndarray] = {}

    def vectors(texts: list[str]) -> dict[str, np.ndarray]:
        for text in texts:
            if text not in known:
                ids = tokenizer.encode([text])[0].ids
                known[text] = encoder.encode(ids[None, :], np.array([len(ids)], np.int32))[0]
        return {text: known[text] for text in texts}

    return vectors


DEFAULT = Thresholds()


def measure(labelled: dict, embed, thresholds: Thresholds = DEFAULT) -> dict[str, int]:
    """Counts outcomes with the five passages nearest to each question, over all documents of the set."""
    passages = [passage for document in labelled["documents"].values() for passage in document]
    counts = dict.fromkeys(("right", "wrong", "missed", "refused", "invented"), 0)
    for item in labelled["items"]:
        question = analyse(item["q"])
        near_by = embed([item["q"], *passages])
        nearest = sorted(passages, key=lambda p: -float(near_by[item["q"]] @ near_by[p]))[:5]
        everything = candidates_of(nearest)
        candidates = shortlist(question, everything, 24)
        words = words_to_embed(question, candidates, 200)
        vectors = embed([question.text, *(one.spelt_out for one in candidates), *words])
        chosen = select(judge(question, candidates, everything, vectors, thresholds), 3, thresholds.margin)
        answer = " ".join(one.candidate.sentence.text for one in chosen)
        if item["a"] is None:
            counts["invented" if chosen else "refused"] += 1
        elif not chosen:
            counts["missed"] += 1
        else:
            counts["right" if item["a"] in answer else "wrong"] += 1
    return counts


def test_the_set_is_large_and_has_as_many_questions_without_answer(labelled) -> None:
    for name in ("calibration", "heldout"):
        items = labelled(name)["items"]
        assert len(items) >= 40
        assert sum(item["a"] is None for item in items) >= 20
        documents = {key: " ".join(value) for key, value in labelled(name)["documents"].items()}
        assert all(item["a"] is None or item["a"] in documents[item["d"]] for item in items)
    assert not labelled("calibration")["documents"].keys() & labelled("heldout")["documents"].keys()


def test_on_the_calibration_half_every_question_is_answered_or_refused_rightly(labelled, embed) -> None:
    counts = measure(labelled("calibration"), embed)
    assert counts == {"right": 24, "wrong": 0, "missed": 0, "refused": 22, "invented": 0}


def test_on_the_held_out_half_what_is_answered_is_right_and_what_is_not_said_is_refused(labelled, embed) -> None:
    counts = measure(labelled("heldout"), embed)
    answered = counts["right"] + counts["wrong"] + counts["invented"]
    assert counts["right"] / answered >= 0.95, counts
    assert counts["refused"] / (counts["refused"] + counts["invented"]) >= 0.95, counts
    assert counts["right"] >= 20, counts


def test_the_samples_of_the_demo_are_answered_and_refused_rightly(labelled, embed) -> None:
    assert measure(labelled("halden"), embed) == {"right": 7, "wrong": 0, "missed": 0, "refused": 5, "invented": 0}
