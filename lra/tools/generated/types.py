"""The types that a written tool's arguments may have, read from its signature without running it."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from lra.errors import UsageError
from lra.tools.generated.trees import shown, too_deep

Schema = dict[str, Any]

_PLAIN: dict[str, Schema] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "None": {"type": "null"},
    "list": {"type": "array", "items": {}},
    "dict": {"type": "object"},
    "Any": {},
}
_PYTHON: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
_DEEPEST = 5
_MOST_CHOICES = 100
_LARGEST = 2**63
KNOWN = "str, int, float, bool, list, dict, Literal, Any, None and combinations of them such as list[str] or str | None"


def schema_of(annotation: ast.expr, where: str, depth: int = 0) -> Schema:
    """Return the JSON schema of an annotation.

    Args:
        annotation: What stands behind the colon.
        where: What it belongs to, for the message.
        depth: How deep it lies in another.

    Raises:
        UsageError: It is no type that a model can be asked for.
    """
    if depth > _DEEPEST:
        raise UsageError(f"The type of {where} is nested too deeply: {_DEEPEST} levels at most.")
    match annotation:
        case ast.Constant(value=None):
            return dict(_PLAIN["None"])
        case ast.Constant(value=str(text)):
            return schema_of(_parsed(text, where), where, depth + 1)
        case ast.BinOp(op=ast.BitOr()):
            return _union([annotation.left, annotation.right], where, depth)
        case ast.Name() | ast.Attribute():
            name = _name(annotation)
            name = {"List": "list", "Dict": "dict"}.get(name, name)
            if name in _PLAIN:
                return dict(_PLAIN[name])
        case ast.Subscript(value=value, slice=inner):
            if found := _subscript(_name(value), inner, where, depth):
                return found
    raise UsageError(f"The type of {where} is {shown(annotation)!r}.", hint=f"A tool takes {KNOWN}.")


def _subscript(name: str, inner: ast.expr, where: str, depth: int) -> Schema | None:
    items = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    make: dict[str, Callable[[], Schema | None]] = {
        "list": lambda: {"type": "array", "items": schema_of(inner, where, depth + 1)} if len(items) == 1 else None,
        "dict": lambda: _mapping(items, where, depth),
        "Optional": lambda: _union([inner, ast.Constant(value=None)], where, depth),
        "Union": lambda: _union(items, where, depth),
        "Literal": lambda: _choices(items, where),
        # What stands behind the type is a note to people and programs.
        "Annotated": lambda: schema_of(items[0], where, depth + 1),
    }
    made = make.get({"List": "list", "Dict": "dict"}.get(name, name))
    return made() if made else None


def _mapping(items: list[ast.expr], where: str, depth: int) -> Schema | None:
    if len(items) != 2 or _name(items[0]) != "str":
        return None
    return {"type": "object", "additionalProperties": schema_of(items[1], where, depth + 1)}


def _union(items: list[ast.expr], where: str, depth: int) -> Schema:
    found = [schema_of(item, where, depth + 1) for item in items]
    flat = [each for schema in found for each in schema.get("anyOf", [schema])]
    return {"anyOf": [each for at, each in enumerate(flat) if each not in flat[:at]]}


def _choices(items: list[ast.expr], where: str) -> Schema:
    values = [item.value for item in items if isinstance(item, ast.Constant)]
    if len(values) != len(items) or not all(isinstance(value, str | int | None) for value in values):
        raise UsageError(f"The choices of {where} are texts, whole numbers, True, False or None.")
    if any(isinstance(value, int) and abs(value) >= _LARGEST for value in values):
        raise UsageError(f"A choice of {where} is a number of more than 64 bits.")
    if len(values) > _MOST_CHOICES:
        raise UsageError(f"{where} has {len(values)} choices: {_MOST_CHOICES} at most.")
    kinds = {type(value) for value in values}
    names = {str: "string", int: "integer", bool: "boolean"}
    (kind,) = kinds if len(kinds) == 1 else (None,)
    return {"enum": values, **({"type": names[kind]} if kind in names else {})}


def _parsed(text: str, where: str) -> ast.expr:
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        tree = None
    if tree is None or too_deep(tree):
        raise UsageError(f"The type of {where} is no Python: {text[:60]!r}.")
    return tree


def _name(node: ast.expr) -> str:
    """Return the last word of a name, so that `typing.Any` is `Any`."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def fits(value: object, schema: Schema) -> bool:
    """Tell whether a value is what a schema made here asks for.

    Args:
        value: What JSON gives.
        schema: The schema.
    """
    if "anyOf" in schema:
        return any(fits(value, each) for each in schema["anyOf"])
    if "enum" in schema:
        return any(value == each and type(value) is type(each) for each in schema["enum"])
    kind = schema.get("type")
    if kind == "array":
        return isinstance(value, list) and all(fits(each, schema["items"]) for each in value)
    if kind == "object":
        inner = schema.get("additionalProperties")
        return isinstance(value, dict) and (inner is None or all(fits(each, inner) for each in value.values()))
    return kind is None or (isinstance(value, _PYTHON[kind]) and (kind == "boolean") == isinstance(value, bool))
