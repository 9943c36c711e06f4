"""Facts that a session's model picks out when it has ended: what is kept, what is not, and what it costs."""

from __future__ import annotations

import asyncio
import json
from datetime import date
from typing import Any

import pytest

from lra.agent import facts
from lra.runtime import Runtime
from lra.session import Session
from lra.session.extraction import extract_owed, told
from lra.store import MemoryRecord
from tests.session.support import Desk, take
from tests.support.model_server import Step, fail, say

pytestmark = pytest.mark.usefixtures("chosen")

MARK = "Pick out of the conversation"
MESSAGE = "By the way, since 2 June I work for Umbrella in Ghent as a botanist"
FACT: dict[str, Any] = {
    "fact": "The person works for Umbrella in Ghent as a botanist since 2026-06-02",
    "quote": "I work for Umbrella in Ghent",
    "turn": 1,
    "kind": "fact",
    "key": "user.employer",
    "since": "2026-06-02",
    "project": False,
}


def picked(*facts: dict[str, Any]) -> Step:
    return say("\n".join(json.dumps(fact) for fact in facts) or "NONE", usage=None)


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The person has chosen that facts are picked out."""
    monkeypatch.setenv("LRA_EXTRACT", "on")


async def ended(desk: Desk, *facts: dict[str, Any], message: str = MESSAGE, **options: Any) -> Session:
    """A session of one turn that has ended, and whose model told these facts."""
    desk.server.script(say("Noted."))
    session = await desk.session(**options)
    await take(session, message)
    desk.server.script(picked(*facts))
    await session.close()
    return session


async def facts_of(session: Session) -> list[MemoryRecord]:
    found = await session.runtime.memory.find(session_id=session.id)
    return [record for record in found if record.source == "extraction"]


def asked(desk: Desk) -> list[str]:
    """The requests for facts."""
    return [text for request in desk.server.requests if MARK in (text := str(request))]


async def test_nothing_is_asked_unless_it_was_chosen(desk: Desk) -> None:
    desk.setenv(LRA_EXTRACT="off")
    desk.server.script(say("Noted."))
    session = await desk.session()
    await take(session, MESSAGE)
    await session.close()
    assert len(desk.server.requests) == 1
    assert await session.runtime.store.extractions.owed() == []


async def test_a_fact_is_dated_keyed_and_knows_its_turn(desk: Desk) -> None:
    session = await ended(desk, FACT)
    (fact,) = await facts_of(session)
    (turn,) = await session.runtime.store.journal.turns(session.id)
    assert (fact.content, fact.key, fact.kind) == (FACT["fact"], "user.employer", "fact")
    assert (fact.turn_id, fact.session_id, fact.source) == (turn.id, session.id, "extraction")
    assert fact.to_dict()["valid_from"].startswith("2026-06-02T00:00")
    (line,) = await session.runtime.memory.history(fact.id)
    assert (line.action, line.actor, line.turn_id) == ("created", "extraction", turn.id)
    assert MESSAGE in asked(desk)[0]


async def test_what_it_cost_is_counted_with_the_session(desk: Desk) -> None:
    session = await ended(desk, FACT)
    usage = await session.usage()
    (turn,) = await session.runtime.store.journal.turns(session.id)
    spent = await session.runtime.store.spending.beside(session.id)
    assert (usage.turns, usage.requests) == (1, 2)
    assert spent.input_tokens > 0
    assert spent.cost
    assert usage.input_tokens == turn.input_tokens + spent.input_tokens
    assert usage.cost == pytest.approx((turn.cost or 0.0) + spent.cost)
    assert (await session.runtime.store.journal.spent(session.id))[0] == pytest.approx(usage.cost)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"quote": "I work for Acme in Ghent"}, "the person has not said the quote"),
        ({"quote": "Noted."}, "only the assistant said it"),
        ({"quote": "Ghent"}, "a quote of one short word bears nothing out"),
        ({"fact": "A lighthouse keeper breeds parrots abroad"}, "the quote does not bear the fact out"),
        ({"fact": ""}, "there is no fact"),
        ({"fact": ["x"], "quote": 7}, "it is not what was asked for"),
    ],
)
async def test_what_the_person_did_not_say_is_not_kept(desk: Desk, change: dict[str, Any], why: str) -> None:
    session = await ended(desk, {**FACT, **change})
    assert await facts_of(session) == [], why


async def test_an_answer_in_another_form_is_read_as_far_as_it_goes(desk: Desk) -> None:
    desk.server.script(say("Noted."))
    session = await desk.session()
    await take(session, MESSAGE)
    desk.server.script(say(f"Here you are:\n```json\n{json.dumps(FACT)},\n{{broken\n```\nThat is all."))
    await session.close()
    assert len(await facts_of(session)) == 1


@pytest.mark.parametrize(
    "change",
    [{"key": "Employer!"}, {"kind": "instruction"}, {"since": "soon"}, {"since": "2999-01-01"}, {"turn": "x"}],
)
async def test_a_fact_outlives_what_is_wrong_beside_it(desk: Desk, change: dict[str, Any]) -> None:
    session = await ended(desk, {**FACT, **change})
    (fact,) = await facts_of(session)
    (turn,) = await session.runtime.store.journal.turns(session.id)
    assert fact.kind == "fact"
    if "key" in change:
        assert fact.key is None
    if "since" in change:
        assert fact.valid_from == turn.started_at


async def test_scripts_without_spaces_are_borne_out_too(desk: Desk) -> None:
    told_so = {"fact": "会社は大阪にあります", "quote": "会社は大阪にある", "turn": 1}
    session = await ended(desk, told_so, message="私の会社は大阪にあるんです")
    assert [fact.content for fact in await facts_of(session)] == ["会社は大阪にあります"]


async def test_a_new_value_takes_the_place_of_the_old_one(desk: Desk) -> None:
    first = await desk.session()
    old = (await first.runtime.memory.remember("I work for Acme", key="user.employer", valid_from=1)).record
    session = await ended(desk, FACT, runtime=first.runtime)
    (fact,) = await facts_of(session)
    now = await session.runtime.memory.get(old.id)
    assert now.superseded_by == fact.id
    assert "user.employer" in asked(desk)[0], "the model is shown the keys in use"


async def test_an_older_value_goes_into_the_history(desk: Desk) -> None:
    first = await desk.session()
    newer = (await first.runtime.memory.remember("I work for Acme now", key="user.employer")).record
    session = await ended(desk, FACT, runtime=first.runtime)
    (fact,) = await session.runtime.store.memories.find(session_id=session.id, kind="fact", superseded=True)
    assert fact.superseded_by == newer.id
    assert (await session.runtime.memory.get(newer.id)).superseded_by is None


async def test_the_same_again_is_counted(desk: Desk) -> None:
    session = await ended(desk, FACT)
    again = await ended(desk, FACT, runtime=session.runtime)
    (fact,) = await facts_of(session)
    assert fact.count == 2
    assert await facts_of(again) == []


async def test_a_secret_is_left_out(desk: Desk) -> None:
    token = "ghp_" + "abcdefghijklmnopqrstuvwxyz0123456789"
    secret = {"fact": f"The person's token is {token}", "quote": f"my token is {token}", "turn": 1}
    session = await ended(desk, secret, FACT, message=f"{MESSAGE}, and my token is {token}")
    assert [fact.content for fact in await facts_of(session)] == [FACT["fact"]]


async def test_what_was_recalled_does_not_come_back_as_a_fact(desk: Desk) -> None:
    first = await desk.session()
    await first.runtime.memory.remember("The boiler stands in the cellar beside the door")
    echo = {"fact": "The boiler stands in the cellar", "quote": "where does the boiler stand", "turn": 1}
    session = await ended(desk, echo, message="where does the boiler stand?", runtime=first.runtime)
    assert await facts_of(session) == []
    assert [record.count for record in await session.runtime.memory.find(kind="fact")] == [1]


async def test_a_model_elsewhere_does_not_see_what_was_said_to_one_here(desk: Desk) -> None:
    session = await desk.session(model="offline")
    await take(session, "my locker stands in row seven")
    await session.set_model("openai-chat:gpt-4o-mini")
    desk.server.script(say("Noted."))
    await take(session, MESSAGE)
    desk.server.script(picked())
    await session.close()
    (request,) = asked(desk)
    assert MESSAGE in request
    assert "row seven" not in request.split("<conversation>")[1]


@pytest.mark.parametrize("trusted", [True, False])
async def test_local_only_keys_are_shown_to_models_here_alone(desk: Desk, trusted: bool) -> None:
    if trusted:
        desk.setenv(LRA_LOCAL_ONLY_PROVIDERS="openai")
    first = await desk.session()
    await first.runtime.memory.remember("The locker code is 99 12", key="gym.locker.row", local_only=True)
    await ended(desk, runtime=first.runtime)
    assert ("gym.locker.row" in asked(desk)[0]) is trusted


async def test_beside_a_local_only_memory_a_fact_is_local_only(desk: Desk) -> None:
    desk.setenv(LRA_LOCAL_ONLY_PROVIDERS="openai")
    first = await desk.session()
    await first.runtime.memory.remember("The greenhouse code is red giraffe", local_only=True)
    said = "the greenhouse code, red giraffe, opens my shed"
    fact = {"fact": "The greenhouse code opens the person's shed", "quote": said, "turn": 1}
    session = await ended(desk, fact, message=said, runtime=first.runtime)
    (turn,) = await session.runtime.store.journal.turns(session.id)
    assert turn.recalled, "the test needs the memory in front of the model"
    assert [record.local_only for record in await facts_of(session)] == [True]


async def test_a_session_without_memory_leaves_no_facts(desk: Desk) -> None:
    session = await ended(desk, FACT, use_memory=False)
    assert asked(desk) == []
    assert await session.runtime.store.extractions.owed() == []


async def test_the_offline_model_is_asked_nothing(desk: Desk) -> None:
    session = await desk.session(model="offline")
    await take(session, MESSAGE)
    await session.close()
    await extract_owed(session.runtime, pause=0)
    assert desk.server.requests == []
    assert await session.runtime.store.extractions.owed() == []


async def test_where_every_cent_is_counted_nothing_more_is_asked(desk: Desk) -> None:
    desk.setenv(LRA_MAX_COST="5")
    await ended(desk, FACT)
    assert asked(desk) == []


async def later(desk: Desk, runtime: Runtime, *facts: dict[str, Any]) -> None:
    desk.server.script(picked(*facts))
    await extract_owed(runtime, pause=0)


async def test_what_there_was_no_time_for_is_done_after_a_later_start(desk: Desk) -> None:
    desk.server.script(say("Noted."))
    session = await desk.session()
    await take(session, MESSAGE)
    await session.close(summarize=False)
    assert asked(desk) == []
    await later(desk, session.runtime, FACT)
    assert len(await facts_of(session)) == 1
    assert await session.runtime.store.extractions.owed() == []


async def test_a_session_whose_process_died_is_owed_too(desk: Desk) -> None:
    from lra.session.closing import summarize_abandoned

    desk.server.script(say("Noted."))
    session = await desk.session()
    await take(session, MESSAGE)
    await session._tenancy.release()
    await summarize_abandoned(session.runtime)
    await later(desk, session.runtime, FACT)
    assert len(await facts_of(session)) == 1


async def test_a_failure_is_tried_again_and_not_for_ever(desk: Desk) -> None:
    desk.server.script(say("Noted."))
    session = await desk.session()
    await take(session, MESSAGE)
    desk.server.script(fail("server_error"))
    await session.close()
    for _ in range(2):
        desk.server.script(fail("overloaded"))
        await extract_owed(session.runtime, pause=0)
    assert len(await session.runtime.store.extractions.owed()) == 1
    await extract_owed(session.runtime, pause=0)
    assert len(asked(desk)) == 3
    assert await session.runtime.store.extractions.owed() == []


async def test_a_slow_model_keeps_nobody_waiting(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lra.session.extraction.CLOSING_SECONDS", 0.05)
    desk.server.script(say("Noted."))
    session = await desk.session()
    await take(session, MESSAGE)
    desk.server.script(say("NONE", delay=30))
    await session.close()
    assert len(await session.runtime.store.extractions.owed()) == 1


async def test_closing_can_be_cut_short(desk: Desk) -> None:
    desk.server.script(say("Noted."))
    session = await desk.session()
    await take(session, MESSAGE)
    desk.server.script(say("NONE", delay=30))
    closing = asyncio.create_task(session.close())
    while not asked(desk):
        await asyncio.sleep(0.01)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert len(await session.runtime.store.extractions.owed()) == 1


async def test_two_processes_do_not_ask_the_same(desk: Desk) -> None:
    desk.server.script(say("Noted."))
    session = await desk.session()
    await take(session, MESSAGE)
    await session.close(summarize=False)
    other = await desk.runtime()
    desk.server.script(picked(FACT))
    await asyncio.gather(extract_owed(session.runtime, pause=0), extract_owed(other, pause=0))
    assert len(asked(desk)) == 1


async def test_only_what_is_new_is_looked_at_again(desk: Desk) -> None:
    session = await ended(desk, FACT)
    desk.server.script(say("Fine."))
    again = await desk.session(runtime=session.runtime, resume=session.id)
    await take(again, "I also keep bees on the roof")
    bees = {"fact": "The person keeps bees on the roof", "quote": "I also keep bees on the roof", "turn": 2}
    desk.server.script(picked(bees))
    await again.close()
    assert "Umbrella" not in asked(desk)[1].split("<conversation>")[1]
    assert {fact.content for fact in await facts_of(again)} == {FACT["fact"], bees["fact"]}


async def test_the_person_is_shown_what_was_kept_once(desk: Desk) -> None:
    session = await ended(desk, FACT)
    (fact,) = await facts_of(session)
    (sentence,) = await told(session.runtime)
    assert fact.content in sentence
    assert fact.id in sentence
    assert await told(session.runtime) == []


async def test_undo_takes_a_fact_back(desk: Desk) -> None:
    session = await ended(desk, FACT)
    (fact,) = await facts_of(session)
    (back,) = await session.runtime.memory.undo()
    assert (back.id, back.action) == (fact.id, "removed")
    assert await told(session.runtime) == []


async def test_a_long_conversation_is_asked_about_in_parts() -> None:
    lines = [facts.Said(turn=number, day=date(2026, 6, 2), role="user", text="x" * 900) for number in range(1, 61)]
    parts = facts.portions(lines)
    assert [line.turn for part in parts for line in part] == list(range(1, 61))
    assert len(parts) == 3
    assert all(sum(len(line.shown) for line in part) <= facts.INPUT_CHARS for part in parts)


async def test_with_a_fact_go_the_words_it_was_taken_from(desk: Desk) -> None:
    session = await ended(desk, FACT)
    (fact,) = await facts_of(session)
    memory, store = session.runtime.memory, session.runtime.store
    _, forgotten = await memory.erase(fact.id)
    assert forgotten.receipt.complete
    said = [row.content for row in await store.journal.rows(session.id) if row.role == "user"]
    assert "Umbrella" not in said[0]
    assert said[0].startswith("By the way, since 2 June [forgotten]")
    assert b"Umbrella" not in await asyncio.to_thread(store.database.path.read_bytes)


async def test_with_a_message_go_the_facts_that_were_taken_from_it(desk: Desk) -> None:
    other = {"fact": "The person keeps bees on the roof", "quote": "I keep bees on the roof", "turn": 2}
    desk.server.script(say("Noted."), say("Fine."))
    session = await desk.session()
    await take(session, MESSAGE)
    await take(session, "I keep bees on the roof")
    desk.server.script(picked(FACT, other))
    await session.close()
    memory = session.runtime.memory
    message = next(row for row in await session.runtime.store.journal.rows(session.id) if row.content == MESSAGE)
    plan = await memory.eraser.plan([message.id])
    assert plan.also == 1
    await memory.forget_planned(plan)
    assert [fact.content for fact in await facts_of(session)] == [other["fact"]]


async def test_a_quote_that_holds_a_secret_is_not_kept_beside_its_fact(desk: Desk) -> None:
    token = "ghp_" + "abcdefghijklmnopqrstuvwxyz0123456789"
    quote = f"I work for Umbrella in Ghent with {token}"
    session = await ended(desk, {**FACT, "quote": quote}, message=f"By the way, since June {quote} as a botanist")
    (fact,) = await facts_of(session)
    assert fact.metadata == {}


async def test_what_was_said_without_memory_is_not_looked_at_later(desk: Desk) -> None:
    desk.server.script(say("Noted."), say("Fine."))
    private = await desk.session(use_memory=False)
    await take(private, MESSAGE)
    await private.close()
    again = await desk.session(runtime=private.runtime, resume=private.id)
    await take(again, "I keep bees on the roof")
    desk.server.script(picked(FACT))
    await again.close()
    assert "Umbrella" not in asked(desk)[0].split("<conversation>")[1]
    assert await facts_of(again) == []


async def test_a_fork_does_not_tell_what_is_the_original_s_to_tell(desk: Desk) -> None:
    desk.server.script(say("Noted."), say("Fine."))
    session = await desk.session()
    await take(session, MESSAGE)
    fork = await session.fork()
    await take(fork, "I keep bees on the roof")
    desk.server.script(picked())
    await fork.close()
    assert "Umbrella" not in asked(desk)[0].split("<conversation>")[1]
    assert "bees" in asked(desk)[0]
