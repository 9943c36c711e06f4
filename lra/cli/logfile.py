"""The log: what went wrong and why, in a private file, for whoever has to find out.

It holds no secrets and nothing that was said: of an exception only the first line, since the rest may quote what was
being worked on, and its frames without their values.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from pathlib import Path

from lra.text import one_line

NAME = "lra.log"
MAX_BYTES = 1_000_000
KEPT = 3
"""Older files that are kept."""
_MESSAGE = 500
_EXCEPTION = 200
_FRAMES = 30
_GATHER_SECONDS = 0.5
"""How long lines wait for each other, so that a start is not slowed down by the log of it."""
_STALE_SECONDS = 60
_SECRET_NAME = re.compile(r"(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD)$")
_SECRET_TEXT = re.compile(
    r"\b(?:sk|pk|gsk|xai|hf|ghp|gho|AIza)[-_]?[A-Za-z0-9_-]{12,}"
    r"|(?<=Bearer )\S+|(?<=://)[^/@\s]+(?=@)|(?<=key=)[^&\s]+"
)
_SHORTEST_SECRET = 6
# Those of providers' packages repeat what the provider answered, which may quote what it was asked.
_OUTSPOKEN = frozenset({"lra", "pydantic_ai", "httpx", "httpcore", "sqlalchemy", "chromadb"})
"""Packages whose exceptions say nothing of contents in their first line."""


def folder() -> Path:
    """Return where the log is; nothing is created."""
    from lra.config import load_settings
    from lra.config.sources import default_home

    try:
        return load_settings().home / "logs"
    except Exception:
        # The settings may be what is wrong.
        return Path(os.environ.get("LRA_HOME") or default_home()) / "logs"


class LogFile(logging.Handler):
    """Takes records without waiting, and writes them in a thread of its own.

    Several processes write to one file: each line goes at its end in one piece.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lines: deque[str] = deque(maxlen=10_000)
        self._some = threading.Event()
        self._hurry = threading.Event()
        self._done = threading.Event()
        self._thread: threading.Thread | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record for the writer; never fails and never blocks."""
        with suppress(Exception):
            self._lines.append(_entry(record))
            if self._thread is None and not self._done.is_set():
                self._thread = threading.Thread(target=self._work, name="lra-log", daemon=True)
                self._thread.start()
            self._some.set()
            if record.levelno >= logging.ERROR:
                self._hurry.set()

    def finish(self, seconds: float = 1.0) -> None:
        """Write what is left; waits so long at most."""
        self._done.set()
        self._some.set()
        self._hurry.set()
        if self._thread is not None:
            self._thread.join(seconds)

    def _work(self) -> None:
        while True:
            self._some.wait()
            self._hurry.wait(_GATHER_SECONDS)
            self._some.clear()
            self._hurry.clear()
            last = self._done.is_set()
            lines: list[str] = []
            while self._lines:
                lines.append(self._lines.popleft())
            if lines:
                # A log that cannot be written is no reason to stop anything.
                with suppress(Exception):
                    append(folder(), _masked("".join(lines)))
            if last:
                return


def _entry(record: logging.LogRecord) -> str:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    message = one_line(record.getMessage(), _MESSAGE)
    lines = [f"{stamp}.{int(record.msecs):03d}Z {record.levelname} {record.name} [{record.process}] {message}"]
    error = record.exc_info[1] if record.exc_info else None
    while error is not None and len(lines) < _FRAMES * 3:
        lines += _frames(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(lines) + "\n"


def _frames(error: BaseException) -> list[str]:
    frames = []
    at = error.__traceback__
    while at is not None:
        code = at.tb_frame.f_code
        frames.append(f"    {code.co_filename}:{at.tb_lineno} in {code.co_name}")
        at = at.tb_next
    name = type(error).__name__
    root = type(error).__module__.partition(".")[0]
    if root in sys.stdlib_module_names or root in _OUTSPOKEN:
        first = str(error).split("\n", 1)[0].partition(", body: ")[0]
        name = f"{name}: {one_line(first, _EXCEPTION)}"
    return [*frames[-_FRAMES:], f"    {name}"]


def _masked(text: str) -> str:
    for secret in _secrets():
        text = text.replace(secret, "[secret]")
    return _SECRET_TEXT.sub("[secret]", text)


def _secrets() -> set[str]:
    found = {value for name, value in os.environ.items() if _SECRET_NAME.search(name)}
    with suppress(Exception):
        from lra.config import SECRETS, load_settings

        settings = load_settings()
        found |= {settings.get(name) or "" for name in SECRETS}
    return {secret.strip() for secret in found if len(secret.strip()) >= _SHORTEST_SECRET}


def append(where: Path, text: str) -> None:
    """Add text to the log of a folder, in a new file when the present one is full.

    Raises:
        OSError: It cannot be written.
    """
    where.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = where / NAME
    if path.exists() and path.stat().st_size >= MAX_BYTES:
        _rotate(path)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(handle, text.encode("utf-8", "replace"))
    finally:
        os.close(handle)


def _rotate(path: Path) -> None:
    """Give the full file a number; of several processes that find it full, one does."""
    lock = path.with_name(f"{NAME}.lock")
    with suppress(OSError):
        if time.time() - lock.stat().st_mtime > _STALE_SECONDS:
            lock.unlink()
    try:
        os.close(os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError:
        return
    try:
        if path.stat().st_size >= MAX_BYTES:
            for number in range(KEPT - 1, 0, -1):
                with suppress(FileNotFoundError):
                    os.replace(path.with_name(f"{NAME}.{number}"), path.with_name(f"{NAME}.{number + 1}"))
            os.replace(path, path.with_name(f"{NAME}.1"))
    finally:
        lock.unlink(missing_ok=True)


def install() -> None:
    """Send warnings and errors of every library, and what the program itself notes, to the log; once per process."""
    root = logging.getLogger()
    if any(isinstance(handler, LogFile) for handler in root.handlers):
        return
    root.addHandler(LogFile())
    logging.getLogger("lra").setLevel(logging.INFO)
    logging.captureWarnings(True)


def finish() -> None:
    """Write what is left before the process ends."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, LogFile):
            handler.finish()
