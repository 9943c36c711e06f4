"""Property-based tests that are made from the service's own OpenAPI description."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.providers.base import Provider
from tests.sandbox.running import Running
from tests.sandbox.serving import KEY, Service, serving

EXAMPLES = os.environ.get("LRA_SOAK_EXAMPLES", "6")
# What a path, a name of a package or an archive has to be is more than a schema can say, so that a well-formed
# request may be refused; and what is deleted by its path is not the folder that is asked for next.
NOT_HERE = "positive_data_acceptance,use_after_free"
# The tool's own, and 413: a text that is too long may be refused by the size of the whole request.
REFUSALS = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 428, 429]
DELETE = "delete_sandboxes__sandbox_id__delete"


async def _fuzz(service: Service, sandbox_id: str, folder: Path, *more: str) -> None:
    config = folder / "schemathesis.toml"
    config.write_text(
        f'[parameters]\n"path.sandbox_id" = "{sandbox_id}"\n'
        f"[checks.negative_data_rejection]\nexpected-statuses = {REFUSALS}\n"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config)),
        *("run", f"{service.url}/openapi.json", "-H", f"Authorization: Bearer {KEY}"),
        *("--max-examples", EXAMPLES, "--seed", "1", "--continue-on-failure", "--request-timeout", "60"),
        *("--exclude-checks", NOT_HERE, "--warnings", "off", *more),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()[-5000:]
    assert b"No issues found" in said


@pytest.mark.timeout(900)
async def test_the_service_keeps_to_its_own_description(provider: Provider, tmp_path: Path) -> None:
    async with serving(provider.name) as service:
        client = service.client()
        box = await Running.create(client)
        phases = ("--phases", "examples,coverage,fuzzing,stateful")
        await _fuzz(service, box.id, tmp_path, *phases, "--exclude-operation-id", DELETE)
        # It still does what it is for.
        await client.resume(box.id)
        await client.restart(box.id)
        assert (await box.ok("6 * 7")).result == "42"
        await _fuzz(service, box.id, tmp_path, "--include-operation-id", DELETE)
        for each in await client.list_sandboxes():
            await client.delete(each["id"])
        await client.close()
