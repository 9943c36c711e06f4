"""Modules of tools: from parts to source, from a person's file to drafts, and out into a file of their own."""

from __future__ import annotations

import ast
import doctest
import io
import json
import textwrap
import tokenize
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from lra.errors import UsageError
from lra.tools.generated.drafts import TABLE, Draft, Function, check_statements, parse, read_draft


def whole_source(name: str, args: str, code: str, doc: str) -> str:
    """Return a module that defines the function, from what a model gave.

    Args:
        name: The function's name.
        args: Its parameters with their types, where `code` is a body alone.
        code: A module that defines the function, or the function's body.
        doc: Its docstring, where `code` is a body alone.
    """
    code = textwrap.dedent(code).strip("\n")
    try:
        tree = parse(code)
    except UsageError:
        tree = None
    if tree is not None and any(isinstance(node, Function) and node.name == name for node in tree.body):
        return code
    if not args and not doc:
        # As it stands, so that the message is about what was written.
        return code
    quoted = doc.strip().replace("\\", "\\\\").replace('"', '\\"')
    head = "async def" if "await " in code else "def"
    return f'{head} {name}({args.strip()}):\n    """{_indented(quoted)}"""\n{_indented(code, first=True)}\n'


def _indented(text: str, *, first: bool = False) -> str:
    """Indent lines, but for those that continue a text in quotes."""
    inside: set[int] = set()
    try:
        for token in tokenize.generate_tokens(io.StringIO(text + "\n").readline):
            if token.type == tokenize.STRING:
                inside.update(range(token.start[0] + 1, token.end[0] + 1))
    except (tokenize.TokenError, SyntaxError, IndentationError):
        inside.clear()
    lines = text.split("\n")
    return "\n".join(
        line if number in inside or not line.strip() or (number == 1 and not first) else f"    {line}"
        for number, line in enumerate(lines, 1)
    )


def read_module(source: str, *, only: str | None = None, taken: Collection[str] = ()) -> list[Draft]:
    """Read the tools of a person's module.

    A module with a table `LRA_TOOLS` says in it which functions are tools, with their tests and grants. In any other
    the public functions with examples in their docstrings (`>>> shout("a")`) are.

    Args:
        source: The module's text.
        only: Read this tool alone.
        taken: Names of other tools.

    Raises:
        UsageError: There is none, or one of them cannot be a tool.
    """
    module = parse(source)
    table = _table(module)
    functions = {node.name: node for node in module.body if isinstance(node, Function)}
    if table is None:
        public = {name: node for name, node in functions.items() if not name.startswith("_")}
        found = {name: {"tests": _examples(node)} for name, node in public.items()}
        # Helpers need no examples, as long as something is a tool.
        found = {name: entry for name, entry in found.items() if entry["tests"] or len(public) == 1}
    else:
        found = table
    names = [only] if only else list(found)
    if not names or (only and only not in found):
        what = f"no tool {only!r}" if only else "no tool"
        raise UsageError(
            f"There is {what} in the file.",
            hint='A tool is a function whose docstring has an example, such as >>> shout("a") with the result below.',
        )
    # As it was written, so that the line in a message is the line in the file.
    check_statements(module.body)
    own = _without_table(source, module)
    drafts = []
    for name in names:
        entry = found[name]
        grants = {key: value for key, value in entry.items() if key != "tests"}
        drafts.append(read_draft(name, _alone(own, name, names), entry.get("tests", []), grants, taken=taken))
    return drafts


def _table(module: ast.Module) -> dict[str, dict[str, Any]] | None:
    for node in module.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name == TABLE:
                try:
                    table = ast.literal_eval(value)
                except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
                    raise UsageError(f"{TABLE} in line {node.lineno} is no table of constants.") from None
                if not isinstance(table, dict) or not all(isinstance(entry, dict) for entry in table.values()):
                    raise UsageError(f"{TABLE} in line {node.lineno} is no table by names of functions.")
                return {str(name): entry for name, entry in table.items()}
    return None


def _examples(function: Function) -> list[dict[str, Any]]:
    """Return the example calls of a docstring with constant arguments and results."""
    docstring = ast.get_docstring(function) or ""
    positional = [arg.arg for arg in function.args.args]
    tests: list[dict[str, Any]] = []
    try:
        examples = doctest.DocTestParser().get_examples(docstring)
    except ValueError as error:
        raise UsageError(f"The examples of {function.name} cannot be read: {error}.") from None
    for example in examples:
        try:
            call = ast.parse(example.source.strip().removeprefix("await "), mode="eval").body
            if not isinstance(call, ast.Call) or ast.unparse(call.func) != function.name:
                continue
            args = dict(zip(positional, map(ast.literal_eval, call.args), strict=False))
            args |= {str(each.arg): ast.literal_eval(each.value) for each in call.keywords}
            if example.exc_msg is not None:
                tests.append({"args": args, "error": example.exc_msg.strip().partition(": ")[2]})
            else:
                expected = json.loads(json.dumps(ast.literal_eval(example.want.strip() or "None")))
                tests.append({"args": args, "expected": expected})
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            raise UsageError(
                f"The example {example.source.strip()[:60]!r} of {function.name} has no constant arguments and result."
            ) from None
    return tests


def _without_table(source: str, module: ast.Module) -> str:
    """Return a module without what is about all of its tools: the table, and the text at its head."""
    lines = source.split("\n")
    for node in module.body:
        about_all = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if about_all or (
            isinstance(node, ast.Assign) and any(isinstance(it, ast.Name) and it.id == TABLE for it in node.targets)
        ):
            for at in range(node.lineno - 1, node.end_lineno or node.lineno):
                lines[at] = ""
    return "\n".join(lines).strip("\n") + "\n"


def _alone(source: str, name: str, names: Sequence[str]) -> str:
    """Return a module without the other tools in it, which are tools of their own, unless this one uses them."""
    module = parse(source)
    used = {node.id for node in ast.walk(module) if isinstance(node, ast.Name)}
    lines = source.split("\n")
    for node in module.body:
        if isinstance(node, Function) and node.name in names and node.name != name and node.name not in used:
            for at in range(node.lineno - 1, node.end_lineno or node.lineno):
                lines[at] = ""
    text = "\n".join(lines)
    while "\n\n\n\n" in text:
        text = text.replace("\n\n\n\n", "\n\n\n")
    return text.strip("\n") + "\n"


HEAD = '''"""Tools that were written for lra, as a module of its own.

LRA_TOOLS holds their tests and what they may use; `lra create-tool --file` reads this file again.
"""
'''


def export(tools: Sequence[tuple[str, str, Sequence[Mapping[str, Any]], Mapping[str, Any]]]) -> str:
    """Return one module with several tools.

    Args:
        tools: Name, source, tests and grants of each.

    Raises:
        UsageError: Two of them define the same name differently.
    """
    future: list[str] = []
    imports: list[str] = []
    bodies: list[str] = []
    owners: dict[str, tuple[str, str]] = {}
    for name, source, _tests, _grants in tools:
        module = parse(source)
        lines = source.split("\n")
        kept: list[str] = []
        before = 0
        for node in module.body:
            # Comments above a statement go with it.
            text = "\n".join(lines[before : node.end_lineno]).strip("\n")
            before = node.end_lineno or before
            if isinstance(node, ast.ImportFrom) and node.module == "__future__":
                future += [text] if text not in future else []
            elif isinstance(node, ast.Import | ast.ImportFrom):
                imports += [text] if text not in imports else []
            elif not isinstance(node, ast.Expr) and _new(node, name, owners):
                kept.append(text)
        bodies += kept
    table = {name: {"tests": list(tests), **grants} for name, _source, tests, grants in tools}
    head = "\n".join([*future, *([""] if future and imports else []), *imports])
    written = "\n\n\n".join(bodies)
    return f"{HEAD}\n{head}{chr(10) * 3 if head else chr(10)}{written}\n\n\n{TABLE} = {_literal(table)}\n"


def _new(node: ast.stmt, owner: str, owners: dict[str, tuple[str, str]]) -> bool:
    """Note what a statement defines; tell whether it is not there already."""
    text = ast.dump(node)
    names = _defined(node)
    if names and all(owners.get(name, ("", ""))[1] == text for name in names):
        return False
    for name in names:
        if name in owners:
            raise UsageError(
                f"{owners[name][0]} and {owner} both define {name}, each in its own way.",
                hint="Export them into files of their own: lra export-tools NAME -o FILE",
            )
        owners[name] = (owner, text)
    return True


def _defined(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign() | ast.AnnAssign():
            return [
                each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
            ]
    return []


def _literal(table: Mapping[str, Any]) -> str:
    lines = ["{"]
    for name, entry in table.items():
        lines.append(f"    {name!r}: {{")
        lines += [f"        {key!r}: {value!r}," for key, value in entry.items()]
        lines.append("    },")
    return "\n".join([*lines, "}"])
