"""A tool as it is written: Python source that is read and never run here.

What is checked here makes for clear messages; nothing depends on it for safety. The wall is the sandbox.
"""

from __future__ import annotations

import ast
import json
import keyword
import re
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lra.errors import UsageError
from lra.store.tools import NewTool
from lra.text import clean_text
from lra.tools.generated.docstrings import described
from lra.tools.generated.grants import Grants
from lra.tools.generated.trees import shown, too_deep
from lra.tools.generated.types import Schema, fits, schema_of

Function = ast.FunctionDef | ast.AsyncFunctionDef

TABLE = "LRA_TOOLS"
"""The name of a module's table of tests and grants."""
_NAME = re.compile(r"[a-z][a-z0-9_]{1,63}")
_MOST_SOURCE = 60_000
_MOST_PARAMETERS = 20
_MOST_TESTS = 20
_MOST_TEST = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A tool that can be tried."""

    name: str
    source: str
    parameters: Schema
    description: str
    tests: tuple[dict[str, Any], ...]
    """Each `{"args": {…}, "expected": …}`, or `{"args": {…}, "error": "part of the message"}`."""
    grants: Grants

    def as_new(self) -> NewTool:
        """Return what is kept of it."""
        return NewTool(
            name=self.name,
            source=self.source,
            parameters=self.parameters,
            description=self.description,
            tests=self.tests,
            grants=self.grants.to_dict(),
        )


def read_draft(
    name: str, source: str, tests: Sequence[object], grants: Mapping[str, Any], *, taken: Collection[str] = ()
) -> Draft:
    """Read a tool.

    Args:
        name: The function's name.
        source: A module that defines it.
        tests: Example calls with their results.
        grants: What it may use.
        taken: Names of other tools.

    Raises:
        UsageError: It cannot be a tool; the sentence says why.
    """
    check_name(name, taken)
    source = clean_text(source).replace("\r\n", "\n").strip("\n") + "\n"
    module = parse(source)
    found = [node for node in module.body if isinstance(node, Function) and node.name == name]
    if len(found) != 1:
        often = "more than once" if found else "not"
        raise UsageError(f"The function {name} is {often} defined at the top of the code.")
    check_statements(module.body)
    parameters, description = _signature(found[0])
    if isinstance(tests, str | bytes) or not isinstance(tests, Sequence):
        raise UsageError(f"The tests of {name} are a list of example calls.")
    checked = tuple(_test(test, number, parameters) for number, test in enumerate(tests, 1))
    if not checked:
        raise UsageError(
            f"{name} has no test.",
            hint='Give at least one example call, as {"args": {"text": "a"}, "expected": "A"}.',
        )
    if len(checked) > _MOST_TESTS:
        raise UsageError(f"{name} has {len(checked)} tests: {_MOST_TESTS} at most.")
    return Draft(
        name=name,
        source=source,
        parameters=parameters,
        description=description,
        tests=checked,
        grants=Grants.read(grants),
    )


def check_name(name: str, taken: Collection[str] = ()) -> None:
    """Check that a tool may have a name.

    Args:
        name: The name.
        taken: Names of other tools.

    Raises:
        UsageError: It may not.
    """
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise UsageError(
            f"{name[:60]!r} is no name of a tool.",
            hint="Use 2 to 64 small letters, digits and underscores, a letter first, and no Python keyword.",
        )
    if name in taken:
        raise UsageError(f"There is a tool {name!r} already, which no other can replace.", hint="Choose another name.")


def parse(source: str) -> ast.Module:
    """Return the syntax tree of a source.

    Raises:
        UsageError: It is too long, or no Python.
    """
    if len(source) > _MOST_SOURCE:
        raise UsageError(f"The code has {len(source):,} characters: {_MOST_SOURCE:,} at most.")
    try:
        with warnings.catch_warnings():
            # An escape that means nothing is the writer's affair.
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except SyntaxError as error:
        place = f"line {error.lineno}" if error.lineno else "its end"
        raise UsageError(f"The code is no Python at {place}: {error.msg}.") from None
    except (ValueError, RecursionError, MemoryError):
        tree = None
    if tree is None or too_deep(tree):
        raise UsageError("The code is no Python that can be read: it is nested too deeply.")
    return tree


def check_statements(body: Sequence[ast.stmt]) -> None:
    """Refuse what would do something when the module is read, so that nobody is surprised by an exported one."""
    for node in body:
        match node:
            case ast.Import() | ast.ImportFrom() | ast.Pass() | ast.Expr(value=ast.Constant()):
                continue
            case ast.ClassDef():
                _check_decorators(node)
                check_statements(node.body)
                continue
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                _check_decorators(node)
                if not any(_runs(each) for each in (*node.args.defaults, *node.args.kw_defaults) if each):
                    continue
            case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value) if not _runs(value):
                continue
            case ast.AnnAssign(value=None):
                continue
        raise UsageError(
            f"Line {node.lineno} would run on import.",
            hint="At the top there are imports, functions, classes and constants; the rest belongs into the function.",
        )


def _check_decorators(node: Function | ast.ClassDef) -> None:
    known = {"dataclass", "property", "staticmethod", "classmethod", "cache", "lru_cache"}
    for each in node.decorator_list:
        call = each.func if isinstance(each, ast.Call) else each
        if ast.unparse(call).rpartition(".")[2] not in known or (isinstance(each, ast.Call) and _runs_inside(each)):
            raise UsageError(f"The decorator of {node.name} (line {each.lineno}) would run on import.")


def _runs_inside(call: ast.Call) -> bool:
    return any(_runs(each) for each in (*call.args, *(keyword.value for keyword in call.keywords)))


def _runs(value: ast.expr) -> bool:
    """Whether a value is more than a constant, a container or a compiled pattern."""
    harmless = {"re.compile", "frozenset", "set", "tuple", "dict", "list", "logging.getLogger", "Decimal", "field"}
    for node in ast.walk(value):
        if isinstance(node, ast.Call) and ast.unparse(node.func) not in harmless:
            return True
        if isinstance(node, ast.Await | ast.NamedExpr | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            return True
    return False


def _signature(function: Function) -> tuple[Schema, str]:
    """Return the JSON schema of the arguments, and what the function does."""
    docstring = ast.get_docstring(function, clean=True) or ""
    description, said = described(docstring)
    if not description:
        raise UsageError(f"{function.name} has no docstring that says what it does.")
    args = function.args
    if args.vararg or args.kwarg or args.posonlyargs:
        raise UsageError(f"{function.name} takes * or / arguments: a tool's arguments have names of their own.")
    named = [*args.args, *args.kwonlyargs]
    if len(named) > _MOST_PARAMETERS:
        raise UsageError(f"{function.name} takes {len(named)} arguments: {_MOST_PARAMETERS} at most.")
    defaults: list[ast.expr | None] = [None] * (len(args.args) - len(args.defaults))
    properties: dict[str, Any] = {}
    required = []
    for arg, default in zip(named, [*defaults, *args.defaults, *args.kw_defaults], strict=True):
        where = f"{function.name}'s argument {arg.arg}"
        if not arg.arg.isascii() or arg.arg.startswith("_"):
            raise UsageError(f"{where} needs a plain name.")
        if arg.annotation is None:
            raise UsageError(f"{where} has no type.", hint="Write it behind a colon, as in text: str.")
        schema = schema_of(arg.annotation, where)
        if text := said.get(arg.arg):
            schema["description"] = text[:1000]
        if default is None:
            required.append(arg.arg)
        else:
            schema["default"] = _default(default, schema, where)
        properties[arg.arg] = schema
    parameters = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return parameters, description[:4000]


def _default(default: ast.expr, schema: Schema, where: str) -> Any:
    try:
        value = ast.literal_eval(default)
        value = json.loads(json.dumps(value, allow_nan=False))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise UsageError(f"The default of {where} is no constant: {shown(default)}.") from None
    if value is not None and not fits(value, schema):
        raise UsageError(f"The default of {where} is not of its type: {shown(default)}.")
    return value


def _test(test: object, number: int, parameters: Schema) -> dict[str, Any]:
    """Return a checked test.

    Raises:
        UsageError: It is none.
    """
    if not isinstance(test, Mapping) or not isinstance(test.get("args"), Mapping):
        raise UsageError(f'Test {number} has no arguments: write {{"args": {{…}}, "expected": …}}.')
    if ("expected" in test) == ("error" in test) or set(test) - {"args", "expected", "error"}:
        raise UsageError(f'Test {number} has "args" and exactly one of "expected" and "error".')
    if "error" in test and not isinstance(test["error"], str):
        raise UsageError(f"The error of test {number} is a part of the message, as text.")
    try:
        text = json.dumps(dict(test), allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise UsageError(f"Test {number} is no JSON.") from None
    if len(text) > _MOST_TEST:
        raise UsageError(f"Test {number} has {len(text):,} characters: {_MOST_TEST:,} at most.")
    if problem := misfit(test["args"], parameters):
        raise UsageError(f"Test {number} does not fit the signature: {problem}")
    return dict(json.loads(text))


def misfit(args: Mapping[str, Any], parameters: Schema) -> str:
    """Return what is wrong with the arguments of a call, as a sentence; empty when they fit.

    Args:
        args: The arguments.
        parameters: The JSON schema of all.
    """
    properties = parameters["properties"]
    for name in args:
        if name not in properties:
            return f"there is no argument {str(name)[:60]!r}, but {', '.join(properties) or 'none'}."
    for name in parameters["required"]:
        if name not in args:
            return f"the argument {name} is missing."
    for name, value in args.items():
        schema = {key: item for key, item in properties[name].items() if key not in {"default", "description"}}
        if not fits(value, schema) and not (value is None and properties[name].get("default", 0) is None):
            return f"the argument {name} is {json.dumps(value)[:80]}, not {json.dumps(schema)[:200]}."
    return ""
