"""Slash commands: one registry, filled by the modules beside it."""

from __future__ import annotations

from lra.chat.commands import conversation, memory, program
from lra.chat.commands.registry import Command, Registry, registry

__all__ = ["Command", "Registry", "conversation", "memory", "program", "registry"]
