"""What a server says its tools are, checked before a model is told of them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import mcp_types as types

from lra.text import clean_text, one_line

MOST_TOOLS = 128
_MOST_SCHEMA = 64_000
_MOST_DEPTH = 24
_MOST_DESCRIPTION = 4_000
_MOST_NAME = 64
_PROPERTY = re.compile(r"[A-Za-z0-9_.-]{1,64}")


@dataclass(frozen=True, slots=True)
class Offer:
    """One tool of a server, as the model is told of it."""

    name: str
    """What the model calls it: the server's name before the tool's."""
    own_name: str
    description: str
    schema: dict[str, Any]
    reads_only: bool
    """What the server says, which nobody has checked."""


def full_name(server: str, tool: str) -> str:
    """Return the name under which a model calls a tool; no tool of ours can be called like that.

    Args:
        server: The server's name.
        tool: The tool's own name.
    """
    name = f"mcp__{server}__{re.sub(r'[^A-Za-z0-9_-]', '_', tool)}"
    if len(name) > _MOST_NAME:
        name = f"{name[: _MOST_NAME - 7]}_{hashlib.sha256(tool.encode()).hexdigest()[:6]}"
    return name


def check_offers(
    server: str, tools: Iterable[types.Tool], wanted: tuple[str, ...] | None
) -> tuple[dict[str, Offer], list[str]]:
    """Return the tools that can be offered, by name, and a sentence for each that cannot. Takes time.

    Args:
        server: The server's name.
        tools: What it says it has.
        wanted: The only ones to offer; None for all.
    """
    offers: dict[str, Offer] = {}
    problems: list[str] = []
    for tool in tools:
        if wanted is not None and tool.name not in wanted:
            continue
        if len(offers) >= MOST_TOOLS:
            problems.append(f"It has more than {MOST_TOOLS} tools; the rest is left out.")
            break
        shown = one_line(clean_text(tool.name), 80)
        try:
            schema = usable_schema(tool.input_schema)
        except ValueError as error:
            problems.append(f"Its tool {shown!r} is left out: {error}.")
            continue
        name = full_name(server, tool.name)
        if name in offers:
            problems.append(f"Its tool {shown!r} is left out: it has two of that name.")
            continue
        reads_only = bool(tool.annotations and tool.annotations.read_only_hint)
        description = clean_text(tool.description or tool.title or "")[:_MOST_DESCRIPTION]
        offers[name] = Offer(name, tool.name, description, schema, reads_only)
    if wanted is not None:
        known = {offer.own_name for offer in offers.values()}
        problems += [f"It has no tool {each!r}." for each in wanted if each not in known]
    return offers, problems


def usable_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema that providers accept: one bad schema would cost the whole turn.

    Args:
        schema: What the server says the arguments look like.

    Raises:
        ValueError: There is no way to use it; the message says why.
    """
    from jsonschema import Draft202012Validator, SchemaError

    try:
        text = json.dumps(schema, allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        raise ValueError("the schema of its arguments is no JSON") from None
    if len(text) > _MOST_SCHEMA:
        raise ValueError(f"the schema of its arguments has {len(text):,} characters")
    usable: dict[str, Any] = json.loads(text)
    if usable.setdefault("type", "object") != "object":
        raise ValueError(f"its arguments would be of type {one_line(str(usable['type']), 40)!r}, not an object")
    # Providers take these in the properties alone; the server checks the rest by itself.
    for word in ("anyOf", "oneOf", "allOf", "not", "enum", "if", "then", "else"):
        usable.pop(word, None)
    usable.setdefault("properties", {})
    if _depth(usable) > _MOST_DEPTH:
        raise ValueError("the schema of its arguments is nested too deeply")
    try:
        Draft202012Validator.check_schema(usable)
    except SchemaError as error:
        raise ValueError(f"the schema of its arguments is wrong: {one_line(error.message, 120)}") from None
    for name in usable["properties"]:
        if not _PROPERTY.fullmatch(name):
            raise ValueError(f"providers do not take an argument called {one_line(clean_text(name), 40)!r}")
    _check_references(usable, usable)
    return usable


def _depth(value: Any) -> int:
    deepest, todo = 0, [(value, 1)]
    while todo:
        each, depth = todo.pop()
        deepest = max(deepest, depth)
        if isinstance(each, dict):
            todo += [(inner, depth + 1) for inner in each.values()]
        elif isinstance(each, list):
            todo += [(inner, depth + 1) for inner in each]
    return deepest


def _check_references(value: Any, root: dict[str, Any]) -> None:
    if isinstance(value, list):
        for each in value:
            _check_references(each, root)
    if not isinstance(value, dict):
        return
    reference = value.get("$ref")
    if isinstance(reference, str):
        if not reference.startswith("#"):
            raise ValueError("the schema of its arguments refers to another document")
        target: Any = root
        for step in filter(None, reference.removeprefix("#").split("/")):
            key = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(target, dict) or key not in target:
                raise ValueError(f"the schema of its arguments refers to {one_line(reference, 60)}, which is not there")
            target = target[key]
    for each in value.values():
        _check_references(each, root)
