"""Every tool there is, wherever it comes from, and how it was used."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lra.agent.specialist_files import find_specialists, folders
from lra.store.clock import iso
from lra.store.tools import ToolUse
from lra.text import one_line
from lra.tools.catalogue import built_in_toolsets, describe, function_tools
from lra.tools.delegate import delegation_toolset
from lra.tools.generated.toolset import SOURCE, WrittenTools
from lra.tools.mcp.group import seen_tools
from lra.tools.web import web_toolset

if TYPE_CHECKING:
    from pydantic_ai import Tool
    from pydantic_ai.toolsets import AbstractToolset

    from lra.agent.custom import Definition
    from lra.config import Settings
    from lra.store import StructuredMemoryStore

NEVER = ToolUse()


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedTool:
    """One tool, for the person."""

    name: str
    source: str
    """`built-in`, `generated`, `mcp:SERVER` or `agent`."""
    description: str
    state: str = "enabled"
    use: ToolUse = NEVER

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "name": self.name,
            "source": self.source,
            "state": self.state,
            "description": self.description,
            "calls": self.use.calls,
            "failures": self.use.failures,
            "last_use": None if self.use.last_use is None else iso(self.use.last_use),
        }


async def list_tools(
    store: StructuredMemoryStore, settings: Settings, definition: Definition | None = None
) -> list[ListedTool]:
    """Return the tools by source and name; nothing is started, and no tool is run.

    Args:
        store: The record.
        settings: Whose tools, and in which folder.
        definition: An agent whose own tools are listed too.
    """
    uses = await store.tools.uses()
    others = await asyncio.to_thread(_others, store, settings, definition)
    listed = [
        ListedTool(name=name, source=source, description=said, use=uses.get(name, NEVER))
        for name, source, said in others
    ]
    taken = {tool.name for tool in listed}
    for record in await store.tools.find(everything=True):
        state = "hidden" if record.name in taken and record.state == "enabled" else record.state
        listed.append(
            ListedTool(
                name=record.name,
                source=SOURCE,
                description=one_line(record.description, 200),
                state=state,
                use=uses.get(record.name, NEVER),
            )
        )
    order = {"built-in": 0, "web": 1, SOURCE: 2, "agent": 3}
    return sorted(listed, key=lambda tool: (order.get(tool.source, 4), tool.source, tool.name))


def _others(
    store: StructuredMemoryStore, settings: Settings, definition: Definition | None
) -> list[tuple[str, str, str]]:
    toolsets: list[Any] = [*built_ins(store, settings), *(definition.own_toolsets() if definition else ())]
    return [(tool.name, tool.source, tool.description) for tool in (*describe(toolsets), *seen_tools(settings))]


def built_ins(store: StructuredMemoryStore, settings: Settings) -> Sequence[AbstractToolset[Any]]:
    """Return the program's own toolsets; blocks. They can be looked at, not called.

    Args:
        store: The record.
        settings: Where specialists are.
    """
    specialists, _problems = find_specialists(folders(settings), ())
    writer = WrittenTools(store, None, frozenset).writer()
    web = web_toolset(settings.search_url)
    return [*built_in_toolsets(use_memory=True, use_sandbox=True), web, writer, delegation_toolset(specialists)]


async def built_in(store: StructuredMemoryStore, settings: Settings) -> dict[str, Tool[Any]]:
    """Return the program's own tools by name; see `built_ins`."""
    found = await asyncio.to_thread(built_ins, store, settings)
    return {tool.name: tool for tool in function_tools(found)}


async def taken_names(store: StructuredMemoryStore, settings: Settings) -> set[str]:
    """Return the names that no written tool can have.

    Args:
        store: The record.
        settings: Whose tools.
    """
    return {name for name, _source, _said in await asyncio.to_thread(_others, store, settings, None)}
