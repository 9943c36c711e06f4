"""What is recalled of the conversation one is in: what its model does not read already."""

from __future__ import annotations

from lra.events import Recalled
from lra.session import Session
from tests.session.support import Desk, of, take, words
from tests.support.model_server import call, say


async def recalled(desk: Desk, session: Session, question: str) -> list[str]:
    """Ask, and return what was recalled for it."""
    desk.server.script(default=say("Fine."))
    return [memory.content for event in of(await take(session, question), Recalled) for memory in event.memories]


async def test_what_is_remembered_by_hand_is_known_at_once(desk: Desk) -> None:
    session = await desk.session()
    await recalled(desk, session, "Hello!")
    await session.runtime.memory.remember("I live in Bergen", session_id=session.id)
    assert await recalled(desk, session, "where do I live?") == ["I live in Bergen"]
    assert any("I live in Bergen" in text for _, text in words(desk.server))


async def test_what_the_model_wrote_here_stands_where_it_wrote_it(desk: Desk) -> None:
    session = await desk.session()
    desk.server.script(say("", call("write_memory", content="The person lives in Bergen")), say("Noted."))
    await take(session, "I live in Bergen.")
    assert await recalled(desk, session, "where do I live?") == []
    (record,) = await session.runtime.memory.find(kind="fact")
    await session.runtime.memory.edit(record.id, "The person lives in Oslo")
    assert await recalled(desk, session, "where do I live?") == ["The person lives in Oslo"]


async def test_what_a_summary_stands_for_can_be_recalled_in_its_own_words(desk: Desk) -> None:
    session = await desk.session()
    desk.server.script(say("", call("write_memory", content="The person lives in Bergen")), say("Noted."))
    await take(session, "I live in Bergen.")
    said = "The spare key lies under the blue flower pot."
    assert await recalled(desk, session, said) == []
    await recalled(desk, session, "And something else.")
    assert await recalled(desk, session, "where does the spare key lie?") == []
    assert await session.compact() is not None
    assert said in await recalled(desk, session, "where does the spare key lie?")
    assert "The person lives in Bergen" in await recalled(desk, session, "where do I live?")
    # Brought back, it stands in the context again; what was asked since is no answer.
    assert await session.uncompact() is not None
    assert said not in await recalled(desk, session, "where does the spare key lie?")
