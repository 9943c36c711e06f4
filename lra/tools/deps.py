"""What a tool is given: the record, the memory, and ports to whoever runs the turn."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lra.errors import LraError
from lra.events import ApprovalRequested, ApprovalResolved, Event, Notice
from lra.policy import Policy, Rule, propose
from lra.tools.consent import UNATTENDED, Answer, Approver, Consent, Edited, Lasting, by_nobody

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
    caught_up: Callable[[str], Awaitable[None]] | None = None
    """Port: waits until listeners were told what led to a call, so that a question about it comes after that."""
    spawn: Callable[..., Awaitable[str]] | None = None
    """Port: hands work to a specialist."""
    local_model: bool = False
    """Whether every model of the run is on this machine, and may see local-only memories."""
    asks_person: bool = True
    """Whether `approve` asks a person, rather than what the settings say."""
    remembered: list[str] = field(default_factory=list)
    """Ids of memories written in this run."""
    policy: Policy = field(default_factory=Policy)
    """The rules about tools: what is allowed, asked about and refused."""
    keep_rule: Callable[[Rule], Awaitable[None]] | None = None
    """Port: writes a rule to the person's own file."""
    decided: list[dict[str, Any]] = field(default_factory=list)
    """What was allowed without a question in this turn, for the audit log."""
    refused: list[str] = field(default_factory=list)
    """Names of tools that were refused in this turn."""
    held: set[str] = field(default_factory=set)
    """Calls that were asked about and not allowed, so that their tools have not run."""
    consented: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Calls that a person allowed, with their arguments: their tools do not ask again about the same."""

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

    async def consent(
        self, call_id: str, name: str, args: dict[str, Any], reason: str, *, lasting: bool = True, source: str = ""
    ) -> Consent:
        """Return whether a tool may do something it asks about; rules speak first, then whoever can be asked.

        Args:
            call_id: The call, as the model made it.
            name: The tool.
            args: What it is called with.
            reason: Why consent is needed.
            lasting: Whether a rule may allow it; False asks about every single call, whatever rules say.
            source: Where the tool comes from, for the audit log.
        """
        seen = self.consented.get(call_id)
        if seen is not None and all(key in seen and seen[key] == value for key, value in args.items()):
            return Consent(True, args)
        decision = self.policy.decide(name, args, "ask")
        if decision.action == "deny":
            return await self.refuse(call_id, name, args, decision.reason, source=source)
        if decision.action == "allow" and lasting:
            await self.note_allowed(call_id, name, args, rule=decision.rule, source=source)
            return Consent(True, args, by="rule")
        return await self.ask(call_id, name, args, decision.reason or reason, lasting=lasting, source=source)

    async def ask(
        self, call_id: str, name: str, args: dict[str, Any], reason: str, *, lasting: bool = True, source: str = ""
    ) -> Consent:
        """Ask whoever can be asked; listeners are told of the question and of its answer. See `consent`."""
        if self.caught_up is not None:
            await self.caught_up(call_id)
        rule = propose(name, args) if lasting else None
        self.tell(ApprovalRequested(call_id=call_id, name=name, args=args, reason=reason, rule=str(rule or "")))
        answer: Answer = UNATTENDED
        if self.approve is not None:
            self.held.add(call_id)
            answer = await self.approve(name, args, reason, call_id=call_id, lasting=lasting)
        consent = self._consent(answer, args)
        if consent.approved:
            self.held.discard(call_id)
            self.consented[call_id] = consent.args
            if isinstance(answer, Lasting) and lasting:
                await self._last(propose(name, consent.args), answer.scope)
        else:
            self.refused.append(name)
        self.tell(ApprovalResolved(call_id=call_id, approved=consent.approved, reason=consent.reason))
        scope = answer.scope if isinstance(answer, Lasting) else "once"
        outcome = "allowed" if consent.approved else "refused"
        edited = {"edited": True} if consent.args is not args else {}
        await self._audit(_decision(outcome, consent.by, call_id, name, consent.args, source, scope=scope, **edited))
        return consent

    def _consent(self, answer: Answer, args: dict[str, Any]) -> Consent:
        by: Any = "person" if self.asks_person and not by_nobody(answer) else "settings"
        match answer:
            case Edited(args=changed):
                return Consent(True, changed, by=by)
            case Lasting(args=changed):
                return Consent(True, args if changed is None else changed, by=by)
            case str():
                return Consent(False, args, answer, by=by)
        return Consent(answer, args, by=by)

    async def _last(self, rule: Rule, scope: str) -> None:
        """Set a rule; what cannot be written holds for the session."""
        self.policy.allow_in_session(rule)
        if scope == "always":
            try:
                if self.keep_rule is None:
                    raise LraError("There is no file of rules here.")
                await self.keep_rule(rule)
            except LraError as error:
                self.tell(Notice(level="warning", text=f"The rule holds for this session only. {error}"))

    async def refuse(self, call_id: str, name: str, args: dict[str, Any], reason: str, *, source: str = "") -> Consent:
        """Note that a rule refuses a call.

        Args:
            call_id: The call, as the model made it.
            name: The tool.
            args: What it is called with.
            reason: What the rule says.
            source: Where the tool comes from.
        """
        self.refused.append(name)
        await self._audit(_decision("refused", "rule", call_id, name, args, source, reason=reason))
        return Consent(False, args, reason, by="rule")

    async def note_allowed(
        self, call_id: str, name: str, args: dict[str, Any], *, rule: Rule | None = None, source: str = ""
    ) -> None:
        """Note that a call was allowed without a question; it reaches the audit log with the end of the turn.

        Args:
            call_id: The call, as the model made it.
            name: The tool.
            args: What it is called with.
            rule: The rule that allows it; None for the tool's own default.
            source: Where the tool comes from.
        """
        detail = {"rule": str(rule)} if rule else {}
        noted = _decision("allowed", "rule" if rule else "default", call_id, name, args, source, **detail)
        if self.turn_id is None:
            await self._audit(noted)
        else:
            self.decided.append(noted)

    async def _audit(self, payload: dict[str, Any]) -> None:
        await self.structured_store.audit.append(
            AUDITED, payload, session_id=self.session_id, run_id=str(self.turn_id or "")
        )


AUDITED = "approval"
"""What decisions are called in the audit log."""


def _decision(
    outcome: str, by: str, call_id: str, name: str, args: dict[str, Any], source: str, **detail: Any
) -> dict[str, Any]:
    """Return a row of the audit log; of the arguments it holds the names alone, since values may be secret."""
    return {"tool": name, "outcome": outcome, "by": by, "call": call_id, "args": list(args), "source": source} | detail


__all__ = ["AgentDeps", "Approver"]
