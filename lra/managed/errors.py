"""What is wrong with managed agents in particular."""

from __future__ import annotations

from lra.errors import RefusedError


class ManagedSandboxRequired(RefusedError):
    """Packages are wanted and there is no sandbox to install them in."""
