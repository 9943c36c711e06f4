"""A scripted model provider on loopback, speaking the real wire formats strictly."""

from __future__ import annotations

from .script import Fault, Step, ToolCall, Usage, call, fail, say
from .server import ModelServer
from .state import RecordedRequest
from .wire import Message

__all__ = [
    "Fault",
    "Message",
    "ModelServer",
    "RecordedRequest",
    "Step",
    "ToolCall",
    "Usage",
    "call",
    "fail",
    "say",
]
