"""What the agent itself said, or was merely asked, does not come back as knowledge."""

from __future__ import annotations

from lra.events import Recalled
from lra.session import Session
from tests.session.support import Desk, take


async def _told(session: Session, text: str) -> list[str]:
    events = await take(session, text)
    return [memory.content for event in events if isinstance(event, Recalled) for memory in event.memories]


async def test_the_offline_models_own_words_are_not_found(desk: Desk) -> None:
    first = await desk.session(model="offline")
    await take(first, "help")
    await take(first, "what is my dog called?")
    await desk.close(first)
    runtime = await desk.runtime()
    hits = await runtime.memory.search("remember that my dog is called Rex")
    assert not any("I am lra's offline model" in hit.content for hit in hits)
    assert await runtime.memory.find(kind="summary") == []


async def test_a_fact_and_the_talk_about_it_are_recalled_once(desk: Desk) -> None:
    first = await desk.session(model="offline")
    await take(first, "remember that my dog is called Rex")
    await take(first, "what is my dog called?")
    await desk.close(first)
    second = await desk.session(model="offline")
    assert await _told(second, "what is my dog called?") == ["My dog is called Rex"]
