"""Embedding on this machine: an ONNX model run by onnxruntime on the CPU."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lra.errors import ConfigError
from lra.memory.embedding import base
from lra.memory.embedding.checksums import remembered_sha256
from lra.memory.embedding.files import ModelFolder, read_folder
from lra.text import clean_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

T = TypeVar("T")

BATCH_TOKENS = 256
"""Padded tokens in one run of the model: more costs memory and makes nothing faster."""
WINDOW = 256
"""Texts that are tokenised and sorted together."""
CHARS_PER_TOKEN = 32
"""Text beyond this many characters for each token of the window is not even tokenised."""


@dataclass(frozen=True, slots=True)
class _Loaded:
    session: Any
    encode: Callable[[str], list[int]]
    inputs: frozenset[str]


class OnnxEmbedder:
    """A sentence embedding model in a folder.

    Making one reads small files and, when the model file is new, hashes it: do that off the event loop.
    The model itself (about 130 MB of memory for MiniLM) is loaded on first use, in a thread. Documents and
    queries have a thread each, so that a query does not wait for a long list of documents; neither thread
    keeps the interpreter alive for longer than one batch.

    Args:
        folder: The model's files, see `read_folder`.
        name: What people call it; the folder's name by default.
        memory: Folder where the model file's checksum is remembered between processes.
        threads: Threads for one run of the model.

    Raises:
        ConfigError: The folder is not a usable model; the message names the missing file.
    """

    def __init__(self, folder: Path, *, name: str | None = None, memory: Path | None = None, threads: int = 1) -> None:
        self._files = read_folder(folder)
        self.name = name or folder.name
        self.fingerprint = _fingerprint(self._files, memory)
        self.dimensions = self._files.dimensions
        self._threads = threads
        self._loaded: _Loaded | None = None
        self._load_lock = threading.Lock()
        self._closed = threading.Event()
        self._for_documents = ThreadPoolExecutor(1, "lra-embed-documents")
        self._for_queries = ThreadPoolExecutor(1, "lra-embed-query")

    @property
    def folder(self) -> Path:
        """Where the model's files are."""
        return self._files.folder

    async def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed texts that are to be found; array of shape (n, d), rows of length 1.

        Raises:
            ConfigError: The model or its tokenizer cannot be loaded.
        """
        done: list[tuple[list[int], NDArray[np.float32]]] = []
        for start in range(0, len(texts), WINDOW):
            ids = await self._run(self._for_documents, self._tokenise, texts[start : start + WINDOW])
            # One job for each batch: cancelling takes effect between them, and so does the interpreter's end.
            for batch in _batches([len(tokens) for tokens in ids]):
                vectors = await self._run(self._for_documents, self._embed, [ids[index] for index in batch])
                done.append(([start + index for index in batch], vectors))
        if not done:
            await self._run(self._for_documents, self._load)

        import numpy as np  # by now a thread has imported it

        matrix = np.zeros((len(texts), self.dimensions or 0), np.float32)
        for rows, vectors in done:
            matrix[rows] = vectors
        return matrix

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        """Embed the text that searches; array of shape (d,) and length 1.

        Raises:
            ConfigError: The model or its tokenizer cannot be loaded.
        """
        return await self._run(self._for_queries, self._embed_one, text)

    async def close(self) -> None:
        """Free the model; work under way ends in its own time."""
        self._closed.set()
        for pool in (self._for_documents, self._for_queries):
            pool.shutdown(wait=False, cancel_futures=True)
        self._loaded = None

    async def _run(self, pool: ThreadPoolExecutor, job: Callable[..., T], *args: object) -> T:
        if self._closed.is_set():
            raise RuntimeError("This embedder is closed.")
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, functools.partial(job, *args))
        except asyncio.CancelledError:
            # Closing cancels what waits in line, which must not look as if the caller had been cancelled.
            task = asyncio.current_task()
            if self._closed.is_set() and not (task and task.cancelling()):
                raise RuntimeError("This embedder is closed.") from None
            raise

    def _embed_one(self, text: str) -> NDArray[np.float32]:
        vector: NDArray[np.float32] = self._embed(self._tokenise([text]))[0]
        return vector

    def _tokenise(self, texts: Sequence[str]) -> list[list[int]]:
        encode = self._load().encode
        # The tokenizer holds the interpreter's lock, and for a megabyte it would hold it for most of a second.
        limit = self._files.max_tokens * CHARS_PER_TOKEN
        return [encode(clean_text(text[:limit])) for text in texts]

    def _embed(self, ids: list[list[int]]) -> NDArray[np.float32]:
        import numpy as np

        loaded = self._load()
        tokens = np.zeros((len(ids), max(1, *map(len, ids))), np.int64)
        mask = np.zeros_like(tokens)
        for row, own in enumerate(ids):
            tokens[row, : len(own)] = own
            mask[row, : len(own)] = 1
        feed = {"input_ids": tokens, "attention_mask": mask, "token_type_ids": np.zeros_like(tokens)}
        output = loaded.session.run(None, {name: feed[name] for name in loaded.inputs})[0]
        if output.ndim == 3:
            output = _pool(output, mask, cls=self._files.pooling == "cls")
        self.dimensions = output.shape[1]
        return base.unit_rows(output)

    def _load(self) -> _Loaded:
        with self._load_lock:
            if self._loaded is None:
                self._loaded = _load(self._files, self._threads)
            return self._loaded


def _fingerprint(files: ModelFolder, memory: Path | None) -> str:
    try:
        identity = {
            "weights": [remembered_sha256(path, memory) for path in files.weights],
            "tokenizer": remembered_sha256(files.tokenizer, memory),
            "pooling": files.pooling,
            "normalised": "l2",
            "max_tokens": files.max_tokens,
        }
    except OSError as error:
        raise ConfigError(f"The embedding model in {files.folder} cannot be read: {error.strerror}.") from error
    return base.fingerprint(files.label, json.dumps(identity, sort_keys=True))


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Group the indexes of texts of similar length, so that little of a batch is padding."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[index] > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _pool(hidden: NDArray[np.float32], mask: NDArray[np.int64], *, cls: bool) -> NDArray[np.float32]:
    import numpy as np

    if cls:
        return hidden[:, 0]
    counts = np.maximum(mask.sum(axis=1, keepdims=True), 1)
    pooled: NDArray[np.float32] = np.einsum("bsd,bs->bd", hidden, mask.astype(np.float32)) / counts
    return pooled


def _load(files: ModelFolder, threads: int) -> _Loaded:
    # Only this variable, set before the import, keeps onnxruntime from writing a device id and an event
    # database into the user's cache folder; its own switch comes too late for that.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime
    from tokenizers import Tokenizer

    onnxruntime.disable_telemetry_events()
    # Both libraries raise bare exceptions of many kinds for files that they cannot use.
    try:
        tokenizer = Tokenizer.from_file(str(files.tokenizer))
    except Exception as error:
        raise _unusable(files.tokenizer, error) from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(files.max_tokens)

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    # The plans kept for every shape seen cost more memory than they save time: shapes differ here.
    options.enable_mem_pattern = False
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(str(files.model), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise _unusable(files.model, error) from error
    _return_freed_memory()
    inputs = frozenset(item.name for item in session.get_inputs())
    if unknown := inputs - {"input_ids", "attention_mask", "token_type_ids"}:
        raise ConfigError(f"{files.model} wants {', '.join(sorted(unknown))}: it is not a sentence embedding model.")
    return _Loaded(session, lambda text: list(tokenizer.encode(text).ids), inputs)


def _return_freed_memory() -> None:
    # Parsing the model leaves glibc with about 30 MB that it would keep for this thread.
    if sys.platform == "linux":
        import ctypes

        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


def _unusable(path: Path, error: Exception) -> ConfigError:
    reason = " ".join(str(error).split())[:200].rstrip(".")
    return ConfigError(
        f"{path} cannot be loaded: {reason}.",
        hint="Replace the file, or choose another embedder with LRA_EMBEDDING.",
    )
