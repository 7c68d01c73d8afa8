from __future__ import annotations

import numpy as np
import pytest
import sacrebleu
from nltk.metrics import edit_distance
from rouge_score import rouge_scorer
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_linnerud, load_wine
from sklearn.feature_extraction.text import TfidfVectorizer as SklearnTfidf
from whitebox.text.bleu import corpus_bleu, sentence_bleu, tokenize_13a
from whitebox.text.edit_distance import levenshtein
from whitebox.text.rouge import rouge_l, rouge_lsum, rouge_n
from whitebox.text.tfidf import TfidfVectorizer

LOADERS = (load_breast_cancer, load_diabetes, load_digits, load_iris, load_linnerud, load_wine)


def prose() -> list[str]:
    """Real text: the paragraphs of the descriptions of scikit-learn's data sets."""
    paragraphs = "\n\n".join(load().DESCR for load in LOADERS).split("\n\n")
    return [paragraph for paragraph in paragraphs if len(paragraph.split()) > 5]


def altered(text: str, seed: int) -> str:
    """With words lost, repeated and swapped."""
    rng = np.random.default_rng(seed)
    words = [word for word in text.split() for _ in range(rng.choice([0, 1, 1, 1, 1, 2]))]
    for place in rng.integers(0, max(len(words) - 1, 1), 3).tolist():
        words[place : place + 2] = words[place : place + 2][::-1]
    for place in rng.integers(0, max(len(words), 1), 3).tolist():
        words.insert(place, "\n")
    return " ".join(words)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"ngram_range": (1, 3), "min_df": 2, "sublinear_tf": True},
        {"ngram_range": (2, 2), "max_df": 0.2, "norm": "l1"},
        {"analyzer": "char", "ngram_range": (2, 4)},
        {"analyzer": "char_wb", "ngram_range": (3, 5), "smooth_idf": False},
        {"use_idf": False, "norm": None, "lowercase": False},
        {"stop_words": ["the", "of", "and"], "min_df": 0.01, "token_pattern": r"(?:\b)([a-z]+)\d*"},
    ],
    ids=str,
)
def test_tfidf_is_scikit_learns(options: dict) -> None:
    texts = prose()
    ours, theirs = TfidfVectorizer(**options), SklearnTfidf(**options)
    for left, right in (
        (ours.fit_transform(texts[::2]), theirs.fit_transform(texts[::2])),
        (ours.transform(texts[1::2]), theirs.transform(texts[1::2])),
    ):
        right.sort_indices()
        assert left.shape == right.shape
        np.testing.assert_array_equal(left.starts, right.indptr)
        np.testing.assert_array_equal(left.columns, right.indices)
        np.testing.assert_allclose(left.values, right.data, rtol=1e-12)
    assert ours.vocabulary_ == {term: int(column) for term, column in theirs.vocabulary_.items()}
    assert list(ours.get_feature_names_out()) == list(theirs.get_feature_names_out())


def test_the_most_frequent_terms_are_scikit_learns() -> None:
    # A number at which no tie is cut.
    texts = prose()
    counts = np.sort(SklearnTfidf(use_idf=False, norm=None).fit_transform(texts).sum(axis=0).A1)[::-1]
    limit = next(n for n in range(40, 200) if counts[n - 1] > counts[n])
    ours, theirs = TfidfVectorizer(max_features=limit).fit(texts), SklearnTfidf(max_features=limit).fit(texts)
    assert list(ours.get_feature_names_out()) == list(theirs.get_feature_names_out())
    np.testing.assert_allclose(ours.idf_, theirs.idf_, rtol=1e-14)


def test_rouge_is_rouge_scores() -> None:
    scorer = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL", "rougeLsum"])
    for seed, text in enumerate(prose()[:40]):
        candidate = altered(text, seed)
        expected = scorer.score(text, candidate)
        for name, result in (
            ("rouge1", rouge_n(text, candidate, 1)),
            ("rouge2", rouge_n(text, candidate, 2)),
            ("rougeL", rouge_l(text, candidate)),
            ("rougeLsum", rouge_lsum(text, candidate)),
        ):
            np.testing.assert_allclose(result, expected[name], rtol=1e-12)


def test_tokens_are_sacrebleus() -> None:
    tokenizer = Tokenizer13a()
    for text in [*prose(), "a&amp;quot;b 1.5-2,5. x.y 'tis (it's) {so} ~ <skipped>&lt;", "100%-sure @home, $5.00-ish"]:
        assert tokenize_13a(text) == tokenizer(text).split()


@pytest.mark.parametrize("smoothing", ["none", "exp", "floor", "add-k"])
@pytest.mark.parametrize("tokenization", ["13a", "none"])
def test_bleu_is_sacrebleus(smoothing: str, tokenization: str) -> None:
    texts = [" ".join(text.split()) for text in prose()[:25]]
    candidates = [" ".join(altered(text, seed).split()) for seed, text in enumerate(texts)]
    references = [texts, [" ".join(altered(text, 99 + seed).split()) for seed, text in enumerate(texts)]]
    ours = corpus_bleu(candidates, list(zip(*references, strict=True)), smoothing=smoothing, tokenization=tokenization)
    theirs = sacrebleu.corpus_bleu(candidates, references, smooth_method=smoothing, tokenize=tokenization, force=True)
    assert 100 * ours.score == pytest.approx(theirs.score, rel=1e-10)
    np.testing.assert_allclose(100 * np.array(ours.precisions), theirs.precisions, rtol=1e-12)
    assert ours.brevity_penalty == pytest.approx(theirs.bp)
    assert (ours.candidate_length, ours.reference_length) == (theirs.sys_len, theirs.ref_len)
    for candidate, text in zip(candidates, texts, strict=True):
        # Short ones too, where orders are missing.
        for length in (1, 3, 12):
            short = " ".join(candidate.split()[:length])
            one = sentence_bleu(short, [text], smoothing=smoothing, tokenization=tokenization)
            peer = sacrebleu.sentence_bleu(short, [text], smooth_method=smoothing, tokenize=tokenization)
            assert 100 * one.score == pytest.approx(peer.score, rel=1e-10, abs=1e-12)


def test_edit_distance_is_nltks() -> None:
    texts = prose()[:8]
    for seed, text in enumerate(texts):
        other = altered(text[:150], seed)
        assert levenshtein(text[:150], other) == edit_distance(text[:150], other)
        assert levenshtein(text.split(), other.split()) == edit_distance(text.split(), other.split())
