"""Imported in place of something slow."""

from __future__ import annotations

import time

time.sleep(3)
