"""What a tool is read from, without any of it being run."""

from __future__ import annotations

import ast
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lra.errors import LraError, UsageError
from lra.tools.generated.docstrings import described
from lra.tools.generated.drafts import misfit, read_draft
from lra.tools.generated.grants import Grants
from lra.tools.generated.modules import export, read_module, whole_source
from lra.tools.generated.runner import Outcome, read_outcome
from lra.tools.generated.trial import same

ONE = [{"args": {}, "expected": 1}]


def tool(signature: str = "x: int = 1", before: str = "", doc: str = "Do.") -> str:
    return f'{before}\ndef tool({signature}):\n    """{doc}"""\n    return 1\n'


@pytest.mark.parametrize(
    ("annotation", "schema"),
    [
        ("str", {"type": "string"}),
        ("float | None", {"anyOf": [{"type": "number"}, {"type": "null"}]}),
        ("Optional[int]", {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        ("typing.Union[int, str, None]", {"anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "null"}]}),
        ("list[str]", {"type": "array", "items": {"type": "string"}}),
        (
            "List[dict[str, int]]",
            {"type": "array", "items": {"type": "object", "additionalProperties": {"type": "integer"}}},
        ),
        ("Literal['a', 'b']", {"enum": ["a", "b"], "type": "string"}),
        ("Annotated[bool, 'a note']", {"type": "boolean"}),
        ("'list[int]'", {"type": "array", "items": {"type": "integer"}}),
        ("Any", {}),
        ("dict", {"type": "object"}),
    ],
)
def test_types_become_a_schema(annotation: str, schema: dict[str, Any]) -> None:
    draft = read_draft("tool", tool(f"y: int = 1, *, x: {annotation} = None"), ONE, {})
    found = dict(draft.parameters["properties"]["x"])
    found.pop("default", None)
    assert found == schema


@pytest.mark.parametrize(
    ("name", "source", "tests", "grants", "sentence"),
    [
        ("tool", "def tool(:", ONE, {}, "The code is no Python at line 1"),
        ("tool", "x = 1", ONE, {}, "The function tool is not defined at the top of the code."),
        ("tool", tool() + tool(), ONE, {}, "The function tool is more than once defined"),
        ("tool", tool("x"), ONE, {}, "tool's argument x has no type."),
        ("tool", tool("*x: int"), ONE, {}, "takes * or / arguments"),
        ("tool", tool("x: int, /"), ONE, {}, "takes * or / arguments"),
        ("tool", tool("x: complex"), ONE, {}, "The type of tool's argument x is 'complex'."),
        ("tool", tool("x: dict[int, str]"), ONE, {}, "is 'dict[int, str]'"),
        ("tool", tool("x: Literal[1.5]"), ONE, {}, "The choices of tool's argument x"),
        ("tool", tool("x: " + "list[" * 9 + "int" + "]" * 9), ONE, {}, "nested too deeply"),
        ("tool", tool("x: 'Tree'"), ONE, {}, "is 'Tree'"),
        ("tool", tool("x: int = 'a'"), ONE, {}, "The default of tool's argument x is not of its type"),
        ("tool", tool("x: float = float('inf')"), ONE, {}, "would run on import"),
        ("tool", tool("x: float = 1e999"), ONE, {}, "is no constant"),
        ("tool", tool(doc=""), ONE, {}, "tool has no docstring"),
        ("tool", tool("größe: int = 1"), ONE, {}, "needs a plain name"),
        ("tool", tool(", ".join(f"x{n}: int = 1" for n in range(30))), ONE, {}, "takes 30 arguments: 20 at most."),
        ("tool", tool(), [], {}, "tool has no test."),
        ("tool", tool(), ["a"], {}, "Test 1 has no arguments"),
        ("tool", tool(), [{"args": {}}], {}, 'exactly one of "expected" and "error"'),
        ("tool", tool(), [{"args": {"y": 1}, "expected": 1}], {}, "there is no argument 'y', but x."),
        ("tool", tool(), [{"args": {"x": "a"}, "expected": 1}], {}, 'the argument x is "a", not {"type": "integer"}.'),
        ("tool", tool(), [{"args": {}, "expected": float("nan")}], {}, "Test 1 is no JSON."),
        ("tool", tool(), ONE * 21, {}, "tool has 21 tests: 20 at most."),
        ("tool", tool(), ONE, {"seconds": 0}, "seconds is a number from 0.1 to 600."),
        ("tool", tool(), ONE, {"seconds": True}, "seconds is a number"),
        ("tool", tool(), ONE, {"memory_mb": 10**9}, "memory_mb is a whole number"),
        ("tool", tool(), ONE, {"root": True}, "A tool has no grant 'root'"),
        ("tool", tool(), ONE, {"hosts": ["http://a.example"]}, "in hosts is no name"),
        ("tool", tool(), ONE, {"hosts": ["localhost"]}, "in hosts is no name"),
        ("tool", tool(), ONE, {"hosts": "a.example"}, "hosts is a list"),
        ("tool", tool(), ONE, {"packages": ["--index-url=http://a"]}, "in packages is no name"),
        ("tool", tool(), ONE, {"packages": ["a; touch b"]}, "in packages is no name"),
        ("tool", "x" * 70_000, ONE, {}, "The code has 70,001 characters"),
        ("tool", "(" * 5000, ONE, {}, "The code is no Python"),
        # Python reads these, and its own functions that walk trees do not come back.
        ("tool", tool(before="A = a" + ".b" * 900 + "()"), ONE, {}, "nested too deeply"),
        ("tool", tool(before="@a" + "()" * 900 + "\ndef b(): ..."), ONE, {}, "nested too deeply"),
        ("tool", tool("x: a" + ".b" * 900), ONE, {}, "nested too deeply"),
        ("tool", tool("x: '" + "a." * 900 + "b'"), ONE, {}, "The type of tool's argument x is no Python"),
        ("tool", tool("x: int = " + "-" * 900 + "1"), ONE, {}, "nested too deeply"),
        ("tool", "def a(x):\n if x: ...\n" + " elif x: ...\n" * 900 + tool(), ONE, {}, "nested too deeply"),
        ("tool", tool("x: int = 0x" + "f" * 9000), ONE, {}, "The default of tool's argument x is no constant: …."),
        ("tool", tool("x: Literal[0x" + "f" * 9000 + "]"), ONE, {}, "a number of more than 64 bits"),
        ("tool", tool(), 5, {}, "The tests of tool are a list of example calls."),
        ("tool", tool(), "one", {}, "The tests of tool are a list"),
        ("tool", tool(before="import os\nos.system('a')"), ONE, {}, "Line 2 would run on import."),
        ("tool", tool(before="@print\ndef a(): ..."), ONE, {}, "The decorator of a (line 1) would run on import."),
        ("tool", tool(before="A = [f() for x in 'a']"), ONE, {}, "Line 1 would run on import."),
        ("tool", tool(before="class A:\n    print(1)"), ONE, {}, "Line 2 would run on import."),
        ("tool", tool(before="class A:\n    @print\n    def a(self): ..."), ONE, {}, "The decorator of a"),
        ("write_memory", tool(), ONE, {}, "There is a tool 'write_memory' already"),
        ("Tool", tool(), ONE, {}, "'Tool' is no name of a tool."),
        ("to-ol", tool(), ONE, {}, "is no name of a tool."),
        ("class", tool(), ONE, {}, "is no name of a tool."),
        ("größe", tool(), ONE, {}, "is no name of a tool."),
        ("t" * 65, tool(), ONE, {}, "is no name of a tool."),
        ("", tool(), ONE, {}, "is no name of a tool."),
    ],
)
def test_what_cannot_be_a_tool_is_one_sentence(
    name: str, source: str, tests: Any, grants: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UsageError) as caught:
        read_draft(name, source, tests, grants, taken={"write_memory"})
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.text(max_size=300), st.text(max_size=60), st.text(max_size=200))
def test_no_text_does_more_than_be_refused(code: str, args: str, doc: str) -> None:
    source = whole_source("tool", args, code, doc)
    try:
        draft = read_draft("tool", source, ONE, {})
    except LraError:
        return
    assert draft.name == "tool"


@given(st.text(max_size=120).filter(str.strip))
def test_a_docstring_stays_one_whatever_is_in_it(doc: str) -> None:
    source = whole_source("tool", "x: int = 1", "return x", doc)
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError):
        # Only what no Python source can hold.
        assert any(ord(char) < 32 or 0xD800 <= ord(char) < 0xE000 for char in doc)
        return
    (function,) = module.body
    assert isinstance(function, ast.FunctionDef)
    assert len(function.body) == 2


def test_texts_over_several_lines_keep_their_lines() -> None:
    source = whole_source("tool", "x: int = 1", 'text = """a\n  b\n"""\nif x:\n    text += "c"\nreturn text', "Do.")
    space: dict[str, Any] = {}
    exec(compile(source, "tool", "exec"), space)
    assert space["tool"]() == "a\n  b\nc"


def test_docstrings_in_both_styles() -> None:
    google = "Do it.\n\nIn full.\n\nArgs:\n    a: The first\n        of two.\n    b (int): The second.\n\n"
    google += "Returns:\n    c: Much.\n"
    assert described(google) == ("Do it.\n\nIn full.", {"a": "The first of two.", "b": "The second."})
    sphinx = "Do it.\n\n:param a: The first.\n:param int b: The second.\n:returns: Much."
    assert described(sphinx) == ("Do it.", {"a": "The first.", "b": "The second."})


def test_a_plain_module_of_a_person() -> None:
    source = '''
"""Words."""
import re

_WORD = re.compile(r"\\w+")


def helper(text: str) -> list[str]:
    """Split."""
    return _WORD.findall(text)


def count(text: str, least: int = 1) -> int:
    """Count words.

    >>> count("a b", least=2)
    2
    >>> count("")
    Traceback (most recent call last):
    ValueError: nothing there
    """
    return len(helper(text))
'''
    (draft,) = read_module(source)
    assert draft.name == "count"
    assert draft.tests == (
        {"args": {"text": "a b", "least": 2}, "expected": 2},
        {"args": {"text": ""}, "error": "nothing there"},
    )
    assert "def helper" in draft.source
    assert draft.description == "Count words."


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("x = 1", "There is no tool in the file."),
        ('def f(x: int) -> int:\n    """Do.\n\n    >>> f(g())\n    1\n    """', "has no constant arguments and result"),
        ("LRA_TOOLS = f()", "LRA_TOOLS in line 1 is no table of constants."),
        ("LRA_TOOLS = [1]", "LRA_TOOLS in line 1 is no table by names of functions."),
        ('LRA_TOOLS = {"fn": {"tests": []}}', "The function fn is not defined"),
        ('LRA_TOOLS = {"fn": {"tests": 5}}\ndef fn() -> int:\n    """Do."""', "The tests of fn are a list"),
        ("def f(:", "The code is no Python at line 1"),
    ],
)
def test_modules_that_hold_no_tool(source: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_module(source)
    assert sentence in str(caught.value)


def test_what_is_exported_is_read_again_and_runs_alone() -> None:
    first = "import re\n\n\ndef _aid(x: int) -> int:\n    return x\n\n\ndef first(x: int = 1) -> int:\n"
    first += '    """Do."""\n    return _aid(x)\n'
    second = first.replace("def first", "def second").replace("return _aid(x)", "return _aid(x) + 1")
    parts = [
        ("first", first, ONE, Grants().to_dict()),
        ("second", second, [{"args": {}, "expected": 2}], Grants(hosts=("a.example",)).to_dict()),
    ]
    text = export(parts)
    assert text.count("import re") == text.count("def _aid") == 1
    space: dict[str, Any] = {}
    exec(compile(text, "exported", "exec"), space)
    assert (space["first"](), space["second"]()) == (1, 2)
    drafts = read_module(text)
    assert [(draft.name, draft.grants.hosts) for draft in drafts] == [("first", ()), ("second", ("a.example",))]
    assert export([(each.name, each.source, each.tests, each.grants.to_dict()) for each in drafts]) == text
    with pytest.raises(UsageError, match="first and second both define _aid, each in its own way"):
        export([parts[0], ("second", second.replace("return x", "return -x"), ONE, {})])


@pytest.mark.parametrize(
    ("shown", "error"),
    [
        ("", "it gave back nothing that can be read"),
        ("__import__('os')", "it gave back nothing that can be read"),
        ("'[1]'", "it gave back nothing that can be read"),
        ("5", "it gave back nothing that can be read"),
        ("(" * 1000, "it gave back nothing that can be read"),
        ('\'{"error": "a", "line": 99}\'', "a"),
        ('\'{"error": "a", "line": "b"}\'', "a"),
        ('\'{"error": "a", "line": 1}\'', "a (line 1: one)"),
    ],
)
def test_what_comes_out_of_the_sandbox_is_only_data(shown: str, error: str) -> None:
    assert read_outcome(shown, "one\ntwo") == Outcome(error=error)


@pytest.mark.parametrize(
    ("found", "expected", "equal"),
    [
        (0.1 + 0.2, 0.3, True),
        (1, 1.0, True),
        (1, True, False),
        (None, False, False),
        ([1], [1, 2], False),
        ({"a": [0.3]}, {"a": [0.1 + 0.2]}, True),
        ({"a": 1}, {"b": 1}, False),
        ("1", 1, False),
    ],
)
def test_what_counts_as_the_same(found: object, expected: object, equal: bool) -> None:
    assert same(found, expected) is equal


def test_arguments_that_do_not_fit_are_told() -> None:
    parameters = read_draft(
        "tool", tool("x: int, y: str | None = None"), [{"args": {"x": 1}, "expected": 1}], {}
    ).parameters
    assert misfit({"x": 1, "y": None}, parameters) == ""
    assert misfit({}, parameters) == "the argument x is missing."
    assert misfit({"x": True}, parameters).startswith("the argument x is true")
