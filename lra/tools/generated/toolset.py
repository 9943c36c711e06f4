"""Tools that were written, as the model has them: those of the record, and the tool that writes new ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any

from pydantic_ai import FunctionToolset, ModelRetry, RunContext, Tool, ToolDefinition, ToolDenied
from pydantic_ai.exceptions import ToolFailed
from pydantic_ai.toolsets import AbstractToolset, ToolsetTool

from lra.errors import UsageError
from lra.events import ToolProgress
from lra.store import StructuredMemoryStore
from lra.store.tools import ToolRecord
from lra.text import one_line
from lra.tools.catalogue import ToolInfo
from lra.tools.deps import AgentDeps
from lra.tools.generated.boxes import ToolBoxes
from lra.tools.generated.drafts import Draft, misfit, read_draft
from lra.tools.generated.grants import Grants
from lra.tools.generated.modules import whole_source
from lra.tools.generated.trial import Trial, run_trial

SOURCE = "generated"


class WrittenTools(AbstractToolset[AgentDeps]):
    """What the record holds, read again when it has changed; each call runs in the tool's own sandbox.

    Args:
        store: The record.
        boxes: Where the tools run; without, they can only be looked at.
        taken: Returns the names of all other tools, which none of these can have.
    """

    def __init__(
        self, store: StructuredMemoryStore, boxes: ToolBoxes | None, taken: Callable[[], Collection[str]]
    ) -> None:
        self._store = store
        self._sandboxes = boxes
        self._taken = taken
        self._stamp: tuple[int, int] | None = None
        self._records: dict[str, ToolRecord] = {}

    @property
    def id(self) -> str:
        """What the toolset is called."""
        return "written"

    @property
    def _boxes(self) -> ToolBoxes:
        if self._sandboxes is None:
            raise ToolFailed("There is no sandbox here, so no written tool can be run.")
        return self._sandboxes

    async def refresh(self) -> None:
        """Read the record again when a tool has changed, in whatever process."""
        stamp = await self._store.tools.stamp()
        if stamp != self._stamp:
            self._records = {record.name: record for record in await self._store.tools.find()}
            self._stamp = stamp

    def describe(self) -> list[ToolInfo]:
        """Return the tools there are now."""
        return [ToolInfo(record.name, one_line(record.description, 200), SOURCE) for record in self._offered().values()]

    def _offered(self) -> dict[str, ToolRecord]:
        if not self._records:
            return {}
        taken = self._taken()
        return {name: record for name, record in self._records.items() if name not in taken}

    async def get_tools(self, ctx: RunContext[AgentDeps]) -> dict[str, ToolsetTool[AgentDeps]]:
        """Return the enabled tools whose names no other tool has."""
        return {
            name: ToolsetTool(
                toolset=self,
                tool_def=ToolDefinition(
                    name=name,
                    description=record.description,
                    parameters_json_schema=dict(record.parameters),
                    metadata={"consent": "allow", "source": SOURCE},
                ),
                max_retries=ctx.max_retries,
                args_validator=_Fits(record.parameters),
            )
            for name, record in self._offered().items()
        }

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[AgentDeps], tool: ToolsetTool[AgentDeps]
    ) -> Any:
        """Run a tool in its sandbox; what it raised goes to the model as a failure."""
        record = self._records[name]
        grants = Grants.read(record.grants)
        outcome = await self._boxes.call(name, record.source, grants, tool_args, said=_said(ctx))
        if outcome.error:
            raise ToolFailed(f"{name} failed: {outcome.error}.")
        return outcome.value

    def writer(self) -> FunctionToolset[AgentDeps]:
        """Return the toolset with the tool that writes new ones."""
        tool: Tool[AgentDeps] = Tool(self.generate_tool, metadata={"consent": "allow", "source": "built-in"})
        # One after the other: the second may use what the first has written.
        return FunctionToolset([tool], id="tool_writer", sequential=True)

    async def generate_tool(
        self,
        ctx: RunContext[AgentDeps],
        name: str,
        code: str,
        tests: list[dict[str, Any]],
        args: str = "",
        doc: str = "",
        hosts: list[str] | None = None,
        packages: list[str] | None = None,
        seconds: float = 30.0,
        memory_mb: int = 256,
    ) -> dict[str, Any] | ToolDenied:
        """Write a new tool when no other fits; it can be called from the next step on, and in every later session.

        A tool is one typed Python function with a docstring that says what it and each argument is. It runs in a
        sandbox of its own, keeps nothing between calls, and returns JSON. The person is shown it before it is kept.
        Given again, a tool that was written before is replaced by its next version.

        Args:
            name: The function's name, in small letters.
            code: Python source: imports, helpers and `def NAME(...)`; or the function's body alone.
            tests: Example calls, at least one, each {"args": {…}, "expected": …} or {"args": {…}, "error": "part"}.
            args: Where code is a body alone: the parameters, as in "text: str, times: int = 2".
            doc: Where code is a body alone: the docstring.
            hosts: Names the tool may reach; none by default.
            packages: Python packages from the package index; none by default.
            seconds: How long one call may take.
            memory_mb: Memory it may use.
        """
        given: dict[str, Any] = {"name": name, "code": whole_source(name, args, code, doc), "tests": tests}
        given |= {"hosts": hosts or [], "packages": packages or [], "seconds": seconds, "memory_mb": memory_mb}
        draft = self._draft(given)
        trial: Trial | None = None
        tried = "It needs network, so it was not tried yet"
        if not draft.grants.hosts and not draft.grants.packages:
            trial, tried = await self._tried(ctx, draft), f"It passed {_tests(len(draft.tests))}"
        why = f"A new tool. {tried}; it {draft.grants}."
        consent = await ctx.deps.consent(ctx.tool_call_id or "", "generate_tool", given, why, source="built-in")
        if not consent.approved:
            return ToolDenied(f"The tool was not kept. {consent.refusal}")
        if consent.args != given:
            draft, trial = self._draft({**given, **consent.args}), None
        if trial is None:
            trial = await self._tried(ctx, draft)
        deps = ctx.deps
        kept = await self._store.tools.save(
            draft.as_new(), author="model", session_id=deps.session_id, turn_id=deps.turn_id
        )
        await self.refresh()
        return {"tool": kept.name, "version": kept.version, "tests_passed": trial.passed, "grants": str(draft.grants)}

    def _draft(self, given: Mapping[str, Any]) -> Draft:
        grants = {name: given[name] for name in ("hosts", "packages", "seconds", "memory_mb")}
        try:
            return read_draft(str(given["name"]), str(given["code"]), given["tests"], grants, taken=self._taken())
        except UsageError as error:
            raise ModelRetry(f"The tool was not kept. {error}") from None

    async def _tried(self, ctx: RunContext[AgentDeps], draft: Draft) -> Trial:
        trial = await run_trial(draft, self._boxes, said=_said(ctx))
        if not trial.ok:
            raise ModelRetry("The tool was not kept, since its tests failed.\n" + "\n".join(trial.failures)[:4000])
        return trial


class _Fits:
    """Checks the arguments of a call by the tool's schema."""

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        self._parameters = dict(parameters)

    def validate_json(self, input: str | bytes | bytearray, **_: Any) -> dict[str, Any]:
        try:
            return self.validate_python(json.loads(input or "{}"))
        except ValueError as error:
            raise ModelRetry(f"The arguments are no JSON: {error}.") from None

    def validate_python(self, input: Any, **_: Any) -> dict[str, Any]:
        if not isinstance(input, dict):
            raise ModelRetry("The arguments are a JSON object by name.")
        if problem := misfit(input, self._parameters):
            raise ModelRetry(f"The arguments do not fit: {problem}")
        return input


def _tests(number: int) -> str:
    return "its test" if number == 1 else f"its {number} tests"


def _said(ctx: RunContext[AgentDeps]) -> Callable[[str], None]:
    return lambda text: ctx.deps.tell(ToolProgress(call_id=ctx.tool_call_id or "", text=text))
