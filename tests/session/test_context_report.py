"""What fills the window, and taking a compaction back."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from pydantic_ai.messages import ModelMessage

from lra.agent.context import estimate_tokens
from lra.errors import UsageError
from lra.session import Session
from lra.session.context_report import ContextReport
from tests.session.support import Desk, add_tools, take
from tests.session.support import words as sent
from tests.support.model_server import call, say

LONG = "all about the garden and its roses, " * 60


def parts(report: ContextReport) -> dict[str, tuple[int, int]]:
    return {part.name: (part.tokens, part.count) for part in report.parts}


def texts(messages: Sequence[ModelMessage]) -> list[str]:
    return [str(getattr(part, "content", part)) for message in messages for part in message.parts]


async def talk(desk: Desk, session: Session, count: int, text: str = LONG) -> None:
    desk.server.script(default=say("OK."))
    for number in range(count):
        await take(session, f"{number}: {text}")


async def test_an_empty_session_holds_instructions_and_tools(desk: Desk) -> None:
    session = await desk.session()
    report = await session.context_report()
    assert set(parts(report)) == {"instructions", "tools"}
    assert parts(report)["tools"][1] == len(session.tools())
    assert report.used + report.free == report.window
    assert report.model == session.model_name


async def test_every_kind_of_content_is_counted(desk: Desk) -> None:
    def look(what: str) -> str:
        """Look at something."""
        return "flower " * 400

    session = await desk.session()
    add_tools(session, look)
    await session.runtime.memory.remember("My favourite flower is the dahlia")
    desk.server.script(say("Looking.", call("look", what="garden")), say("Many flowers."))
    await take(session, "What is my favourite flower?")
    found = parts(await session.context_report())
    assert found["user"][1] == 1
    assert found["assistant"][1] == 2
    assert found["tool_calls"][1] == found["tool_results"][1] == 1
    assert found["tool_results"][0] > 600
    assert found["recalled"][1] == 1
    history = sum(found[name][0] for name in ("user", "assistant", "tool_calls", "tool_results"))
    assert abs(history - estimate_tokens(await session._context.messages())) <= 4


async def test_a_summary_shows_and_goes_again(desk: Desk) -> None:
    session = await desk.session(model="openai-chat:gpt-4o-mini")
    await talk(desk, session, 3)
    whole = parts(await session.context_report())
    assert await session.uncompact() is None
    compacted = await session.compact()
    assert compacted is not None
    short = parts(await session.context_report())
    assert short["summary"][1] > 0
    assert short["user"][1] == 1

    back = await session.uncompact()
    assert back is not None
    assert (back.before_tokens, back.after_tokens) == (compacted.after_tokens, compacted.before_tokens)
    assert parts(await session.context_report()) == whole
    await take(session, "go on")
    assert next(text for role, text in sent(desk.server) if role == "user").startswith("0: all about")


async def test_compactions_are_taken_back_one_by_one_even_when_resumed(desk: Desk) -> None:
    session = await desk.session()
    await talk(desk, session, 3)
    await session.compact()
    first = texts(await session._context.messages())
    await talk(desk, session, 2)
    before = texts(await session._context.messages())
    await session.compact()
    await desk.close(session)

    again = await desk.session(resume=session.id)
    assert await again.uncompact()
    assert texts(await again._context.messages()) == before
    assert before[:2] == first[:2]
    assert await again.uncompact()
    assert len([m for m in await again._context.messages() if m.kind == "request"]) == 5
    assert await again.uncompact() is None


async def test_what_would_not_fit_is_refused_and_nothing_changes(desk: Desk) -> None:
    session = await desk.session()
    await talk(desk, session, 4, "word " * 16_000)
    assert await session.compact() is not None
    await talk(desk, session, 1, "word " * 16_000)
    before = texts(await session._context.messages())
    with pytest.raises(UsageError, match=r"the model's 128,000"):
        await session.uncompact()
    assert texts(await session._context.messages()) == before
    assert (await session.context_report()).used < 60_000


async def test_a_forgotten_text_does_not_come_back_with_an_earlier_summary(desk: Desk) -> None:
    session = await desk.session(model="offline")
    secret = "the vault code is tangerine seven"
    written = await session.runtime.memory.remember(secret, session_id=session.id)
    for number in range(3):
        await take(session, f"{number}, remember that {secret}")
        await take(session, "and the garden is full of roses")
        await session.compact()
    record = await session.runtime.store.sessions.get(session.id)
    assert "tangerine" in (record.compaction or "")
    await session.runtime.memory.forget(written.record.id)
    record = await session.runtime.store.sessions.get(session.id)
    assert "tangerine" not in (record.compaction or "")
    assert json.loads(record.compaction or "{}")["before"]["before"] is not None
