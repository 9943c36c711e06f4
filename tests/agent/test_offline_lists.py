"""What the offline model tells of conversations and of tasks."""

from __future__ import annotations

from typing import Any

import pytest

from lra.agent.offline import answers, replies, tasks
from lra.agent.offline.hits import read_hits
from lra.agent.offline.intents import Kind, parse
from lra.agent.offline.relevance import about_person
from tests.agent.offline_support import NOW, hits


def row(content: str, session: str, role: str = "user", at: str = "2026-11-19T10:00:00Z") -> dict[str, Any]:
    return {"role": role, "content": content, "session_id": session, "timestamp": at}


def recent(rows: list[dict[str, Any]], spoken: list[str], days_ago: int | None = None, here_too: bool = False) -> str:
    others, here = answers.split_current(answers.read_rows(rows), spoken)
    return answers.digest(others, here, NOW, days_ago=days_ago, here_too=here_too)


def test_the_last_other_conversation_is_told() -> None:
    asked = "What did we talk about last time?"
    rows = [
        row("older words", "one", at="2026-11-10T10:00:00Z"),
        row("How do I prune roses?", "two"),
        row("In winter.", "two", role="assistant"),
        row("And apple trees?", "two"),
        row("good morning", "three", at="2026-11-20T10:00:00Z"),
        row(asked, "three", at="2026-11-20T10:01:00Z"),
    ]
    said = recent(rows, ["good morning", asked])
    assert said == "Last time, yesterday, you wrote:\n- How do I prune roses?\n- And apple trees?"
    assert "How do I prune roses?" in recent(rows, [asked], days_ago=1)
    assert "older words" not in recent(rows, [asked], days_ago=1)
    assert "good morning" in recent(rows, [asked], days_ago=0)
    said = recent(rows, [asked], here_too=True)
    assert said.index("good morning") < said.index("How do I prune roses?")


def test_no_other_conversation() -> None:
    assert recent([], ["x"]) == "I have no earlier conversation on record."
    said = recent([row("hello there", "one"), row("x", "one")], ["x"])
    assert "no other conversation" in said
    assert "hello there" in said
    assert "nothing" not in recent([row("before", "one")], ["x"])
    old = [row("older words", "one", at="2026-11-10T10:00:00Z")]
    assert "no conversation on record from yesterday" in recent(old, ["x"], days_ago=1)


def test_long_conversations_are_cut() -> None:
    rows = [row(f"line {i} " + "x" * 1000, "one") for i in range(20)]
    said = recent(rows, ["x"])
    assert "line 19" in said
    assert "line 3 " not in said
    assert said.endswith("\n\n(12 earlier ones are left out.)"), "a paragraph of its own, not a part of the last item"
    assert len(said) < 2000
    said = recent([row(f"line {i}", "one") for i in range(9)], ["x"])
    assert said.endswith("\n\n(1 earlier one is left out.)")


def test_what_was_told_on_a_day() -> None:
    (day,) = parse("what have I told you today?")
    assert (day.kind, day.days_ago) == (Kind.ABOUT_ME, 0)
    today = {"id": "t", "kind": "fact", "content": "My dog is called Rex", "created_at": "2026-11-20T10:00:00+00:00"}
    found = about_person(read_hits([today, *hits("My cat is called Tom")]))
    assert answers.known(found, NOW, days_ago=0) == 'This is what I have stored today:\n- "My dog is called Rex"'
    assert (
        answers.known(found, NOW, days_ago=1) == 'This is what I have stored from yesterday:\n- "My cat is called Tom"'
    )
    assert answers.known(found[1:], NOW, days_ago=0) == "I have stored nothing so far today."


def test_who_wants_something_forgotten_is_told_where() -> None:
    (order,) = parse("forget that I prefer tea to coffee")
    said = replies.cannot_forget(order.topic)
    assert "In the chat, `/forget prefer tea coffee` shows what fits" in said
    assert "`/forget WORDS`" in replies.cannot_forget(parse("forget everything")[0].topic)


TASK_LIST = [
    tasks.Task("1", "buy milk", "done"),
    tasks.Task("2", "write the quarterly report"),
    tasks.Task("3", "write the annual report", "in_progress"),
    tasks.Task("9f3a77c0-aa", "call mum"),
    tasks.Task("10", "buy milk"),
]


@pytest.mark.parametrize(
    ("target", "ids", "sure"),
    [
        ("2", ["2"], True),
        ("#10", ["10"], True),
        ("9f3a", ["9f3a77c0-aa"], True),
        ("Write the quarterly report", ["2"], True),
        ("quarterly", ["2"], True),
        ("the report", ["2", "3"], True),
        ("buy milk", ["10"], True),
        ("mum's call", ["9f3a77c0-aa"], True),
        ("milk and eggs", ["1", "10"], False),
        ("the first one", ["2"], True),
        ("last", ["10"], True),
        ("fifth", [], True),
        ("quantum", [], False),
        ("", [], False),
    ],
)
def test_finding_a_task(target: str, ids: list[str], sure: bool) -> None:
    found, certain = tasks.find(TASK_LIST, target, "done")
    assert ([task.id for task in found], certain) == (ids, sure)


def test_listing_tasks() -> None:
    said = tasks.listing(TASK_LIST, "open", NOW)
    assert said.startswith("You have 4 open tasks:\n- write the quarterly report (id 2, pending)")
    assert said.endswith("1 is done or cancelled.")
    assert tasks.listing(TASK_LIST, "done", NOW) == "You have 1 done task:\n- buy milk (id 1, done)"
    assert tasks.listing(TASK_LIST, "cancelled", NOW) == "You have no cancelled tasks."
    assert tasks.listing([], None, NOW) == "You have no tasks."
    assert "and 20 more" in tasks.listing([tasks.Task(str(i), f"t{i}") for i in range(50)], None, NOW)
