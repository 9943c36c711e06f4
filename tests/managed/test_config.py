"""What is configured wrongly is told in a sentence, before anything happens."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from lra import Agent
from lra.config import load_settings
from lra.errors import UsageError
from lra.managed import (
    LocalManagedConfig,
    ManagedAgent,
    ManagedBackendProtocol,
    ManagedConfig,
    NetworkingConfig,
    PackagesConfig,
    SessionInfo,
)
from lra.managed.models import model_string
from lra.managed.reading import read_config


def test_the_defaults_are_those_of_the_field() -> None:
    local, any_provider = LocalManagedConfig(), ManagedConfig()
    assert (local.model, any_provider.model) == ("gpt-4o", "claude-haiku-4-5")
    assert local.system == any_provider.system == "You are a helpful coding assistant."
    assert local.name == any_provider.name == "Agent"
    assert local.tools == ["execute_command", "read_file", "write_file", "list_files", "search_web"]
    assert any_provider.tools == [{"type": "agent_toolset_20260401"}]
    assert local.networking == {"type": "unrestricted"}
    assert (local.packages, local.host_packages_ok, local.working_dir, local.env) == (None, False, "", {})
    assert local.max_turns == 25
    assert copy.deepcopy(local) == pickle.loads(pickle.dumps(local)) == local


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"modle": "x"}, r"LocalManagedConfig has no field 'modle'. Is 'model' meant\?"),
        ({"zzz": 1}, "LocalManagedConfig has no field 'zzz'. Choose of name, model"),
        ({"model": 7}, "model is a text, not 7"),
        ({"system": None}, "system is a text, not None"),
        ({"max_turns": 0}, "max_turns is a number above 0"),
        ({"max_turns": True}, "max_turns is a number above 0"),
        ({"packages": ["pandas"]}, "packages are lists of names by package manager"),
        ({"packages": {"pip": "pandas"}}, "packages of pip are a list of names"),
        ({"packages": {"cargo": ["x"]}}, "no package manager 'cargo' here"),
        ({"packages": {"pip": ["x"]}, "networking": {"allow_package_managers": False}}, "x cannot be installed while"),
        ({"networking": "none"}, "networking is a dict or a NetworkingConfig"),
        ({"networking": {"type": "open"}}, "The type of networking is no 'open'"),
        ({"networking": {"type": "limited", "allowed_hosts": "x"}}, "allowed_hosts are a list of names"),
        ({"networking": {"allowed_hosts": ["x.org"]}}, "allowed_hosts go with networking of type 'limited'"),
        ({"networking": {"kind": "limited"}}, "NetworkingConfig has no field 'kind'"),
        ({"sandbox_type": "subprocess"}, "would run code on this machine itself"),
        ({"sandbox_type": "vm"}, "sandbox_type is no 'vm'"),
        ({"working_dir": "/etc"}, "working_dir '/etc' is outside"),
        ({"working_dir": "a/../../b"}, "leaves the sandbox's /workspace"),
        ({"env": {"A": 1}}, "env is a dict of texts"),
        ({"host_packages_ok": "yes"}, "host_packages_ok is True or False"),
        ({"metadata": []}, "metadata is a dict"),
    ],
)
@pytest.mark.parametrize("as_dict", [False, True])
def test_a_wrong_field(fields: dict[str, Any], sentence: str, as_dict: bool) -> None:
    with pytest.raises(UsageError, match=sentence):
        ManagedAgent(config=fields if as_dict else LocalManagedConfig(**fields))


@pytest.mark.parametrize("name", ["mcp_servers", "skills", "callable_agents", "resources", "vault_ids"])
def test_what_only_a_hosted_agent_has(name: str) -> None:
    with pytest.raises(UsageError, match=f"takes no {name}"):
        ManagedAgent(config={name: [{"id": "x"}]})


@pytest.mark.parametrize(
    ("provider", "sentence"),
    [
        ("docker", r"Write ManagedAgent\(provider='local', compute='docker'\)"),
        ("openai", r"config=ManagedConfig\(model='openai:"),
        ("e2b", r"no provider 'e2b' of managed agents here.*a backend of your own"),
        (7, "no provider 7"),
    ],
)
def test_a_provider_that_is_not_there(provider: Any, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        ManagedAgent(provider=provider)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"compute": "modal"}, "a service of somebody else's.*compute='docker' or compute='local'"),
        ({"compute": "dokcer"}, "no compute provider 'dokcer'. There are 'docker' and 'local'"),
        ({"timeout": 0}, "timeout is a number of seconds above 0"),
        ({"timeout": "1"}, "timeout is a number of seconds above 0"),
        ({"config": "gpt-4o"}, "'gpt-4o' is no configuration"),
        ({"computer": "docker"}, r"ManagedAgent has no option 'computer' here. Is 'compute' meant\?"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        ManagedAgent(**options)


def test_dicts_are_configurations_too() -> None:
    plan, place = read_config(
        {"model": "gpt-4o-mini", "packages": {"pip": ["pandas"]}, "networking": {"type": "limited"}}, "docker"
    )
    assert (plan.model, place.packages, place.network) == ("openai:gpt-4o-mini", {"pip": ["pandas"]}, "none")
    plan, place = read_config({"env_name": "mine"})
    assert plan.model is None
    with pytest.raises(UsageError, match="max_turns goes with no other fields"):
        read_config({"max_turns": 3, "env_name": "mine"})
    _, place = read_config(
        ManagedConfig(
            packages=PackagesConfig(pip=["a"], npm=["b"]),
            networking=NetworkingConfig(type="limited", allowed_hosts=["x.org"]),
        ),
        "docker",
    )
    assert place.options()["packages"] == {"pip": ["a"], "npm": ["b"]}
    assert (place.network, place.allowed_hosts) == ("limited", ("x.org",))


@pytest.mark.parametrize(
    ("name", "whole"),
    [
        ("gpt-4o-mini", "openai:gpt-4o-mini"),
        ("claude-sonnet-4-6", "anthropic:claude-sonnet-4-6"),
        ("gemini/gemini-3.8-flash", "google:gemini-3.8-flash"),
        ("ollama/llama3.2:3b", "ollama:llama3.2:3b"),
        ("openai/gpt-4o", "openai:gpt-4o"),
        ("openrouter:meta/llama", "openrouter:meta/llama"),
        ("offline", "offline"),
        ("mine", "mine"),
    ],
)
def test_names_of_models(name: str, whole: str) -> None:
    assert model_string(name) == whole


def test_session_info_is_always_whole() -> None:
    assert SessionInfo(usage={"input_tokens": 3}).to_dict() == {
        "id": "",
        "status": "unknown",
        "title": "",
        "usage": {"input_tokens": 3, "output_tokens": 0},
    }


def test_what_is_no_backend() -> None:
    with pytest.raises(UsageError, match=r"is no backend: it has no execute, stream, reset_session, reset_all\."):
        Agent(backend=object())  # type: ignore[arg-type]
    assert isinstance(ManagedAgent(), ManagedBackendProtocol)
    assert load_settings().approval == "ask"
