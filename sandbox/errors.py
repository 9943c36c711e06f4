"""What can go wrong with a sandbox, as a person reads it and as problem+json names it."""

from __future__ import annotations


class SandboxError(Exception):
    """One clear sentence; `kind` and `status` are what the service answers.

    Args:
        message: What was wrong and, where something can be done about it, what.
    """

    kind = "failed"
    status = 500

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


class InvalidError(SandboxError):
    """What was asked for makes no sense."""

    kind = "invalid"
    status = 422


class NotFoundError(SandboxError):
    """No such sandbox, file or folder."""

    kind = "not-found"
    status = 404


class ConflictError(SandboxError):
    """The sandbox is in a state in which this cannot be done."""

    kind = "conflict"
    status = 409


class DeniedError(SandboxError):
    """A key is missing or wrong, or a path leaves the workspace."""

    kind = "denied"
    status = 403


class KeyMissingError(DeniedError):
    """No key was shown where one is needed."""

    status = 401


class LimitError(SandboxError):
    """A limit was reached: try later, or ask for less."""

    kind = "limit"
    status = 429


class GoneError(SandboxError):
    """The sandbox ended while it was being used."""

    kind = "gone"
    status = 410


class UnavailableError(SandboxError):
    """Nothing here can run a sandbox, or the service cannot be reached."""

    kind = "unavailable"
    status = 503


ERRORS: dict[str, type[SandboxError]] = {
    each.kind: each
    for each in (
        SandboxError,
        InvalidError,
        NotFoundError,
        ConflictError,
        DeniedError,
        LimitError,
        GoneError,
        UnavailableError,
    )
}
"""Error classes by what problem+json calls them."""
