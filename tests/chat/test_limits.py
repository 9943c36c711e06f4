"""What streaming may cost, and what it has to leave behind, through the real prompt and its painter."""

from __future__ import annotations

import asyncio
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.streaming import answer
from lra.chat.markdown import preload
from lra.chat.render import Busy
from tests.chat.front import Nothing, at_once, front, printed, run
from tests.chat.markdown.documents import chunks, documents

# What renders an answer is loaded while the session opens.
preload()
REPAINTS = 20
PROMPT = [">", "a-model · a title"]


@given(st.data(), documents(), st.integers(24, 100), st.integers(8, 40), st.sampled_from([0.0, 0.01, 0.1]))
@settings(max_examples=25, deadline=None)
def test_the_scrollback_is_the_one_shot_render(
    data: st.DataObject, text: str, width: int, rows: int, pause: float
) -> None:
    # The emulator adds up what is joined to one emoji, and breaks a full line before its last character's marks.
    text = re.sub("[\u200b\u200d\U0001f3fd\u0301\u0323]", "", text)
    pieces = data.draw(chunks(text))

    async def streamed() -> list[str]:
        async with front(width, rows) as chat:
            await chat.stream(pieces, pause)
            assert chat.sink.most_in_a_second <= REPAINTS
            return chat.sink.lines

    lines = run(streamed)
    expected = printed(text, width, "\n".join(PROMPT))
    # Not a line more and not a line less than the answer and the prompt below it.
    assert lines == expected


@pytest.mark.parametrize(("per_second", "characters"), [(15, 1500), (80, 10_000), (1000, 10_000)])
def test_bytes_and_repaints_of_a_long_answer(per_second: int, characters: int) -> None:
    pieces = answer()[: characters * 1600 // 10_000]
    text = "".join(pieces)

    async def streamed() -> tuple[int, int, list[str]]:
        async with front() as chat:
            await chat.stream(pieces, 1 / per_second)
            return chat.sink.written, chat.sink.most_in_a_second, chat.sink.lines

    written, most, lines = run(streamed)
    assert written <= 2 * len(at_once(text, 80).encode()), written
    assert most <= REPAINTS
    assert lines == printed(text, 80) + PROMPT


def test_typing_into_a_streamed_answer_adds_no_repaints() -> None:
    async def typed() -> tuple[int, list[str]]:
        async with front() as chat:
            streaming = asyncio.create_task(chat.stream(answer()[:300], 0.01))
            for letter in "a draft that is typed in the meantime":
                chat.keys.send_text(letter)
                await asyncio.sleep(0.05)
            await streaming
            return chat.sink.most_in_a_second, chat.sink.lines

    most, lines = run(typed)
    assert most <= REPAINTS
    assert lines[-2] == "> a draft that is typed in the meantime"


def test_nothing_is_written_where_nothing_changes() -> None:
    async def idle() -> tuple[int, int]:
        async with front() as chat:
            chat.screen.busy(Busy("thinking"))
            for _ in range(20):
                await asyncio.sleep(0.15)
                chat.screen.tick()
            moving = chat.sink.most_in_a_second
            chat.screen.calm()
            await asyncio.sleep(1)
            chat.sink.frames.clear()
            for _ in range(400):
                await asyncio.sleep(0.15)
                chat.screen.tick()
                chat.screen.repaint()
            return moving, chat.sink.written

    moving, written = run(idle)
    assert 0 < moving <= REPAINTS
    assert written == 0


class Stopping(Nothing):
    running = True

    def __init__(self) -> None:
        self.at: float | None = None

    def stop(self) -> bool:
        self.at = asyncio.get_running_loop().time()
        return True


@pytest.mark.parametrize("key", ["\x1b", "\x03"])
@pytest.mark.parametrize("draft", ["", "half a draft"])
def test_a_stop_is_heard_within_half_a_second(key: str, draft: str) -> None:
    async def pressed() -> float:
        actions = Stopping()
        async with front(actions=actions) as chat:
            streaming = asyncio.create_task(chat.stream(answer()[:400], 0.01))
            chat.keys.send_text(draft)
            await asyncio.sleep(1)
            began = asyncio.get_running_loop().time()
            chat.keys.send_text(key)
            await streaming
            assert actions.at is not None
            return actions.at - began

    assert run(pressed) <= 0.5
