"""What the person running the benchmarks has asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.records import Records


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Sizes and repetitions of one run.

    Attributes:
        sizes: Memories in the record, ascending; None where each benchmark has its own.
        quick: Fewer repetitions and smaller sizes.
        model_dir: A folder with an ONNX embedding model, measured besides the hashing embedder.
        records: Databases with so many memories, made once for all benchmarks.
        folder: A temporary folder.
    """

    sizes: tuple[int, ...] | None
    quick: bool
    model_dir: Path | None
    records: Records
    folder: Path

    def sizes_or(self, full: tuple[int, ...], quick: tuple[int, ...]) -> tuple[int, ...]:
        return self.sizes if self.sizes is not None else quick if self.quick else full

    def rounds(self, full: int, quick: int) -> int:
        return quick if self.quick else full
