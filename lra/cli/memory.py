"""`lra memory`: what is remembered; the commands of the group and where each is."""

from __future__ import annotations

import typer

from lra.cli.memory_backups import backup, backups, restore
from lra.cli.memory_exchange import export, import_
from lra.cli.memory_forgetting import forget
from lra.cli.memory_index import doctor, index, reindex
from lra.cli.memory_looking import list_memories, show
from lra.cli.memory_timeline import asof, blame, diff, history
from lra.cli.memory_writing import add, edit, pin, tag, undo, unpin
from lra.cli.options import HELP
from lra.cli.search import search

app = typer.Typer(
    help="Add, search, change and forget memories.", no_args_is_help=True, add_completion=False, context_settings=HELP
)

app.command("add")(add)
app.command("list")(list_memories)
app.command("search")(search)
app.command("show")(show)
app.command("edit")(edit)
app.command("tag")(tag)
app.command("pin")(pin)
app.command("unpin")(unpin)
app.command("undo")(undo)
app.command("history")(history)
app.command("blame")(blame)
app.command("asof")(asof)
app.command("diff")(diff)
app.command("forget")(forget)
app.command("import")(import_)
app.command("export")(export)
app.command("backup")(backup)
app.command("backups")(backups)
app.command("restore")(restore)
app.command("reindex")(reindex)
app.command("doctor")(doctor)
app.command("index")(index)
