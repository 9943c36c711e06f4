"""Which providers there are, and which one is used."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points

from sandbox.errors import InvalidError, UnavailableError
from sandbox.providers.base import Provider

_KNOWN = {
    "docker": "sandbox.providers.docker:DockerProvider",
    "local": "sandbox.providers.local:LocalProvider",
}
"""In the order in which `auto` tries them."""


GROUP = "sandbox.providers"
"""Entry points under which packages offer providers of their own: a class or function that is called without
arguments and returns a `sandbox.providers.base.Provider`, by the provider's name."""


def names() -> list[str]:
    """Return the names of the built-in providers."""
    return list(_KNOWN)


def installed() -> list[str]:
    """Return the names of providers that other packages bring. Blocks: what every package says is read."""
    return sorted({each.name for each in entry_points(group=GROUP)} - _KNOWN.keys())


def load(name: str) -> Provider:
    """Return a provider by its name. Blocks.

    Args:
        name: One of `names()` or `installed()`.

    Raises:
        InvalidError: There is none of that name, or it cannot be loaded.
    """
    make: Callable[[], Provider]
    if place := _KNOWN.get(name):
        module, _, attribute = place.partition(":")
        make = getattr(import_module(module), attribute)
        return make()
    found = list(entry_points(group=GROUP, name=name))
    if not found:
        raise InvalidError(
            f"There is no sandbox provider '{name}': choose {', '.join(['auto', *_KNOWN, *installed()])}."
        )
    try:
        make = found[0].load()
        return make()
    except Exception as error:
        # Whatever somebody else's code raises; the person has to know whose it is.
        raise InvalidError(f"The sandbox provider '{name}' ({found[0].value}) cannot be loaded: {error}") from error


async def choose(name: str = "auto", *, without: str | None = None) -> Provider:
    """Return a provider that works here.

    Args:
        name: A provider's name, or `auto` for the first that works: the built-in ones, then those of other packages.
        without: One that is passed over.

    Raises:
        UnavailableError: None works; the message says why.
    """
    reasons = []

    async def tried(these: list[str]) -> Provider | None:
        for each in these:
            if each != without:
                provider, reason = await _try(each, strict=name != "auto")
                if provider is not None:
                    return provider
                reasons.append(f"{each}: {reason}")
        return None

    found = await tried(names() if name == "auto" else [name])
    if found is None and name == "auto":
        found = await tried(await asyncio.to_thread(installed))
    if found is None:
        raise UnavailableError("Code cannot be run here. " + " ".join(reasons))
    return found


async def _try(name: str, *, strict: bool) -> tuple[Provider | None, str | None]:
    """Return a provider that works, or why it does not."""
    try:
        provider = await asyncio.to_thread(load, name)
    except InvalidError as error:
        if strict:
            raise
        return None, error.message
    reason = await provider.check()
    return (provider, None) if reason is None else (None, reason)
