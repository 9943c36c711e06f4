"""The web: searching it, and reading its pages."""

from __future__ import annotations

from lra.tools.web.toolset import NativeWeb, private_allowed, web_toolset

__all__ = ["NativeWeb", "private_allowed", "web_toolset"]
