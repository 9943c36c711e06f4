"""Errors that a person reads, and the exit codes that a script reads."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process tells its caller; part of the public contract."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CONFIG = 3
    REFUSED = 4
    BUDGET = 5
    UNAVAILABLE = 69
    TEMPORARY = 75
    INTERRUPTED = 130


class LraError(Exception):
    """An error with one clear sentence for the person and an exit code for the shell.

    Args:
        message: What was wrong, and where.
        hint: What to do about it, as a sentence of its own.
    """

    exit_code: ExitCode = ExitCode.FAILED

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        self.message = message
        self.hint = hint
        super().__init__(message)

    def __str__(self) -> str:
        if not self.hint:
            return self.message
        # A message may end with what is to be written; the hint is a sentence of its own.
        stop = "" if self.message.endswith((".", "?", "!", ":", "…", ".”", ".)")) else "."
        return f"{self.message}{stop} {self.hint}"


class UsageError(LraError):
    """The command line or an argument is wrong."""

    exit_code = ExitCode.USAGE


class ConfigError(LraError):
    """A setting, key, URL or model name is missing or wrong."""

    exit_code = ExitCode.CONFIG


class RefusedError(LraError):
    """Policy or a person said no."""

    exit_code = ExitCode.REFUSED


class BudgetError(LraError):
    """A limit of cost, tokens, requests or tool calls was reached."""

    exit_code = ExitCode.BUDGET


class UnavailableError(LraError):
    """A service that is needed cannot be reached or used."""

    exit_code = ExitCode.UNAVAILABLE


class BusyError(LraError):
    """Another process holds what is needed, or a service asks to wait: try again."""

    exit_code = ExitCode.TEMPORARY


class NotFoundError(LraError):
    """Something named by an id does not exist."""


class StoreError(LraError):
    """The database cannot be used as it is."""


class InterruptedTurnError(LraError):
    """A person stopped the work."""

    exit_code = ExitCode.INTERRUPTED
