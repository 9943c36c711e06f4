"""A kernel: one process, one namespace, cells one after the other."""

from __future__ import annotations

import base64
import builtins
import importlib
import json
import os
import signal
import socket
import sys
import types
import warnings
from collections.abc import Sequence
from typing import Any

from . import figures, rich
from .cells import Cells, missing_input
from .processes import _prctl
from .protocol import Decoder, encode
from .streams import Pair

_CHILDREN = frozenset({"subprocess.Popen", "os.system", "os.posix_spawn", "os.exec"})


class Kernel:
    """Talks to the supervisor, and to nobody else.

    Args:
        control: Socket to the supervisor.
        streams: Standard output and error.
        path: Where this interpreter's own modules are.
    """

    def __init__(self, control: socket.socket, streams: Pair, path: Sequence[str]) -> None:
        self._control = control
        self._streams = streams
        self._pid = os.getpid()
        self._busy = False
        self._packages = 0
        module = types.ModuleType("__main__")
        sys.modules["__main__"] = module
        module.__dict__.update(display=self.display, __builtins__=builtins)
        self._cells = Cells(module, path)
        # `plt.show()` has nothing to do: figures are shown when the cell ends.
        warnings.filterwarnings("ignore", message=".*FigureCanvasAgg is non-interactive")

    def serve(self) -> None:
        """Run cells until the supervisor hangs up."""
        signal.signal(signal.SIGINT, self._interrupt)
        self._send({"event": "ready", "pid": self._pid})
        decoder = Decoder()
        while True:
            try:
                data = self._control.recv(1 << 16)
            except KeyboardInterrupt:
                continue
            if not data:
                return
            for message, _ in decoder.feed(data):
                self._run(message)

    def display(self, *values: object) -> None:
        """Show values the way the last expression of a cell is shown.

        Args:
            *values: What to show.
        """
        for value in values:
            self._streams.flush()
            self._send({"event": "display", "data": rich.bundle(value)})

    def _run(self, message: dict[str, Any]) -> None:
        try:
            signal.signal(signal.SIGINT, self._interrupt)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
            self._notice_packages()
            self._busy = True
            outcome = self._cells.run(message["code"], message.get("stdin") or "", self._show_result)
            if os.getpid() == self._pid:
                self._show_figures()
        except KeyboardInterrupt:
            # It came between the end of the code and here.
            outcome = {"status": "interrupted", "name": "KeyboardInterrupt", "message": "", "traceback": ""}
        except BaseException as error:
            outcome = {"status": "error", "name": type(error).__name__, "message": str(error), "traceback": ""}
        finally:
            self._busy = False
        sys.stdout, sys.stderr = self._streams.out, self._streams.err
        if os.getpid() != self._pid:
            # A child that the cell forked came out at the end of the cell: it is no kernel.
            os._exit(outcome.get("exit", 0 if outcome["status"] == "ok" else 1))
        self._streams.flush()
        self._send({"event": "done", "cell": message.get("cell"), **outcome})

    def _notice_packages(self) -> None:
        """Let imports find what was added since the last cell: a folder that was not there is remembered as missing."""
        try:
            changed = os.stat(sys.path[-1]).st_mtime_ns if sys.path else 0
        except (OSError, TypeError, ValueError):
            return
        if changed != self._packages:
            self._packages = changed
            importlib.invalidate_caches()

    def _interrupt(self, number: int, frame: object) -> None:
        if self._busy and os.getpid() == self._pid:
            raise KeyboardInterrupt

    def _show_result(self, value: object) -> None:
        self._streams.flush()
        self._send({"event": "result", "data": rich.bundle(value)})

    def _show_figures(self) -> None:
        for image in figures.take():
            self._streams.flush()
            data = {"text/plain": "<Figure>", "image/png": base64.b64encode(image).decode("ascii")}
            if len(data["image/png"]) <= rich.MOST_BYTES:
                self._send({"event": "display", "data": data})

    def _send(self, message: dict[str, Any]) -> None:
        if os.getpid() == self._pid:
            self._control.sendall(encode(message))


def main(settings: str, control_fd: int, out_fd: int, err_fd: int) -> None:
    """Become a kernel; called in a fresh child of the zygote.

    Args:
        settings: JSON with `workspace`.
        control_fd: Socket to the supervisor.
        out_fd: Standard output.
        err_fd: Standard error.
    """
    os.setsid()
    control = socket.socket(fileno=os.dup(control_fd))
    os.dup2(out_fd, 1)
    os.dup2(err_fd, 2)
    # What the zygote holds is not for user code: only the three standard descriptors and the control socket stay.
    keep = control.fileno()
    os.closerange(3, keep)
    os.closerange(keep + 1, 4096)
    os.set_inheritable(keep, False)
    _prctl(4, 1)
    streams = Pair()
    sys.stdout, sys.stderr = streams.out, streams.err
    # What was printed before a child is started comes before what the child prints.
    sys.addaudithook(lambda event, arguments: streams.flush() if event in _CHILDREN else None)
    builtins.input = missing_input()  # type: ignore[assignment]
    sys.argv = [""]
    path = list(sys.path)
    sys.path.insert(0, "")
    workspace = json.loads(settings)["workspace"]
    os.chdir(workspace)
    # Packages that were added later; what the image brings comes first.
    sys.path.append(os.path.join(workspace, ".packages"))
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    Kernel(control, streams, path).serve()
