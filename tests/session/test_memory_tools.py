"""What the memory tools tell the model and the person: secrets, contradictions, echoes, local-only memories."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lra.events import ApprovalRequested, MemoryWritten, Notice, Recalled, ToolFinished
from lra.tools.consent import Answer
from tests.session.support import Desk, of, take, words
from tests.support.model_server import call, say

SECRET = "ghp_" + "abcdefghijklmnopqrstuvwxyz0123456789"


def write(content: str, **more: Any) -> Any:
    return say("", call("write_memory", content=content, **more))


async def test_a_secret_is_not_written_when_nobody_says_yes(desk: Desk) -> None:
    desk.server.script(write(f"The token is {SECRET}"), say("I may not keep it."))
    session = await desk.session()
    events = await take(session, "keep my token")
    (done,) = of(events, ToolFinished)
    assert "not written to memory" in done.content
    assert SECRET not in done.content
    assert of(events, MemoryWritten) == []
    assert await session.runtime.memory.find() == []


@pytest.mark.parametrize(("answer", "kept"), [(True, 1), (False, 0), ("no, never", 0)])
async def test_the_person_is_asked_about_a_secret(desk: Desk, answer: Answer, kept: int) -> None:
    async def approve(
        name: str, args: dict[str, Any], reason: str, *, call_id: str = "", lasting: bool = True
    ) -> Answer:
        return answer

    desk.server.script(write(f"The token is {SECRET}"), say("Done."))
    session = await desk.session(approver=approve)
    events = await take(session, "keep my token")
    (asked,) = of(events, ApprovalRequested)
    assert "GitHub" in asked.reason
    assert len(await session.runtime.memory.find()) == kept


async def test_what_the_settings_allow_is_no_yes_to_a_secret(desk: Desk) -> None:
    async def approve(
        name: str, args: dict[str, Any], reason: str, *, call_id: str = "", lasting: bool = True
    ) -> Answer:
        return True

    desk.setenv(LRA_APPROVAL="auto")
    desk.server.script(write(f"The token is {SECRET}"), say("Done."))
    session = await desk.session(approver=approve)
    await take(session, "keep my token")
    assert await session.runtime.memory.find() == []


async def test_a_contradiction_is_shown_to_both(desk: Desk) -> None:
    desk.server.script(write("User's dog is called Max"), say("Which one?"))
    session = await desk.session()
    old = (await session.runtime.memory.remember("My dog is called Rex")).record
    events = await take(session, "my dog's name is Max")
    (done,) = of(events, ToolFinished)
    assert f"It contradicts memory {old.id}" in done.content
    assert any("contradicts" in notice.text and old.id in notice.text for notice in of(events, Notice))
    (written,) = [record for record in await session.runtime.memory.find() if record.id != old.id]
    line = (await session.runtime.memory.history(written.id))[0]
    assert (line.turn_id, line.tool_call_id) == (written.turn_id, done.call_id)


async def test_what_was_recalled_is_not_written_again(desk: Desk) -> None:
    desk.server.script(write("The boiler stands in the cellar"), say("It stands in the cellar."))
    session = await desk.session()
    old = (await session.runtime.memory.remember("The boiler stands in the cellar beside the door")).record
    events = await take(session, "where does the boiler stand?")
    (done,) = of(events, ToolFinished)
    assert "no news" in done.content
    (kept,) = await session.runtime.memory.find()
    assert (kept.id, kept.count) == (old.id, 1)


async def test_a_local_only_memory_does_not_reach_a_model_elsewhere(desk: Desk) -> None:
    desk.server.script(say("", call("search_memory", query="boiler code")), say("I do not know."), say("red giraffe"))
    session = await desk.session()
    await session.runtime.memory.remember("The boiler code is red giraffe", local_only=True)
    await take(session, "what is the boiler code?")
    assert "giraffe" not in str(desk.server.requests)
    desk.setenv(LRA_LOCAL_ONLY_PROVIDERS="openai")
    trusted = await desk.session()
    await take(trusted, "what is the boiler code?")
    assert "giraffe" in str(desk.server.requests)


async def test_what_was_replaced_reaches_the_model_only_with_what_holds_now(desk: Desk) -> None:
    first = await desk.session()
    for place in ("Oslo", "Bergen"):
        session = await desk.session(runtime=first.runtime)
        desk.server.script(write(f"The user lives in {place}", key="user.location"), say("Noted."))
        await take(session, f"I live in {place}, by the way")
        await session.close()
    desk.server.script(say("", call("search_memory", query="live Oslo")), say("In Bergen."))
    events = await take(await desk.session(runtime=first.runtime), "where do I live?")
    (recalled,) = of(events, Recalled)
    assert "Bergen" in recalled.memories[0].content
    told = "“The user lives in Oslo” no longer holds, but “The user lives in Bergen”"
    (asked,) = [text for role, text in words(desk.server) if role == "user"]
    old = [line for line in asked.splitlines() if "Oslo" in line]
    assert old, "what was said before is there, for who asks about then"
    assert all(told in line for line in old)
    (done,) = of(events, ToolFinished)
    assert all(hit["changed"] == told for hit in json.loads(done.content) if "Oslo" in hit["content"])
