"""What a newcomer sees."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def test_the_demo_cites_the_page_refuses_to_invent_predicts_and_reads_features(platform) -> None:
    output = platform.demo_output
    assert "every 18 months" in output
    assert "halden-handbook.pdf, page 3" in output
    assert "not_found" in output
    assert "benign" in output
    assert "malignant" in output
    assert "all-MiniLM-L6-v2: agrees" in output
    assert "smollm2-135m-instruct: agrees" in output
    assert "transaction_count_1h" in output
    assert f"{platform.url}/docs" in output


def test_the_answer_names_document_page_and_supporting_words(platform) -> None:
    with platform.client() as client:
        answer = client.post("/v1/questions", {"question": "How fast do the brakes stop the rotors in an emergency?"})
    assert "40 seconds" in answer["answer"]
    citation = answer["citations"][0]
    assert (citation["filename"], citation["page"]) == ("halden-handbook.pdf", 2)
    assert "40 seconds" in citation["quote"]


@pytest.mark.parametrize(
    "question",
    [
        "Who won the football world cup in 1998?",
        "What is the name of the duty manager?",
        "How much did the array cost to build?",
        "Which company made the sonar?",
    ],
)
def test_what_the_documents_do_not_say_is_not_invented(platform, question: str) -> None:
    with platform.client() as client:
        answer = client.post("/v1/questions", {"question": question})
    assert answer["outcome"] == "not_found", answer["answer"]
    assert answer["citations"] == []


@pytest.mark.parametrize(
    ("question", "words", "filename"),
    [
        ("Who replaced the bolt on turbine 4?", "Mirela Costin", "maintenance-log.docx"),
        ("When do guided tours take place?", "Thursdays", "visitor-questions.md"),
        ("How much do members pay per kilowatt hour?", "21.4", "tariffs.html"),
        ("Which radio channel is used for diving operations?", "channel 8", "safety-notes.txt"),
    ],
)
def test_every_file_type_can_answer(platform, question: str, words: str, filename: str) -> None:
    with platform.client() as client:
        answer = client.post("/v1/questions", {"question": question})
    assert words in answer["answer"]
    assert filename in {citation["filename"] for citation in answer["citations"]}


def test_the_stream_sends_sources_first_and_ends_with_the_same_kind_of_answer(platform) -> None:
    with platform.client() as client:
        events = list(client.stream_answer({"question": "How deep is the water at the array?"}))
    names = [name for name, _ in events]
    assert names[0] == "sources"
    assert names[-1] == "done"
    answer = next(data for name, data in events if name == "answer")
    assert "34 metres" in answer["answer"]
