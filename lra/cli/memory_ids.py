"""The argument that names a memory."""

from __future__ import annotations

from typing import Annotated

import typer

from lra.cli.ids import memory_ids
from lra.cli.options import as_text

MemoryId = Annotated[
    str,
    typer.Argument(
        metavar="ID", help="The memory's id, or its beginning.", autocompletion=memory_ids, callback=as_text
    ),
]
