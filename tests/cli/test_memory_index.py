"""`lra memory doctor`, `reindex` and `index`."""

from __future__ import annotations

import sqlite3

import pytest

from tests.memory.embedding_support import write_model

from .conftest import Cli


@pytest.fixture
def embedding(cli: Cli) -> Cli:
    """A command line with an embedder, and two memories that nothing has embedded yet."""
    cli.env["LRA_EMBEDDING"] = str(write_model(cli.root / "model"))
    for text in ("The fence is red and blue", "There are two green doors"):
        assert cli("memory", "add", text).code == 0
    return cli


def execute(cli: Cli, statement: str) -> None:
    with sqlite3.connect(cli.database) as database:
        database.execute(statement)
    database.close()


def test_what_the_doctor_finds_it_puts_right(embedding: Cli) -> None:
    cli = embedding
    assert cli("memory", "index").out == "The index is complete.\n"
    assert cli("memory", "doctor").code == 0
    execute(cli, "DELETE FROM vectors WHERE seq = 1")
    execute(cli, "DELETE FROM memories_fts WHERE rowid = 2")
    ill = cli("memory", "doctor")
    assert ill.code == 1
    warned = [line for line in ill.out.splitlines() if line.startswith("warn")]
    assert len(warned) == 2
    assert "1 memories that full-text search does not know" in ill.out
    assert "Fix: lra memory reindex" in ill.out
    shape = cli("memory", "doctor", "--json").json
    assert not shape["ok"]
    assert sum(finding["count"] for finding in shape["findings"]) == 2
    mended = cli("memory", "doctor", "--fix", "--json")
    assert (mended.code, mended.json["ok"]) == (0, True)
    assert {done["what"]: done["count"] for done in mended.json["fixed"]} == {
        "entries were put right": 1,
        "texts were embedded": 1,
    }
    (hit,) = cli("memory", "search", "green doors", "--limit", "1", "--json").json
    assert hit["signals"]["cosine"] > 0


def test_reindexing_embeds_what_is_missing_or_everything(embedding: Cli) -> None:
    cli = embedding
    assert cli("memory", "reindex").out == "The index is complete.\n"
    refused = cli("memory", "reindex", "--embed")
    assert refused.code == 4
    assert "--yes" in refused.err
    with sqlite3.connect(cli.database) as database:
        (before,) = database.execute("SELECT max(seq) FROM vectors").fetchone()
    assert cli("memory", "reindex", "--embed", "--yes").code == 0
    with sqlite3.connect(cli.database) as database:
        (count, first) = database.execute("SELECT count(*), min(seq) FROM vectors").fetchone()
    assert (count, first > before) == (2, True)


def test_without_an_embedder_the_words_are_looked_after(cli: Cli) -> None:
    cli("memory", "add", "The fence is red")
    assert cli("memory", "reindex").code == 0
    sound = cli("memory", "doctor")
    assert sound.code == 0
    assert "LRA_EMBEDDING=none" in sound.out
    assert "process memory" in sound.out


def test_an_embedder_that_fails_is_one_sentence(cli: Cli) -> None:
    cli("memory", "add", "The fence is red")
    broken = cli("memory", "reindex", env={"LRA_EMBEDDING": str(cli.root / "nowhere")})
    assert broken.code != 0
    assert len(broken.err.strip().splitlines()) <= 2


def test_a_model_that_cannot_be_fetched_is_told_alike_everywhere(cli: Cli) -> None:
    cli.env |= {"LRA_EMBEDDING": "minilm", "LRA_EMBEDDING_URL": "http://127.0.0.1:9/model.tar.gz"}
    assert cli("memory", "add", "The fence is red").code == 0
    assert "is still to be fetched from 127.0.0.1" in cli("doctor").out
    for command, code in (("reindex", 0), ("index", 75)):
        ended = cli("memory", command)
        said = ended.out if code == 0 else ended.err
        assert ended.code == code
        assert "that of vectors is not. all-MiniLM-L6-v2 could not be fetched" in said
        assert "Errno" not in said
        assert "`lra memory index` tries again." in said
    # Words find what has no vector: nothing is wrong.
    sound = cli("memory", "doctor")
    assert sound.code == 0
    assert "ok    embedder           1 without a vector yet: all-MiniLM-L6-v2 could not be fetched" in sound.out
    assert "Fix: lra memory index" in sound.out
    # What was tried and failed is known to whoever asks later.
    (known,) = [check for check in cli("doctor", "--json").json["checks"] if check["name"] == "embedding"]
    assert known["detail"].startswith("all-MiniLM-L6-v2 could not be fetched, last tried 20")
    assert "127.0.0.1 cannot be reached" in known["detail"]
    assert "could not be fetched: 127.0.0.1 cannot be reached" in cli("logs").out
    # Without the wish for vectors nothing is missing.
    for command in ("reindex", "index"):
        ended = cli("memory", command, env={"LRA_EMBEDDING": "none"})
        assert ended.code == 0
        assert ended.out.startswith("The index is complete. Vectors are off")
