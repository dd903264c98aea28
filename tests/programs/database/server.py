"""A container with a MySQL server that runs, on a volume of its own."""

from __future__ import annotations

from tests.programs.box import Box, Ran, Running
from volsim.storage.tree import Directory

DATA = "/var/lib/mysql"


class Database(Box):
    """A box whose server has been started."""

    def __init__(self, image: str = "mysql:5.7", volume: Directory | None = None, *arguments: str, **env: str) -> None:
        variables = {"MYSQL_ROOT_PASSWORD": "pw", **env}
        super().__init__(image, volumes={DATA: volume or Directory()}, env={k: v for k, v in variables.items() if v})
        self.arguments = arguments
        self.server = self.start()

    def start(self) -> Running:
        """Start the server as the container does."""
        return self.started("docker-entrypoint.sh", "mysqld", *self.arguments, pid1=True)

    def sql(self, text: str, *arguments: str, password: str = "pw", **given: bool) -> Ran:
        """What the client says to some statements."""
        ran = self.run("mysql", "-uroot", f"-p{password}", *arguments, stdin=text, **given)
        warning = "mysql: [Warning] Using a password on the command line interface can be insecure.\n"
        return ran._replace(stderr=ran.stderr.replace(warning, ""))

    def rows(self, text: str) -> str:
        """The output of statements that must not fail."""
        ran = self.sql(text)
        assert (ran.code, ran.stderr) == (0, ""), ran.stderr
        return ran.stdout

    def error(self, text: str) -> str:
        """What the last of some statements is refused with."""
        ran = self.sql(text)
        assert ran.code == 1, f"{text} was done"
        return ran.stderr.removesuffix("\n")
