"""`python -m lra` is the `lra` command."""

from __future__ import annotations

from lra.cli import main

if __name__ == "__main__":
    main()
