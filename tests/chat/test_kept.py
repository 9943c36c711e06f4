"""What was being written is kept, whatever comes in between: the prompt on a terminal in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from blockbuster import BlockBuster

from lra.chat.history import PromptHistory
from lra.chat.prompt import Prompt
from tests.chat.front import Front, front, run

UP = "\x1b[A"


async def typed(it: Front, *keys: str) -> None:
    for text in keys:
        it.keys.send_text(text)
        await asyncio.sleep(1)


def kept(it: Front) -> list[str]:
    """The history, the newest first."""
    return it.prompt.history.get_strings()[::-1]


def test_a_draft_behind_an_earlier_line_outlives_the_program() -> None:
    async def work() -> tuple[str, list[str]]:
        async with front() as it:
            await typed(it, "an earlier line\r", "a draft", UP)
            shown = it.prompt.draft.text
        return shown, kept(it)

    assert run(work) == ("an earlier line", ["a draft", "an earlier line"])


def test_an_earlier_line_that_is_being_changed_does_too() -> None:
    async def work() -> list[str]:
        async with front() as it:
            await typed(it, "an earlier line\r", "a draft", UP, " and more")
        return kept(it)

    assert run(work) == ["an earlier line and more", "a draft", "an earlier line"]


@pytest.mark.parametrize("end", [Prompt.leave, Prompt.give_up, lambda _prompt: None])
def test_an_answer_that_was_begun_is_kept_whatever_ends_its_question(end: Callable[[Prompt], None]) -> None:
    async def work() -> tuple[list[str], str]:
        async with front() as it:
            await typed(it, "an earlier line\r", "a draft", UP)
            asking = asyncio.create_task(it.prompt.ask("Allow it? "))
            await asyncio.sleep(1)
            await typed(it, "not in this folder")
            end(it.prompt)
            asking.cancel()
            # A task may not end as an interrupt does.
            await asyncio.wait([asyncio.create_task(guarded(asking))])
            return kept(it), it.prompt.draft.text

    async def guarded(asking: asyncio.Task[str]) -> None:
        try:
            await asking
        except (KeyboardInterrupt, asyncio.CancelledError):
            return

    assert run(work) == (["not in this folder", "a draft", "an earlier line"], "an earlier line")


def test_a_draft_behind_an_earlier_line_stays_when_something_is_forgotten(
    tmp_path: Path, no_blocking_calls: BlockBuster
) -> None:
    # The file of a person's own lines is small, and read and written where the prompt is.
    no_blocking_calls.deactivate()

    async def work() -> list[str]:
        async with front(history=PromptHistory(tmp_path / "history")) as it:
            await typed(it, "an earlier line\r", "a draft about Rex", UP)
            it.prompt.forget("Rex")
            assert it.prompt.draft.text == "an earlier line"
        return list(PromptHistory(tmp_path / "history").load_history_strings())

    assert run(work) == ["an earlier line", "a draft about [forgotten]", "an earlier line"]
