"""The proxy of a sandbox with limited network, the same for every provider that can hold a sandbox to it."""

from __future__ import annotations

import os
from collections.abc import Collection

from sandbox.egress import EgressProxy
from sandbox.errors import InvalidError
from sandbox.hosts import AddressRange, HostError, ranges
from sandbox.providers.base import Spec

SOCKET = "egress.sock"
"""What the proxy's socket is called in the folder that a sandbox sees."""
INSIDE = "/run/sandbox"
"""Where a sandbox sees that folder."""


def private_ranges(given: Collection[AddressRange] | None) -> tuple[AddressRange, ...]:
    """Return the ranges that allowed hosts may have although they are not public.

    Args:
        given: The ranges; None is what `SANDBOX_PRIVATE_HOSTS` says, with commas between.
    """
    return ranges(os.environ.get("SANDBOX_PRIVATE_HOSTS", "")) if given is None else tuple(given)


def proxy_for(spec: Spec, private: Collection[AddressRange]) -> EgressProxy | None:
    """Return the proxy that a sandbox needs, not yet started; None where it needs none.

    Args:
        spec: The sandbox.
        private: Ranges that may be reached although they are not public.

    Raises:
        InvalidError: One of the allowed hosts is none.
    """
    if spec.network != "limited":
        return None
    try:
        return EgressProxy(spec.allowed_hosts, name=spec.sandbox_id, private=private)
    except HostError as error:
        raise InvalidError(str(error)) from None


def relay(spec: Spec) -> dict[str, str]:
    """Return what the guest is told of its way out.

    Args:
        spec: The sandbox.
    """
    return {"relay": f"{INSIDE}/{SOCKET}"} if spec.network == "limited" else {}
