"""What the service takes and gives, as its OpenAPI page shows it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field

Id = Annotated[str, Path(description="The sandbox.", max_length=64)]
FilePath = Annotated[str, Query(description="Path in the workspace.", max_length=4096)]
Names = Annotated[list[str], Field(max_length=200)]
Texts = Annotated[dict[str, str], Field(max_length=100)]
Seconds = Annotated[
    float | None, Field(gt=0, le=86_400, description="At most this long; the sandbox's own limit else.")
]


class _Body(BaseModel):
    # A number is a number: neither true nor "5", which would be taken for one otherwise.
    model_config = ConfigDict(extra="forbid", strict=True)


class LimitsBody(_Body):
    """What a sandbox may use."""

    memory_mb: int | None = Field(None, ge=128, le=65_536)
    cpus: float | None = Field(None, ge=0.05, le=64)
    pids: int | None = Field(None, ge=16, le=4096)
    disk_mb: int | None = Field(None, ge=1, le=65_536)
    files: int | None = Field(None, ge=32, le=1_000_000)
    output_bytes: int | None = Field(None, ge=1_000, le=16_000_000)
    wall_seconds: float | None = Field(None, ge=0.1, le=86_400)


class CreateBody(_Body):
    """A new sandbox; everything has a default."""

    image: str | None = Field(None, max_length=500)
    language: Literal["python", "shell"] | None = None
    packages: dict[str, Names] | None = Field(None, description="Names by package manager.")
    network: Literal["none", "limited", "unrestricted"] | None = None
    allowed_hosts: Names | None = Field(None, description="With network 'limited': example.org, *.example.org")
    limits: LimitsBody | None = None
    env: Texts | None = None
    metadata: Texts | None = None
    idle_seconds: float | None = Field(None, ge=1, le=604_800)
    lifetime_seconds: float | None = Field(None, ge=1, le=604_800)

    def options(self) -> dict[str, Any]:
        """Return what was given."""
        return self.model_dump(exclude_none=True)


class ExecuteBody(_Body):
    """Code to run."""

    code: str = Field(max_length=1_000_000)
    timeout: Seconds = None
    stdin: str = ""


class CommandBody(_Body):
    """A shell command to run."""

    command: str = Field(max_length=1_000_000)
    timeout: Seconds = None
    stdin: str = ""


class FolderBody(_Body):
    """A folder to make."""

    path: str = Field(max_length=4096)


class PackagesBody(_Body):
    """Packages to add."""

    pip: Annotated[list[str], Field(min_length=1, max_length=50)]


class Health(BaseModel):
    """What this service is, and whether it can make sandboxes."""

    service: str
    ready: bool
    provider: str | None
    problem: str | None
    sandboxes: int
    warm: int


class SandboxInfo(BaseModel):
    """One sandbox."""

    model_config = ConfigDict(extra="allow")

    id: str
    language: str
    provider: str
    status: Literal["idle", "busy", "paused", "ended"]
    created_at: float
    idle_seconds: float
    lifetime_seconds: float
    network: str
    allowed_hosts: list[str]
    packages: dict[str, list[str]]
    metadata: dict[str, str]
    workspace: str


class NewSandbox(SandboxInfo):
    """A sandbox that was just made."""

    token: str = Field(description="A key that opens this sandbox and nothing else. It is shown this once.")


class Sandboxes(BaseModel):
    """All of them, oldest first."""

    sandboxes: list[SandboxInfo]


class Ran(BaseModel):
    """What a call did."""

    model_config = ConfigDict(extra="allow")

    type: Literal["result", "error"]
    success: bool
    stdout: str
    stderr: str
    result: dict[str, Any] | None = Field(description="The value of the last expression by MIME type.")
    displays: list[dict[str, Any]]


class Files(BaseModel):
    """What a folder holds."""

    entries: list[dict[str, Any]]
    complete: bool


class Written(BaseModel):
    """A file that was written."""

    size: int


class Unpacked(BaseModel):
    """An archive that was unpacked."""

    files: int


class Package(BaseModel):
    """A Python package in a sandbox."""

    name: str
    version: str


class Packages(BaseModel):
    """Python packages in a sandbox."""

    packages: list[Package]


class Added(BaseModel):
    """Packages that were added, with those they need."""

    added: list[str]


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
