"""The `.env` that `lra init` writes: composed from a plan, private, never replaced by accident."""

from __future__ import annotations

import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from lra.cli.files import replacing
from lra.config import PROVIDER_KEYS, PROVIDER_URLS
from lra.errors import LraError, UsageError

PROVIDERS = (*PROVIDER_KEYS, "ollama", "offline")
"""What `--provider` takes."""

DATA_LINES = (
    "DATABASE_URL=sqlite+aiosqlite:///./data/agent_memory.db",
    "VECTOR_STORE_PATH=./data/chroma_db",
)
# What a `.env` holds without quotes, whoever reads it.
_PLAIN = re.compile(r"[A-Za-z0-9_./:+=@~%,\-]+")


@dataclass(slots=True, kw_only=True)
class Plan:
    """What the person chose."""

    provider: str | None = None
    model: str | None = None
    key: str | None = None
    base_url: str | None = None
    project_data: bool = False

    @property
    def key_name(self) -> str:
        """The variable that holds the provider's key."""
        names = PROVIDER_KEYS.get(self.provider or "openai", ())
        return names[0] if names else f"{(self.provider or '').upper()}_API_KEY"

    @property
    def model_name(self) -> str | None:
        """The model as `LRA_MODEL` takes it, provider included."""
        if self.provider == "offline":
            return "offline"
        if self.model and self.provider and ":" not in self.model and self.model != "offline":
            return f"{self.provider}:{self.model}"
        return self.model

    def check(self) -> None:
        """Refuse what could not work.

        Raises:
            UsageError: A choice is unknown, missing or impossible to write.
        """
        if self.provider and self.provider not in PROVIDERS:
            raise UsageError(f"{self.provider!r} is no known provider.", hint=f"Use one of {', '.join(PROVIDERS)}.")
        if self.provider == "ollama" and not self.model:
            raise UsageError("Ollama needs the name of a model.", hint="Add --model, as in --model llama3.2.")
        if self.provider == "offline" and (self.model or self.key or self.base_url):
            raise UsageError("The offline model takes no model name, key or URL.")
        if self.base_url and (self.provider or "openai") not in PROVIDER_URLS:
            raise UsageError(f"{self.provider} takes no URL of its own.", hint="Use --provider openai for its API.")
        if self.base_url and not self.base_url.startswith(("http://", "https://")):
            raise UsageError(f"{self.base_url!r} is no http:// or https:// URL.")
        for what, value in (("The key", self.key), ("The model name", self.model), ("The URL", self.base_url)):
            if value is not None and not _PLAIN.fullmatch(value):
                raise UsageError(f"{what} is empty or holds spaces, quotes or other characters that do not belong.")

    def text(self) -> str:
        """Return the content of the file."""
        lines = [
            "# Settings of lra for this folder; `lra config` shows what is in force. Keep it private.",
            "",
            "# Which model answers, as provider:model, or offline. Without it, the first provider whose key is set.",
            f"LRA_MODEL={self.model_name}" if self.model_name else "# LRA_MODEL=",
            "",
            "# The provider's key.",
            f"{self.key_name}={self.key}" if self.key else f"# {self.key_name}=",
        ]
        if self.base_url:
            lines += ["", "# Where the provider is reached."]
            lines.append(f"{PROVIDER_URLS[self.provider or 'openai']}={self.base_url}")
        mark = "" if self.project_data else "# "
        lines += ["", "# A memory for this folder alone. Without it, memory is yours, the same from every folder."]
        return "\n".join([*lines, *(f"{mark}{line}" for line in DATA_LINES), ""])


def write(path: Path, plan: Plan) -> Path | None:
    """Write the file, private to the user; an existing one is kept beside it.

    Returns:
        Where the old file went, if there was one.

    Raises:
        LraError: The folder or the file cannot be written.
    """
    backup = None
    if path.is_file():
        backup = path.with_name(f"{path.name}.backup-{time.strftime('%Y%m%dT%H%M%S')}-{time.time_ns() % 10**9:09d}")
        try:
            old = path.read_bytes()
            with os.fdopen(os.open(backup, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(old)
        except OSError as error:
            raise LraError(f"{path} cannot be kept as {backup.name}: {error.strerror}.") from error
    with replacing(path) as new:
        new.write(plan.text())
    return backup


def exposed(path: Path) -> bool:
    """Tell whether a file lies in a git repository that does not ignore it."""
    try:
        command = ["git", "check-ignore", "--quiet", "--", path.name]
        inside = subprocess.run(command, cwd=path.parent, capture_output=True, timeout=5, check=False)
    except (OSError, subprocess.SubprocessError):
        return False
    return inside.returncode == 1
