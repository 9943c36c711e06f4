"""Settings come from files that anybody may have written: read with care, explained when wrong, not obeyed blindly."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lra.agent.providers import build_model
from lra.config import Settings, config_dir, load_settings, trust
from lra.errors import ConfigError, ExitCode
from tests.session.support import Desk, end, take
from tests.support.model_server import ModelServer, say

SECRET = "sk-0123456789abcdef"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder to start in."""
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def load(folder: Path, **environ: str) -> Settings:
    """Settings for a folder and an environment."""
    return load_settings(folder, environ=environ)


def write(folder: Path, text: str | bytes, *, trusted: bool = True) -> Path:
    """Put a `.env` into a folder."""
    path = folder / ".env"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    if trusted:
        trust(folder, config_dir())
    return path


# What is not a text file of assignments

UNREADABLE: list[tuple[bytes, str]] = [
    (b"\x7fELF\x02\x01\x01\x00\xff\xfe\xfd", "not UTF-8"),
    (b"LRA_MODEL=openai:x\xff\n", "not UTF-8"),
    (b"A" * (256 * 1024 + 1), "larger than"),
    (b"LRA_MODEL=open\0ai:x\n", "NUL"),
    (b"LRA_MODEL='open\n", ":1 is not of the form"),
    (b"\n\n# fine\nthis is no assignment\n", ":4"),
]


@pytest.mark.parametrize(("content", "reason"), UNREADABLE)
def test_a_file_that_is_no_env_file_is_named(folder: Path, content: bytes, reason: str) -> None:
    path = write(folder, content)
    with pytest.raises(ConfigError) as caught:
        load(folder)
    assert str(path) in str(caught.value)
    assert reason in str(caught.value)
    assert caught.value.exit_code is ExitCode.CONFIG


@pytest.mark.parametrize(("content", "reason"), UNREADABLE)
def test_in_a_folder_that_is_not_trusted_it_is_only_mentioned(folder: Path, content: bytes, reason: str) -> None:
    write(folder, content, trusted=False)
    settings = load(folder)
    assert settings.model is None
    assert any(reason in notice for notice in settings.notices)


@pytest.mark.parametrize("kind", ["fifo", "folder", "device", "socket"])
def test_what_is_no_file_neither_blocks_nor_ends_the_program(folder: Path, kind: str) -> None:
    path = folder / ".env"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        import socket

        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
    settings = load(folder)
    assert any("not a regular file" in notice for notice in settings.notices)
    trust(folder, config_dir())
    with pytest.raises(ConfigError, match="not a regular file"):
        load(folder)


def test_a_link_in_circles(folder: Path) -> None:
    (folder / ".env").symlink_to(folder / ".env")
    trust(folder, config_dir())
    with pytest.raises(ConfigError, match="cannot be read"):
        load(folder)


def test_nothing_in_a_file_is_run_or_expanded(folder: Path) -> None:
    write(folder, "LRA_MODEL=openai:$(touch gone)${HOME}`id`\nLRA_EMBEDDING=x:${LRA_MODEL}\n")
    settings = load(folder, HOME="/home/me")
    assert settings.model == "openai:$(touch gone)${HOME}`id`"
    assert settings.embedding == "x:${LRA_MODEL}"
    assert sorted(path.name for path in folder.iterdir()) == [".env"]


def test_reading_settings_changes_no_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, f"OPENAI_API_KEY={SECRET}\nPATH=/nowhere\nLD_PRELOAD=evil.so\n")
    before = dict(os.environ)
    settings = load_settings(folder)
    assert dict(os.environ) == before
    assert settings.get("OPENAI_API_KEY") == SECRET
    assert settings.get("PATH") is None


def test_forms_that_people_write(folder: Path) -> None:
    write(folder, "\ufeffexport LRA_MODEL = 'openai:x'  # the model\r\n\r\nLRA_MAX_COST=\"2.5\"\nLRA_EMBEDDING=\n")
    settings = load(folder)
    assert (settings.model, settings.max_cost, settings.embedding) == ("openai:x", 2.5, "minilm")
    assert str(settings.raw["LRA_MAX_COST"].source) == f"{folder}/.env:3"


# Values

WRONG = [
    ("DATABASE_URL", "agent.db"),
    ("DATABASE_URL", "sqlite:///agent.db"),
    ("DATABASE_URL", "postgresql+asyncpg://me:secret@host/db"),
    ("DATABASE_URL", "sqlite+aiosqlite:///:memory:"),
    ("DATABASE_URL", "sqlite+aiosqlite://"),
    ("SANDBOX_URL", "ftp://host"),
    ("SANDBOX_URL", "http://"),
    ("SANDBOX_URL", "http://host:99999"),
    ("SANDBOX_URL", "http://[::1"),
    ("OPENAI_BASE_URL", "notaurl"),
    ("OPENAI_BASE_URL", "htps://me:secret@host/v1"),
    ("ANTHROPIC_BASE_URL", "http://host:99999"),
    ("OLLAMA_BASE_URL", "localhost:11434"),
    ("LRA_EMBEDDING", "nonsense"),
    ("LRA_EMBEDDING", "./nowhere"),
    ("LRA_EMBEDDING", "/nowhere/at/all"),
    ("LRA_APPROVAL", "sometimes"),
    ("LRA_MAX_COST", "free"),
    ("LRA_MAX_COST", "-1"),
    ("LRA_MAX_COST", "nan"),
    ("LRA_MAX_COST", "inf"),
    ("LRA_MAX_REQUESTS", "0"),
    ("LRA_MAX_REQUESTS", "1.5"),
    ("LRA_MAX_REQUESTS", "²"),
    ("LRA_MAX_TOOL_CALLS", "many"),
    ("LRA_MAX_SESSION_TOKENS", "1e6"),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_value_is_named_with_its_source(folder: Path, name: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(folder, **{name: value})
    assert name in str(caught.value)
    assert "environment" in str(caught.value)
    assert "secret" not in str(caught.value)
    path = write(folder, f"# settings\n{name}={value}\n")
    with pytest.raises(ConfigError) as caught:
        load(folder)
    assert f"{path}:2" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_providers_url_is_checked_and_left_as_it_is(folder: Path) -> None:
    settings = load(folder, OPENAI_BASE_URL="https://me:secret@example.org/v1/")
    assert settings.get("OPENAI_BASE_URL") == "https://me:secret@example.org/v1/"


def test_flag_then_environment_then_file_then_default(folder: Path) -> None:
    write(folder, "LRA_MODEL=openai:from-file\nLRA_EMBEDDING=x:from-file\nLRA_APPROVAL=deny\n")
    settings = load_settings(
        folder,
        flags={"LRA_MODEL": "openai:from-flag", "LRA_EMBEDDING": None},
        environ={"LRA_MODEL": "openai:from-env", "LRA_EMBEDDING": "x:from-env"},
    )
    assert (settings.model, settings.embedding, settings.approval) == ("openai:from-flag", "x:from-env", "deny")
    assert settings.max_requests == 50


def test_paths_are_of_the_folder_they_were_read_for(folder: Path) -> None:
    write(folder, "DATABASE_URL=sqlite+aiosqlite:///./data/agent_memory.db\nVECTOR_STORE_PATH=./data/chroma_db\n")
    settings = load(folder)
    assert settings.database_url == f"sqlite+aiosqlite:///{folder}/data/agent_memory.db"
    assert settings.vector_store_path == folder / "data" / "chroma_db"
    assert not (folder / "data").exists()


# Trust


def test_a_folder_that_is_not_trusted_brings_a_key_and_a_model_at_most(folder: Path) -> None:
    write(
        folder,
        f"OPENAI_API_KEY={SECRET}\nLRA_MODEL=openai:x\nOPENAI_BASE_URL=http://evil.test/v1\n"
        "DATABASE_URL=sqlite+aiosqlite:///./evil.db\nLRA_HOME=./evil\nSANDBOX_URL=http://evil.test\n"
        "LRA_APPROVAL=auto\nLOGFIRE_TOKEN=evil\nLRA_EMBEDDING=evil:evil\nLRA_EMBEDDING_URL=http://evil.test\n",
        trusted=False,
    )
    settings = load(folder, HOME="/home/me")
    assert (settings.get("OPENAI_API_KEY"), settings.model) == (SECRET, "openai:x")
    assert settings.get("OPENAI_BASE_URL") is None
    assert settings.approval == "ask"
    assert settings.logfire_token is None
    told = " ".join(settings.notices)
    for name in ("OPENAI_BASE_URL", "DATABASE_URL", "LRA_HOME", "SANDBOX_URL", "LRA_APPROVAL", "LOGFIRE_TOKEN"):
        assert name in told
    everything = f"{settings.database_url} {settings.home} {settings.sandbox_url} {settings.embedding_url}"
    assert "evil" not in everything
    assert SECRET not in told

    trust(folder, config_dir())
    assert load(folder).get("OPENAI_BASE_URL") == "http://evil.test/v1"


def test_trust_is_for_the_folder_itself(folder: Path) -> None:
    inner = folder / "inner"
    inner.mkdir()
    trust(folder, config_dir())
    write(inner, "LRA_APPROVAL=auto\n", trusted=False)
    assert load(inner).approval == "ask"
    assert (config_dir() / "trusted_folders").stat().st_mode & 0o777 == 0o600


# Keys and addresses


@pytest.mark.parametrize(
    ("key", "url", "model"),
    [
        ("OPENAI_API_KEY", "OPENAI_BASE_URL", "openai:x"),
        ("OPENAI_API_KEY", "OPENAI_BASE_URL", "openai-chat:x"),
        ("OPENAI_API_KEY", "OPENAI_BASE_URL", "openai-responses:x"),
        ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "anthropic:x"),
        ("GROQ_API_KEY", "GROQ_BASE_URL", "groq:x"),
        ("MISTRAL_API_KEY", "MISTRAL_BASE_URL", "mistral:x"),
        ("OLLAMA_API_KEY", "OLLAMA_BASE_URL", "ollama:x"),
        ("VLLM_API_KEY", "VLLM_BASE_URL", "vllm:x"),
        ("GEMINI_API_KEY", "GOOGLE_BASE_URL", "google:x"),
    ],
)
@pytest.mark.parametrize("place", ["folder", "user"])
def test_the_persons_own_key_is_not_sent_where_a_file_says(
    folder: Path, monkeypatch: pytest.MonkeyPatch, key: str, url: str, model: str, place: str
) -> None:
    monkeypatch.delenv("OLLAMA_BASE_URL")
    monkeypatch.setenv(key, SECRET)
    if place == "folder":
        write(folder, f"{url}=http://evil.test/v1\n")
    else:
        config_dir().mkdir(parents=True)
        (config_dir() / ".env").write_text(f"{url}=http://evil.test/v1\n")
    with pytest.raises(ConfigError) as caught:
        build_model(model, load_settings(folder))
    assert "base URL" in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("model", ["openai-chat:gpt-4o-mini", "anthropic:claude-sonnet-5-5"])
async def test_a_key_and_an_address_from_the_same_file_go_together(
    folder: Path, desk: Desk, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(name)
    url = desk.server.url
    await asyncio.to_thread(
        write,
        folder,
        f"OPENAI_API_KEY={SECRET}\nOPENAI_BASE_URL={url}/v1\nANTHROPIC_API_KEY={SECRET}\nANTHROPIC_BASE_URL={url}\n",
    )
    desk.server.script(say("Hello."))
    session = await desk.session(runtime=await desk.runtime(folder), model=model)
    assert end(await take(session, "hi")).output == "Hello."
    headers = desk.server.requests[-1].headers
    assert SECRET in (headers.get("authorization", "") + headers.get("x-api-key", ""))


async def test_a_key_of_a_file_may_go_where_the_environment_says(
    folder: Path, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    await asyncio.to_thread(write, folder, f"OPENAI_API_KEY={SECRET}\n", trusted=False)
    desk.server.script(say("Hello."))
    session = await desk.session(runtime=await desk.runtime(folder))
    assert end(await take(session, "hi")).output == "Hello."
    assert SECRET in desk.server.requests[-1].headers["authorization"]


@pytest.fixture
async def desk(model_server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """Sessions on the scripted provider."""
    desk = Desk(model_server, monkeypatch)
    yield desk
    await desk.close_all()
