"""Hostile host names and addresses: what must never be taken for an allowed host."""

from __future__ import annotations

import ipaddress
import socket

import pytest

from sandbox.hosts import AllowList, HostError, host_name, refusal

HOSTILE = [
    "",
    ".",
    "..",
    "localhost",
    "a",
    "127.0.0.1",
    "127.1",
    "127.0.0.1.",
    "0.0.0.0",
    "0",
    "0x7f.0.0.1",
    "0x7f000001",
    "example.0x7f",
    "example.0x",
    "2130706433",
    "017700000001",
    "0177.0.0.1",
    "169.254.169.254",
    "[::1]",
    "::1",
    "[::ffff:127.0.0.1]",
    "fe80::1%eth0",
    "example.com\x00.evil.test",
    "example.com\x00",
    "example.com%00.evil.test",
    "example.com%2eevil.test",
    "evil.test/example.com",
    "evil.test#.example.com",
    "evil.test?.example.com",
    "evil.test\\.example.com",
    "user@example.com",
    "example.com:80@evil.test",
    "example.com ",
    " example.com",
    "example.com\t",
    "example.com\r\nHost: evil.test",
    "example.com\n",
    "example..com",
    ".example.com",
    "example.com.",
    "-example.com",
    "example-.com",
    "exa_mple.com",
    "*.example.com",
    "*",
    "exаmple.com",  # a Cyrillic letter
    "example。com",
    "ⓔxample.com",
    "example.com\u200b",
    "\u202emoc.elpmaxe",
    "ｅxample.com",
    "example.c°m",
    "ſample.com",
    "example.com;evil.test",
    "example.com,evil.test",
    "example.com|evil.test",
    "a" * 64 + ".com",
    "a." * 126 + "com",
    "example.com" + "\x7f",
    "'example.com'",
    '"example.com"',
    "$(example).com",
    "example.com&",
    "example.com=",
]


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_an_odd_name_is_no_host(name: str) -> None:
    with pytest.raises(HostError):
        host_name(name)
    with pytest.raises(HostError):
        AllowList([f"{name}:443" if name == "*.example.com" else name, f"*.{name}"])


@pytest.mark.parametrize("name", ["example.com", "xn--bcher-kva.example", "a.b.c.d.example", "3com.com", "1.2.3.4.in"])
def test_a_plain_name_is_a_host(name: str) -> None:
    assert host_name(name.upper()) == name


def test_exact_and_wildcard_entries() -> None:
    allowed = AllowList(["example.com", "*.files.example", "odd.example:8443"])
    assert ("example.com", 443) in allowed
    assert ("example.com", 80) in allowed
    assert ("a.b.files.example", 443) in allowed
    assert ("odd.example", 8443) in allowed
    for place in [
        ("example.com", 22),
        ("example.com", 8443),
        ("odd.example", 443),
        ("files.example", 443),  # a wildcard is not its own name
        ("evilfiles.example", 443),
        ("files.example.evil.test", 443),
        ("www.example.com", 443),
        ("notexample.com", 443),
    ]:
        assert place not in allowed, place


@pytest.mark.parametrize(
    "entry",
    ["*", "*.com", "*.*.example", "a*.example", "example.com:", "example.com:0", "example.com:65536", "example.com:x",
     "https://example.com", "example.com/x", "10.0.0.1", "*.10.0.0.1", "example.com:443:443"],
)  # fmt: skip
def test_entries_that_mean_too_much_or_nothing_are_refused(entry: str) -> None:
    with pytest.raises(HostError, match="cannot be used"):
        AllowList([entry])


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "0.1.2.3",
        "10.1.2.3",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.169.254",
        "169.254.170.2",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "2001:0:7f00:1::",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%1",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
    ],
)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert refusal(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "100.63.255.255", "172.32.0.1", "2606:4700::1111"])
def test_a_public_address_is_allowed(address: str) -> None:
    assert refusal(ipaddress.ip_address(address)) is None


def test_a_private_range_can_be_opened_by_whoever_runs_the_service() -> None:
    inside = [ipaddress.ip_network("10.9.0.0/16")]
    assert refusal(ipaddress.ip_address("10.9.1.1"), inside) is None
    assert refusal(ipaddress.ip_address("::ffff:10.9.1.1"), inside) is None
    assert refusal(ipaddress.ip_address("10.8.1.1"), inside)


def test_the_public_address_of_this_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    # Which public addresses a machine has cannot be arranged in a test, so a private one plays the part.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("1.1.1.1", 9))
        own = ipaddress.ip_address(probe.getsockname()[0])
    monkeypatch.setattr("sandbox.hosts._NEVER", [])
    monkeypatch.setattr(type(own), "is_global", True)
    reason = refusal(own)
    assert reason is not None
    assert "this machine" in reason
