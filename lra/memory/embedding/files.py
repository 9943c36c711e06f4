"""The files that make up an ONNX embedding model in a folder, and what they say about its use."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lra.errors import ConfigError

MODEL = "model.onnx"
TOKENIZER = "tokenizer.json"
FILES = ("config.json", "special_tokens_map.json", "tokenizer_config.json", "vocab.txt", TOKENIZER, MODEL)
"""The files of the default model as they are published; the model comes last, so that its presence means all are."""

DEFAULT_MAX_TOKENS = 256
MAX_TOKENS_LIMIT = 512
"""Longest window used whatever a model allows: the memory for attention grows with its square."""

Pooling = Literal["mean", "cls"]


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """One model in one folder."""

    folder: Path
    model: Path
    tokenizer: Path
    weights: tuple[Path, ...]
    """The files that hold the weights: the model, and its external data if there is any."""
    label: str
    """Short name taken from the model's own description, so that moving the folder does not change it."""
    dimensions: int | None
    max_tokens: int
    pooling: Pooling


def has_model(folder: Path, names: tuple[str, ...] = (TOKENIZER, MODEL)) -> bool:
    """Tell whether all named files are in the folder."""
    return all((folder / name).is_file() for name in names)


def read_folder(folder: Path) -> ModelFolder:
    """Find a model's files, in a plain folder or in the layout of a model repository.

    Args:
        folder: Holds `tokenizer.json` and `model.onnx` or `onnx/model.onnx`. `config.json`,
            `sentence_bert_config.json` and `1_Pooling/config.json` are heeded when present.

    Returns:
        Where the files are and how the model is meant to be used.

    Raises:
        ConfigError: A file is missing or unreadable, or the model asks for a pooling that is not supported.
    """
    if not folder.is_dir():
        raise ConfigError(f"The embedding model's folder {folder} does not exist.")
    model = folder / MODEL
    if not model.is_file() and (folder / "onnx" / MODEL).is_file():
        model = folder / "onnx" / MODEL
    for path in (model, folder / TOKENIZER):
        if not path.is_file():
            raise ConfigError(
                f"The embedding model in {folder} has no {path.name}.",
                hint=f"An ONNX model's folder holds at least {MODEL} and {TOKENIZER}.",
            )
    data = [model.with_name(f"{MODEL}{suffix}") for suffix in ("_data", ".data")]
    config = _read_json(folder / "config.json")
    name = config.get("_name_or_path") or config.get("model_type") or "onnx"
    limit = _read_json(folder / "sentence_bert_config.json").get("max_seq_length")
    size = config.get("hidden_size")
    return ModelFolder(
        folder=folder,
        model=model,
        tokenizer=folder / TOKENIZER,
        weights=(model, *(path for path in data if path.is_file())),
        label=str(name).replace("\\", "/").rstrip("/").rpartition("/")[2],
        dimensions=size if isinstance(size, int) else None,
        max_tokens=min(limit, MAX_TOKENS_LIMIT) if isinstance(limit, int) and limit > 2 else DEFAULT_MAX_TOKENS,
        pooling=_pooling(folder / "1_Pooling" / "config.json"),
    )


def _pooling(path: Path) -> Pooling:
    asked = [key for key, on in _read_json(path).items() if key.startswith("pooling_mode_") and on is True]
    if asked in ([], ["pooling_mode_mean_tokens"]):
        return "mean"
    if asked == ["pooling_mode_cls_token"]:
        return "cls"
    raise ConfigError(f"{path} asks for {', '.join(asked)}: only mean and CLS pooling are supported.")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read: {error}.") from error
    return content if isinstance(content, dict) else {}
