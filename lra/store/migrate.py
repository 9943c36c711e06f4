"""Bringing a database to the current schema, or refusing it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine

from lra.errors import ConfigError, StoreError
from lra.store.backups import copy_of, name_for

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0009"
"""The revision this program reads and writes."""

KNOWN = frozenset({"0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009"})
"""Every revision this program can bring to `HEAD`."""


def migrate(engine: Engine, path: Path) -> None:
    """Check the schema's version and migrate when it is behind; blocks.

    A database with content is copied to `NAME.backup-REVISION-TIME` first. Alembic is imported only when there is
    something to do.

    Args:
        engine: An engine whose transactions start with `BEGIN IMMEDIATE`.
        path: The database file, for messages and the backup.

    Raises:
        ConfigError: The database was written by a newer version.
        StoreError: The file holds somebody else's tables.
    """
    with engine.connect() as connection:
        version = _version(connection)
        if version is not None:
            _check_known(version, path)
        # Only now that the file is known to be ours: it writes to the file, whose mode it then stays.
        _driver(connection).execute("PRAGMA journal_mode = WAL")
    if version == HEAD:
        return
    if version is not None:
        with engine.connect() as connection:
            _backup(connection, path, version)
    with engine.begin() as connection:
        # Another process may have migrated while this one waited for the lock.
        version = _version(connection)
        if version == HEAD:
            return
        if version is not None:
            _check_known(version, path)
        _upgrade(connection)


def _check_known(version: str, path: Path) -> None:
    if version == "foreign":
        raise StoreError(
            f"The database {path} holds tables of another program.",
            hint="Choose another DATABASE_URL or LRA_HOME; nothing was changed.",
        )
    if version not in KNOWN:
        raise ConfigError(
            f"The database {path} was written by a newer version of lra (schema {version}, this one knows {HEAD}).",
            hint="Upgrade lra, or choose another LRA_HOME; nothing was changed.",
        )


def _driver(connection: Connection) -> Any:
    """Return the driver's connection, on which a statement starts no transaction."""
    return connection.connection.driver_connection


def _version(connection: Connection) -> str | None:
    """Return the revision, None for an empty database, or `foreign`."""
    driver = _driver(connection)
    names = {row[0] for row in driver.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()}
    if "alembic_version" in names:
        row = driver.execute("SELECT version_num FROM alembic_version").fetchone()
        if row:
            return str(row[0])
    return "foreign" if names - {"alembic_version", "sqlite_sequence"} else None


def _backup(connection: Connection, path: Path, version: str) -> None:
    copy_of(_driver(connection), path, name_for(path, version), why=version)


def _config(connection: Connection) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "lra:store/migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection) -> None:
    from alembic import command

    command.upgrade(_config(connection), "head")
