"""`lra doctor`: does everything work?"""

from __future__ import annotations

import typer

from lra.cli import output
from lra.cli.options import HELP, Json
from lra.cli.work import quiet_libraries
from lra.cli.work import settings as read_settings
from lra.errors import ExitCode, LraError

app = typer.Typer(add_completion=False, context_settings=HELP)


@app.command("doctor")
def doctor(as_json: Json = False) -> None:
    """Check model, record, index, embedding and sandbox; ends with 1 when something failed."""
    from lra.checks import Check, check_all

    quiet_libraries()
    try:
        settings = read_settings(quiet=True)
    except LraError as error:
        checks = [Check("settings", "fail", error.message, error.hint or "")]
    else:
        checks = check_all(settings)
    sound = all(check.status != "fail" for check in checks)
    if as_json:
        output.write_json({"ok": sound, "checks": [check.to_dict() for check in checks]})
    else:
        for check in checks:
            output.write(f"{check.status:4}  {check.name:9}  {check.detail}")
            if check.fix:
                output.write(f"{'':17}{check.fix}")
    if not sound:
        raise typer.Exit(ExitCode.FAILED)
