"""What providers do wrong, and what limits do right: a sentence, an outcome, an exit code, and nothing lost."""

from __future__ import annotations

import json
import socket

import pytest

from lra.errors import ConfigError, ExitCode
from lra.events import Compacted, ModelSwitched, Retrying, ToolFinished
from tests.session.support import MODELS, Desk, check_calls_closed, end, every_api, of, roles, rows, shown, spoken, take
from tests.support.fixtures import Api
from tests.support.model_server import Usage, call, fail, say

FINAL: list[tuple[str, str, ExitCode]] = [
    ("auth", "refused the key: set a valid {KEY}.", ExitCode.CONFIG),
    ("permission", "does not permit this (403)", ExitCode.CONFIG),
    ("model_not_found", "does not know the model {MODEL}", ExitCode.CONFIG),
    ("quota", "quota or credit is used up", ExitCode.UNAVAILABLE),
    ("bad_request", "rejected the request (400)", ExitCode.FAILED),
    ("garbage", "gave an answer that makes no sense", ExitCode.UNAVAILABLE),
    ("context_length", "no longer fits", ExitCode.FAILED),
]
"""Faults for which the same request is not sent again."""

PASSING: list[tuple[str, str, ExitCode]] = [
    ("rate_limit", "limits the rate of requests", ExitCode.TEMPORARY),
    ("server_error", "server failed (500)", ExitCode.UNAVAILABLE),
    ("unavailable", "is overloaded", ExitCode.TEMPORARY),
    ("overloaded", "is overloaded", ExitCode.TEMPORARY),
]
"""Faults that may pass."""

BROKEN: list[tuple[str, str]] = [
    ("truncate", "broke before the answer was complete"),
    ("stream_error", "is overloaded"),
]
"""Faults in the middle of an answer."""


def dead_url() -> str:
    """A URL at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        return f"http://127.0.0.1:{unused.getsockname()[1]}"


# Errors


@every_api
@pytest.mark.parametrize(("kind", "sentence", "code"), FINAL)
async def test_a_fault_that_will_not_pass_is_explained_at_once(
    desk: Desk, api: Api, kind: str, sentence: str, code: ExitCode
) -> None:
    desk.server.script(fail(kind), say("Better now."))  # type: ignore[arg-type]
    session = await desk.session(api)
    events = await take(session, "hello")
    key = "ANTHROPIC_API_KEY" if api == "anthropic" else "OPENAI_API_KEY"
    last = end(events)
    assert sentence.format(KEY=key, MODEL=repr(MODELS[api])) in (last.error or "")
    assert (last.outcome, last.exit_code, last.output) == ("failed", code, "")
    assert of(events, Retrying) == []
    assert len(desk.server.requests) == 1
    # The message is kept, and the session works on once the cause is gone.
    assert end(await take(session, "again")).output == "Better now."
    assert await spoken(session) == [("user", "hello"), ("user", "again"), ("assistant", "Better now.")]
    assert "hello" in json.dumps(desk.server.requests[-1].body)


@every_api
@pytest.mark.parametrize(("kind", "sentence", "code"), PASSING)
async def test_a_fault_that_may_pass_is_waited_out_in_sight(
    desk: Desk, api: Api, kind: str, sentence: str, code: ExitCode
) -> None:
    del code
    bad = fail(kind, retry_after=0)  # type: ignore[arg-type]
    desk.server.script(bad, bad, bad, say("At last."))
    session = await desk.session(api)
    events = await take(session, "hello")
    assert (end(events).outcome, end(events).output) == ("completed", "At last.")
    waits = of(events, Retrying)
    assert [(wait.attempt, wait.seconds) for wait in waits] == [(1, 0.0), (2, 0.0), (3, 0.0)]
    assert all(sentence in wait.reason for wait in waits)
    assert await spoken(session) == [("user", "hello"), ("assistant", "At last.")]


@pytest.mark.parametrize(("kind", "sentence", "code"), PASSING)
async def test_four_attempts_are_enough(desk: Desk, kind: str, sentence: str, code: ExitCode) -> None:
    desk.server.script(default=fail(kind, retry_after=0))  # type: ignore[arg-type]
    session = await desk.session()
    last = end(await take(session, "hello"))
    assert sentence in (last.error or "")
    assert (last.outcome, last.exit_code) == ("failed", code)
    assert len(desk.server.requests) == 4
    desk.server.script(default=say("Better now."))
    assert end(await take(session, "again")).outcome == "completed"


async def test_the_providers_own_wait_is_kept(desk: Desk) -> None:
    desk.server.script(fail("rate_limit", retry_after=1), say("Now."))
    events = await take(await desk.session(), "hello")
    assert [wait.seconds for wait in of(events, Retrying)] == [1.0]
    assert end(events).output == "Now."


async def test_a_long_wait_is_refused(desk: Desk) -> None:
    desk.server.script(fail("rate_limit", retry_after=3600))
    events = await take(await desk.session(), "hello")
    last = end(events)
    assert (last.outcome, last.exit_code) == ("failed", 75)
    assert "It asks to wait 3600 s." in (last.error or "")
    assert of(events, Retrying) == []


async def test_each_request_of_a_turn_has_its_own_attempts(desk: Desk) -> None:
    bad = fail("overloaded", retry_after=0)
    desk.server.script(bad, bad, bad, say("One.", call("list_tasks")), bad, bad, bad, say("Two."))
    events = await take(await desk.session(), "hello")
    assert end(events).output == "Two."
    assert [wait.attempt for wait in of(events, Retrying)] == [1, 2, 3, 1, 2, 3]


@every_api
async def test_a_fault_after_the_tools_keeps_their_results(desk: Desk, api: Api) -> None:
    desk.server.script(say("I note it.", call("create_task", title="x"), call("list_tasks")), fail("auth"), say("Yes."))
    session = await desk.session(api)
    events = await take(session, "Note x.")
    assert (end(events).outcome, end(events).output) == ("failed", "I note it.")
    assert {event.outcome for event in of(events, ToolFinished)} == {"success"}
    await check_calls_closed(session)
    assert end(await take(session, "Noted?")).output == "Yes."
    assert roles(desk.server.last_messages()) == ["user", "assistant", "tool", "tool", "user"]


@every_api
@pytest.mark.parametrize(("kind", "sentence"), BROKEN)
async def test_half_an_answer_is_kept_and_not_asked_for_again(desk: Desk, api: Api, kind: str, sentence: str) -> None:
    desk.server.script(fail(kind, after=2), say("three four."))  # type: ignore[arg-type]
    session = await desk.session(api)
    events = await take(session, "Count.")
    last = end(events)
    assert (shown(events), last.output) == ("one two", "one two")
    assert (last.outcome, last.exit_code) == ("failed", 75)
    assert sentence in (last.error or "")
    assert [(row.role, row.content, row.outcome) for row in await rows(session)] == [
        ("user", "Count.", None),
        ("assistant", "one two", "interrupted"),
    ]
    assert len(desk.server.requests) == 1
    assert end(await take(session, "Go on.")).output == "three four."
    assert "one two" in json.dumps(desk.server.requests[-1].body)


async def test_half_an_answer_with_a_call_in_it_leaves_no_open_call(desk: Desk) -> None:
    from dataclasses import replace

    broken = replace(fail("truncate", after=1, text="I note it."), tool_calls=(call("create_task", title="x"),))
    desk.server.script(broken, say("Yes."))
    session = await desk.session("anthropic")
    await take(session, "Note x.")
    await check_calls_closed(session)
    assert end(await take(session, "Noted?")).output == "Yes."


async def test_a_provider_that_hangs_up_is_asked_again(desk: Desk) -> None:
    desk.server.script(fail("hang_up"), say("Sorry."))
    events = await take(await desk.session(), "hello")
    assert end(events).output == "Sorry."
    assert of(events, Retrying)[0].reason == "openai closed the connection without an answer: try again."


@every_api
async def test_nothing_listens(desk: Desk, api: Api) -> None:
    url = dead_url()
    desk.setenv(OPENAI_BASE_URL=f"{url}/v1", ANTHROPIC_BASE_URL=url)
    session = await desk.session(api)
    events = await take(session, "hello")
    last = end(events)
    assert (last.outcome, last.exit_code) == ("failed", 69)
    assert f"cannot be reached at {url.removeprefix('http://')}:" in (last.error or "")
    # Nothing there is not like overload: one more try, and the person is told.
    assert len(of(events, Retrying)) == 1
    assert await spoken(session) == [("user", "hello")]


async def test_a_key_in_the_providers_words_is_not_repeated(desk: Desk) -> None:
    desk.server.script(fail("auth"))
    assert "test-key" not in (end(await take(await desk.session(), "hello")).error or "")


# A full context


@every_api
async def test_an_overflow_is_answered_by_shortening_and_sending_again(desk: Desk, api: Api) -> None:
    session = await desk.session(api)
    for number in range(4):
        desk.server.script(say(f"Answer {number}. " + "blah " * 300))
        await take(session, f"Question {number}. " + "blah " * 300)
    desk.server.script(fail("context_length"), say("It fits."), say("Still fits."))
    events = await take(session, "And now?")
    assert end(events).output == "It fits."
    (compacted,) = of(events, Compacted)
    assert compacted.after_tokens < compacted.before_tokens
    first, second = desk.server.requests[-2:]
    assert len(json.dumps(second.body)) < len(json.dumps(first.body))
    assert "And now?" in json.dumps(second.body)
    assert end(await take(session, "And then?")).outcome == "completed"
    assert len(await rows(session)) == 12


# Another model


async def test_the_fallback_takes_over_from_an_overloaded_model(desk: Desk) -> None:
    desk.setenv(LRA_FALLBACK_MODEL=MODELS["anthropic"])
    bad = fail("overloaded", retry_after=0)
    desk.server.script(bad, bad, bad, bad, say("One.", call("list_tasks")), say("Two."), say("Three."))
    session = await desk.session()
    events = await take(session, "hello")
    (switched,) = of(events, ModelSwitched)
    assert (switched.model, "overloaded" in switched.reason) == (MODELS["anthropic"], True)
    assert (end(events).outcome, end(events).output) == ("completed", "Two.")
    assert end(await take(session, "and?")).outcome == "completed"


async def test_the_fallback_is_named_as_it_answers(desk: Desk) -> None:
    desk.setenv(LRA_FALLBACK_MODEL="openai:gpt-other")
    bad = fail("overloaded", retry_after=0)
    desk.server.script(bad, bad, bad, bad, say("Here I am."))
    events = await take(await desk.session(), "hello")
    assert [event.model for event in of(events, ModelSwitched)] == ["openai-chat:gpt-other"]
    assert end(events).output == "Here I am."


async def test_the_fallback_takes_over_from_a_model_out_of_reach(desk: Desk) -> None:
    desk.setenv(LRA_FALLBACK_MODEL=MODELS["anthropic"], OPENAI_BASE_URL=f"{dead_url()}/v1")
    desk.server.script(say("Here I am."))
    events = await take(await desk.session(), "hello")
    assert [event.model for event in of(events, ModelSwitched)] == [MODELS["anthropic"]]
    assert end(events).output == "Here I am."


async def test_when_the_fallback_fails_too_its_failure_is_told(desk: Desk) -> None:
    desk.setenv(LRA_FALLBACK_MODEL=MODELS["anthropic"])
    desk.server.script(default=fail("overloaded", retry_after=0))
    last = end(await take(await desk.session(), "hello"))
    assert last.error == "anthropic is overloaded: try again later."
    assert (last.outcome, last.exit_code) == ("failed", 75)
    assert len(desk.server.requests) == 8


async def test_a_wrong_key_does_not_bring_in_the_fallback(desk: Desk) -> None:
    desk.setenv(LRA_FALLBACK_MODEL=MODELS["anthropic"])
    desk.server.script(fail("auth"))
    events = await take(await desk.session(), "hello")
    assert of(events, ModelSwitched) == []
    assert end(events).exit_code == 3


async def test_a_fallback_that_cannot_be_built_is_told(desk: Desk) -> None:
    desk.setenv(LRA_FALLBACK_MODEL="nobody:knows")
    desk.server.script(default=fail("overloaded", retry_after=0))
    last = end(await take(await desk.session(), "hello"))
    assert (last.outcome, last.exit_code) == ("failed", 3)
    assert "nobody" in (last.error or "")


# Money and other limits


async def test_the_turn_stops_before_the_request_that_could_exceed_the_cost(desk: Desk) -> None:
    desk.setenv(LRA_MAX_COST="0.10")
    # At 0.15 dollars a million, this one answer costs more than the limit.
    desk.server.script(say("I note it.", call("create_task", title="x"), usage=Usage(1_000_000, 100)))
    session = await desk.session()
    events = await take(session, "Note x.")
    last = end(events)
    assert (last.outcome, last.exit_code, last.output) == ("budget", 5, "I note it.")
    assert "$0.1" in (last.error or "")
    assert last.cost == pytest.approx(0.15, abs=0.01)
    assert len(desk.server.requests) == 1
    assert [task.title for task in await session.runtime.store.tasks.find()] == ["x"]
    await check_calls_closed(session)

    # The limit is the session's: nothing more is asked, also after it was closed and opened again.
    assert end(await take(session, "More?")).outcome == "budget"
    await desk.close(session)
    again = await desk.session(resume=session.id)
    assert end(await take(again, "More?")).outcome == "budget"
    assert len(desk.server.requests) == 1
    await desk.close(again)

    desk.setenv(LRA_MAX_COST="1")
    desk.server.script(say("Gladly."))
    richer = await desk.session(resume=session.id)
    assert end(await take(richer, "More?")).output == "Gladly."


async def test_a_tiny_cost_limit_is_written_out(desk: Desk) -> None:
    desk.setenv(LRA_MAX_COST="0.0000001")
    last = end(await take(await desk.session(), "hello"))
    assert "The cost limit of $0.0000001 is reached: nothing spent" in (last.error or "")


@every_api
async def test_an_answer_is_capped_at_what_is_affordable(desk: Desk, api: Api) -> None:
    desk.setenv(LRA_MAX_COST="0.5")
    desk.server.script(say("Fine."))
    await take(await desk.session(api), "hello")
    body = desk.server.requests[-1].body
    (cap,) = [body[name] for name in ("max_completion_tokens", "max_output_tokens", "max_tokens") if name in body]
    assert 64 <= cap <= 4096


async def test_a_cost_limit_needs_a_price(desk: Desk) -> None:
    desk.setenv(LRA_MAX_COST="1")
    with pytest.raises(ConfigError, match="no known price"):
        await desk.session(model="openai-chat:my-own-model")
    session = await desk.session()
    with pytest.raises(ConfigError, match="no known price"):
        await session.set_model("openai-chat:my-own-model")
    desk.server.script(say("Fine."))
    assert end(await take(session, "hello")).outcome == "completed"


async def test_without_a_limit_a_model_without_a_price_has_no_cost(desk: Desk) -> None:
    desk.server.script(say("Fine."))
    session = await desk.session(model="openai-chat:my-own-model")
    assert end(await take(session, "hello")).cost is None
    assert (await session.usage()).cost is None


async def test_requests_in_a_turn_are_limited(desk: Desk) -> None:
    desk.setenv(LRA_MAX_REQUESTS="2")
    again = say("Again.", call("list_tasks"))
    desk.server.script(again, again, say("Fine."))
    session = await desk.session()
    last = end(await take(session, "hello"))
    assert (last.outcome, last.exit_code, last.output) == ("budget", 5, "Again.\n\nAgain.")
    assert (last.error or "").startswith("This turn has reached its limit of 2 model requests. Raise LRA_MAX_REQUESTS ")
    assert len(desk.server.requests) == 2
    await check_calls_closed(session)
    assert end(await take(session, "and?")).output == "Fine."


@every_api
async def test_tool_calls_in_a_turn_are_limited(desk: Desk, api: Api) -> None:
    desk.setenv(LRA_MAX_TOOL_CALLS="1")
    desk.server.script(say("Two.", call("create_task", title="x"), call("create_task", title="y")), say("Fine."))
    session = await desk.session(api)
    last = end(await take(session, "hello"))
    assert (last.outcome, last.exit_code, last.output) == ("budget", 5, "Two.")
    assert (last.error or "").startswith("This turn has reached its limit of 1 tool call. Raise LRA_MAX_TOOL_CALLS ")
    assert len(await session.runtime.store.tasks.find()) <= 1
    await check_calls_closed(session)
    assert end(await take(session, "and?")).output == "Fine."


async def test_tokens_of_a_session_are_limited(desk: Desk) -> None:
    desk.setenv(LRA_MAX_SESSION_TOKENS="5000")
    desk.server.script(say("One.", usage=Usage(3000, 100)), say("Two.", call("list_tasks"), usage=Usage(3000, 100)))
    session = await desk.session()
    assert end(await take(session, "one")).outcome == "completed"
    last = end(await take(session, "two"))
    assert (last.outcome, last.exit_code, last.output) == ("budget", 5, "Two.")
    assert "LRA_MAX_SESSION_TOKENS" in (last.error or "")
    assert "http" not in (last.error or "")
    # What is typed then is kept, though nobody is asked.
    last = end(await take(session, "three"))
    assert (last.outcome, last.exit_code, last.output) == ("budget", 5, "")
    assert "5000 tokens" in (last.error or "")
    assert (await spoken(session))[-1] == ("user", "three")
    assert len(desk.server.requests) == 2


async def test_an_empty_answer_given_again_and_again_is_told_plainly(desk: Desk) -> None:
    desk.server.script(default=say(""))
    finished = end(await take(await desk.session(), "Say something."))
    assert finished.exit_code == ExitCode.UNAVAILABLE
    assert finished.error is not None
    assert "gave no answer, or none that can be used, several times" in finished.error
