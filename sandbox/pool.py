"""Sandboxes that wait to be claimed: started, warmed, stopped. Each is given to one tenant and never comes back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from sandbox.errors import SandboxError
from sandbox.link import Link
from sandbox.providers.base import Box, Provider, Spec

_log = logging.getLogger("sandbox.pool")
_MOST_KINDS = 4
"""Kinds of sandboxes that are kept ready; the one that was asked for longest ago makes room."""
_AFTER_CLAIM = 0.05
"""Seconds for the claim that made room, while others are ready."""
KEY_PREFIX = "sbt_"
"""What the key of one sandbox begins with."""
MODULES = ("numpy", "pandas", "matplotlib.pyplot", "requests", "httpx")
"""What kernels that nobody waits for are born with, where it is installed."""
Start = Callable[[Spec], Awaitable[tuple[Provider, Box]]]


@dataclass(frozen=True, slots=True)
class Warm:
    """One that waits."""

    spec: Spec
    box: Box
    link: Link
    provider: str


class Pool:
    """Keeps some sandboxes ready for every kind that was asked for lately.

    Args:
        size: How many of each kind.
        start: Starts one.
        note: Writes one down, so that it is ended when this process is killed.
        end: Ends one, and strikes it out.
    """

    def __init__(
        self,
        size: int,
        start: Start,
        note: Callable[[Warm], Awaitable[None]],
        end: Callable[[str, Box], Awaitable[None]],
    ) -> None:
        self.size = size
        self._start = start
        self._note = note
        self._end = end
        self._ready: OrderedDict[str, deque[Warm]] = OrderedDict()
        self._kinds: dict[str, Spec] = {}
        self._filling: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._closed = False

    def __len__(self) -> int:
        return sum(map(len, self._ready.values()))

    def want(self, spec: Spec) -> None:
        """Begin to keep a kind ready.

        Args:
            spec: One of the kind.
        """
        if self.size and not self._closed and (kind := kind_of(spec)) is not None:
            self._kinds[kind] = spec
            self._ready.setdefault(kind, deque())
            self._ready.move_to_end(kind)
            self.tend()

    async def take(self, spec: Spec) -> Warm | None:
        """Return one that is what was asked for, thawed; None when there is none.

        Args:
            spec: What was asked for.
        """
        kind = kind_of(spec)
        if not self.size or self._closed or kind is None:
            return None
        try:
            waiting = self._ready.get(kind)
            while waiting:
                warm = waiting.popleft()
                try:
                    await warm.link.ask("resume")
                except SandboxError:
                    await self._dropped(warm)  # it ended while it waited
                except BaseException:
                    await self._dropped(warm)
                    raise
                else:
                    return warm
            return None
        finally:
            self.want(spec)

    def tend(self) -> None:
        """See to it that as many are ready as there should be."""
        if self.size and not self._closed and self._kinds and (self._filling is None or self._filling.done()):
            self._filling = asyncio.create_task(self._fill())

    async def close(self) -> None:
        """End all that wait."""
        self._closed = True
        if self._filling is not None:
            self._filling.cancel()
            await asyncio.gather(self._filling, return_exceptions=True)
        left = [warm for waiting in self._ready.values() for warm in waiting]
        self._ready.clear()
        await self._dropped(*left)
        await asyncio.gather(*self._ending, return_exceptions=True)

    async def _fill(self) -> None:
        if any(self._ready.values()):
            # Whoever was just given one is served first: to start the next takes more than all that is left to do.
            await asyncio.sleep(_AFTER_CLAIM)
        for kind in list(self._ready)[:-_MOST_KINDS]:
            self._kinds.pop(kind, None)
            await self._dropped(*self._ready.pop(kind))
        for kind, waiting in reversed(list(self._ready.items())):
            gone = [each for each in waiting if each.link.closed]
            for warm in gone:
                waiting.remove(warm)
            await self._dropped(*gone)
            while len(waiting) < self.size:
                try:
                    waiting.append(await self._make(self._kinds[kind]))
                except SandboxError as error:
                    # Whoever asks for one of this kind is told the same; until then nobody has to know.
                    _log.info("No sandbox is kept ready: %s", error.message)
                    self._kinds.pop(kind, None)
                    await self._dropped(*self._ready.pop(kind, ()))
                    break

    async def _make(self, like: Spec) -> Warm:
        spec = Spec(image=like.image, packages=like.packages, limits=like.limits, lease_seconds=like.lease_seconds)
        provider, box = await self._start(spec)
        try:
            link = await Link.open(box, spec)
            try:
                await link.ask("warm", modules=MODULES)
                await link.ask("pause")
            except BaseException:
                await link.close()
                raise
        except BaseException:
            await asyncio.shield(asyncio.ensure_future(box.kill()))
            raise
        warm = Warm(spec, box, link, provider.name)
        # What is being written down is written: only then can it be struck out.
        noting = asyncio.ensure_future(self._note(warm))
        try:
            await asyncio.shield(noting)
        except BaseException:
            await asyncio.wait({noting})
            await self._dropped(warm)
            raise
        return warm

    async def _dropped(self, *several: Warm) -> None:
        """End some; once begun it is brought to its end, whoever does not wait for it any longer."""
        ending = {asyncio.create_task(self._discard(warm)) for warm in several}
        self._ending |= ending
        for each in ending:
            each.add_done_callback(self._ending.discard)
        if ending:
            await asyncio.wait(ending)

    async def _discard(self, warm: Warm) -> None:
        await warm.link.close()
        with contextlib.suppress(SandboxError):
            await self._end(warm.spec.sandbox_id, warm.box)


def claimed(warm: Warm, wanted: Spec) -> Spec:
    """Return what a sandbox is from now on that somebody has claimed.

    Args:
        warm: The one that waited.
        wanted: What was asked for.
    """
    return replace(wanted, sandbox_id=warm.spec.sandbox_id, token=warm.spec.token)


def kind_of(spec: Spec) -> str | None:
    """Return the name of a kind of sandboxes that can stand for each other; None for what is made for one alone.

    Args:
        spec: One of them.
    """
    plain = Spec(
        image=spec.image,
        packages=spec.packages,
        limits=spec.limits,
        # What its owner here goes by, and the guest knows nothing of.
        language=spec.language,
        metadata=spec.metadata,
        idle_seconds=spec.idle_seconds,
        lifetime_seconds=spec.lifetime_seconds,
        lease_seconds=spec.lease_seconds,
        sandbox_id=spec.sandbox_id,
        token=spec.token,
    )
    if plain != spec:
        return None
    packages = sorted((manager, sorted(names)) for manager, names in spec.packages.items() if names)
    return repr((spec.image, packages, spec.limits, spec.lease_seconds))


def new_key() -> str:
    """Return a key that opens one sandbox."""
    return KEY_PREFIX + secrets.token_urlsafe(32)
