"""What every embedder offers, and how vectors and their makers are named."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LABEL_LIMIT = 40


class Embedder(Protocol):
    """Text to vectors of one fixed length and of length 1, so that a dot product is a cosine.

    Nothing here blocks the event loop, and several calls may run at once.
    """

    @property
    def name(self) -> str:
        """What people call it, such as `all-MiniLM-L6-v2`."""
        ...

    @property
    def fingerprint(self) -> str:
        """Identity of everything that shapes a vector: vectors are comparable only when it is equal.

        Letters, digits, `.`, `_` and `-` only, 3 to 63 characters: safe in file and Chroma collection names.
        """
        ...

    @property
    def dimensions(self) -> int | None:
        """Length of a vector; None until the first one was made."""
        ...

    async def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed texts that are to be found.

        Args:
            texts: Any strings, empty and very long ones included; what exceeds the model's window is cut off.

        Returns:
            Array of shape (n, d) in the order of `texts`, each row of length 1.

        Raises:
            ConfigError: A setting, key or model file is wrong.
            UnavailableError: A service cannot be reached or used.
            BusyError: A service asks to wait.
        """
        ...

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        """Embed the text that searches; array of shape (d,), errors as in `embed_documents`."""
        ...

    async def close(self) -> None:
        """Release model and connections; a closed embedder cannot be used again."""
        ...


def fingerprint(label: str, identity: str) -> str:
    """Join a readable label with eight hex digits that stand for `identity`.

    Args:
        label: Any text; reduced to lower-case letters, digits, `.` and `-`.
        identity: Everything that shapes a vector, written in one fixed way.

    Returns:
        A name such as `minilm-l6-h384-uncased-1f6d20ce`.
    """
    slug = re.sub(r"[^a-z0-9.]+", "-", label.lower())[:LABEL_LIMIT].strip("-.")
    digits = hashlib.sha256(identity.encode()).hexdigest()[:8]
    return f"{slug or 'embedder'}-{digits}"


def unit_rows(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale each row of an (n, d) array to length 1; rows of zeros stay as they are."""
    import numpy as np

    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    lengths[lengths == 0] = 1
    scaled: NDArray[np.float32] = (matrix / lengths).astype(np.float32, copy=False)
    return scaled
