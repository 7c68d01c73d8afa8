"""The prompt keeps its budget."""

from __future__ import annotations

from whitebox_gateway.prompting import Source, assemble, context_budget


def test_passages_are_numbered_with_file_and_page_in_their_order() -> None:
    prompt = assemble("Why?", [Source("a.pdf", 3, "first"), Source("b.txt", 0, "second")], 1000)
    assert prompt.used == 2
    assert prompt.user.index("[1] a.pdf, page 3\nfirst") < prompt.user.index("[2] b.txt\nsecond")
    assert prompt.user.endswith("Question: Why?")


def test_what_does_not_fit_is_left_out_and_the_first_passage_is_cut() -> None:
    sources = [Source("a", 0, "x" * 400), Source("b", 0, "y" * 400), Source("c", 0, "z")]
    assert assemble("Why?", sources, 500).used == 1
    cut = assemble("Why?", sources, 100)
    assert cut.used == 1
    assert cut.user.count("x") == 100 - len("[1] a\n")
    assert assemble("Why?", [], 100).used == 0


def test_the_budget_follows_the_models_window() -> None:
    assert context_budget(6000, 0, 200) == 6000
    assert context_budget(6000, 2048, 200) == (2048 - 200 - 200) * 3
    assert context_budget(6000, 100_000, 200) == 6000
    assert context_budget(6000, 256, 200) == 500
