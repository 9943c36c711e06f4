from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from lra.chat.flow import Flow
from lra.chat.render import Busy, Heard, Piece, TurnRenderer, open_tasks
from lra.chat.screen import Screen
from lra.events import (
    Compacted,
    Event,
    MemoryWritten,
    ModelSwitched,
    Notice,
    Recalled,
    RecalledMemory,
    Retrying,
    TaskChanged,
    TextDelta,
    ThinkingDelta,
    ToolFinished,
    ToolProgress,
    ToolStarted,
    TurnFinished,
    TurnStarted,
    Usage,
)


def ticking() -> Iterator[float]:
    now = 0.0
    while True:
        yield now
        now += 1.5


def render(*events: Event, columns: int = 80) -> list[Piece]:
    clock = ticking()
    renderer = TurnRenderer(lambda: columns, clock=lambda: next(clock))
    return [piece for event in events for piece in renderer.feed(event)]


class Sized(Screen):
    """A screen of a given width."""

    width = 80

    @property
    def columns(self) -> int:
        return self.width


def shown(*events: Event, columns: int = 80) -> str:
    """What stays on a plain screen."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    screen = Sized(plain=True, out=out)
    screen.width = columns
    for piece in render(*events, columns=columns):
        screen.show(piece)
    return out.buffer.getvalue().decode()


def finished(output: str = "", outcome: str = "completed", **fields: object) -> TurnFinished:
    values: dict[str, object] = {
        "usage": Usage(input_tokens=1200, output_tokens=34),
        "cost": 0.0123,
        "recalled": [],
        "remembered": [],
        **fields,
    }
    return TurnFinished(output=output, outcome=outcome, **values)  # type: ignore[arg-type]


def memory(content: str) -> RecalledMemory:
    return RecalledMemory(id="m1", kind="fact", content=content, created_at="2026-01-01T00:00:00Z", score=0.9)


def test_a_whole_turn() -> None:
    text = shown(
        TurnStarted(text="hi", model="openai:gpt"),
        Recalled(memories=[memory("The dog is called Rex"), memory("The cat is called Tom")]),
        TextDelta(text="Let me "),
        TextDelta(text="look.\n\n"),
        ToolStarted(call_id="c1", name="search", args={"query": "dog", "limit": 3}),
        ToolFinished(call_id="c1", name="search", outcome="success", content="found\nit", seconds=0.1),
        MemoryWritten(id="m2", action="created", kind="fact", content="likes dogs"),
        TextDelta(text="\n\nIt is Rex."),
        finished("It is Rex."),
    )
    assert text == (
        "↺ recalled 2: The dog is called Rex; The cat is called Tom · /why\n"
        "Let me look.\n"
        '⚙ search(query="dog", limit=3)\n'
        "  → found it\n"
        "✎ remembered “likes dogs”\n"
        "It is Rex.\n"
        "  1.5 s · 1,200 tokens in, 34 out · $0.0123\n"
    )


def test_what_has_changed_since_it_was_said_is_marked() -> None:
    old = memory("I live in Oslo")
    old.changed = "“I live in Oslo” no longer holds, but “I live in Bergen”"
    text = shown(Recalled(memories=[memory("I live in Bergen"), old]))
    assert "↺ recalled 2: I live in Bergen; I live in Oslo (since changed) · /why" in text


def test_nothing_recalled_shows_nothing() -> None:
    assert shown(Recalled(memories=[])) == ""


def test_an_answer_that_was_not_streamed_is_shown_at_the_end() -> None:
    assert shown(finished("All at once.", usage=Usage(), cost=None)) == "All at once.\n"


def test_no_price_line_for_the_offline_model() -> None:
    assert shown(TurnStarted(text="hi", model="offline"), TextDelta(text="Hello."), finished("Hello.")) == "Hello.\n"


def test_unknown_price_leaves_the_price_out() -> None:
    assert shown(TextDelta(text="x"), finished("x", cost=None)) == "x\n  1.5 s · 1,200 tokens in, 34 out\n"


@pytest.mark.parametrize(
    ("outcome", "error", "expected"),
    [
        ("interrupted", None, "Stopped. What was said so far is kept.\n"),
        ("failed", "The provider refused the key.", "The provider refused the key.\n"),
        ("budget", None, "Stopped: the budget is used up.\n"),
        ("refused", None, "Stopped: the answer needed something that was refused.\n"),
    ],
)
def test_outcomes(outcome: str, error: str | None, expected: str) -> None:
    text = shown(TextDelta(text="half"), finished("half", outcome, error=error, usage=Usage(), cost=None))
    assert text == "half\n" + expected


def test_results_of_parallel_calls_say_whose_they_are() -> None:
    text = shown(
        ToolStarted(call_id="1", name="first", args={}),
        ToolStarted(call_id="2", name="second", args={}),
        ToolFinished(call_id="1", name="first", outcome="success", content="one", seconds=2.34),
        ToolFinished(call_id="2", name="second", outcome="failed", content="no such file", seconds=0),
    )
    assert text == "⚙ first()\n⚙ second()\n  → first: one (2.3 s)\n  → failed: no such file\n"


def test_long_lines_are_cut_to_the_width_wide_characters_counted() -> None:
    for text in shown(
        ToolStarted(call_id="1", name="write", args={"text": "字" * 100}),
        ToolFinished(call_id="1", name="write", outcome="success", content="字" * 100, seconds=5),
        MemoryWritten(id="m", action="created", kind="fact", content="字" * 100),
        columns=40,
    ).splitlines():
        width = sum(2 if char == "字" else 1 for char in text)
        assert 30 < width < 40, text
        assert "…" in text


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            Retrying(reason="The provider is overloaded.", attempt=2, seconds=4.6),
            "⟳ asking again in 5 s (attempt 2): The provider is overloaded.\n",
        ),
        (Retrying(reason="busy", attempt=1, seconds=0.2), "⟳ asking again in a moment (attempt 1): busy\n"),
        (ModelSwitched(model="b:c", reason="a is overloaded"), "⇄ b:c takes over: a is overloaded\n"),
        (TaskChanged(id="t", title="Buy milk", status="in_progress"), "☑ task “Buy milk” is in progress\n"),
        (Notice(level="warning", text="Careful."), "! Careful.\n"),
        (Notice(level="info", text="By the way."), "· By the way.\n"),
        (MemoryWritten(id="m", action="forgotten", kind="fact", content="x"), "✎ forgot “x”\n"),
        (MemoryWritten(id="m", action="merged", kind="fact", content="x"), "✎ already knew “x”\n"),
        (
            MemoryWritten(id="m", action="superseded", kind="fact", content="I am Max", replaced=["call me Jo"]),
            "✎ now knows “I am Max”\n  no longer “call me Jo”\n",
        ),
        (
            Compacted(strategy="summary", before_tokens=9000, after_tokens=1000, detail="older turns summarised"),
            "⇊ context shortened from 9,000 to 1,000 tokens: older turns summarised\n",
        ),
        (
            Compacted(strategy="summary", before_tokens=9000, after_tokens=1000, detail="…", problem="No answer."),
            "⇊ context shortened from 9,000 to 1,000 tokens: …\n"
            "! No model summarised what was left out; rules picked sentences of it. No answer.\n",
        ),
        (Event(), ""),
    ],
)
def test_lines(event: Event, expected: str) -> None:
    assert shown(event) == expected


def test_what_goes_on_is_told_apart_from_what_stays() -> None:
    assert render(ThinkingDelta(text="hm"), ThinkingDelta(text="hm")) == [Busy("reasoning")]
    assert render(ToolProgress(call_id="1", text="10%\n20%\n")) == [Heard("1", "10%\n20%\n")]
    assert render(Retrying(reason="x", attempt=1, seconds=3))[-1] == Busy("waiting", 3)


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (["\n\n", "  indented", " text\n", "\n"], "  indented text"),
        (["one\n", "\n\ntwo\n"], "one\n\n\ntwo"),
        (["a\r", "\nb\rc\r\n\r\nd"], "a\nb\nc\n\nd"),
        (["\x1b[2Jgone\x07"], "\ufffd[2Jgone\ufffd"),
        (["", "x", ""], "x"),
        (["tab\there"], "tab\there"),
    ],
)
def test_flow(pieces: list[str], expected: str) -> None:
    flow = Flow()
    assert "".join(flow.feed(piece) for piece in pieces) == expected


def test_open_tasks_are_a_short_list_when_there_are_several() -> None:
    assert open_tasks([("One", "pending"), ("Old", "done")], 80) == []
    tasks = [(f"Task {number}", "in_progress" if number == 1 else "pending") for number in range(8)]
    lines = open_tasks([*tasks, ("Old", "cancelled")], 80)
    assert lines[:2] == ["  [ ] Task 0", "  [~] Task 1"]
    assert lines[5:] == ["  … and 3 more · /tasks"]
