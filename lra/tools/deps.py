"""What a tool is given: the record, the memory, and ports to whoever runs the turn."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lra.events import ApprovalRequested, ApprovalResolved, Event
from lra.tools.consent import Approver, Consent, Edited

if TYPE_CHECKING:
    from lra.memory import Memory, VectorMemoryStore
    from lra.store import StructuredMemoryStore
    from lra.tools.workbench import Workbench


@dataclass(kw_only=True)
class AgentDeps:
    """Dependencies of one agent run.

    The first five fields are the public way to build it; the session loop fills the ports.
    """

    session_id: str
    """Session the run belongs to; created when it does not exist."""
    structured_store: StructuredMemoryStore
    """The record."""
    vector_store: VectorMemoryStore | None = None
    """Library access to vector memory; tools use `memory`."""
    sandbox_base_url: str | None = None
    """Where the sandbox service answers."""
    sandbox_id: str | None = None
    """Sandbox to run code in, once there is one."""
    workbench: Workbench | None = None
    """The session's sandbox, where one can be made."""
    memory: Memory | None = None
    """Long-term memory; built from `structured_store` when missing."""
    turn_id: int | None = None
    """Turn that is running, noted as the source of what tools write."""
    turn_started: int | None = None
    """When the turn began, in microseconds UTC: searches look at what was there before."""
    emit: Callable[[Event], None] | None = None
    """Port: tells listeners of the turn."""
    approve: Approver | None = None
    """Port: asks for consent."""
    spawn: Callable[..., Awaitable[str]] | None = None
    """Port: hands work to a specialist."""
    local_model: bool = False
    """Whether every model of the run is on this machine, and may see local-only memories."""
    asks_person: bool = True
    """Whether `approve` asks a person, rather than what the settings say."""
    remembered: list[str] = field(default_factory=list)
    """Ids of memories written in this run."""

    def require_memory(self) -> Memory:
        """Return the memory, building it on first use."""
        if self.memory is None:
            from lra.memory import Memory

            self.memory = Memory(self.structured_store)
        return self.memory

    async def ensure_session(self) -> None:
        """Create the session when no turn of ours has done so, as in a run of a plain agent."""
        if self.turn_id is None:
            await self.structured_store.ensure_session(self.session_id)

    def tell(self, event: Event) -> None:
        """Emit an event when someone listens."""
        if self.emit is not None:
            self.emit(event)

    async def consent(self, call_id: str, name: str, args: dict[str, Any], reason: str) -> Consent:
        """Ask whether a tool may run; listeners are told of the question and of its answer.

        Args:
            call_id: The call, as the model made it.
            name: The tool.
            args: What it is called with.
            reason: Why consent is needed.
        """
        self.tell(ApprovalRequested(call_id=call_id, name=name, args=args, reason=reason))
        if self.approve is None:
            answer: bool | str | Edited = "Nobody can be asked here."
        else:
            answer = await self.approve(name, args, reason, call_id=call_id)
        if isinstance(answer, Edited):
            consent = Consent(True, answer.args)
        else:
            consent = Consent(answer is True, args, answer if isinstance(answer, str) else "")
        self.tell(ApprovalResolved(call_id=call_id, approved=consent.approved, reason=consent.reason))
        return consent


__all__ = ["AgentDeps", "Approver"]
