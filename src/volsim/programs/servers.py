"""A server: runs until it is told to stop."""

from __future__ import annotations

from typing import Any

from volsim.programs.process import Pause, Process

__all__ = ["SERVER", "Server"]


class Server:
    """A program that serves until TERM, INT or QUIT ends it with exit code 0."""

    def start(self, process: Process) -> Pause:
        return Pause.serving()

    def resume(self, memory: Any, process: Process) -> Pause:
        return Pause.serving(memory)

    def signal(self, memory: Any, process: Process, name: str) -> Pause | None:
        return Pause.exited(0) if name in ("TERM", "INT", "QUIT") else None

    def __repr__(self) -> str:
        return "SERVER"


SERVER = Server()
"""The server that stands for any program of which nothing is known."""
