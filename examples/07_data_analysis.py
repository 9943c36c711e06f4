"""Code in the sandbox: figures are read, averaged and drawn, and the plot comes out as a file.

With a provider the model writes the code; here it is given, so that the example runs without one too.

Run: python -m lra.examples.07_data_analysis plot.svg
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from lra import Session
from lra.events import ToolFinished, ToolProgress

CODE = """
import csv, io, statistics
rows = list(csv.DictReader(io.StringIO("city,degrees\\nOslo,4\\nOslo,6\\nRome,17\\nRome,19\\nCairo,29\\nCairo,31\\n")))
means = {}
for row in rows:
    means.setdefault(row["city"], []).append(float(row["degrees"]))
means = {city: statistics.mean(degrees) for city, degrees in means.items()}
bars = "".join(
    f'<rect x="{60 * at + 10}" y="{200 - 5 * mean}" width="40" height="{5 * mean}" fill="steelblue"/>'
    f'<text x="{60 * at + 30}" y="215" text-anchor="middle" font-size="12">{city}</text>'
    for at, (city, mean) in enumerate(means.items())
)
with open("plot.svg", "w") as file:
    file.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{60 * len(means) + 10}" height="225">{bars}</svg>')
print(means)
"""


async def main(target: Path) -> None:
    """Run the code, show what it says, and fetch the plot."""
    async with await Session.open(origin="library") as session:
        if session.workbench is None:
            sys.exit("There is nothing here that code could be run in; `lra doctor` says why.")
        async for event in session.send(f"Run this:\n```python{CODE}```"):
            if isinstance(event, ToolProgress):
                print(event.text, end="")
            elif isinstance(event, ToolFinished) and event.outcome != "success":
                sys.exit(event.content)
        client, sandbox = await session.workbench.ready()
        plot = b"".join([piece async for piece in client.read(sandbox, "plot.svg")])
    await asyncio.to_thread(target.write_bytes, plot)
    print(f"{target}: {len(plot):,} bytes")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1] if len(sys.argv) > 1 else "plot.svg")))
