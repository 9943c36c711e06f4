"""The measure of recall: figures against hand-computed ones, the readers of data sets, fitting, and the way outside."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.recall import fitting
from bench.recall.__main__ import main
from bench.recall.asking import Answer
from bench.recall.datasets import Collection, Question, load
from bench.recall.metrics import NAMES, Quality, auc, percentile
from bench.recall.outside import ask_outside
from bench.recall.report import gold_of, measure, measure_recall, render
from lra.errors import LraError, UsageError
from lra.memory import Hit


def hit(name: str, score: float = 0.5, **signals: float) -> Hit:
    return Hit(id=name, session="s", kind="turn", content="four", created_at="", score=score, signals=signals)


def of(ranked: list[str], gold: set[str]) -> dict[str, float]:
    return dict(zip(NAMES, Quality.of(ranked, gold).values, strict=True))


def test_a_ranking_against_figures_worked_out_by_hand() -> None:
    found = of(["x", "a", "y", "b", "z", "w", "c"], {"a", "b", "c"})
    ideal = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert found["hit@1"] == 0
    assert found["recall@5"] == pytest.approx(2 / 3)
    assert found["recall@10"] == 1
    assert found["NDCG@5"] == pytest.approx((1 / math.log2(3) + 1 / math.log2(5)) / ideal)
    assert found["NDCG@10"] == pytest.approx((1 / math.log2(3) + 1 / math.log2(5) + 1 / math.log2(8)) / ideal)
    assert found["MRR"] == 0.5


def test_the_best_and_the_worst_ranking() -> None:
    assert set(of(["a", "b"], {"a", "b"}).values()) == {1.0}
    assert set(of(["x"], {"a"}).values()) == {0.0}
    assert set(of([], {"a"}).values()) == {0.0}
    # Where there is more to find than places, a full list of it is the best there is.
    assert of(list("abcde"), set("abcdefgh"))["NDCG@5"] == pytest.approx(1)


def test_means_are_of_each_figure() -> None:
    mean = Quality.mean([Quality.of(["a"], {"a"}), Quality.of(["x", "a"], {"a"})])
    assert mean.values[0] == 0.5
    assert mean.values[-1] == 0.75
    assert all(math.isnan(value) for value in Quality.mean([]).values)


def test_auc_counts_pairs_and_ties_half() -> None:
    higher, lower = [0.9, 0.5, 0.3], [0.5, 0.1]
    pairs = [(1.0 if a > b else 0.5 if a == b else 0.0) for a in higher for b in lower]
    assert auc(higher, lower) == pytest.approx(sum(pairs) / len(pairs))
    assert auc([1.0], [0.0]) == 1
    assert auc([0.2, 0.2], [0.2]) == 0.5
    assert math.isnan(auc([], [1.0]))


def test_a_percentile_is_a_value() -> None:
    values = [float(number) for number in range(100, 0, -1)]
    assert (percentile(values, 0.5), percentile(values, 0.95)) == (51.0, 96.0)
    assert math.isnan(percentile([], 0.5))


LOCOMO: list[dict[str, Any]] = [
    {
        "sample_id": "talk-1",
        "conversation": {
            "speaker_a": "Ann",
            "session_2_date_time": "4:00 pm on 2 June, 2023",
            "session_2": [{"speaker": "Ann", "dia_id": "D2:1", "text": "I adopted a tortoise"}],
            "session_1_date_time": "1:56 pm on 8 May, 2023",
            "session_1": [
                {"speaker": "Ann", "dia_id": "D1:1", "text": "Hello", "blip_caption": "a photo of a kiln"},
                {"speaker": "Bob", "dia_id": "D1:2", "text": "I bake bread"},
            ],
        },
        "qa": [
            {"question": "What does Bob bake?", "answer": "bread", "evidence": ["D1:2"], "category": 4},
            {"question": "What about both?", "evidence": ["D1:02; D2:1", "D9:9"], "category": 1},
            {"question": "What does Ann bake?", "evidence": ["D1:2"], "category": 5},
            {"question": "Nothing known?", "evidence": [], "category": 3},
        ],
    }
]


@pytest.fixture
def locomo(tmp_path: Path) -> Path:
    path = tmp_path / "data.json"
    path.write_text(json.dumps(LOCOMO))
    return path


def test_the_reader_of_conversations(locomo: Path) -> None:
    (collection,) = load(locomo)
    assert collection.name == "talk-1"
    assert [line["id"] for line in collection.lines] == ["D1:1", "D1:2", "D2:1"], "sessions in the order of numbers"
    assert collection.lines[0]["content"] == "Hello a photo of a kiln"
    assert datetime.fromisoformat(collection.lines[1]["created_at"]) == datetime(2023, 5, 8, 13, 56, 1, tzinfo=UTC)
    assert [question.gold for question in collection.questions] == [{"D1:2"}, {"D1:2", "D2:1"}, {"D1:2"}, set()]
    assert [question.answerable for question in collection.questions] == [True, True, False, True]
    assert collection.dropped == 1
    assert collection.sessions["D2:1"] == "session_2"


def test_the_folder_that_holds_the_conversations(locomo: Path) -> None:
    locomo.rename(locomo.with_name("locomo10.json"))
    assert [collection.name for collection in load(locomo.parent)] == ["talk-1"]


def test_the_reader_of_folders(tmp_path: Path) -> None:
    row = {"type": "turn", "id": "r1", "session": "a", "speaker": "user", "content": "x", "created_at": "2024-01-01"}
    (tmp_path / "one.jsonl").write_text(json.dumps(row) + "\n\n")
    asked = {"qid": 7, "query": "x?", "gold": ["r1"], "category": "dates", "answerable": False}
    (tmp_path / "one.questions.jsonl").write_text(json.dumps(asked) + "\n")
    (collection,) = load(tmp_path)
    (question,) = collection.questions
    assert (collection.name, collection.lines) == ("one", [row])
    assert (question.qid, question.gold, question.category, question.answerable) == (
        "7",
        frozenset({"r1"}),
        "dates",
        False,
    )
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no pair"):
        load(tmp_path / "empty")


def asked(*answers: tuple[Question, list[Hit]]) -> list[tuple[Collection, list[Answer]]]:
    collection = Collection("c", lines=[{"id": name, "session": name[0]} for name in ("a1", "a2", "b1")])
    found = [Answer(question, {"turns": hits, "sessions": hits}, {"turns": 0.001}, hits) for question, hits in answers]
    for answer in found:
        answer.seconds |= {"sessions": 0.002, "recall": 0.003}
    return [(collection, found)]


def question(gold: set[str], *, answerable: bool = True, category: str = "") -> Question:
    return Question(qid="q", text="?", gold=frozenset(gold), answerable=answerable, category=category)


def test_precision_counts_what_was_put_in_front_of_the_model() -> None:
    answers = asked(
        (question({"a1"}), [hit("a1"), hit("b1")]),
        (question({"a2"}), []),
        # There is no answer to it, whatever was said about the same matter.
        (question({"a1"}, answerable=False), [hit("a1")]),
        # Nobody knows what answers it, so nothing can be counted for or against.
        (question(set()), [hit("b1")]),
    )
    figures = measure_recall(answers)["injected"][""]
    assert figures == {"precision": 1 / 3, "helped": 0.5, "spoke": 0.75, "chars": 4.0}


def test_figures_are_by_category_and_keep_unanswerable_ones_apart() -> None:
    answers = asked(
        (question({"a1"}, category="1"), [hit("a1", 0.9)]),
        (question({"b1"}, category="2"), [hit("a1", 0.8)]),
        (question({"a1"}, answerable=False, category="5"), [hit("a1", 0.1)]),
    )
    result = measure(answers, "turns")
    assert result["counts"] == {"": 3, "1": 1, "2": 1, "5": 1}
    assert [result["quality"][name][0] for name in ("1", "2", "5")] == [1, 0, 1]
    assert (result["auc"], result["p95"]) == (1.0, 1.0)
    lines = render([("words", result), ("words", measure_recall(answers))]).splitlines()
    assert len(lines) == 1 + 2 * 4
    assert lines[5].split()[:4] == ["words", "recall", "all", "3"]


def test_in_the_scope_of_sessions_a_session_is_gold() -> None:
    ((collection, (answer,)),) = asked((question({"a2", "b1"}), []))
    assert gold_of(collection, answer, "sessions") == {"a", "b"}
    assert gold_of(collection, answer, "turns") == {"a2", "b1"}


def test_a_collection_is_judged_by_weights_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the one that is left out asks for the contrary, weights that had seen it would know."""
    seen: list[int] = []
    train = fitting._train

    def counted(items: Any, start: Any, steps: int) -> Any:
        seen.append(len(items))
        return train(items, start, steps)

    monkeypatch.setattr(fitting, "_train", counted)
    hits = [hit("a1", coverage=0.1), hit("b1", coverage=0.9)]
    usual = [asked(*[(question({"b1"}), hits)] * 8)[0] for _ in range(3)]
    contrary = asked(*[(question({"a1"}), hits)] * 5)[0]
    result, weights = fitting.fit([*usual, contrary], "turns")
    assert seen == [29, 21, 21, 21, 24]
    assert result["quality"][""][0] == pytest.approx(24 / 29), "all of the usual ones, and none of the others"
    assert float(weights["coverage"].split("±")[0]) > 0


def test_weights_follow_the_slope_of_the_listwise_softmax() -> None:
    rng = np.random.default_rng(3)
    truth = np.zeros(len(fitting.SIGNALS))
    truth[0], truth[5] = 4.0, -4.0
    items = []
    for _ in range(200):
        rows = rng.random((8, len(truth)), dtype=np.float32)
        items.append((rows, [int(np.argmax(rows @ truth))]))
    weights = fitting._train(items, None, 200)
    assert weights[0] > 1 > -1 > weights[5]
    assert np.abs(np.delete(weights, [0, 5])).max() < min(weights[0], -weights[5]) / 2


def test_the_way_outside_finds_what_was_imported(locomo: Path) -> None:
    (collection,) = load(locomo)
    answers = ask_outside(collection, ["turns", "sessions"], embedding="none")
    assert answers[0].found["turns"][0].id == "D1:2"
    assert answers[0].found["sessions"][0].id == "session_1"
    assert all(set(answer.seconds) == {"turns", "sessions", "recall"} for answer in answers)


def test_what_a_command_refuses_is_told() -> None:
    broken = Collection("broken", lines=[{"type": "turn"}])
    with pytest.raises(LraError, match="lra memory import ended with"):
        ask_outside(broken, ["turns"], embedding="none")


def test_one_table_comes_out(
    locomo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report.json"
    arguments = ["bench.recall", "--data", str(locomo), "--categories", "--json", str(report)]
    monkeypatch.setattr("sys.argv", arguments)
    assert main() == 0
    table = capsys.readouterr().out
    assert "1 records, 3 rows, 4 questions, 1 without evidence left out" in table
    for name in (*NAMES, "AUC", "p50 ms", "p95 ms", "precision"):
        assert name in table
    assert json.loads(report.read_text())["runs"]["words"]["recall"]["scope"] == "recall"
