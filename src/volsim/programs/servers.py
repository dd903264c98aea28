"""Programs that run until they are told to stop, and the scripts that start them.

Modelled: that a server runs, and ends at TERM with exit code 0; entrypoints that become the command behind them.
Not modelled: what a server answers, as nothing can be sent to it; what it writes.
Source: signal(7); docker-library, the docker-entrypoint.sh of several images.
"""

from __future__ import annotations

from typing import Any

from volsim.programs.process import Pause, Process
from volsim.programs.tools.applet import Applet, fail
from volsim.programs.tools.running import Wrapped

__all__ = ["ENTRYPOINT", "HELLO", "NO_PACKAGES", "PAUSE", "SERVER", "Server"]


class Server:
    """A program that serves until a signal ends it with exit code 0.

    >>> from volsim.storage.mounts import MountedFiles
    >>> process = Process(argv=("nginx",), env={}, files=MountedFiles([], dict().get), now_us=0, pid1=True)
    >>> SERVER.start(process).exit_code, SERVER.signal(None, process, "TERM").exit_code
    (None, 0)
    """

    def __init__(self, name: str, *signals: str) -> None:
        self._name, self._signals = name, signals

    def start(self, process: Process) -> Pause:
        """Serve."""
        return Pause.serving()

    def resume(self, memory: Any, process: Process) -> Pause:
        """Go on serving."""
        return Pause.serving(memory)

    def signal(self, memory: Any, process: Process, name: str) -> Pause | None:
        """End, if it is one of its signals."""
        return Pause.exited(0) if name in self._signals else None

    def __repr__(self) -> str:
        return self._name


SERVER = Server("SERVER", "TERM", "INT", "QUIT")
"""What stands for any program of which nothing is known."""
PAUSE = Server("PAUSE", "TERM", "INT")
"""The program that holds a pod together."""
ENTRYPOINT = Wrapped()
"""A script that prepares something and then becomes the command behind it."""


def _hello(process: Process) -> int:
    process.print("\nHello from Docker!\nThis message shows that your installation appears to be working correctly.\n")
    return 0


HELLO = Applet(_hello)
"""What the image `hello-world` runs: it says hello and ends."""


def _no_packages(process: Process) -> int:
    return fail(process, "not modelled: nothing can be installed here")


NO_PACKAGES = Applet(_no_packages)
"""The tools that install software."""
