"""Remember, edit, supersede, undo, forget and look back, in any order, against a plain model of it."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, precondition, rule

from lra.errors import NotFoundError
from lra.memory import Memory
from lra.store import StructuredMemoryStore

KEYS = ("user.dog", "user.cat", "sky", None)
VALUES = [f"word{number} stands here" for number in range(12)]


@dataclass(frozen=True)
class Fact:
    """A memory as the model sees it."""

    id: str
    key: str | None
    content: str
    count: int = 1
    by: str | None = None
    tags: tuple[str, ...] = ()


@dataclass
class Model:
    """Every memory by id, and what it was before each write that can be taken back."""

    facts: dict[str, Fact] = field(default_factory=dict)
    before: list[dict[str, Fact | None]] = field(default_factory=list)

    def change(self, *facts: Fact) -> None:
        self.before.append({fact.id: self.facts.get(fact.id) for fact in facts})
        self.facts.update({fact.id: fact for fact in facts})

    @property
    def live(self) -> dict[str, Fact]:
        return {key: fact for key, fact in self.facts.items() if fact.by is None}

    def undo(self) -> bool:
        while self.before:
            states = self.before.pop()
            gone = [key for key in states if key not in self.facts]
            for key, state in states.items():
                if key in gone:
                    continue
                if state is None:
                    successor = self.facts.pop(key).by
                    for other in [fact for fact in self.facts.values() if fact.by == key]:
                        self.facts[other.id] = replace(other, by=successor)
                else:
                    self.facts[key] = state
            if len(gone) < len(states):
                return True
        return False

    def forget(self, wanted: str) -> None:
        gone = {wanted}
        while more := {fact.id for fact in self.facts.values() if fact.by in gone} - gone:
            gone |= more
        texts = {self.facts[key].content for key in gone}
        for key in gone:
            del self.facts[key]
        # Other memories with the very same words lose them as well.
        for fact in list(self.facts.values()):
            if fact.content in texts:
                self.facts[fact.id] = replace(fact, content="[forgotten]")
        for states in self.before:
            for key, state in states.items():
                if state is not None and state.content in texts:
                    states[key] = replace(state, content="[forgotten]")


class MemoryMachine(RuleBasedStateMachine):
    """Drives a real memory and the model side by side."""

    ids: Bundle[str] = Bundle("ids")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "memory.db"
        self.memory = Memory(StructuredMemoryStore(f"sqlite+aiosqlite:///{self.path}"))
        self.model = Model()
        self.moments: list[tuple[int, set[str]]] = []

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    @initialize()
    def begin(self) -> None:
        self.run(self.memory.store.init_db())

    @rule(target=ids, key=st.sampled_from(KEYS), content=st.sampled_from(VALUES), tag=st.sampled_from((None, "a", "b")))
    def remember(self, key: str | None, content: str, tag: str | None) -> str:
        tags = (tag,) if tag else ()
        live = self.model.live.values()
        write = self.run(self.memory.remember(content, key=key, tags=tags))
        same = [fact for fact in live if fact.content == content and (fact.key == key or None in (fact.key, key))]
        held = [fact for fact in live if key is not None and fact.key == key]
        if same:
            (one,) = [fact for fact in same if fact.id == write.record.id]
            assert write.action == "merged"
            now = replace(one, count=one.count + 1, key=one.key or key, tags=tuple(dict.fromkeys((*one.tags, *tags))))
            self.model.change(now, *(replace(fact, by=one.id) for fact in held if fact.id != one.id))
        else:
            assert write.action == ("superseded" if held else "created")
            new = Fact(write.record.id, key, content, tags=tags)
            self.model.change(new, *(replace(fact, by=new.id) for fact in held))
        return str(write.record.id)

    @rule(wanted=ids, content=st.sampled_from(VALUES))
    def edit(self, wanted: str, content: str) -> None:
        if wanted in self.model.facts:
            self.run(self.memory.edit(wanted, content))
            self.model.change(replace(self.model.facts[wanted], content=content))

    @rule(wanted=ids, tag=st.sampled_from(("c", "d")))
    def tag(self, wanted: str, tag: str) -> None:
        fact = self.model.facts.get(wanted)
        if fact is not None:
            self.run(self.memory.tag(wanted, [tag]))
            if tag not in fact.tags:
                self.model.change(replace(fact, tags=(*fact.tags, tag)))

    @rule()
    def undo(self) -> None:
        assert bool(self.run(self.memory.undo())) == self.model.undo()

    @rule(wanted=consumes(ids))
    def forget(self, wanted: str) -> None:
        if wanted not in self.model.facts:
            return
        content = self.model.facts[wanted].content
        _, forgotten = self.run(self.memory.erase(wanted))
        assert forgotten.receipt.complete, forgotten.receipt
        self.model.forget(wanted)
        self.moments.clear()
        if content != "[forgotten]":
            word = content.split()[0].encode()
            assert all(content not in fact.content for fact in self.model.facts.values())
            assert not any(content.encode() in file.read_bytes() for file in self.path.parent.iterdir()), word

    @precondition(lambda self: self.model.facts)
    @rule()
    def look(self) -> None:
        found = self.run(self.memory.search(" ".join(VALUES), scope="memories", limit=50, echoes=True))
        assert {hit.id for hit in found} <= set(self.model.live)
        told = {fact.id for fact in self.model.live.values() if fact.content != "[forgotten]"}
        assert told <= {hit.id for hit in found}

    @invariant()
    def same_as_the_model(self) -> None:
        records = self.run(self.memory.store.memories.find(superseded=True))
        found = {
            record.id: Fact(
                record.id, record.key, record.content, record.count, record.superseded_by, tuple(record.tags)
            )
            for record in records
        }
        assert found == self.model.facts

    @invariant()
    def now_is_what_is_live(self) -> None:
        from lra.store.clock import now_us

        held = self.run(self.memory.store.timeline.at(now_us()))
        assert {record.id for record in held} == set(self.model.live)

    def teardown(self) -> None:
        self.run(self.memory.close())
        self.run(self.memory.store.close())
        self.loop.close()
        self.folder.cleanup()


MemoryMachine.TestCase.settings = settings(
    max_examples=15, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
TestMemory = MemoryMachine.TestCase


async def test_what_is_forgotten_is_not_found(memory: Memory) -> None:
    written = await memory.remember(VALUES[0])
    await memory.erase(written.record.id)
    try:
        await memory.get(written.record.id)
    except NotFoundError:
        return
    raise AssertionError("it is still there")
