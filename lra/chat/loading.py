"""Loading what is heavy while the person types."""

from __future__ import annotations

import asyncio
import threading
from importlib import import_module

# In steps, so that leaving at once does not wait for all of it.
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


class Loader:
    """Imports the session's packages in a thread."""

    def __init__(self) -> None:
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
