"""Which programs an image holds (draft)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from volsim.objects._record import FrozenDict
from volsim.programs.process import Pause, Process, Program
from volsim.storage.tree import Directory

__all__ = ["Image", "command", "image_for"]


@attrs.frozen(kw_only=True)
class Image:
    entrypoint: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    env: Mapping[str, str] = attrs.field(factory=FrozenDict)
    files: Directory = attrs.field(factory=Directory)


class Server:
    def start(self, process: Process) -> Pause:
        return Pause.serving()

    def resume(self, memory: Any, process: Process) -> Pause:
        return Pause.serving()

    def signal(self, memory: Any, process: Process, name: str) -> Pause | None:
        return Pause.exited(0)


def image_for(name: str) -> Image:
    return Image(entrypoint=("server",))


def command(image: Image, argv: tuple[str, ...]) -> Program | None:
    return Server()
