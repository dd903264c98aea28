"""A container with a Redis server that runs, on a volume of its own."""

from __future__ import annotations

from tests.programs.box import Box, Running
from volsim.storage.tree import Directory

DATA = "/data"


class Redis(Box):
    """A box whose server has been started; what clients send to process 1 arrives there."""

    def __init__(self, *arguments: str, image: str = "redis:7", volume: Directory | None = None) -> None:
        super().__init__(image, volumes={DATA: volume or Directory()})
        self.arguments = arguments
        self.server = self.start()

    def start(self) -> Running:
        """Start the server as the container does."""
        return self.started("docker-entrypoint.sh", *(self.arguments or ("redis-server",)), pid1=True)

    def cli(self, *words: str, tty: bool = False, stdin: str = "") -> str:
        """What the client prints for one command."""
        ran = self.run("redis-cli", *words, tty=tty, stdin=stdin)
        assert (ran.code, ran.stderr) == (0, ""), ran.stderr
        self.server.signal("POLL")
        return ran.stdout

    def do(self, *lines: str) -> None:
        """Have some commands done that must not fail."""
        for line in lines:
            assert "ERR" not in self.cli(*line.split())

    def killed(self) -> Redis:
        """What there is after the container was killed: a new one on the same volume."""
        return Redis(*self.arguments, image=self.image_name, volume=self.trees[DATA])

    image_name = "redis:7"
