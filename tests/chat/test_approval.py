"""Asking for consent in the middle of a turn."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lra.chat.screen import Screen
from lra.chat.turns import TurnFront


class Answers:
    """A reader that gives prepared answers."""

    def __init__(self, *answers: str | BaseException) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def ask(self, question: str, *, fresh: bool = False) -> str:
        assert fresh, "keys typed earlier must not give consent"
        self.asked += 1
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


def front(*answers: str | BaseException) -> tuple[TurnFront, Any]:
    fired: list[int] = []
    chat = SimpleNamespace(
        screen=Screen(plain=True, out=io.StringIO()),
        reader=Answers(*answers),
        interrupts=SimpleNamespace(fire=lambda: fired.append(1)),
        fired=fired,
        settings=SimpleNamespace(home=Path("nowhere")),
    )
    return TurnFront(chat), chat  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("y", True), ("YES", True), ("a", True), ("", False), ("n", False), ("use the other file", "use the other file")],
)
async def test_answers(answer: str, expected: bool | str) -> None:
    turns, chat = front(answer)
    assert await turns.approve("write_file", {"path": "a"}, "it writes") == expected
    assert '? write_file(path="a")\n  it writes\n' in chat.screen._out.getvalue()


async def test_always_counts_for_this_tool_alone() -> None:
    turns, chat = front("a", "n")
    assert await turns.approve("one", {}, "") is True
    assert await turns.approve("one", {}, "") is True
    assert await turns.approve("two", {}, "") is False
    assert chat.reader.asked == 2


async def test_ctrl_c_refuses_and_stops_the_turn() -> None:
    turns, chat = front(KeyboardInterrupt())
    assert await turns.approve("one", {}, "") is False
    assert chat.fired == [1]
