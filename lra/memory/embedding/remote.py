"""Embedding through any provider that Pydantic AI knows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from lra.errors import UnavailableError
from lra.memory.embedding import base
from lra.memory.embedding.failures import request_failure, setup_failure
from lra.text import clean_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pydantic_ai import Embedder
    from pydantic_ai.providers import Provider

    from lra.config.providers import ProviderFactory

TIMEOUT = 60.0
"""Seconds for one request, the client library's own retries included."""
BATCH_TEXTS = 64
BATCH_CHARS = 100_000
TEXT_CHARS = (8_000, 2_000, 500)
"""Characters kept of a text; the next smaller limit is taken when the model's window is exceeded."""
BLANK = "(empty)"
"""Stands for an empty text, which most providers refuse."""


@dataclass(frozen=True, slots=True)
class _Client:
    embedder: Embedder
    provider: Provider[Any] | None


class PydanticEmbedder:
    """A provider's embedding model, asked over the network.

    Args:
        name: A Pydantic AI name such as `openai:text-embedding-3-small` or `ollama:nomic-embed-text`.
        provider_factory: Builds the provider from its name; by default Pydantic AI does, from the environment.
    """

    def __init__(self, name: str, *, provider_factory: ProviderFactory | None = None) -> None:
        self.name = name
        self.fingerprint = base.fingerprint(name.replace(":", "-"), name)
        self.dimensions: int | None = None
        self._factory = provider_factory
        self._opening: asyncio.Task[_Client] | None = None
        self._limit = 0
        self._closed = False

    async def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed texts that are to be found; array of shape (n, d), rows of length 1.

        Raises:
            ConfigError: The name, a key or a package is missing or wrong.
            UnavailableError: The provider cannot be reached or does not answer as it should.
            BusyError: The provider asks to wait.
        """
        rows = [await self._embed(batch, "document") for batch in _batches(texts)]

        import numpy as np

        return np.concatenate(rows) if rows else np.zeros((0, self.dimensions or 0), np.float32)

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        """Embed the text that searches; array of shape (d,) and length 1, errors as in `embed_documents`."""
        vector: NDArray[np.float32] = (await self._embed([text], "query"))[0]
        return vector

    async def close(self) -> None:
        """Close the connections to the provider."""
        self._closed = True
        task, self._opening = self._opening, None
        client = _opened(task)
        if task and client and client.provider and task.get_loop() is asyncio.get_running_loop():
            await client.provider.__aexit__(None, None, None)

    async def _embed(self, texts: Sequence[str], kind: Literal["query", "document"]) -> NDArray[np.float32]:
        if self._closed:
            raise RuntimeError("This embedder is closed.")
        client = await self._open()
        from pydantic_ai.exceptions import ModelContextWindowExceededError

        while True:
            limit = TEXT_CHARS[self._limit]
            inputs = [clean_text(text[:limit]).strip() or BLANK for text in texts]
            try:
                async with asyncio.timeout(TIMEOUT):
                    result = await client.embedder.embed(inputs, input_type=kind)
                break
            except ModelContextWindowExceededError as error:
                if self._limit + 1 == len(TEXT_CHARS):
                    raise request_failure(self.name, error) from error
                self._limit += 1
            except TimeoutError as error:
                raise UnavailableError(f"{self.name} did not answer within {TIMEOUT:.0f} seconds.") from error
            except Exception as error:
                # Client libraries raise errors of any kind about an answer that is not what they expect.
                raise request_failure(self.name, error) from error
        return self._checked(result.embeddings, len(inputs))

    def _checked(self, embeddings: Sequence[Sequence[float]], count: int) -> NDArray[np.float32]:
        import numpy as np

        try:
            matrix = np.asarray(embeddings, np.float32)
        except ValueError:
            matrix = np.zeros((0, 0), np.float32)
        if matrix.ndim != 2 or matrix.shape[0] != count or not matrix.shape[1] or not np.isfinite(matrix).all():
            raise UnavailableError(f"{self.name} did not return one vector for each of {count} texts.")
        if self.dimensions not in (None, matrix.shape[1]):
            raise UnavailableError(
                f"{self.name} returned vectors of {matrix.shape[1]} dimensions after {self.dimensions} before."
            )
        self.dimensions = matrix.shape[1]
        return base.unit_rows(matrix)

    async def _open(self) -> _Client:
        loop, task = asyncio.get_running_loop(), self._opening
        # A client's connections belong to the event loop that opened them.
        if task is None or task.get_loop() is not loop or (task.done() and _opened(task) is None):
            task = self._opening = loop.create_task(self._start())
        return await asyncio.shield(task)

    async def _start(self) -> _Client:
        client = await asyncio.to_thread(self._build)
        if client.provider is not None:
            await client.provider.__aenter__()
        return client

    def _build(self) -> _Client:
        """Import and set up the client, which takes up to a second: not for the event loop."""
        from pydantic_ai import Embedder
        from pydantic_ai.embeddings import infer_embedding_model
        from pydantic_ai.exceptions import UserError
        from pydantic_ai.providers import infer_provider

        providers: list[Provider[Any]] = []

        def remember(name: str) -> Provider[Any]:
            providers.append((self._factory or infer_provider)(name))
            return providers[-1]

        try:
            import numpy  # noqa: F401  # so that the event loop need not import it

            embedder = Embedder(infer_embedding_model(self.name, provider_factory=remember))
        except (UserError, ValueError, ImportError) as error:
            raise setup_failure(self.name, error) from error
        return _Client(embedder, providers[-1] if providers else None)


def _opened(task: asyncio.Task[_Client] | None) -> _Client | None:
    if task is None or not task.done() or task.cancelled() or task.exception():
        return None
    return task.result()


def _batches(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    start = size = 0
    for index, text in enumerate(texts):
        own = min(len(text), TEXT_CHARS[0])
        if index > start and (index - start == BATCH_TEXTS or size + own > BATCH_CHARS):
            yield texts[start:index]
            start, size = index, 0
        size += own
    if start < len(texts):
        yield texts[start:]
