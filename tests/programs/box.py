"""A container without a cluster: files, a clock, and an image's programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from volsim.errors import FileError
from volsim.programs.images import Image, command, image_for
from volsim.programs.process import Pause, Process
from volsim.storage import tree
from volsim.storage.mounts import Mount, MountedFiles
from volsim.storage.tree import Directory

PAUSES_MOST = 100


class Ran(NamedTuple):
    """What a command line left when it had ended, or when it was left alone."""

    stdout: str
    stderr: str
    code: int | None
    seconds: float


class Box:
    """One container, whose files and clock are carried from one command to the next."""

    def __init__(
        self,
        image: str | Image = "busybox",
        *,
        files: Mapping[str, str | bytes] | None = None,
        volumes: Mapping[str, Directory] | None = None,
        read_only: tuple[str, ...] = (),
        limits: Mapping[str, int] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.image = image_for(image) if isinstance(image, str) else image
        self.trees: dict[Any, Directory] = {"/": self.image.files, **(volumes or {})}
        self.mounts = [Mount(path=path, backing=path, read_only=path in read_only) for path in self.trees]
        self.limits = limits or {}
        self.env = {**self.image.env, "HOSTNAME": "box", **(env or {})}
        self.now_us = 0
        self.broken: set[str] = set()
        """Volumes whose backend cannot be reached."""
        for path, data in (files or {}).items():
            self.put(path, data)

    # -- files --------------------------------------------------------------------------------------------------------
    def _fetch(self, backing: Any) -> Directory:
        if backing in self.broken:
            raise FileError.of("EIO", backing)
        return self.trees[backing]

    def mounted(self) -> MountedFiles:
        return MountedFiles(self.mounts, self._fetch, lambda backing: self.limits.get(str(backing)), now_us=self.now_us)

    def keep(self, files: MountedFiles) -> None:
        self.trees.update(files.changed())

    def put(self, path: str, data: str | bytes, mode: int = 0o644) -> None:
        content = data.encode() if isinstance(data, str) else data
        root = tree.mkdir(self.trees["/"], path.rpartition("/")[0] or "/", parents=True)
        self.trees["/"] = tree.write(root, path, content, mode=mode)

    def read(self, path: str) -> str:
        return self.mounted().read(path).decode()

    def ls(self, path: str) -> list[str]:
        return self.mounted().listdir(path)

    # -- processes ----------------------------------------------------------------------------------------------------
    def process(self, argv: tuple[str, ...], **given: Any) -> Process:
        return Process(argv=argv, env=self.env, files=self.mounted(), now_us=self.now_us, hostname="box", **given)

    def started(self, *argv: str, **given: Any) -> Running:
        """Start a command and leave it at its first pause."""
        return Running(self, argv, given)

    def run(self, *argv: str, limit: int = PAUSES_MOST, **given: Any) -> Ran:
        """Run a command to its end, or `limit` pauses long."""
        running = self.started(*argv, **given)
        for _ in range(limit):
            if not running.go_on():
                break
        return running.ran

    def sh(self, script: str, *arguments: str, **given: Any) -> Ran:
        """Run a script with ``sh -c``."""
        return self.run("sh", "-c", script, *(("sh", *arguments) if arguments else ()), **given)


class Running:
    """A command that has been started."""

    def __init__(self, box: Box, argv: tuple[str, ...], given: dict[str, Any]) -> None:
        self.box, self.argv, self._given = box, argv, given
        stdin = given.pop("stdin", b"")
        self._stdin = stdin.encode() if isinstance(stdin, str) else stdin
        self._since_us = box.now_us
        self._output: list[tuple[int, bytes]] = []
        process = box.process(argv, stdin=self._stdin, **given)
        found = command(box.image, argv, process)
        assert found is not None, f"the image has no {argv[0]}"
        self.program = found
        self.pause = self.program.start(process)
        self._took(process)

    def _took(self, process: Process) -> None:
        self._output += process.output
        self.box.keep(process.files)

    def go_on(self) -> bool:
        """Let it go on at the end of its pause; whether it could."""
        if self.pause.exit_code is not None or self.pause.wake_after_us is None:
            return False
        self.box.now_us += self.pause.wake_after_us
        process = self.box.process(self.argv, **self._given)
        self.pause = self.program.resume(self.pause.memory, process)
        self._took(process)
        return True

    def signal(self, name: str, after: float = 0.0) -> bool:
        """Send it a signal, `after` seconds into its pause; whether it took notice."""
        passed_us = round(after * 1_000_000)
        self.box.now_us += passed_us
        process = self.box.process(self.argv, **self._given)
        wake = self.pause.wake_after_us
        process.remaining_us = None if wake is None else wake - passed_us
        pause = self.program.signal(self.pause.memory, process, name)
        self._took(process)
        if pause is None:
            self.pause = self.pause._replace(wake_after_us=process.remaining_us)
            return False
        self.pause = pause
        return True

    @property
    def ran(self) -> Ran:
        def text(number: int) -> str:
            return b"".join(data for at, data in self._output if at == number).decode(errors="replace")

        return Ran(text(1), text(2), self.pause.exit_code, (self.box.now_us - self._since_us) / 1e6)

    @property
    def screen(self) -> str:
        """All that it wrote, in order."""
        return b"".join(data for _, data in self._output).decode(errors="replace")


def outcome(pause: Pause) -> int | None:
    """What a program has ended with."""
    return pause.exit_code
