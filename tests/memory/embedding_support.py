"""A tiny real embedding model, archives of it, and a web server that serves them well or badly."""

from __future__ import annotations

import hashlib
import io
import json
import re
import struct
import tarfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import cast

from lra.memory.embedding.files import FILES

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "red", "green", "blue", "one", "two", "three")
DIMENSIONS = 4
TABLE: tuple[tuple[float, ...], ...] = tuple(
    tuple(float((row * 7 + column * 3) % 5 + 1) for column in range(DIMENSIONS)) for row in range(len(WORDS))
)
"""The model's vector for each word; [PAD] has one too, so that forgetting the mask shows."""


def expected(*words: str, specials: bool = True) -> list[float]:
    """The unit vector that the tiny model gives for words, worked out by hand."""
    tokens = ["[CLS]", *words, "[SEP]"] if specials else list(words)
    rows = [TABLE[WORDS.index(word)] for word in tokens]
    mean = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
    length = sum(value * value for value in mean) ** 0.5
    return [value / length for value in mean]


def tiny_model(shift: float = 0.0) -> dict[str, bytes]:
    """The files of an embedding model that looks words up in a table of ten.

    Args:
        shift: Added to every weight, to make a different model.
    """
    config = {"_name_or_path": "someone/Tiny-Words", "hidden_size": DIMENSIONS}
    contents = dict.fromkeys(FILES, b"{}")
    return contents | {
        "config.json": json.dumps(config).encode(),
        "vocab.txt": "\n".join(WORDS).encode(),
        "tokenizer.json": json.dumps(_tokenizer()).encode(),
        "model.onnx": _onnx_model(shift),
    }


def write_model(folder: Path, files: Mapping[str, bytes] | None = None) -> Path:
    """Write a model's files into a new folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (files or tiny_model()).items():
        (folder / name).write_bytes(content)
    return folder


def pack(files: Mapping[str, bytes], folder: str = "onnx/") -> bytes:
    """A `.tar.gz` of files."""
    return pack_members([(_info(folder + name, len(content)), content) for name, content in files.items()])


def pack_members(members: list[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    """A `.tar.gz` of members of any kind."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def _info(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = size
    return info


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _tokenizer() -> dict[str, object]:
    specials = {token: {"id": token, "ids": [WORDS.index(token)], "tokens": [token]} for token in ("[CLS]", "[SEP]")}
    return {
        "version": "1.0",
        # As in the published files: the embedder must replace both.
        "truncation": {"max_length": 128, "strategy": "LongestFirst", "stride": 0, "direction": "Right"},
        "padding": {
            "strategy": {"Fixed": 128},
            "direction": "Right",
            "pad_to_multiple_of": None,
            "pad_id": 0,
            "pad_type_id": 0,
            "pad_token": "[PAD]",
        },
        "added_tokens": [],
        "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [
                {"SpecialToken": {"id": "[CLS]", "type_id": 0}},
                {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
            ],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": specials,
        },
        "decoder": None,
        "model": {
            "type": "WordLevel",
            "vocab": {word: number for number, word in enumerate(WORDS)},
            "unk_token": "[UNK]",
        },
    }


# An ONNX file is a protocol buffer message; these few functions write the one that is needed, so that the tests
# need no package for it. Field numbers are those of onnx.proto.
def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def _number(tag: int, number: int) -> bytes:
    return _varint(tag << 3) + _varint(number)


def _bytes(tag: int, content: bytes | str) -> bytes:
    content = content.encode() if isinstance(content, str) else content
    return _varint(tag << 3 | 2) + _varint(len(content)) + content


def _value_info(name: str, element: int, *shape: int | str) -> bytes:
    dims = b"".join(_bytes(1, _bytes(2, dim) if isinstance(dim, str) else _number(1, dim)) for dim in shape)
    tensor = _number(1, element) + _bytes(2, dims)
    return _bytes(1, name) + _bytes(2, _bytes(1, tensor))


def _onnx_model(shift: float) -> bytes:
    float32, int64 = 1, 7
    weights = [value + shift for row in TABLE for value in row]
    table = (
        _number(1, len(TABLE))
        + _number(1, DIMENSIONS)
        + _number(2, float32)
        + _bytes(8, "table")
        + _bytes(9, struct.pack(f"<{len(weights)}f", *weights))
    )
    gather = _bytes(1, "table") + _bytes(1, "input_ids") + _bytes(2, "last_hidden_state") + _bytes(4, "Gather")
    graph = _bytes(1, gather) + _bytes(2, "tiny") + _bytes(5, table)
    for name in ("input_ids", "attention_mask", "token_type_ids"):
        graph += _bytes(11, _value_info(name, int64, "batch", "tokens"))
    graph += _bytes(12, _value_info("last_hidden_state", float32, "batch", "tokens", DIMENSIONS))
    return _number(1, 8) + _bytes(7, graph) + _bytes(8, _bytes(1, "") + _number(2, 13))


@dataclass
class WebSource:
    """What the web server serves, how badly, and what it was asked."""

    files: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    """Whether it honours Range."""
    cut_after: list[int] = field(default_factory=list)
    """For each of the next answers, the bytes after which the connection breaks; -1 lets it be."""
    stall: threading.Event | None = None
    """Answers stop half-way until this is set."""
    requests: list[tuple[str, str | None, str | None]] = field(default_factory=list)
    """Path, Range and If-Range of each request."""
    url: str = ""

    def gets(self, path: str) -> list[tuple[str | None, str | None]]:
        return [(asked, condition) for name, asked, condition in self.requests if name == path]


class _Server(ThreadingHTTPServer):
    source: WebSource
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is part of these tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        source = cast(_Server, self.server).source
        asked, condition = self.headers.get("Range"), self.headers.get("If-Range")
        source.requests.append((self.path, asked, condition))
        content = source.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        etag = f'"{sha256(content)[:16]}"'
        start = 0
        if source.ranges and asked and condition in (None, etag) and (found := re.fullmatch(r"bytes=(\d+)-", asked)):
            start = int(found[1])
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        body = content[start:]
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", etag)
        self.end_headers()
        cut = source.cut_after.pop(0) if source.cut_after else -1
        if source.stall:
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            source.stall.wait(20)
            self.close_connection = True
        elif cut >= 0:
            self.wfile.write(body[:cut])
            self.close_connection = True
        else:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def serve() -> Iterator[WebSource]:
    """Run a web server on loopback; for a fixture to `yield from`."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.source = WebSource(url=f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.source
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
