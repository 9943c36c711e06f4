"""A replay shows what the chat showed."""

from __future__ import annotations

import io

import pytest

from lra.chat.render import TurnRenderer
from lra.chat.replay import events_of, read_recordings, replay
from lra.chat.screen import Screen
from lra.events import Event
from lra.session import Session
from lra.store import Entry
from tests.session.support import Desk, add_tools, take
from tests.support.model_server import call, fail, say


class Shown:
    """A plain screen and what stands on it."""

    def __init__(self) -> None:
        self._out = io.StringIO()
        self.screen = Screen(plain=True, out=self._out)

    @property
    def text(self) -> str:
        return self._out.getvalue()


def without_prices(text: str) -> list[str]:
    # How long a turn took is measured by the screen's clock in one and by the record's in the other.
    return [line for line in text.splitlines() if " tokens in, " not in line]


@pytest.fixture
async def session(desk: Desk) -> Session:
    def look(what: str) -> str:
        """Look at something."""
        if what == "sun":
            raise RuntimeError("too bright")
        return f"{what}\nis\nfine"

    session = await desk.session()
    add_tools(session, look)
    return session


async def test_a_replay_shows_what_the_chat_showed(desk: Desk, session: Session) -> None:
    await session.runtime.memory.remember("My favourite flower is the dahlia")
    live = Shown()
    turns = {
        "What is my favourite flower?": [
            say("Let me *look*.", call("look", what="garden"), call("look", what="sun")),
            say("", call("write_memory", content="The garden is fine", key="garden")),
            say("", call("create_task", title="Water the roses")),
            say("It is **fine**.\n\n- roses\n- tulips"),
        ],
        "Really?\nSecond line": [
            say("", call("write_memory", content="The garden is great", key="garden")),
            say("Yes."),
        ],
        "Why?": [say("Because", call("look", what="moon")), fail("model_not_found")],
    }
    for text, script in turns.items():
        desk.server.script(*script)
        live.screen.line("> " + text.replace("\n", "\n  "))
        renderer = TurnRenderer(lambda: live.screen.columns)
        for event in await take(session, text):
            for piece in renderer.feed(event):
                live.screen.show(piece)
        live.screen.end_line()
        live.screen.line()

    again = Shown()
    replay(await read_recordings(session.runtime.store, session.id), again.screen)
    assert without_prices(again.text) == without_prices(live.text)
    for words in ("recalled 1", "+ remembered", "+ now knows", "is pending", "too bright", "- tulips"):
        assert words in again.text
    assert again.text.count(" tokens in, ") == live.text.count(" tokens in, ") > 0


async def test_it_ends_where_it_is_told_and_leaves_out_what_was_undone(desk: Desk, session: Session) -> None:
    desk.server.script(default=say("OK."))
    for text in ("one", "two", "three"):
        await take(session, text)
    await session.rewind(3)
    await take(session, "another three")
    shown = Shown()
    replay(await read_recordings(session.runtime.store, session.id, until=2), shown.screen)
    assert [line for line in shown.text.splitlines() if line.startswith(">")] == ["> one", "> two"]
    whole = Shown()
    replay(await read_recordings(session.runtime.store, session.id), whole.screen)
    assert "> another three" in whole.text
    assert "> three" not in whole.text


async def test_a_turn_that_runs_or_died_shows_what_had_arrived(desk: Desk, session: Session) -> None:
    store = session.runtime.store
    turn = await store.journal.begin_turn(session.id, Entry(role="user", content="hello"), model="m")
    pieces = [(turn.id, "thinking", "hm"), (turn.id, "text", "Half an "), (turn.id, "text", "ans")]
    insert = "INSERT INTO stream_chunks(turn_id, kind, content) VALUES (?, ?, ?)"
    await store.database.write(lambda connection: connection.exec_driver_sql(insert, pieces).close())
    running = Shown()
    replay(await read_recordings(store, session.id), running.screen)
    assert running.text == "> hello\nHalf an ans\nThis turn is still running.\n\n"
    await store.sessions.release(session.id, session.runtime.process_id)
    dead = Shown()
    replay(await read_recordings(store, session.id), dead.screen)
    assert dead.text == "> hello\nHalf an ans\nStopped. What was said so far is kept.\n\n"


async def test_imported_lines_and_escape_sequences_are_shown_as_text(session: Session) -> None:
    store = session.runtime.store
    await store.sessions.create(id="old", origin="import")
    lines = [
        Entry(role="user", content="hi \x1b[31mthere", speaker="Ann"),
        Entry(role="assistant", content="hello \x9b0m", speaker="Bob"),
    ]
    await store.journal.append("old", None, lines)
    shown = Shown()
    replay(await read_recordings(store, "old"), shown.screen)
    assert shown.text == "> Ann: hi \ufffd[31mthere\nBob: hello \ufffd0m\n\n"


async def test_the_speed_decides_how_long_it_waits(desk: Desk, session: Session) -> None:
    store = session.runtime.store
    start = 1_700_000_000_000_000
    turn = await store.journal.begin_turn(
        session.id, Entry(role="user", content="go", created_at=start), model="openai:m"
    )
    answer = Entry(role="assistant", content="word " * 100, created_at=start + 2_000_000)
    await store.journal.finish_turn(turn.id, outcome="completed", entries=[answer])
    query = f"UPDATE turns SET started_at = {start}, ended_at = {start + 60_000_000} WHERE id = {turn.id}"
    await store.database.write(lambda connection: connection.exec_driver_sql(query).close())
    recordings = await read_recordings(store, session.id)

    waited: list[float] = []
    shown = Shown()
    replay(recordings, shown.screen, speed=2, sleep=waited.append)
    # Two seconds of answer and a pause that was cut to three, at twice the speed.
    assert 2.4 < sum(waited) < 2.7
    assert len(waited) > 20
    assert "word " * 100 in shown.text
    instant: list[float] = []
    replay(recordings, Shown().screen, sleep=instant.append)
    assert instant == []
    events: list[Event] = [event for _, event in events_of(recordings[0])]
    assert [event.type for event in events] == ["turn_started", "text_delta", "turn_finished"]
