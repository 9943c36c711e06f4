"""Reading histories of every shape: where the turn begins, what has been answered, what was cut off."""

from __future__ import annotations

import pytest
from pydantic_ai.messages import (
    BinaryContent,
    ImageUrl,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    SystemPromptPart,
    TextContent,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserContent,
    UserPromptPart,
    repair_messages,
)

from lra.agent.offline.history import estimate_tokens, read_turn
from lra.agent.offline.replies import INTRODUCTION, help_text
from lra.agent.offline.results import Call, Result


def asked(*texts: str, run_id: str | None = None) -> ModelRequest:
    return ModelRequest(parts=[UserPromptPart(text) for text in texts], run_id=run_id)


def said(text: str, run_id: str | None = None) -> ModelResponse:
    return ModelResponse(parts=[TextPart(text)], run_id=run_id)


def called(name: str, call_id: str, run_id: str | None = None, **args: object) -> ModelResponse:
    return ModelResponse(parts=[ToolCallPart(name, args, tool_call_id=call_id)], run_id=run_id)


def returned(name: str, call_id: str, content: object, **more: object) -> ToolReturnPart:
    return ToolReturnPart(name, content, tool_call_id=call_id, **more)  # type: ignore[arg-type]


def test_a_first_prompt() -> None:
    turn = read_turn([ModelRequest(parts=[SystemPromptPart("Be brief."), UserPromptPart("hello")])])
    assert turn.prompts == ("hello",)
    assert (turn.requests, turn.results, turn.earlier, turn.introduced) == (0, {}, (), False)


def test_results_belong_to_their_turn() -> None:
    messages: list[ModelMessage] = [
        asked("one"),
        called("search_memory", "a", query="x"),
        ModelRequest(parts=[returned("search_memory", "a", ["old"])]),
        said("first"),
        asked("two"),
        called("search_memory", "b", query="x"),
        ModelRequest(parts=[returned("search_memory", "b", [{"content": "new"}])]),
    ]
    turn = read_turn(messages)
    call = Call("search_memory", {"query": "x"})
    assert turn.prompts == ("two",)
    assert turn.results == {call.identity: Result("success", [{"content": "new"}])}
    assert turn.made == (call,)
    assert turn.requests == 1
    assert turn.earlier == ("one",)


@pytest.mark.parametrize("as_text", [False, True])
def test_calls_are_recognised_however_their_arguments_are_kept(as_text: bool) -> None:
    args = '{"limit": 8, "query": "x"}' if as_text else {"query": "x", "limit": 8}
    messages: list[ModelMessage] = [
        asked("one"),
        ModelResponse(parts=[ToolCallPart("search_memory", args, tool_call_id="a")]),
        ModelRequest(parts=[returned("search_memory", "a", [])]),
    ]
    assert list(read_turn(messages).results) == [Call("search_memory", {"limit": 8, "query": "x"}).identity]


def test_broken_arguments_are_no_reason_to_fail() -> None:
    messages: list[ModelMessage] = [
        asked("one"),
        ModelResponse(parts=[ToolCallPart("search_memory", '{"query": ', tool_call_id="a")]),
        ModelRequest(parts=[returned("search_memory", "a", "bad JSON", outcome="retried")]),
    ]
    (result,) = read_turn(messages).results.values()
    assert (result.outcome, result.text) == ("retried", "bad JSON")


@pytest.mark.parametrize("outcome", ["failed", "denied", "interrupted", "retried"])
def test_outcomes_are_kept(outcome: str) -> None:
    messages: list[ModelMessage] = [
        asked("one"),
        called("execute_code", "a", code="1"),
        ModelRequest(parts=[returned("execute_code", "a", "it went wrong", outcome=outcome)]),
    ]
    (result,) = read_turn(messages).results.values()
    assert (result.outcome, result.text) == (outcome, "it went wrong")


def test_a_turn_cut_off_before_a_new_prompt_is_not_taken_up_again() -> None:
    messages = repair_messages([asked("list my tasks"), called("list_tasks", "a")])
    messages = repair_messages([*messages, asked("hello")])
    turn = read_turn(messages, run_id="new")
    assert turn.prompts == ("hello",)
    assert turn.interrupted == ("list_tasks",)
    assert turn.results == {}
    assert turn.requests == 0
    assert turn.earlier == ("list my tasks",)


def test_a_prompt_typed_while_a_tool_runs_joins_the_turn() -> None:
    messages: list[ModelMessage] = [
        asked("one", run_id="r"),
        called("search_memory", "a", run_id="r", query="one"),
        ModelRequest(parts=[returned("search_memory", "a", []), UserPromptPart("two")]),
    ]
    assert read_turn(messages, run_id="r").prompts == ("one", "two")
    assert len(read_turn(messages, run_id="r").results) == 1
    assert read_turn(messages, run_id="other").prompts == ("two",)
    assert read_turn(messages).prompts == ("two",)


def test_prompts_that_were_never_sent_are_read_together() -> None:
    assert read_turn([asked("my name is Ana", "what's my name?")]).prompts == ("my name is Ana", "what's my name?")


def test_the_recalled_block_is_not_what_the_person_wrote() -> None:
    text = "what is my dog called?\n\n<recalled-memories>\nremember that x is y\n</recalled-memories>"
    assert read_turn([asked(text)]).prompts == ("what is my dog called?",)
    parts = ["what is my dog called?", "\n\n<recalled-memories>\nnoise"]
    assert read_turn([ModelRequest(parts=[UserPromptPart(parts)])]).prompts == ("what is my dog called?",)


def test_content_of_several_parts() -> None:
    content: list[UserContent] = [
        "look",
        TextContent("at this"),
        ImageUrl("https://example.org/x.png"),
        BinaryContent(b"", media_type="image/png"),
    ]
    turn = read_turn([ModelRequest(parts=[UserPromptPart(content)])])
    assert turn.prompts == ("look\nat this",)
    assert turn.attachments == 2


def test_histories_without_a_prompt() -> None:
    assert read_turn([]).prompts == ()
    assert read_turn([ModelRequest(parts=[SystemPromptPart("Be brief.")])]).prompts == ()
    assert read_turn([said("hello"), ModelRequest(parts=[])]).prompts == ()


def test_an_introduction_is_noticed() -> None:
    messages: list[ModelMessage] = [asked("hm"), said(f"{INTRODUCTION} And more."), asked("hm")]
    assert read_turn(messages).introduced
    assert not read_turn(messages).explained
    messages[1:1] = [said(help_text([])), asked("hm")]
    assert read_turn(messages).explained
    thought: list[ModelMessage] = [asked("hm"), ModelResponse(parts=[ThinkingPart(INTRODUCTION)]), asked("hm")]
    assert not read_turn(thought).introduced


def test_lone_surrogates_become_safe_text() -> None:
    (prompt,) = read_turn([asked("my name is \ud800")]).prompts
    assert prompt.encode()


def test_tokens_are_estimated_from_length() -> None:
    messages: list[ModelMessage] = [
        asked("x" * 400),
        called("search_memory", "a", query="x"),
        ModelRequest(parts=[returned("search_memory", "a", [{"content": "y" * 400}])]),
    ]
    assert estimate_tokens(messages) == 200
