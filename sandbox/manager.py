"""Sandboxes and their life: made, used, ended when idle or old, and taken over after a restart."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import logging
import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sandbox import records
from sandbox.dealings import Dealings
from sandbox.errors import GoneError, LimitError, NotFoundError, SandboxError, UnavailableError
from sandbox.instance import Sandbox
from sandbox.link import Link
from sandbox.metrics import Metrics
from sandbox.options import read_options
from sandbox.pool import Pool, Warm, claimed, new_key
from sandbox.providers.base import Box, Provider, Spec
from sandbox.providers.registry import choose, load

_SWEEP_SECONDS = 1.0
MOST = 64
_AT_ONCE = 8
_STARTS = 6
LEASE = 30.0
_log = logging.getLogger("sandbox.manager")


class Manager(Dealings):
    """Every sandbox of one process. It is itself a client (`sandbox.client.Client`).

    Args:
        provider: Name of a provider, or `auto`; or a provider, which is used without trying it first.
        lasting: Whether sandboxes outlive this process for the time of their lease, for a later manager to adopt.
        most: How many sandboxes there may be at once.
        adopting: Whether to take over what a dead owner left when it opens; else one by one, with `take_over`.
        pool: How many sandboxes of each kind that is asked for are kept ready.
        lease: Seconds that a sandbox outlives its owner.
    """

    def __init__(
        self,
        provider: str | Provider = "auto",
        *,
        lasting: bool = False,
        most: int = MOST,
        adopting: bool | None = None,
        pool: int = 0,
        lease: float = LEASE,
    ) -> None:
        self._wanted = provider if isinstance(provider, str) else provider.name
        self._lasting = lasting
        self._adopting = lasting if adopting is None else adopting
        self._most = most
        self._lease = lease
        self._provider: Provider | None = None if isinstance(provider, str) else provider
        self._others: dict[str, Provider] = {}
        self._pool = Pool(pool, self._start, self._note_warm, self._end_box)
        self.metrics = Metrics()
        self._choosing = asyncio.Lock()
        self._door = asyncio.Semaphore(_STARTS)
        self.progress: Callable[[str], None] | None = None
        """Told, from any thread, what a provider does that takes long."""
        self._sandboxes: dict[str, Sandbox] = {}
        self._starting = 0
        self._ending: set[asyncio.Task[None]] = set()
        self._left: dict[str, Box] = {}
        """Those to be ended whose engine did not answer; once it does they are."""
        self._sweeper: asyncio.Task[None] | None = None
        self._me = (os.getpid(), "")

    async def open(self) -> list[str]:
        """Begin: adopt what a dead owner left, end what cannot be adopted; return the adopted ids."""
        self._me = (os.getpid(), await asyncio.to_thread(records.started, os.getpid()))
        adopted: list[str] = await self._adopt() if self._adopting else []
        if self._sweeper is None:
            self._sweeper = asyncio.create_task(self._sweep())
        self._pool.want(Spec(lease_seconds=self._lease))
        return adopted

    async def provider(self) -> Provider:
        """Return the provider, chosen on first use.

        Raises:
            UnavailableError: None works here.
        """
        async with self._choosing:
            if self._provider is None:
                self._provider = await choose(self._wanted)
                if self.progress is not None and hasattr(self._provider, "progress"):
                    self._provider.progress = self.progress
            return self._provider

    async def close(self) -> None:
        """End every sandbox, and this."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
            self._sweeper = None
        ending = (self._end(each, "closed") for each in list(self._sandboxes.values()))
        await asyncio.gather(self._pool.close(), *ending, return_exceptions=True)
        await asyncio.gather(*self._ending, return_exceptions=True)
        left = (self._end_box(*each) for each in list(self._left.items()))
        await asyncio.gather(*left, return_exceptions=True)

    async def health(self) -> dict[str, Any]:
        """Return whether sandboxes can be made, and how many there are."""
        try:
            name, problem = (await self.provider()).name, None
        except SandboxError as error:
            name, problem = None, error.message
        here = {"sandboxes": len(self._sandboxes), "warm": len(self._pool)}
        return {"ready": problem is None, "provider": name, "problem": problem, **here}

    def figures(self) -> str:
        """Return what Prometheus reads."""
        gauges: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
        for each in self._sandboxes.values():
            key = ("sandboxes", (("provider", each.provider), ("status", each.status)))
            gauges[key] = gauges.get(key, 0) + 1
        gauges["warm_sandboxes", ()] = len(self._pool)
        gauges["calls_running", ()] = sum(each.running for each in self._sandboxes.values())
        return self.metrics.render(gauges)

    async def create(self, **options: Any) -> dict[str, Any]:
        """Make a sandbox and return what it is.

        Args:
            **options: Fields of `sandbox.options.OPTIONS`.

        Raises:
            SandboxError: The options are wrong, a limit is reached, or no provider works.
        """
        return (await self._create(options, "")).info()

    async def create_with_key(self, **options: Any) -> tuple[dict[str, Any], str]:
        """Make a sandbox and return what it is, and a key that opens it and nothing else.

        Args:
            **options: Fields of `sandbox.options.OPTIONS`.

        Raises:
            SandboxError: The options are wrong, a limit is reached, or no provider works.
        """
        key = new_key()
        return (await self._create(options, _hashed(key))).info(), key

    async def _create(self, options: dict[str, Any], key_hash: str) -> Sandbox:
        spec = replace(read_options(options), lease_seconds=self._lease)
        if len(self._sandboxes) + self._starting >= self._most:
            self.metrics.count("refused_total", kind="limit")
            raise LimitError(f"There are {self._most} sandboxes already: stop one first.")
        self._starting += 1
        began = time.monotonic()
        try:
            warm = await self._pool.take(spec)
            sandbox = await (self._make(spec, key_hash) if warm is None else self._claim(warm, spec, key_hash))
            await self._add_packages(sandbox)
        except SandboxError as error:
            self.metrics.count("refused_total", kind=error.kind)
            raise
        finally:
            self._starting -= 1
        came = "new" if warm is None else "pool"
        self.metrics.count("created_total", provider=sandbox.provider, came=came)
        self.metrics.time("create_seconds", time.monotonic() - began, came=came)
        self._sandboxes[sandbox.spec.sandbox_id] = sandbox
        if self._sweeper is None:
            await self.open()
        return sandbox

    async def _add_packages(self, sandbox: Sandbox) -> None:
        """Add what a provider without images could not build in; without it there is no sandbox."""
        if not any(sandbox.spec.packages.values()) or not getattr(self._provider, "adds_packages_later", False):
            return
        from sandbox.wheels import install

        try:
            await install(sandbox, {name: list(each) for name, each in sandbox.spec.packages.items() if each})
        except BaseException:
            await asyncio.shield(asyncio.ensure_future(self._bury(sandbox)))
            raise

    def opens(self, key: str, sandbox_id: str) -> bool:
        """Whether a key opens a sandbox.

        Args:
            key: What was shown.
            sandbox_id: Which.
        """
        sandbox = self._sandboxes.get(sandbox_id)
        return sandbox is not None and hmac.compare_digest(_hashed(key), sandbox.key_hash)

    async def list_sandboxes(self) -> list[dict[str, Any]]:
        """Return what there is, oldest first."""
        return [each.info() for each in sorted(self._sandboxes.values(), key=lambda each: each.created)]

    async def get(self, sandbox_id: str) -> dict[str, Any]:
        """Return one sandbox."""
        return self._find(sandbox_id).info()

    async def delete(self, sandbox_id: str) -> None:
        """End one sandbox."""
        await self._end(self._find(sandbox_id), "deleted")

    async def _start(self, spec: Spec) -> tuple[Provider, Box]:
        # One by one at the door: a guest that is started has to hear of its owner before its lease ends.
        async with self._door:
            return await self._start_now(spec)

    async def _start_now(self, spec: Spec) -> tuple[Provider, Box]:
        provider = await self.provider()
        try:
            return provider, await provider.start(spec)
        except UnavailableError as error:
            # It looked well and is not, as an engine that can build no image: the next one may be.
            if self._wanted != "auto":
                raise
            try:
                other = await choose("auto", without=provider.name)
            except UnavailableError:
                raise error from None
            self._provider = other
            return other, await other.start(spec)

    def _find(self, sandbox_id: str) -> Sandbox:
        sandbox = self._sandboxes.get(sandbox_id)
        if sandbox is None:
            raise NotFoundError(f"There is no sandbox {sandbox_id}.")
        return sandbox

    async def _make(self, spec: Spec, key_hash: str) -> Sandbox:
        provider, box = await self._start(spec)
        try:
            link = await Link.open(box, spec)
            sandbox = Sandbox(spec, box, link, provider=provider.name, created=time.time(), key_hash=key_hash)
            await self._note(sandbox)
        except BaseException as error:
            await asyncio.shield(asyncio.ensure_future(box.kill()))
            if isinstance(error, GoneError):
                raise UnavailableError(f"The sandbox was not ready in time: {error.message} Try again.") from error
            raise
        return sandbox

    async def _claim(self, warm: Warm, wanted: Spec, key_hash: str) -> Sandbox:
        spec = claimed(warm, wanted)
        sandbox = Sandbox(spec, warm.box, warm.link, provider=warm.provider, created=time.time(), key_hash=key_hash)
        try:
            await self._note(sandbox)
        except BaseException:
            await asyncio.shield(asyncio.ensure_future(sandbox.end()))
            raise
        return sandbox

    async def _end(self, sandbox: Sandbox, why: str) -> None:
        if self._sandboxes.pop(sandbox.spec.sandbox_id, None) is None:
            return  # somebody else is at it
        self.metrics.count("ended_total", why=why)
        # Once begun it is brought to its end, whoever does not wait for it any longer.
        ending = asyncio.create_task(self._bury(sandbox))
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
        await asyncio.shield(ending)

    async def _bury(self, sandbox: Sandbox) -> None:
        await sandbox.let_go()
        await self._end_box(sandbox.spec.sandbox_id, sandbox.box)

    async def _end_box(self, sandbox_id: str, box: Box) -> None:
        try:
            await box.kill()
        except UnavailableError:
            self._left[sandbox_id] = box
            raise
        self._left.pop(sandbox_id, None)
        await self._forget(sandbox_id)

    async def _forget(self, sandbox_id: str) -> None:
        await asyncio.to_thread(records.remove, sandbox_id)

    async def _who(self) -> tuple[int, str]:
        if not self._me[1]:
            self._me = (os.getpid(), await asyncio.to_thread(records.started, os.getpid()))
        return self._me

    async def _note(self, sandbox: Sandbox) -> None:
        me, started = await self._who()
        record = records.Record(
            id=sandbox.spec.sandbox_id,
            provider=sandbox.provider,
            spec=sandbox.spec.to_dict(),
            state=sandbox.box.state,
            created=sandbox.created,
            owner=me,
            owner_started=started,
            lasting=self._lasting,
            key_hash=sandbox.key_hash,
        )
        await asyncio.to_thread(records.write, record)

    async def _note_warm(self, warm: Warm) -> None:
        me, started = await self._who()
        record = records.Record(
            id=warm.spec.sandbox_id,
            provider=warm.provider,
            spec=warm.spec.to_dict(),
            state=warm.box.state,
            created=time.time(),
            owner=me,
            owner_started=started,
            lasting=False,
            pooled=True,
        )
        await asyncio.to_thread(records.write, record)

    async def _adopt(self) -> list[str]:
        found = await asyncio.to_thread(lambda: [each for each in records.everything() if not each.owned])
        some = asyncio.Semaphore(_AT_ONCE)

        async def one(sandbox_id: str) -> bool:
            async with some:
                return await self._adopt_one(sandbox_id)

        done = await asyncio.gather(*(one(record.id) for record in found))
        return [record.id for record, adopted in zip(found, done, strict=True) if adopted]

    async def take_over(self, sandbox_id: str) -> bool:
        """Adopt one sandbox whose owner has died; return whether it is there now.

        Args:
            sandbox_id: Which.
        """
        if (here := self._sandboxes.get(sandbox_id)) is not None:
            return str(here.info()["status"]) != "ended"
        if not await self._adopt_one(sandbox_id):
            return False
        if self._sweeper is None:
            await self.open()
        return True

    async def _adopt_one(self, sandbox_id: str) -> bool:
        """Take over a sandbox of a dead owner, or end it; whoever claims it first is the only one to do so."""
        record = await asyncio.to_thread(records.claim, sandbox_id, *await self._who())
        if record is None:
            return False
        box = await self._box_of(record)
        if box is not None and record.lasting:
            spec = Spec.from_dict(record.spec)
            try:
                link = await Link.open(box, spec)
            except GoneError as error:
                _log.info("The sandbox %s cannot be taken over: %s", record.id, error.message)
            else:
                sandbox = Sandbox(
                    spec, box, link, provider=record.provider, created=record.created, key_hash=record.key_hash
                )
                self._sandboxes[record.id] = sandbox
                self.metrics.count("created_total", provider=record.provider, came="adopted")
                return True
        if box is not None:
            await box.kill()
        await self._forget(record.id)
        return False

    async def _box_of(self, record: records.Record) -> Box | None:
        try:
            return await (await self._named(record.provider)).adopt(record.state)
        except SandboxError:
            return None

    async def _named(self, name: str) -> Provider:
        if self._provider is not None and self._provider.name == name:
            return self._provider
        if name not in self._others:
            self._others[name] = await asyncio.to_thread(load, name)
        return self._others[name]

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            self._pool.tend()
            for sandbox in list(self._sandboxes.values()):
                if (why := sandbox.expired()) is not None:
                    with contextlib.suppress(SandboxError, OSError):
                        await (self._lose(sandbox) if why == "lost" else self._end(sandbox, why))
            for sandbox_id, box in list(self._left.items()):
                with contextlib.suppress(SandboxError, OSError):
                    await self._end_box(sandbox_id, box)

    async def _lose(self, sandbox: Sandbox) -> None:
        """Clear up after a sandbox that hung up, unless that was because another process took it over."""
        record = await asyncio.to_thread(records.read, sandbox.spec.sandbox_id)
        me = await self._who()
        if record is None or (record.owner, record.owner_started) == me:
            await self._end(sandbox, "lost")
        else:
            self._sandboxes.pop(sandbox.spec.sandbox_id, None)
            await sandbox.let_go()


def _hashed(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
