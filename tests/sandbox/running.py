"""Using a sandbox in tests: one call, one answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sandbox.client import Client


@dataclass
class Ran:
    events: list[dict[str, Any]] = field(default_factory=list)

    def text(self, *streams: str) -> str:
        return "".join(event["text"] for event in self.events if event["event"] in streams)

    @property
    def out(self) -> str:
        return self.text("stdout")

    @property
    def err(self) -> str:
        return self.text("stderr")

    @property
    def done(self) -> dict[str, Any]:
        assert self.events[-1]["event"] == "done"
        return self.events[-1]

    @property
    def result(self) -> Any:
        found = [event["data"] for event in self.events if event["event"] == "result"]
        return found[0]["text/plain"] if found else None

    @property
    def shown(self) -> list[dict[str, Any]]:
        return [event["data"] for event in self.events if event["event"] in {"display", "result"}]


@dataclass
class Running:
    client: Client
    id: str

    @classmethod
    async def create(cls, client: Client, **options: Any) -> Running:
        return cls(client, (await client.create(**options))["id"])

    async def run(self, code: str, **more: Any) -> Ran:
        return Ran([event async for event in self.client.execute(self.id, code, **more)])

    async def ok(self, code: str, **more: Any) -> Ran:
        ran = await self.run(code, **more)
        assert ran.done["status"] == "ok", ran.events
        return ran

    async def shell(self, command: str, **more: Any) -> Ran:
        return Ran([event async for event in self.client.command(self.id, command, **more)])

    async def read(self, path: str) -> bytes:
        return b"".join([piece async for piece in self.client.read(self.id, path)])
