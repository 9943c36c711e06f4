"""The agents and the environments of a runtime, as the record keeps them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from lra.errors import UsageError
from lra.managed.config import AnyConfig, CustomTool, LocalManagedConfig, ToolConfirmation
from lra.managed.filters import read_filters
from lra.managed.host import Host
from lra.managed.plan import Place, Plan
from lra.managed.reading import read_config
from lra.store.managed import EnvironmentRecord, ManagedAgentRecord, ManagedStore

T = TypeVar("T")


class Shelf:
    """The agents and the environments of a runtime.

    Args:
        host: Where the record is.
        config: What is taken where nothing is given.
        compute: What environments have tools run in.
        callbacks: Who is asked about calls, and who runs custom tools.
    """

    def __init__(
        self,
        host: Host,
        config: AnyConfig,
        compute: str | None,
        callbacks: tuple[ToolConfirmation | None, CustomTool | None],
    ) -> None:
        self.config = config
        self._host = host
        self._compute = compute
        self._callbacks = callbacks
        self._places: dict[str, Place] = {}
        """Environments that were made here, with the values of their variables."""
        self._read(config)

    async def create_agent(self, config: AnyConfig = None) -> str:
        """Keep an agent and return its id.

        Args:
            config: What it is.

        Raises:
            UsageError: The configuration is wrong.
        """
        plan, _ = self._read(config)
        return (await self._host.call(self._save_agent(plan, None))).id

    async def update_agent(self, agent_id: str, config: AnyConfig) -> int:
        """Keep a new version of an agent and return its number; sessions stay with theirs.

        Args:
            agent_id: Which agent.
            config: What it is.

        Raises:
            NotFoundError: There is no such agent.
            UsageError: The configuration is wrong, or the agent is archived.
        """
        plan, _ = self._read(config)
        return (await self._host.call(self._save_agent(plan, agent_id))).version

    async def _save_agent(self, plan: Plan, agent_id: str | None) -> ManagedAgentRecord:
        if plan.selection.functions:
            raise UsageError(
                "A function cannot be kept with an agent.",
                hint="Describe it as a custom tool, and give on_custom_tool.",
            )
        return await (await self._store()).save_agent(plan.to_dict(), name=plan.name, id=agent_id)

    async def retrieve_agent(self, agent_id: str) -> dict[str, Any]:
        """Return an agent in its latest version.

        Raises:
            NotFoundError: There is none.
        """
        return (await self._ask(lambda store: store.agent(agent_id))).to_dict()

    async def list_agents(self, **filters: Any) -> list[dict[str, Any]]:
        """Return the agents, the latest first.

        Args:
            **filters: `status`: `active`, the default, `archived` or `all`; `limit`.
        """
        archived, limit = read_filters(filters)
        found = await self._ask(lambda store: store.agents(archived=archived))
        return [each.to_dict() for each in found[:limit]]

    async def archive_agent(self, agent_id: str) -> None:
        """Take an agent out of use; its sessions go on.

        Raises:
            NotFoundError: There is none.
        """
        await self._ask(lambda store: store.archive_agent(agent_id))

    async def create_environment(self, config: AnyConfig = None) -> str:
        """Keep an environment and return its id. Values of variables are kept in this process alone.

        Args:
            config: Packages, networking, variables.

        Raises:
            UsageError: The configuration is wrong.
        """
        _, place = self._read(config)
        made = await self._ask(lambda store: store.save_environment(place.to_dict()))
        self._places[made.id] = place
        return made.id

    async def retrieve_environment(self, environment_id: str) -> dict[str, Any]:
        """Return an environment; of its variables the names alone.

        Raises:
            NotFoundError: There is none.
        """
        return (await self._ask(lambda store: store.environment(environment_id))).to_dict()

    async def list_environments(self, **filters: Any) -> list[dict[str, Any]]:
        """Return the environments, the latest first.

        Args:
            **filters: As of `list_agents`.
        """
        archived, limit = read_filters(filters)
        found = await self._ask(lambda store: store.environments(archived=archived))
        return [each.to_dict() for each in found[:limit]]

    async def archive_environment(self, environment_id: str) -> None:
        """Take an environment out of use for new sessions.

        Raises:
            NotFoundError: There is none.
        """
        await self._ask(lambda store: store.archive_environment(environment_id))

    async def delete_environment(self, environment_id: str) -> None:
        """Remove an environment; sessions in it cannot go on once this process has ended.

        Raises:
            NotFoundError: There is none.
        """
        await self._ask(lambda store: store.delete_environment(environment_id))

    def _place(self, environment: EnvironmentRecord) -> Place:
        """Return an environment, whoever has made it.

        Raises:
            UsageError: Another process has, and it cannot be had here.
        """
        if environment.id in self._places:
            return self._places[environment.id]
        config = dict(environment.config)
        if names := config.pop("env"):
            raise UsageError(
                f"The values of {', '.join(names)} in the environment {environment.id} are not kept.",
                hint="Make another one.",
            )
        return Place(**{**config, "allowed_hosts": tuple(config["allowed_hosts"]), "env": {}})

    def _read(self, config: AnyConfig) -> tuple[Plan, Place]:
        confirmation, custom = self._callbacks
        return read_config(
            self.config if config is None else config,
            self._compute,
            on_tool_confirmation=confirmation,
            on_custom_tool=custom or _nobody,
        )

    def _plan(self, agent: ManagedAgentRecord) -> Plan:
        """Return an agent as it was kept."""
        kept = {name: agent.config[name] for name in ("system", "tools", "max_turns", "metadata")}
        plan, _ = self._read(LocalManagedConfig(name=agent.name, model=agent.config["model"] or None, **kept))
        return plan

    async def _store(self) -> ManagedStore:
        return (await self._host.open())[1].managed

    async def _ask(self, question: Callable[[ManagedStore], Awaitable[T]]) -> T:
        """Ask the record, in the thread that it belongs to."""

        async def work() -> T:
            return await question(await self._store())

        return await self._host.call(work())


def _nobody(_name: str, _given: dict[str, Any]) -> None:
    """Stand for whoever runs custom tools, until the session says who does."""
