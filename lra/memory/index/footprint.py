"""How much memory this process holds."""

from __future__ import annotations

import sys
from pathlib import Path


def footprint() -> str:
    """Return it as a sentence without its end; what belongs to mapped files is the system's to take back."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text(encoding="ascii").splitlines() if ":" in line)
        held, mapped = (int(lines.get(name, "0").split()[0]) / 1024 for name in ("VmRSS", "RssFile"))
        return f"{held:.0f} MB, of which {mapped:.0f} MB are of files"
    if sys.platform == "win32":
        return "unknown on this system"
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return f"at most {most / (1 << 20 if sys.platform == 'darwin' else 1 << 10):.0f} MB so far"
