"""A container with a PostgreSQL server that runs, on a volume of its own."""

from __future__ import annotations

from tests.programs.box import Box, Ran, Running
from volsim.storage.tree import Directory

DATA = "/var/lib/postgresql/data"


class Postgres(Box):
    """A box whose server has been started."""

    def __init__(self, image: str = "postgres:16", volume: Directory | None = None, **env: str) -> None:
        variables = {"POSTGRES_PASSWORD": "pw", **env}
        super().__init__(image, volumes={DATA: volume or Directory()}, env={k: v for k, v in variables.items() if v})
        self.server = self.start()

    def start(self) -> Running:
        """Start the server as the container does."""
        return self.started("docker-entrypoint.sh", "postgres", pid1=True)

    def psql(self, *arguments: str, stdin: str = "", tty: bool = False) -> Ran:
        """What the client prints."""
        return self.run("psql", "-U", "postgres", *arguments, stdin=stdin, tty=tty)

    def rows(self, sql: str, *arguments: str) -> str:
        """The bare output of statements that must not fail."""
        ran = self.psql(*arguments, "-qtAc", sql)
        assert (ran.code, ran.stderr) == (0, ""), ran.stderr
        return ran.stdout

    def error(self, sql: str) -> str:
        """What the last of some statements is refused with."""
        ran = self.psql("-qc", sql)
        assert ran.code == 1, f"{sql} was done"
        return ran.stderr.removesuffix("\n")
