"""Which hosts a sandbox may reach, by name and by the address a name turned out to have."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
AddressRange = ipaddress.IPv4Network | ipaddress.IPv6Network

PORTS = frozenset({80, 443})
"""Where an allowed host may be reached when its entry names no port."""

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)\Z")

# What `ipaddress` calls global in one Python and not in another, and what is global but no sandbox's business.
_NEVER = [
    ipaddress.ip_network(each)
    for each in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",  # the metadata service of one large cloud; every other is link-local or private
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
        "::/96",
        "64:ff9b::/96",  # these embed an IPv4 address that a gateway would reach
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
]


class HostError(ValueError):
    """A host may not be reached, or is not a host; the message is the reason."""


def host_name(text: str) -> str:
    """Return a host name in lower case.

    Only what every resolver, proxy and TLS library reads the same way passes: letters, digits and hyphens in
    labels, at least two of them, and a last one that cannot be part of an address.

    Raises:
        HostError: It is an address, or not a plain name.
    """
    name = text.lower()
    if not name.isascii() or len(name) > 253:
        raise HostError("not a plain host name")
    labels = name.split(".")
    if name.startswith("[") or ":" in name or _NUMBER.match(labels[-1]):
        raise HostError("addresses are refused, only names are looked up")
    if len(labels) < 2 or not all(_LABEL.match(label) for label in labels):
        raise HostError("not a plain host name")
    return name


class AllowList:
    """The hosts of one sandbox.

    Args:
        entries: `name`, `*.name` (every name below, not the name itself), each with `:port` where it is not one
            of `PORTS`.

    Raises:
        HostError: An entry is none of these.
    """

    def __init__(self, entries: Iterable[str]) -> None:
        self._exact: set[tuple[str, int]] = set()
        self._below: set[tuple[str, int]] = set()
        for entry in entries:
            try:
                self._add(entry)
            except HostError as error:
                raise HostError(f"The allowed host {entry!r} cannot be used: {error}.") from None

    def _add(self, entry: str) -> None:
        name, colon, number = entry.partition(":")
        if colon and not (re.fullmatch(r"[1-9][0-9]{0,4}", number) and int(number) < 65536):
            raise HostError("what follows the colon is not a port")
        ports = frozenset({int(number)}) if colon else PORTS
        target = self._exact
        if name.startswith("*."):
            name, target = name[2:], self._below
            if "." not in name:
                raise HostError("it would allow a whole top-level domain")
        target.update((host_name(name), port) for port in ports)

    def __contains__(self, place: tuple[str, int]) -> bool:
        name, port = place
        if place in self._exact:
            return True
        while "." in name:
            name = name.partition(".")[2]
            if (name, port) in self._below:
                return True
        return False


def ranges(text: str) -> tuple[AddressRange, ...]:
    """Read address ranges with commas between them.

    Raises:
        HostError: One is none.
    """
    try:
        return tuple(ipaddress.ip_network(each.strip()) for each in text.split(",") if each.strip())
    except ValueError as error:
        raise HostError(f"Not a range of addresses: {error}.") from None


def refusal(address: Address, private: Iterable[AddressRange] = ()) -> str | None:
    """Return why an address may not be reached, or None when it may.

    Args:
        address: What a name resolved to.
        private: Ranges that may be reached although they are not public.
    """
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return refusal(address.ipv4_mapped, private)
        if address.scope_id is not None:
            return f"{address} is not a public address"
    if any(address.version == each.version and address in each for each in private):
        return None
    known = any(address.version == each.version and address in each for each in _NEVER)
    if known or not address.is_global or address.is_multicast or address.is_reserved:
        return f"{address} is not a public address"
    if _is_this_machine(address):
        return f"{address} is this machine"
    return None


def _is_this_machine(address: Address) -> bool:
    # Connecting a datagram socket sends nothing; only the way to oneself begins where it ends.
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.setblocking(False)
            probe.connect((str(address), 9))
            return ipaddress.ip_address(probe.getsockname()[0]) == address
    except OSError:
        return False
