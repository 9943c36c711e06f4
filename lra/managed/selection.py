"""Which tools a managed agent has, as its configuration names them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal

from lra.errors import UsageError
from lra.text import one_line

Policy = Literal["allow", "ask"] | None
"""Whether its calls are allowed or asked about; None leaves it to the tool and the confirmation."""

IN_SANDBOX = (
    "execute_command",
    "execute_code",
    "read_file",
    "write_file",
    "edit_file",
    "list_files",
    "find_files",
    "search_files",
)
WEB = ("web_search", "web_fetch")
MEMORY = ("search_memory", "write_memory", "get_recent_conversations")
TASKS = ("create_task", "update_task_status", "list_tasks", "get_task_state")
EVERY = (*IN_SANDBOX, *WEB, *MEMORY, *TASKS)

TOOLSET: Mapping[str, str] = {
    "bash": "execute_command",
    "read": "read_file",
    "write": "write_file",
    "edit": "edit_file",
    "glob": "find_files",
    "grep": "search_files",
    "web_fetch": "web_fetch",
    "web_search": "web_search",
}
"""The tools of `agent_toolset_…`, by the names they have there."""
_ALIASES = {**TOOLSET, "search_web": "web_search", "search": "web_search", "run_command": "execute_command"}
_POLICIES: Mapping[str, Policy] = {"always_allow": "allow", "always_ask": "ask", "auto": None}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class Custom:
    """A tool that the program using the library runs itself."""

    name: str
    description: str
    schema: Mapping[str, Any]
    """JSON schema of its input."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The tools of an agent."""

    policies: Mapping[str, Policy]
    """The program's own tools, by name."""
    custom: tuple[Custom, ...] = ()
    functions: tuple[Callable[..., Any], ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """The program's own tools."""
        return frozenset(self.policies)


def select(tools: Iterable[Any]) -> Selection:
    """Read a list of tools.

    Args:
        tools: Names, functions, toolsets and custom tools.

    Raises:
        UsageError: One of them is not known, or wrong.
    """
    if isinstance(tools, str | Mapping) or not isinstance(tools, Iterable):
        raise UsageError("tools are a list.", hint='For example ["execute_command", "read_file"].')
    policies: dict[str, Policy] = {}
    custom: list[Custom] = []
    functions: list[Callable[..., Any]] = []
    for each in tools:
        if isinstance(each, str):
            policies.setdefault(_known(each), None)
        elif isinstance(each, Mapping):
            kind = str(each.get("type", ""))
            if kind.startswith("agent_toolset_"):
                policies |= _toolset(each)
            elif kind == "custom":
                custom.append(_custom(each))
            else:
                raise UsageError(
                    f"There are no tools of type {kind!r}.", hint="There are 'agent_toolset_20260401' and 'custom'."
                )
        elif callable(each):
            functions.append(each)
        else:
            raise UsageError(f"{one_line(repr(each), 60)} is no tool.", hint="Give a name, a function or a dict.")
    names = [*policies, *(tool.name for tool in custom), *(getattr(each, "__name__", "") for each in functions)]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"Two tools have the name {twice!r}.", hint="Rename one.")
    return Selection(policies, tuple(custom), tuple(functions))


def _known(name: str) -> str:
    found = _ALIASES.get(name, name)
    if found in EVERY:
        return found
    close = get_close_matches(name, EVERY, 1)
    raise UsageError(
        f"There is no tool {name!r}.", hint=f"Is {close[0]!r} meant?" if close else f"Choose of {', '.join(EVERY)}."
    )


def _toolset(entry: Mapping[str, Any]) -> dict[str, Policy]:
    default = _mapping(entry, "default_config")
    by_name: dict[str, Mapping[str, Any]] = {}
    for each in entry.get("configs") or ():
        name = str(each.get("name", "")) if isinstance(each, Mapping) else ""
        if name not in TOOLSET:
            raise UsageError(f"The toolset has no tool {name!r}.", hint=f"It has {', '.join(TOOLSET)}.")
        by_name[name] = each
    settings = {name: {**default, **by_name.get(name, {})} for name in TOOLSET}
    return {TOOLSET[name]: _policy(each) for name, each in settings.items() if each.get("enabled", True)}


def _policy(config: Mapping[str, Any]) -> Policy:
    wanted = config.get("permission_policy")
    kind = wanted.get("type") if isinstance(wanted, Mapping) else wanted
    if kind is None:
        return None
    if kind not in _POLICIES:
        raise UsageError(f"There is no permission_policy {kind!r}.", hint=f"Choose of {', '.join(_POLICIES)}.")
    return _POLICIES[str(kind)]


def _custom(entry: Mapping[str, Any]) -> Custom:
    name, description, schema = entry.get("name"), entry.get("description", ""), entry.get("input_schema")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise UsageError(
            f"{one_line(repr(name), 60)} is no name for a custom tool.", hint="Use letters, digits, - and _."
        )
    if name in EVERY:
        raise UsageError(f"The custom tool {name!r} has the name of a tool of the program.", hint="Rename it.")
    if not isinstance(schema, Mapping) or schema.get("type") != "object":
        raise UsageError(
            f"The input_schema of the custom tool {name!r} is no JSON schema of an object.",
            hint='It begins with {"type": "object", "properties": …}.',
        )
    return Custom(name, str(description or name), dict(schema))


def _mapping(entry: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = entry.get(name) or {}
    if not isinstance(found, Mapping):
        raise UsageError(f"{name} of the toolset is a dict.")
    return found
