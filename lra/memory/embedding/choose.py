"""Which embedder the settings ask for, and what is still missing for it."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lra.config.providers import provider_factory
from lra.config.settings import Settings
from lra.errors import ConfigError, LraError
from lra.memory.embedding.base import Embedder
from lra.memory.embedding.download import fetch_model
from lra.memory.embedding.files import FILES, has_model
from lra.memory.embedding.onnx import OnnxEmbedder
from lra.memory.embedding.remote import PydanticEmbedder
from lra.text import one_line

if TYPE_CHECKING:
    from lra.config.providers import ProviderFactory

logger = logging.getLogger("lra.memory")
MINILM = "all-MiniLM-L6-v2"
TRIES = 2
"""Downloads that one process starts; the next process tries again."""
RETRY_AFTER = 300.0
"""Seconds between them."""
# A drive letter is no provider: those have two letters at least.
_PROVIDER_NAME = re.compile(r"[A-Za-z][\w./-]+:.+", re.DOTALL)


class EmbedderChoice:
    """What the settings come down to: an embedder, none, or one whose model has to be fetched first."""

    def __init__(self, embedder: Embedder | None, reason: str, *, download: _Pending | None = None) -> None:
        self._embedder = embedder
        self._reason = reason
        self._download = download

    @property
    def embedder(self) -> Embedder | None:
        """The embedder; None when there is none or its model is not here yet."""
        return self._embedder

    @property
    def needs_download(self) -> bool:
        """Whether `prepare` would fetch a model."""
        return self._embedder is None and self._download is not None

    @property
    def reason(self) -> str:
        """What was chosen and why, in one sentence for a person."""
        return self._reason

    async def prepare(self, on_progress: Callable[[int, int | None], None] | None = None) -> Embedder | None:
        """Return the embedder, after fetching its model when that is needed.

        A fetch that fails is no error: the result is None, `reason` says why, and it is tried once more after five
        minutes, then only by the next process.

        Args:
            on_progress: Called in the event loop with bytes so far and bytes in all (None while unknown).

        Returns:
            The embedder, or None when there is none for now.
        """
        if self._embedder is None and self._download is not None:
            try:
                self._embedder = await self._download.embedder(on_progress)
            except LraError as error:
                self._reason = f"{MINILM} could not be fetched, so recall is by words only. {error}"
                logger.warning("%s could not be fetched: %s", MINILM, error)
            else:
                if self._embedder is not None:
                    self._reason = f"{MINILM} in {self._download.target}."
        return self._embedder


class _Pending:
    """A model that is not here yet."""

    def __init__(self, target: Path, url: str) -> None:
        self.target = target
        self._url = url
        self._tries = 0
        self._last_try = 0.0
        self._ready: Embedder | None = None
        self._running = asyncio.Lock()

    async def embedder(self, on_progress: Callable[[int, int | None], None] | None) -> Embedder | None:
        async with self._running:
            if self._ready is not None:
                return self._ready
            if not await asyncio.to_thread(has_model, self.target):
                if self._tries >= TRIES or (self._tries and time.monotonic() - self._last_try < RETRY_AFTER):
                    return None
                self._tries += 1
                try:
                    await fetch_model(self.target, self._url, on_progress=on_progress)
                    await asyncio.to_thread(_note, self.target, None)
                except LraError as error:
                    await asyncio.to_thread(_note, self.target, str(error))
                    raise
                finally:
                    self._last_try = time.monotonic()
            self._ready = await asyncio.to_thread(_minilm, self.target, self.target.parent)
            return self._ready


def choose_embedder(settings: Settings, *, providers: ProviderFactory | None = None) -> EmbedderChoice:
    """Find the embedder that `LRA_EMBEDDING` names.

    `none` is none; `minilm` is all-MiniLM-L6-v2, from the data folder, else from the folder where Chroma keeps it,
    else to be fetched; a path is a folder with an ONNX model; `provider:model` is asked over the network. Looks at
    a few files, and hashes a model file that it sees for the first time (0.1 s): call it off the event loop.

    Args:
        settings: `embedding`, `embedding_url`, `home`, and keys for providers.
        providers: Builds the providers of Pydantic AI; by default from `settings`.

    Returns:
        The choice; nothing is loaded or fetched yet.

    Raises:
        ConfigError: The value is none of these, or the folder holds no usable model.
    """
    value = settings.embedding
    match value.lower():
        case "none":
            return EmbedderChoice(None, "Vectors are off (LRA_EMBEDDING=none): recall is by words only.")
        case "minilm":
            return _default(settings)
    if _PROVIDER_NAME.fullmatch(value) and not _is_path(value):
        factory = providers or provider_factory(settings)
        return EmbedderChoice(PydanticEmbedder(value, provider_factory=factory), f"{value}, over the network.")
    folder = settings.folder / Path(value).expanduser()
    if _is_path(value) or folder.is_dir():
        return EmbedderChoice(OnnxEmbedder(folder, memory=_models(settings)), f"The ONNX model in {folder}.")
    raw = settings.raw.get("LRA_EMBEDDING")
    raise ConfigError(
        f"LRA_EMBEDDING{f' from {raw.source}' if raw else ''} is {value!r}: it must be minilm, none, the folder of "
        "an ONNX model, or provider:model such as openai:text-embedding-3-small."
    )


def lasting(settings: Settings) -> str:
    """Return what `LRA_EMBEDDING` says in a form that means the same from every folder."""
    value = settings.embedding
    folder = settings.folder / Path(value).expanduser()
    return str(folder.absolute()) if _is_path(value) or folder.is_dir() else value


def _default(settings: Settings) -> EmbedderChoice:
    models = _models(settings)
    own, chroma = models / MINILM, _chroma_folder()
    if has_model(own):
        return EmbedderChoice(_minilm(own, models), f"{MINILM} in {own}.")
    if chroma is not None and has_model(chroma, FILES):
        return EmbedderChoice(_minilm(chroma, models), f"{MINILM} in Chroma's folder {chroma}.")
    host = urlsplit(settings.embedding_url).hostname
    so_far = f"{MINILM} is still to be fetched from {host}; until then recall is by words only."
    return EmbedderChoice(
        None,
        _noted(own) or so_far,
        download=_Pending(own, settings.embedding_url),
    )


def _failure(target: Path) -> Path:
    return target.with_name(f"{target.name}.failed")


def _note(target: Path, why: str | None) -> None:
    """Keep why the last fetch failed, for whoever asks in another process; None when it did not."""
    with suppress(OSError):
        if why is None:
            _failure(target).unlink(missing_ok=True)
        else:
            _failure(target).write_text(why, encoding="utf-8")


def _noted(target: Path) -> str:
    """Return that the last fetch failed, when, and why; empty when none did."""
    note = _failure(target)
    try:
        tried, why = note.stat().st_mtime, one_line(note.read_text(encoding="utf-8", errors="replace"), 400)
    except OSError:
        return ""
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(tried))
    return f"{MINILM} could not be fetched, last tried {when}; until then recall is by words only. {why}"


def _minilm(folder: Path, memory: Path) -> OnnxEmbedder:
    return OnnxEmbedder(folder, name=MINILM, memory=memory)


def _models(settings: Settings) -> Path:
    return settings.home / "models"


def _chroma_folder() -> Path | None:
    try:
        return Path.home() / ".cache" / "chroma" / "onnx_models" / MINILM / "onnx"
    except RuntimeError:
        return None


def _is_path(value: str) -> bool:
    return value.startswith(("/", ".", "~", "\\")) or (os.sep != "/" and bool(re.match(r"[A-Za-z]:[\\/]", value)))
