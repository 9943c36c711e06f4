"""Loading what is heavy while the person types."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from importlib import import_module

# In steps, so that leaving at once does not wait for all of it, and that it can be said what is missing.
_HEAVY = (
    "sqlalchemy",
    "pydantic",
    "httpx",
    "pydantic_ai",
    "lra.store.structured",
    "lra.memory",
    "lra.runtime",
    "lra.session.session",
)
_NAMES = {
    "sqlalchemy": "the record",
    "pydantic": "the agent",
    "pydantic_ai": "the agent",
    "lra.memory": "memory",
    "lra.session": "the session",
}
"""What people are told, from the step on that needs it."""


class Loader:
    """Imports the session's packages in a thread.

    Args:
        on_step: Told on the event loop what is being loaded, in words.
    """

    def __init__(self, on_step: Callable[[str], None] = lambda _what: None) -> None:
        self._on_step = on_step
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._loaded: asyncio.Future[None] | None = None

    def start(self) -> None:
        """Begin to import; call it on the event loop."""
        loop = asyncio.get_running_loop()
        loaded = self._loaded = loop.create_future()

        def settle(error: BaseException | None) -> None:
            if loaded.cancelled():
                return
            if error is None:
                loaded.set_result(None)
            else:
                loaded.set_exception(error)

        def work() -> None:
            error: BaseException | None = None
            try:
                for name in _HEAVY:
                    if self._stopped.is_set():
                        return
                    if what := _NAMES.get(name):
                        loop.call_soon_threadsafe(self._on_step, what)
                    import_module(name)
            except Exception as problem:
                error = problem
            if not self._stopped.is_set():
                loop.call_soon_threadsafe(settle, error)

        self._thread = threading.Thread(target=work, name="loader", daemon=True)
        self._thread.start()

    async def loaded(self) -> None:
        """Wait until everything is imported."""
        assert self._loaded is not None, "start comes first"
        await asyncio.shield(self._loaded)

    def stop(self) -> None:
        """Import no further; an interpreter that ends in the middle of an import may crash."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
