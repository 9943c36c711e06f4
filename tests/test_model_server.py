"""The scripted model server is what the real SDKs take for a provider, and as strict as one."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable
from typing import Any

import httpx
import openai
import pytest
from anthropic.types import Message as AnthropicMessage
from anthropic.types import RawMessageStreamEvent
from openai.types.chat import ChatCompletion, ChatCompletionChunk, ChatCompletionUserMessageParam
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter
from pydantic_ai import Agent, AgentRunResult, AgentRunResultEvent, CancellationToken, exceptions
from pydantic_ai.messages import FunctionToolResultEvent, ModelMessage, PartDeltaEvent, PartStartEvent, ThinkingPart
from pydantic_ai.models import infer_model
from pydantic_ai.settings import ModelSettings

from tests.support.fixtures import MODELS, Api, env_for, model_server
from tests.support.model_server import (
    Fault,
    Message,
    ModelServer,
    ModelServerProcess,
    Step,
    ToolCall,
    Usage,
    call,
    fail,
    say,
)
from tests.support.model_server.script import FaultKind, cut, script_from_json, step_from_json

__all__ = ["model_server"]

pytestmark = pytest.mark.timeout(20)

PATHS: dict[Api, str] = {
    "openai-chat": "/v1/chat/completions",
    "openai": "/v1/responses",
    "anthropic": "/v1/messages",
}
every_api = pytest.mark.parametrize("api", MODELS)
MakeAgent = Callable[..., Agent[None, str]]


@pytest.fixture
async def make_agent(model_server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[MakeAgent]:
    """Make an agent that talks to the server by its SDK, which does not retry on its own."""

    models: list[Any] = []

    def make(api: Api, max_retries: int = 0, timeout: float = 15) -> Agent[None, str]:
        for name, value in env_for(model_server, api).items():
            monkeypatch.setenv(name, value)
        options = ModelSettings(max_retries=max_retries, timeout=timeout)
        model = infer_model(MODELS[api])
        models.append(model)
        agent = Agent(model, instructions="Be brief.", model_settings=options)

        @agent.tool_plain
        def add(a: int, b: int) -> int:
            return a + b

        return agent

    yield make
    for model in models:
        await model.client.close()


async def streamed(agent: Agent[None, str], prompt: str, seen: list[Any] | None = None) -> AgentRunResult[str]:
    async with agent.run_stream_events(prompt) as events:
        async for event in events:
            if seen is not None:
                seen.append(event)
            if isinstance(event, AgentRunResultEvent):
                return event.result
    raise AssertionError("the run ended without a result")


def texts_of(events: list[Any]) -> list[str]:
    """The pieces of text after the first, which starts its part."""
    deltas = [event.delta for event in events if isinstance(event, PartDeltaEvent)]
    return [str(delta.content_delta) for delta in deltas if delta.part_delta_kind == "text"]


HTTP = httpx.Client(timeout=5, trust_env=False)


def post(server: ModelServer, api: Api, **body: Any) -> httpx.Response:
    return HTTP.post(server.url + PATHS[api], json={"model": "m", **body})


def refused(server: ModelServer, api: Api, **body: Any) -> dict[str, Any]:
    """The error a request is refused with, which is noted as a complaint."""
    answer = post(server, api, **body)
    error: dict[str, Any] = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (400, "invalid_request_error")
    assert server.complaints == [f"request 1: {error['message']}"]
    server.complaints.clear()
    return error


# A whole turn


@every_api
async def test_a_turn_with_parallel_tool_calls_streams(
    model_server: ModelServer, make_agent: MakeAgent, api: Api
) -> None:
    model_server.script(
        say(("Let me", " see."), call("add", a=1, b=2), ToolCall("add", {"a": 3, "b": 4}, "my_id")),
        say("3 and 7.", chunks=4, usage=Usage(100, 20, cached_tokens=60)),
    )
    seen: list[Any] = []
    result = await streamed(make_agent(api), "Add.", seen)

    assert result.output == "3 and 7."
    # They run side by side, and either may end first.
    assert {event.part.content for event in seen if isinstance(event, FunctionToolResultEvent)} == {3, 7}
    assert texts_of(seen) == [" see.", "an", "d ", "7."]
    last = result.new_messages()[-1]
    assert last.kind == "response"
    assert (last.usage.input_tokens, last.usage.output_tokens, last.usage.cache_read_tokens) == (100, 20, 60)

    system, user, assistant, *results = model_server.last_messages()
    assert (system, user) == (Message("system", "Be brief."), Message("user", "Add."))
    first, second = assistant.tool_calls
    assert (assistant.role, assistant.text, first.name) == ("assistant", "Let me see.", "add")
    assert (first.args, second) == ({"a": 1, "b": 2}, ToolCall("add", {"a": 3, "b": 4}, "my_id"))
    assert results == [Message("tool", "3", tool_call_id=first.id), Message("tool", "7", tool_call_id="my_id")]

    request = model_server.requests[-1]
    assert (request.path, request.tools, request.body["stream"]) == (PATHS[api], ["add"], True)
    # The client may have the end before the server has taken note of having sent it.
    await model_server.until(lambda server: server.requests[-1].done)
    assert (request.status, request.chunks, request.done, request.client_gone) == (200, 4, True, False)
    assert request.headers["authorization"] == "Bearer test-key"


@every_api
async def test_thoughts_come_back_as_they_were(model_server: ModelServer, make_agent: MakeAgent, api: Api) -> None:
    model_server.script(say("Let me see.", call("add", a=1, b=2), thinking="A sum."), say("3."), say("Bye."))
    agent = make_agent(api)
    first = await agent.run("Add.")
    parts = [part for message in first.new_messages() for part in message.parts]
    assert [part.content for part in parts if isinstance(part, ThinkingPart)] == ["A sum."]
    # The server checks the seals and ids of the thoughts, and would refuse altered ones.
    second = await agent.run("Thanks.", message_history=first.all_messages())
    assert second.output == "Bye."


@every_api
def test_answers_have_the_shape_the_sdk_declares(model_server: ModelServer, api: Api) -> None:
    model_server.script(default=say("Let me see.", call("add", a=1), thinking="A sum."))
    shapes: dict[Api, tuple[Any, Any, dict[str, Any]]] = {
        "openai-chat": (ChatCompletion, ChatCompletionChunk, {"messages": [{"role": "user", "content": "Add."}]}),
        "openai": (Response, ResponseStreamEvent, {"input": "Add."}),
        "anthropic": (
            AnthropicMessage,
            RawMessageStreamEvent,
            {"messages": [{"role": "user", "content": "Add."}], "max_tokens": 9},
        ),
    }
    whole, piece, body = shapes[api]
    whole.model_validate(post(model_server, api, **body).json())
    lines = post(model_server, api, stream=True, **body).text.splitlines()
    data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    events = [json.loads(item) for item in data if item != "[DONE]"]
    for event in events:
        if event.get("type") != "ping":
            TypeAdapter(piece).validate_python(event)
    if api == "openai":
        assert [event["sequence_number"] for event in events] == list(range(len(events)))
        assert (events[0]["type"], events[-1]["type"]) == ("response.created", "response.completed")
    assert ("[DONE]" in data) == (api == "openai-chat")


@every_api
async def test_an_answer_cut_by_the_limit_says_so(model_server: ModelServer, make_agent: MakeAgent, api: Api) -> None:
    model_server.script(say("Once upon a", finish="length"))
    result = await streamed(make_agent(api), "Tell.")
    assert (result.output, result.response.finish_reason) == ("Once upon a", "length")


# Faults

ERRORS: dict[FaultKind, type[Exception]] = {
    "auth": exceptions.ModelAuthenticationError,
    "permission": exceptions.ModelAuthenticationError,
    "model_not_found": exceptions.ModelNotFoundError,
    "rate_limit": exceptions.ModelRateLimitError,
    "quota": exceptions.ModelQuotaExceededError,
    "context_length": exceptions.ModelContextWindowExceededError,
    "bad_request": exceptions.ModelRequestRejectedError,
    "server_error": exceptions.ModelServerError,
    "unavailable": exceptions.ModelUnavailableError,
    "overloaded": exceptions.ModelOverloadedError,
    "garbage": exceptions.ModelAPIError,
    "truncate": exceptions.ModelConnectionError,
    "stream_error": exceptions.ModelOverloadedError,
    "hang_up": exceptions.ModelConnectionError,
}
CATEGORIES: tuple[type[Exception], ...] = (
    exceptions.ModelAuthenticationError,
    exceptions.ModelNotFoundError,
    exceptions.ModelContextWindowExceededError,
    exceptions.ModelRequestRejectedError,
    exceptions.ModelRateLimitError,
    exceptions.ModelQuotaExceededError,
    exceptions.ModelServerError,
    exceptions.ModelOverloadedError,
    exceptions.ModelUnavailableError,
    exceptions.ModelConnectionError,
    exceptions.ModelAPIError,
)


@every_api
@pytest.mark.parametrize("streaming", [True, False], ids=["streamed", "whole"])
async def test_each_fault_is_what_it_would_be_from_the_provider(
    model_server: ModelServer, make_agent: MakeAgent, api: Api, streaming: bool
) -> None:
    agent, raised = make_agent(api), {}
    for kind in ERRORS:
        model_server.script(fail(kind))
        with pytest.raises(exceptions.ModelAPIError) as caught:
            await (streamed(agent, "Hello") if streaming else agent.run("Hello"))
        raised[kind] = next(category for category in CATEGORIES if isinstance(caught.value, category))
    assert raised == ERRORS
    assert len(model_server.requests) == len(ERRORS)


@every_api
async def test_a_rate_limit_says_how_long_to_wait(model_server: ModelServer, make_agent: MakeAgent, api: Api) -> None:
    model_server.script(fail("rate_limit", retry_after=7))
    with pytest.raises(exceptions.ModelRateLimitError) as caught:
        await streamed(make_agent(api), "Hello")
    assert caught.value.retry_after == 7


@every_api
async def test_the_sdk_retries_where_it_may(model_server: ModelServer, make_agent: MakeAgent, api: Api) -> None:
    model_server.script(fail("rate_limit", retry_after=0.01), say("Hello."))
    assert (await streamed(make_agent(api, max_retries=1), "Hello")).output == "Hello."
    assert [request.status for request in model_server.requests] == [429, 200]


@every_api
async def test_a_cut_stream_delivers_what_came_before(
    model_server: ModelServer, make_agent: MakeAgent, api: Api
) -> None:
    model_server.script(fail("truncate", text="one two three four", after=3))
    seen: list[Any] = []
    with pytest.raises(exceptions.ModelConnectionError):
        await streamed(make_agent(api), "Count.", seen)
    assert texts_of(seen) == [" two", " three"]
    assert (model_server.requests[0].chunks, model_server.requests[0].done) == (3, False)


@every_api
async def test_a_silent_provider_times_out(model_server: ModelServer, make_agent: MakeAgent, api: Api) -> None:
    model_server.script(fail("silence"))
    with pytest.raises(exceptions.ModelTimeoutError):
        await streamed(make_agent(api, timeout=0.2), "Hello")
    await model_server.until(lambda server: any(request.client_gone for request in server.requests))


def test_no_fault_but_the_known_ones() -> None:
    assert set(ERRORS) | {"silence"} == set(FaultKind.__args__)  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="unknown fault 'bad_weather'"):
        Fault("bad_weather")  # type: ignore[arg-type]


# Strictness: chat completions

USER = {"role": "user", "content": "Add."}


def asked(*ids: str) -> dict[str, Any]:
    calls = [{"id": id_, "type": "function", "function": {"name": "add", "arguments": "{}"}} for id_ in ids]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def told(id_: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id_, "content": "3"}


@pytest.mark.parametrize(
    ("messages", "param", "wording"),
    [
        ([USER, asked("a")], "messages.[2].role", "did not have response messages: a"),
        ([USER, asked("a", "b"), told("b"), USER], "messages.[3].role", "did not have response messages: a"),
        ([USER, asked("a"), USER, told("a")], "messages.[2].role", "did not have response messages: a"),
        ([USER, told("a")], "messages.[1].role", "must be a response to a preceeding message with 'tool_calls'"),
        ([USER, asked("a"), told("a"), USER, told("a")], "messages.[4].role", "must be a response"),
        ([USER, asked("a"), told("b")], "messages.[2].tool_call_id", "'b' not found in 'tool_calls'"),
        ([USER, asked("a"), told("a"), told("a")], "messages.[3].tool_call_id", "Duplicate value"),
        ([USER, {"role": "assistant", "content": None}], "messages.[1].content", "expected a string, got null"),
        ([], "messages", "empty array"),
    ],
)
def test_chat_refuses_a_broken_history(
    model_server: ModelServer, messages: list[Any], param: str, wording: str
) -> None:
    error = refused(model_server, "openai-chat", messages=messages)
    assert wording in error["message"]
    assert error["param"] == param


# Strictness: responses


def item(kind: str, id_: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, "id": id_, **fields}


CALL = item("function_call", "fc_1", call_id="a", name="add", arguments="{}")
OUTPUT = {"type": "function_call_output", "call_id": "a", "output": "3"}
THOUGHT = item("reasoning", "rs_1", summary=[], encrypted_content="sealed:1")
OWN_TEXT = item("message", "msg_r1", role="assistant", content=[{"type": "output_text", "text": "3."}])


@pytest.mark.parametrize(
    ("items", "wording"),
    [
        ([USER, CALL], "No tool output found for function call a."),
        ([USER, CALL, USER], "No tool output found for function call a."),
        ([USER, OUTPUT], "No tool call found for function call output with call_id a."),
        ([USER, OUTPUT, CALL], "No tool call found for function call output with call_id a."),
        ([USER, CALL, OUTPUT, CALL, OUTPUT], "Duplicate item found with id fc_1."),
        ([USER, THOUGHT], "Item 'rs_1' of type 'reasoning' was provided without its required following item."),
        ([USER, THOUGHT, USER], "'rs_1' of type 'reasoning' was provided without its required following item."),
        ([USER, OWN_TEXT, USER], "'msg_r1' of type 'message' was provided without its required 'reasoning' item"),
        ([USER, {**THOUGHT, "encrypted_content": "forged by me"}, CALL, OUTPUT], "forg...y me could not be"),
    ],
)
def test_responses_refuse_a_broken_history(model_server: ModelServer, items: list[Any], wording: str) -> None:
    assert wording in refused(model_server, "openai", input=items)["message"]


# Strictness: messages


def blocks(role: str, *content: dict[str, Any]) -> dict[str, Any]:
    return {"role": role, "content": list(content)}


def use(id_: str, **fields: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": id_, "name": "add", "input": {}, **fields}


def result(id_: str) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": id_, "content": "3"}


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


@pytest.mark.parametrize(
    ("messages", "wording"),
    [
        ([USER, blocks("assistant", use("a"))], "messages.1: `tool_use` ids were found without `tool_result`"),
        ([USER, blocks("assistant", use("a")), USER], "blocks immediately after: a. Each `tool_use` block must"),
        ([USER, blocks("assistant", use("a"), use("b")), blocks("user", result("a"))], "immediately after: b."),
        ([USER, blocks("assistant", use("a")), blocks("user", text("So"), result("a"))], "immediately after: a."),
        ([blocks("user", result("a"))], "messages.0.content.0: unexpected `tool_use_id` found in `tool_result`"),
        (
            [USER, blocks("assistant", use("a")), blocks("user", result("a"), result("a"))],
            "messages.2.content.1: each tool_use must have a single result.",
        ),
        ([USER, blocks("assistant", use("a"), use("a")), blocks("user", result("a"))], "ids must be unique"),
        ([USER, blocks("assistant", use("a b")), blocks("user", result("a b"))], "tool_use.id: String should match"),
        ([USER, blocks("assistant", use("a", input="{")), blocks("user", result("a"))], "valid dictionary"),
        ([blocks("user", text(""))], "messages: text content blocks must be non-empty"),
        ([blocks("user", text(" "))], "messages: text content blocks must contain non-whitespace text"),
        ([USER, blocks("assistant"), USER], "messages.1: all messages must have non-empty content"),
        ([USER, blocks("assistant", text("So "))], "final assistant content cannot end with trailing whitespace"),
        (
            [USER, blocks("assistant", {"type": "thinking", "thinking": "A", "signature": "mine"}), USER],
            "messages.1.content.0: Invalid `signature` in `thinking` block",
        ),
        ([{"role": "assistant", "content": "Hi"}, USER], 'first message must use the "user" role'),
        ([], "at least one message is required"),
    ],
)
def test_messages_refuse_a_broken_history(model_server: ModelServer, messages: list[Any], wording: str) -> None:
    error = refused(model_server, "anthropic", max_tokens=9, messages=messages)
    assert wording in error["message"]


@every_api
def test_a_sound_history_is_accepted(model_server: ModelServer, api: Api) -> None:
    bodies: dict[Api, dict[str, Any]] = {
        "openai-chat": {"messages": [USER, asked("a", "b"), told("b"), told("a"), USER]},
        "openai": {"input": [USER, THOUGHT, CALL, OUTPUT, USER]},
        "anthropic": {
            "max_tokens": 9,
            "messages": [
                USER,
                blocks("assistant", text("So "), use("a"), use("b")),
                blocks("user", result("b"), result("a"), text("And?")),
            ],
        },
    }
    model_server.script(say("3."))
    assert post(model_server, api, **bodies[api]).status_code == 200


# Holding streams


@every_api
async def test_a_held_stream_goes_on_when_released(model_server: ModelServer, make_agent: MakeAgent, api: Api) -> None:
    model_server.script(say("one two three four", hold=2))
    seen: list[Any] = []
    run = asyncio.create_task(streamed(make_agent(api), "Count.", seen))
    await model_server.until_held()
    assert (model_server.requests[0].chunks, run.done()) == (2, False)
    model_server.release()
    assert (await asyncio.wait_for(run, 5)).output == "one two three four"
    assert model_server.held == 0


RECEIVED = {0: "", 1: "Hm.", 3: "Hm.one two", 4: 'Hm.one two{"a": 1,'}
"""What has reached the client when the stream is held after so many chunks."""
LONE_THOUGHT = ("openai", 1)


async def interrupted(server: ModelServer, agent: Agent[None, str], chunks: int) -> list[ModelMessage]:
    """The history of a run that was cancelled after some chunks."""
    server.script(say("one two", call("add", a=1, b=2), thinking="Hm.", hold=chunks), say("Fine."))
    token, received = CancellationToken(), [""]

    async def listen(context: Any, events: AsyncIterable[Any]) -> None:
        async for event in events:
            piece = getattr(event, "delta", None) or getattr(event, "part", None)
            if isinstance(event, PartStartEvent | PartDeltaEvent):
                names = ("content", "content_delta", "args", "args_delta")
                received.append("".join(getattr(piece, name, None) or "" for name in names))

    run = asyncio.create_task(agent.run("Count.", cancellation_token=token, event_stream_handler=listen))
    await server.until_held()
    await server.until(lambda _: "".join(received) == RECEIVED[chunks])
    token.cancel()
    with pytest.raises(exceptions.RunCancelled) as cancelled:
        await run
    await server.until(lambda _: server.requests[0].client_gone)
    assert server.held == 0
    return cancelled.value.all_messages()


@pytest.mark.parametrize(
    ("api", "chunks"), [(api, chunks) for api in MODELS for chunks in RECEIVED if (api, chunks) != LONE_THOUGHT]
)
async def test_an_interrupted_turn_can_be_continued(
    model_server: ModelServer, make_agent: MakeAgent, api: Api, chunks: int
) -> None:
    agent = make_agent(api)
    history = await interrupted(model_server, agent, chunks)
    assert (await agent.run("Go on.", message_history=history)).output == "Fine."


async def test_a_lone_thought_is_not_a_history(model_server: ModelServer, make_agent: MakeAgent) -> None:
    """Pydantic AI sends a thought back under its id, though the item that must follow it never came."""
    agent = make_agent("openai")
    history = await interrupted(model_server, agent, 1)
    with pytest.raises(exceptions.ModelRequestRejectedError, match="without its required following item"):
        await agent.run("Go on.", message_history=history)
    model_server.complaints.clear()


# Scripts


def ask(server: ModelServer, prompt: str) -> str:
    answer = post(server, "openai-chat", messages=[{"role": "user", "content": prompt}])
    return str(answer.json()["choices"][0]["message"]["content"])


def test_steps_then_the_default_or_a_function(model_server: ModelServer) -> None:
    model_server.script(say("one"), lambda body: say(f"to {body['model']}"), default=say("again"))
    assert [ask(model_server, "Hi") for _ in range(4)] == ["one", "to m", "again", "again"]
    model_server.add(say("more"))
    assert (model_server.steps_left, ask(model_server, "Hi"), ask(model_server, "Hi")) == (1, "more", "again")


def test_a_step_can_wait_for_its_request(model_server: ModelServer) -> None:
    model_server.script(say("summary", when="Summarise"), say("answer"))
    assert [ask(model_server, "Hello"), ask(model_server, "Summarise this")] == ["answer", "summary"]


def test_a_request_beyond_the_script_is_a_complaint(model_server: ModelServer) -> None:
    assert post(model_server, "openai-chat", messages=[USER]).status_code == 400
    with pytest.raises(AssertionError, match=r"request 1: .*no step"):
        model_server.verify()
    model_server.complaints.clear()


@pytest.mark.parametrize("sentence", ["", " ", "word", " two  words ", "line\nbreak\n", "é" * 9])
@pytest.mark.parametrize("chunks", [None, 1, 2, 5, 100])
def test_cutting_loses_nothing(sentence: str, chunks: int | None) -> None:
    pieces = cut(sentence, chunks)
    assert "".join(pieces) == sentence
    assert "" not in pieces
    assert chunks is None or len(pieces) <= chunks


def test_scripts_load_from_json() -> None:
    step = say(("a", "b"), call("add", a=1), usage=Usage(1, 2), fault=Fault("truncate", after=2), hold=1)
    as_json = {
        "text": ["a", "b"],
        "tool_calls": [["add", {"a": 1}]],
        "usage": {"input_tokens": 1, "output_tokens": 2},
        "fault": {"kind": "truncate", "after": 2},
        "hold": 1,
    }
    assert script_from_json({"steps": [as_json, "hi"], "default": "ok"}) == ([step, say("hi")], say("ok"))
    assert script_from_json([{"fault": "auth"}]) == ([Step(fault=Fault("auth"))], None)
    with pytest.raises(TypeError, match="txet"):
        step_from_json({"txet": "hi"})


# Other doors


def test_probes_recognise_it(model_server: ModelServer) -> None:
    with openai.OpenAI(**_client(model_server)) as client:
        assert [model.id for model in client.models.list()] == ["test-model"]
    tags = HTTP.get(f"{model_server.url}/api/tags").json()
    assert [model["name"] for model in tags["models"]] == ["test-model:latest"]
    assert "version" in HTTP.get(f"{model_server.url}/api/version").json()


def _client(server: ModelServer | ModelServerProcess) -> dict[str, Any]:
    return {"api_key": "test-key", "base_url": f"{server.url}/v1", "max_retries": 0, "timeout": 10}


def test_it_answers_at_once(model_server: ModelServer) -> None:
    model_server.script(default=say("ok"))
    times = []
    for _ in range(5):
        start = time.perf_counter()
        ask(model_server, "Hi")
        times.append(time.perf_counter() - start)
    # On a connection in use, small writes held back for an ACK would cost 40 ms each time.
    assert min(times[1:]) < 0.03


HELLO: ChatCompletionUserMessageParam = {"role": "user", "content": "Hello"}


async def test_it_runs_as_a_process() -> None:
    with ModelServerProcess([say("one two", call("add", a=1), hold=1)], default=say("ok")) as server:
        pieces: list[str] = []
        async with openai.AsyncOpenAI(**_client(server)) as client:
            stream = await client.chat.completions.create(model="m", messages=[HELLO], stream=True)
            async for chunk in stream:
                said = chunk.choices[0].delta.content
                pieces += [said] if said else []
                if said == "one":
                    await asyncio.to_thread(server.release)
        assert pieces == ["one", " two"]
        assert server.status() == {"requests": 1, "held": 0, "steps_left": 0, "complaints": []}
        assert server.requests()[0]["messages"][0]["text"] == "Hello"
    with pytest.raises(httpx.ConnectError):
        HTTP.get(f"{server.url}/v1/models")
