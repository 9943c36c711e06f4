"""A scripted model provider on loopback, speaking the real wire formats strictly."""

from __future__ import annotations

from .process import ModelServerProcess
from .script import Fault, Step, ToolCall, Usage, call, fail, say
from .server import ModelServer
from .state import RecordedRequest
from .wire import Message

__all__ = [
    "Fault",
    "Message",
    "ModelServer",
    "ModelServerProcess",
    "RecordedRequest",
    "Step",
    "ToolCall",
    "Usage",
    "call",
    "fail",
    "say",
]
