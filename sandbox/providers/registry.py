"""Which providers there are, and which one is used."""

from __future__ import annotations

from importlib import import_module

from sandbox.errors import InvalidError, UnavailableError
from sandbox.providers.base import Provider

_KNOWN = {
    "docker": "sandbox.providers.docker:DockerProvider",
    "local": "sandbox.providers.local:LocalProvider",
}
"""In the order in which `auto` tries them."""


def names() -> list[str]:
    """Return the names of all providers."""
    return list(_KNOWN)


def load(name: str) -> Provider:
    """Return a provider by its name.

    Args:
        name: One of `names()`.

    Raises:
        InvalidError: There is none of that name.
    """
    place = _KNOWN.get(name)
    if place is None:
        raise InvalidError(f"There is no sandbox provider '{name}': choose auto, {', '.join(_KNOWN)}.")
    module, _, attribute = place.partition(":")
    provider: Provider = getattr(import_module(module), attribute)()
    return provider


async def choose(name: str = "auto", *, without: str | None = None) -> Provider:
    """Return a provider that works here.

    Args:
        name: A provider's name, or `auto` for the first that works.
        without: One that is passed over.

    Raises:
        UnavailableError: None works; the message says why.
    """
    reasons = []
    for each in names() if name == "auto" else [name]:
        if each == without:
            continue
        provider = load(each)
        reason = await provider.check()
        if reason is None:
            return provider
        reasons.append(f"{each}: {reason}")
    raise UnavailableError("Code cannot be run here. " + " ".join(reasons))
