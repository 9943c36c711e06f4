"""What SQLite alone can do, below SQLAlchemy."""

from __future__ import annotations

import sqlite3

from sqlalchemy import Connection


def raw(connection: Connection) -> sqlite3.Connection:
    """Return the driver's connection; a question takes ten statements, each quicker than SQLAlchemy around it."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver
