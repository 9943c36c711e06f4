"""Slash commands: one registry, filled by the modules beside it."""

from __future__ import annotations

# The order is that of /help.
# isort: off
from lra.chat.commands import program
from lra.chat.commands import conversation
from lra.chat.commands import turning_back
from lra.chat.commands import answers
from lra.chat.commands import memory
from lra.chat.commands import why
from lra.chat.commands import tasks
from lra.chat.commands import files
from lra.chat.commands import changes
from lra.chat.commands import permissions
from lra.chat.commands import mcp
from lra.chat.commands import skills
from lra.chat.commands import model
from lra.chat.commands import window
from lra.chat.commands import agents
from lra.chat.commands import look
from lra.chat.commands import leaving
from lra.chat.commands.registry import Command, Registry, registry
# isort: on

__all__ = [
    "Command",
    "Registry",
    "agents",
    "answers",
    "changes",
    "conversation",
    "files",
    "leaving",
    "look",
    "mcp",
    "memory",
    "model",
    "permissions",
    "program",
    "registry",
    "skills",
    "tasks",
    "turning_back",
    "why",
    "window",
]
