"""Reading and checking the history in a request to Anthropic's messages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import Any

from .script import ToolCall
from .wire import Message, Refusal, is_sealed, joined_text

Block = dict[str, Any]


def error(status: int, kind: str, message: str) -> Refusal:
    """An error in Anthropic's form."""
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_011TEST"}
    return Refusal(status, body)


def invalid(message: str) -> Refusal:
    """A 400 for a request that makes no sense."""
    return error(400, "invalid_request_error", message)


def check(body: dict[str, Any]) -> Refusal | None:
    """Refuse a history that the provider would not accept."""
    if "max_tokens" not in body:
        return invalid("max_tokens: Field required")
    given = body.get("messages") or []
    if not given:
        return invalid("messages: at least one message is required")
    if given[0]["role"] != "user":
        return invalid('messages: first message must use the "user" role')
    blocks = [_blocks(item) for item in given]
    return next(chain(_contents(given, blocks), _calls(given, blocks), _results(blocks)), None)


def messages(body: dict[str, Any]) -> list[Message]:
    """The request's messages in the common form; tool results become messages of their own."""
    system = joined_text(body.get("system"))
    result = [Message("system", system)] if system else []
    for item in body.get("messages", ()):
        blocks = _blocks(item)
        result += [
            Message("tool", joined_text(block.get("content")), tool_call_id=block["tool_use_id"])
            for block in _of(blocks, "tool_result")
        ]
        made = tuple(ToolCall(block["name"], block["input"], block["id"]) for block in _of(blocks, "tool_use"))
        text = joined_text(_of(blocks, "text"))
        if text or made or not _of(blocks, "tool_result"):
            result.append(Message(item["role"], text, made))
    return result


def _blocks(message: dict[str, Any]) -> list[Block]:
    content = message.get("content")
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content or ())


def _of(blocks: list[Block], kind: str) -> list[Block]:
    return [block for block in blocks if block["type"] == kind]


def _contents(given: list[dict[str, Any]], blocks: list[list[Block]]) -> Iterator[Refusal]:
    for index, content in enumerate(blocks):
        last = index == len(blocks) - 1
        if not content and not (last and given[index]["role"] == "assistant"):
            yield invalid(
                f"messages.{index}: all messages must have non-empty content except for the optional final "
                "assistant message"
            )
        for position, block in enumerate(content):
            if block["type"] == "text" and not block["text"]:
                yield invalid("messages: text content blocks must be non-empty")
            elif block["type"] == "text" and not block["text"].strip():
                yield invalid("messages: text content blocks must contain non-whitespace text")
            elif block["type"] == "thinking" and not is_sealed(block.get("signature", ""), block["thinking"]):
                yield invalid(f"messages.{index}.content.{position}: Invalid `signature` in `thinking` block")
    if given[-1]["role"] == "assistant" and joined_text(_of(blocks[-1], "text"))[-1:].isspace():
        yield invalid("messages: final assistant content cannot end with trailing whitespace")


def _calls(given: list[dict[str, Any]], blocks: list[list[Block]]) -> Iterator[Refusal]:
    seen: set[str] = set()
    for index, content in enumerate(blocks):
        if given[index]["role"] != "assistant":
            continue
        for position, block in enumerate(content):
            if block["type"] != "tool_use":
                continue
            where = f"messages.{index}.content.{position}"
            if not re.fullmatch(r"[a-zA-Z0-9_-]+", block["id"]):
                yield invalid(f"{where}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'")
            if not isinstance(block["input"], dict):
                yield invalid(f"{where}.tool_use.input: Input should be a valid dictionary")
            if block["id"] in seen:
                yield invalid(f"{where}: `tool_use` ids must be unique")
            seen.add(block["id"])
        # Only results that come before anything else in the next message count.
        following = blocks[index + 1] if index + 1 < len(blocks) else []
        answered = set()
        for block in following:
            if block["type"] != "tool_result":
                break
            answered.add(block["tool_use_id"])
        missing = [block["id"] for block in _of(content, "tool_use") if block["id"] not in answered]
        if missing:
            yield invalid(
                f"messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately "
                f"after: {', '.join(missing)}. Each `tool_use` block must have a corresponding `tool_result` "
                "block in the next message."
            )


def _results(blocks: list[list[Block]]) -> Iterator[Refusal]:
    for index, content in enumerate(blocks):
        asked = {block["id"] for block in _of(blocks[index - 1], "tool_use")} if index else set()
        answered: set[str] = set()
        for position, block in enumerate(content):
            if block["type"] != "tool_result":
                continue
            id_, where = block["tool_use_id"], f"messages.{index}.content.{position}"
            if id_ not in asked:
                yield invalid(
                    f"{where}: unexpected `tool_use_id` found in `tool_result` blocks: {id_}. Each "
                    "`tool_result` block must have a corresponding `tool_use` block in the previous message."
                )
            if id_ in answered:
                yield invalid(
                    f"{where}: each tool_use must have a single result. Found multiple `tool_result` blocks "
                    f"with id: {id_}"
                )
            answered.add(id_)
