"""Facts over time: what repeats is counted, what changes replaces, what contradicts is shown."""

from __future__ import annotations

from itertools import product

import pytest
from sqlalchemy import Connection

from lra.errors import UsageError
from lra.memory import Memory
from lra.memory.readings import reading
from lra.store import NewMemory
from lra.store.clock import parse_time
from lra.store.remembering import remember


@pytest.mark.parametrize(
    ("old", "new", "relation"),
    [
        ("My dog is called Rex", "My dog is called Rex.", "same"),
        ("My dog is called Rex", "The name of my dog is Rex", "same"),
        ("My dog is called Rex", "User's dog's name is Rex", "same"),
        ("My dog is called Rex", "User has a dog named Rex", "same"),
        ("My dog is called Rex", "Note: my dog is called REX!", "same"),
        ("User prefers dark mode", "The user prefers dark mode", "same"),
        ("My favourite colour is blue", "Blue is my favorite color", "same"),
        ("The colour of item 17 is red", "Item 17's colour is red", "same"),
        ("The capital of France is Paris", "Paris is the capital of France", "same"),
        ("我住在北京。", "我住在北京", "same"),
        ("My dog is called Rex", "My dog's name is Max", "contrary"),
        ("I live in Berlin", "User moved to Paris", "contrary"),
        ("I work at Acme", "I work for Globex", "contrary"),
        ("My name is Alice", "I am called Bob", "contrary"),
        ("I am 34 years old", "I'm 35", "contrary"),
        ("I like tea", "I don't like tea", "contrary"),
        ("I like tea", "I hate tea", "contrary"),
        ("I am vegetarian", "I'm not vegetarian", "contrary"),
        ("Always answer in German", "Never answer in German", "contrary"),
        ("The staging server's port is 8080", "The port of the staging server is 9090", "contrary"),
        ("The deadline for the report is Friday", "The deadline for the report is Monday", "contrary"),
        ("I live in Berlin", "I live in Berlin, Germany", "other"),
        ("I like tea", "I like coffee", "other"),
        ("I am vegetarian", "I was vegetarian", "other"),
        ("My brother is Tom", "My brother is Jim", "other"),
        ("Anna is taller than Tom", "Tom is taller than Anna", "other"),
        ("her dog is Rex", "my dog is Rex", "other"),
        ("I have a cat named Rex", "I have a dog named Rex", "other"),
        ("My sister's name is Anna", "My brother's name is Anna", "other"),
        ("The meeting is at 3", "The meeting is at 4", "other"),
        ("I paid Tom 20 euros", "I paid Tom 30 euros", "other"),
    ],
)
def test_what_a_sentence_is_to_another(old: str, new: str, relation: str) -> None:
    held = reading(new, "fact")
    assert held is not None
    assert held.relation(old) == relation


@pytest.mark.parametrize("new", ["The name of my dog is Rex", "my dog is called rex", "User has a dog named Rex"])
async def test_what_is_said_again_is_counted(memory: Memory, new: str) -> None:
    first = await memory.remember("My dog is called Rex", tags=["pet"])
    again = await memory.remember(new, kind="preference", tags=["dog"])
    assert (again.action, again.record.id, again.record.count) == ("merged", first.record.id, 2)
    assert again.record.tags == ["pet", "dog"]
    assert again.record.content == "My dog is called Rex"
    assert len(await memory.find()) == 1


async def test_a_contradiction_is_named_and_both_stand(memory: Memory) -> None:
    first = await memory.remember("My dog is called Rex")
    second = await memory.remember("My dog's name is Max")
    assert (second.action, [old.id for old in second.contradicts]) == ("created", [first.record.id])
    assert len(await memory.find()) == 2
    # Where the key says so, it is a new value and no contradiction.
    third = await memory.remember("The cat is grey", key="cat.colour")
    fourth = await memory.remember("The cat is black", key="Cat.Colour")
    assert (fourth.action, fourth.contradicts) == ("superseded", ())
    assert (await memory.get(third.record.id)).superseded_by == fourth.record.id


@pytest.mark.parametrize("key", ["user.dog.name", "user.dog_name", "User.Dog.Name"])
async def test_a_key_is_the_same_however_it_is_written(memory: Memory, key: str) -> None:
    await memory.remember("Rex", key="user.dog.name")
    assert (await memory.remember("Max", key=key)).action == "superseded"


async def test_equal_values_of_different_keys_stay_apart(memory: Memory) -> None:
    await memory.remember("8080", key="staging.port")
    other = await memory.remember("8080", key="production.port")
    assert other.action == "created"
    assert {record.key for record in await memory.find()} == {"staging.port", "production.port"}


async def test_a_value_for_an_earlier_time_is_history(memory: Memory) -> None:
    now = await memory.remember("Lives in Paris", key="user.home", valid_from=parse_time("2024-05-01"))
    early = await memory.remember("Lives in Rome", key="user.home", valid_from=parse_time("2020-01-01"))
    assert early.record.superseded_by == now.record.id
    assert [record.content for record in await memory.find()] == ["Lives in Paris"]
    at = memory.store.timeline.at
    assert [record.content for record in await at(parse_time("2022-01-01"))] == ["Lives in Rome"]
    assert [record.content for record in await at(parse_time("2025-01-01"))] == ["Lives in Paris"]
    assert await at(parse_time("2019-01-01")) == []
    (change,) = await memory.store.timeline.between(parse_time("2022-01-01"), parse_time("2025-01-01"))
    assert (change.kind, change.before and change.before.content) == ("changed", "Lives in Rome")


async def test_an_interval_that_ends_before_it_begins_is_refused(memory: Memory) -> None:
    with pytest.raises(UsageError, match="ends before it begins"):
        await memory.remember("x y", valid_from=parse_time("2026-05-01"), valid_to=parse_time("2026-04-01"))
    assert await memory.find() == []


async def test_an_edit_is_seen_from_then_on(memory: Memory) -> None:
    first = await memory.remember("The gate is green")
    before = first.record.created_at
    await memory.edit(first.record.id, "The gate is red")
    history = await memory.history(first.record.id)
    at = memory.store.timeline.at
    assert [record.content for record in await at(history[-1].at - 1)] == ["The gate is green"]
    assert [record.content for record in await at(history[-1].at)] == ["The gate is red"]
    (change,) = await memory.store.timeline.between(before, history[-1].at)
    assert change.kind == "changed"


async def test_pin_and_tag_are_taken_back_too(memory: Memory) -> None:
    written = (await memory.remember("The gate is green", tags=["garden"])).record
    await memory.pin(written.id)
    await memory.tag(written.id, ["house"], ["garden"])
    assert (await memory.get(written.id)).tags == ["house"]
    assert [hit.id for hit in await memory.search("house", scope="memories")] == [written.id]
    await memory.undo()
    assert (await memory.get(written.id)).tags == ["garden"]
    await memory.undo()
    assert not (await memory.get(written.id)).pin
    assert [back.action for back in await memory.undo()] == ["removed"]
    assert await memory.undo() == []


@pytest.mark.timeout(180)
async def test_a_thousand_facts_changed_five_times(memory: Memory) -> None:
    """Nothing superseded is found, and at most one hit in a hundred repeats another."""
    colours = ("red", "green", "blue", "black", "white", "brown")

    def churn(connection: Connection) -> None:
        for number, colour in product(range(1000), colours):
            text = f"The colour of box {number} is {colour}"
            new = NewMemory(content=text, key=f"box{number}.colour")
            remember(connection, new, reading(text, "fact"))
        for number in range(1000):
            text = f"Box {number}'s colour is {colours[-1]}"
            assert remember(connection, NewMemory(content=text), reading(text, "fact")).action == "merged"

    # In one transaction, since seven thousand flushes of a disk are not what is tested here.
    await memory.store.database.write(churn)
    current = {record.id: record.content for record in await memory.find()}
    assert len(current) == 1000
    hits, repeated = 0, 0
    for number in range(0, 1000, 25):
        found = await memory.search(f"what colour is box {number}?", scope="memories", limit=10)
        assert found[0].content == f"The colour of box {number} is brown"
        assert all(hit.id in current for hit in found)
        hits += len(found)
        repeated += len(found) - len({hit.content for hit in found})
    assert hits
    assert repeated <= hits / 100
