"""Turning text into vectors: which embedder is used, how its model gets here, and how it computes.

Importing this package loads only the standard library; numpy, onnxruntime and HTTP clients come with first use.
"""

from __future__ import annotations

from lra.memory.embedding.base import Embedder
from lra.memory.embedding.choose import EmbedderChoice, choose_embedder, lasting
from lra.memory.embedding.download import fetch_model
from lra.memory.embedding.onnx import OnnxEmbedder
from lra.memory.embedding.remote import PydanticEmbedder

__all__ = [
    "Embedder",
    "EmbedderChoice",
    "OnnxEmbedder",
    "PydanticEmbedder",
    "choose_embedder",
    "fetch_model",
    "lasting",
]
