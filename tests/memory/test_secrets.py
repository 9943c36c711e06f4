"""Secrets: seen, not kept without a yes, found where they are already."""

from __future__ import annotations

import pytest

from lra.memory import Memory
from lra.memory.audit import examine
from lra.memory.secrets import SecretRefusedError, kinds_of, masked

# Put together here, so that nobody's scanner takes them for real ones.
GITHUB = "ghp_" + "abcdefghijklmnopqrstuvwxyz0123456789"
OPENAI = "sk-proj-" + "abcdefghijklmnopqrstuvwxyz123456"
SLACK = "xoxb-" + "123456789012-1234567890123-abcdefghijklmnopqrstuvwx"
AWS = "AKIA" + "IOSFODNN7EXAMPLE"
JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nAAAA\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        (f"the token is {GITHUB} ok", GITHUB),
        (OPENAI, OPENAI),
        (f"use {SLACK}.", "abcdefghijklmnopqrstuvwx"),
        (f"{AWS} is the key", AWS),
        (f"jwt {JWT}", JWT),
        (f"here: {KEY} thanks", "MIIEow"),
        ("card 4111 1111 1111 1111, valid", "4111 1111 1111 1111"),
        ("my wifi password is hunter2!", "hunter2!"),
        ("db: postgres://bob:s3cret@db/prod", "s3cret"),
        ("api_key = 'abc123def456'", "abc123def456"),
    ],
)
def test_secrets_are_seen_and_masked_whole(text: str, hidden: str) -> None:
    assert kinds_of(text)
    assert hidden not in masked(text)
    assert "[secret]" in masked(text)


@pytest.mark.parametrize(
    "text",
    [
        "My dog is called Rex",
        "My password is strong",
        "The number is 1234 5678 9012 3456",
        "see https://example.com/a/very/long/path/abcdefghijklmnop",
        "commit 3f786850e387550fdab836ed7e6dc881de23001b",
        "Phone +49 170 1234567",
        "The token is valid until Monday",
        "id 0190a3f4-7c1e-7aaa-8bbb-123456789abc",
        "2026-01-31T18:00:00.000000Z",
        "",
    ],
)
def test_what_is_none_is_left_alone(text: str) -> None:
    assert kinds_of(text) == []
    assert masked(text) == text


async def test_a_secret_waits_for_a_yes(memory: Memory) -> None:
    with pytest.raises(SecretRefusedError, match="GitHub") as refused:
        await memory.remember(f"My token is {GITHUB}")
    assert GITHUB not in str(refused.value)
    assert await memory.find() == []
    kept = await memory.remember(f"My token is {GITHUB}", allow_secret=True)
    with pytest.raises(SecretRefusedError):
        await memory.edit(kept.record.id, f"It is {OPENAI}")
    summary = await memory.remember(f"They gave {OPENAI}.", kind="summary", source="summary")
    assert summary.record.content == "They gave [secret]."


async def test_the_audit_finds_what_is_wrong(memory: Memory) -> None:
    secret = await memory.remember(f"My token is {GITHUB}", allow_secret=True)
    await memory.remember("My dog is called Rex")
    await memory.store.memories.put(_new("The name of my dog is Rex"))
    await memory.store.memories.put(_new("My cat's name is Felix"))
    await memory.remember("My cat is called Tom")
    await memory.remember("What now?")
    await memory.remember("It rains", valid_from=0, valid_to=10)
    found = {finding.name: finding for finding in await examine(memory.store)}
    assert {name: finding.count for name, finding in found.items()} == {
        "secrets": 1,
        "duplicates": 1,
        "contradictions": 1,
        "junk": 1,
        "stale": 1,
    }
    assert found["secrets"].ids == (secret.record.id,)
    assert GITHUB not in str(found)
    assert found["secrets"].fix == f"lra memory forget {secret.record.id}"


def _new(content: str):  # type: ignore[no-untyped-def]
    from lra.store import NewMemory

    return NewMemory(content=content)
