"""Does a provider keep what it promises here? Every probe, and what uses things up, in real sandboxes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from sandbox.client import Event
from sandbox.errors import SandboxError
from sandbox.manager import Manager
from sandbox.probes import PROBES

LIMITS = {"memory_mb": 256, "pids": 64, "disk_mb": 16, "files": 500, "output_bytes": 20_000, "cpus": 1.0}

EXHAUSTION = {
    "fork bomb": "import os\nn = 0\ntry:\n    while n < 2000:\n        if os.fork() == 0:\n            import time; time.sleep(30); os._exit(0)\n        n += 1\n    print('ESCAPED', n)\nexcept OSError:\n    pass\n",
    "thread bomb": "import threading, time\nn = 0\ntry:\n    while n < 5000:\n        threading.Thread(target=time.sleep, args=(20,), daemon=True).start(); n += 1\n    print('ESCAPED', n)\nexcept RuntimeError:\n    pass\n",
    "memory": "x = []\ntry:\n    for i in range(64): x.append(b'\\1' * 64_000_000)\n    print('ESCAPED')\nexcept MemoryError:\n    pass\n",
    "memory of many": "import os, time\nfor i in range(16):\n    if os.fork() == 0:\n        x = b'\\1' * 100_000_000; time.sleep(1); os._exit(0)\nok = sum(os.wait()[1] == 0 for i in range(16))\nif ok > 8: print('ESCAPED', ok)\n",
    "disk": "try:\n    with open('big', 'wb') as f:\n        for i in range(256): f.write(b'\\0' * 1_000_000)\n    print('ESCAPED')\nexcept OSError:\n    pass\n",
    "files": "try:\n    for i in range(50_000): open(f'f{i}', 'w').close()\n    print('ESCAPED')\nexcept OSError:\n    pass\n",
    "shared memory": "try:\n    with open('/dev/shm/big', 'wb') as f:\n        for i in range(1024): f.write(b'\\0' * 1_000_000)\n    print('ESCAPED')\nexcept OSError:\n    pass\n",
    "output": "for i in range(200): print('x' * 1_000_000)\n",
    "endless code": "while True: pass\n",
    "ignored signals": "import signal\nfor s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP): signal.signal(s, signal.SIG_IGN)\nwhile True: pass\n",
    "children that hide": "import os, signal, time\nfor i in range(5):\n    if os.fork() == 0:\n        os.setsid()\n        if os.fork() == 0:\n            for s in (1, 2, 3, 15): signal.signal(s, signal.SIG_IGN)\n            time.sleep(300)\n        os._exit(0)\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass\n",
    "flooded protocol": "import os\nfor fd in range(3, 256):\n    try:\n        os.write(fd, b'\\0\\0\\0\\x05hello' * 1000)\n    except OSError:\n        pass\n",
    "forged answers": "import os, json, struct\nbody = json.dumps({'event': 'done', 'cell': 1, 'status': 'ok', 'id': 1, 'state': 7}).encode()\nfor fd in range(3, 256):\n    try:\n        os.write(fd, struct.pack('!I', len(body)) + body)\n    except OSError:\n        pass\n",
    "killing everything": "import os\nos.kill(-1, 9)\n",
    "closed descriptors": "import os\nos.closerange(0, 256)\n",
}
"""What uses things up or breaks things. Afterwards the sandbox must still work."""


async def check_all(provider: str) -> AsyncGenerator[tuple[str, str | None], None]:
    """Yield the name of each promise and what was wrong with it, or None; see `sandbox.client.selfcheck`."""
    manager = Manager(provider)
    try:
        await manager.provider()
        sandbox_id = (await manager.create(limits=LIMITS))["id"]
        for probe in PROBES:
            yield probe.name, await attempt(manager, sandbox_id, probe.code)
        for name, code in EXHAUSTION.items():
            sandbox_id = (await manager.create(limits=LIMITS))["id"]
            yield name, await attempt(manager, sandbox_id, code)
            await manager.delete(sandbox_id)
    finally:
        await manager.close()


async def attempt(manager: Manager, sandbox_id: str, code: str) -> str | None:
    """Run a probe; return how it got through, or how the sandbox suffered, or None.

    Args:
        manager: Who has the sandbox.
        sandbox_id: Which.
        code: The probe.
    """
    try:
        said, done = await _run(manager, sandbox_id, code, 5.0)
        if "ESCAPED" in said:
            return said[said.index("ESCAPED") :][:200]
        if done.get("rung") == "container":
            return "the whole sandbox had to be ended"
        said, done = await _run(manager, sandbox_id, "print(6 * 7)", 20.0)
    except SandboxError as error:
        return error.message
    return None if said == "42\n" and done["status"] == "ok" else f"afterwards it did not work: {said[:100]} {done}"


async def _run(manager: Manager, sandbox_id: str, code: str, timeout: float) -> tuple[str, Event]:
    said, last = "", Event()
    async with aclosing(manager.execute(sandbox_id, code, timeout=timeout)) as events:
        async for event in events:
            last = event
            if event["event"] == "stdout":
                said += event["text"]
    return said, last
