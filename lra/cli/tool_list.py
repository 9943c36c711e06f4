"""`lra list-tools` and `lra inspect-tool`: what a model can call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lra.cli import output
from lra.cli.options import HELP, Json, as_text
from lra.cli.work import run, settings
from lra.errors import NotFoundError

if TYPE_CHECKING:
    from lra.agent.custom import Definition
    from lra.session.tool_list import ListedTool
    from lra.store.tools import ToolRecord

list_app = typer.Typer(add_completion=False, context_settings=HELP)
inspect_app = typer.Typer(add_completion=False, context_settings=HELP)


@list_app.command("list-tools")
def list_tools(
    agent: Annotated[
        str | None,
        typer.Option("--agent", metavar="PATH", help="Also the tools of the agent in this folder; its code is run."),
    ] = None,
    as_json: Json = False,
) -> None:
    """List every tool with its source, and how often it was called and failed.

    Tools of MCP servers are those they had when they last ran.
    """
    found = run(_list(agent))
    if as_json:
        output.write_json([tool.to_dict() for tool in found])
        return
    rows = [
        (
            tool.name,
            tool.source if tool.state == "enabled" else f"{tool.source}, {tool.state}",
            tool.use.calls,
            tool.use.failures,
            output.when(str(tool.to_dict()["last_use"])) if tool.use.last_use else "",
            tool.description,
        )
        for tool in found
    ]
    columns = ("NAME", "SOURCE", "CALLS", "FAILURES", "LAST USE", "DESCRIPTION")
    output.write_table(columns, rows, wide="DESCRIPTION", spare="LAST USE", empty="No tools.")


async def _list(agent: str | None) -> list[ListedTool]:
    from lra.session.tool_list import list_tools as find
    from lra.store import StructuredMemoryStore

    loaded = settings()
    store = StructuredMemoryStore(loaded.database_url)
    try:
        return await find(store, loaded, _definition(agent) if agent else None)
    finally:
        await store.close()


def _definition(path: str) -> Definition:
    from pathlib import Path

    from lra.agent.folders import AgentFolder

    return AgentFolder(Path(path)).load()


@inspect_app.command("inspect-tool")
def inspect_tool(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The tool's name.", callback=as_text)],
    version: Annotated[
        int | None, typer.Option("--version", min=1, help="Show this earlier version of a written tool.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what a tool does and takes; of a written one its code, tests, grants and where it comes from."""
    found = run(_inspect(name, version))
    if as_json:
        output.write_json(found)
        return
    output.write(f"{found['name']} ({found['source']}{_state(found)})")
    output.write(f"  {found['description']}".replace("\n", "\n  "))
    properties = found["parameters"].get("properties", {})
    required = found["parameters"].get("required", [])
    for argument, schema in properties.items():
        said = f": {schema['description']}" if schema.get("description") else ""
        output.write(f"  {argument} ({_kind(schema)}{'' if argument in required else ', optional'}){said}")
    output.write(f"  Called: {found['calls']}, failed: {found['failures']}.")
    if found["source"] == "generated":
        _write_origin(found)


def _write_origin(found: dict[str, Any]) -> None:
    from lra.tools.generated.grants import Grants

    where = f" in session {found['session']}" if found["session"] else ""
    output.write(f"  Version {found['version']}, by the {found['author']}{where}, {output.when(found['changed_at'])}.")
    output.write(f"  It {Grants.read(found['grants'])}.")
    output.write(f"\n{found['code'].rstrip()}\n")
    for test in found["tests"]:
        ends = "→" if "expected" in test else "fails with"
        result = output.dump_json(test.get("expected", test.get("error")), line=True)
        output.write(f"  {output.dump_json(test['args'], line=True)} {ends} {result}")


def _state(found: dict[str, Any]) -> str:
    return "" if found["state"] == "enabled" else f", {found['state']}"


def _kind(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(map(_kind, schema["anyOf"]))
    if "enum" in schema:
        return " or ".join(repr(value) for value in schema["enum"])
    if schema.get("type") == "array" and schema.get("items"):
        return f"array of {_kind(schema['items'])}"
    return str(schema.get("type", "anything"))


async def _inspect(name: str, version: int | None) -> dict[str, Any]:
    from lra.session.tool_list import built_in
    from lra.session.tool_list import list_tools as find
    from lra.store import StructuredMemoryStore

    loaded = settings(quiet=True)
    store = StructuredMemoryStore(loaded.database_url)
    try:
        listed = {tool.name: tool for tool in reversed(await find(store, loaded))}
        record: ToolRecord | None = None
        if name not in listed or listed[name].source == "generated" or version is not None:
            record = await store.tools.get(name, version)
        if record is not None:
            details = record.to_dict()
            known = listed[name].to_dict() if name in listed else {"calls": 0, "failures": 0, "last_use": None}
            uses = {key: known[key] for key in ("calls", "failures", "last_use")}
            return {**details, "source": "generated", "code": details.pop("source"), **uses}
        found = listed[name].to_dict()
        tool = (await built_in(store, loaded)).get(name)
        if tool is not None:
            definition = tool.tool_def
            found["description"] = definition.description or ""
            found["parameters"] = definition.parameters_json_schema
        return {"parameters": {}, **found}
    except NotFoundError as error:
        raise NotFoundError(f"There is no tool {name!r}.", hint="`lra list-tools` shows what there is.") from error
    finally:
        await store.close()
