"""Secrets: seen, not kept without a yes, found where they are already."""

from __future__ import annotations

import pytest

from lra.memory import Memory
from lra.memory.audit import examine
from lra.memory.secrets import SecretRefusedError, kinds_of, masked, repeatable
from lra.store import Entry, NewMemory

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
    # What is told at a glance to hold nothing holds nothing.
    assert hidden not in repeatable(text)


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


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("my password is swordfish", "my password is [secret]"),
        ("Anna's password was abc and she is Jo", "Anna's password was [secret] and she is Jo"),
        ("the password of my laptop is hunter22", "the password of my laptop is [secret]"),
        ("the password for the wifi: hunter2, ok?", "the password for the wifi: [secret], ok?"),
        ("my pin is 4711", "my pin is [secret]"),
        ("My PIN code for the bank is 47 11 9", "My PIN code for the bank is [secret]"),
        ("my passphrase is correct horse battery", "my passphrase is [secret]"),
        (f"{GITHUB} and my pin is 4711", "[secret] and my pin is [secret]"),
        ("my password is strong", "my password is strong"),
        ("my password is in the drawer", "my password is in the drawer"),
        ("my pin is red", "my pin is red"),
        ("my name is Ana", "my name is Ana"),
    ],
)
def test_what_was_said_is_repeated_without_passwords(text: str, told: str) -> None:
    assert repeatable(text) == told


async def test_messages_and_summaries_are_found_without_their_secrets(memory: Memory) -> None:
    store = memory.store
    await store.ensure_session("talk")
    for word in ("hunter22", "hunter24"):
        said = Entry(role="user", content=f"the wifi password is {word}, and {GITHUB}")
        await store.journal.append("talk", None, [said])
    # As an earlier version left it.
    await store.memories.write(
        NewMemory(content="You: the wifi password is swordfish", kind="summary", source="summary"), None
    )
    kept = await memory.remember("The wifi password is hunter23", allow_secret=True)
    found = await memory.search("wifi password")
    assert {hit.kind for hit in found} >= {"turn", "summary"}
    assert [hit.content for hit in found if "[secret]" not in hit.content] == [kept.record.content]
    recalled = await memory.recall("what is the wifi password?")
    assert not [hit for hit in recalled if "hunter22" in hit.content or "swordfish" in hit.content]
    assert not [hit for hit in await memory.search("wifi", scope="sessions") if "hunter22" in hit.content]


async def test_what_sounds_alike_in_the_index_is_not_found(memory: Memory) -> None:
    await memory.remember("My meeting with Sara is on Monday at 10")
    await memory.remember("I eat muesli for breakfast")
    assert [hit.content for hit in await memory.search("what do I eat?")] == ["I eat muesli for breakfast"]
