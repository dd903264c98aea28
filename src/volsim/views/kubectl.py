"""A kubectl command line against a simulation.

`run` prints what kubectl of the simulated version prints, and raises what it says when it fails. One simulation is one
cluster and one terminal: output and complaints come in the order in which a terminal would show them.

Modelled: the commands in `COMMANDS`, with kubectl's own parsing and words.
Not modelled: what needs a network, an editor or a second terminal (`UNMODELLED` says what to use instead).
Source: kubectl, pkg/cmd/cmd.go; spf13/cobra (command.go: suggestions).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from volsim.engine.components import must_be_served
from volsim.errors import VolsimError
from volsim.views.arguments import UsageError, parse, split_words
from volsim.views.commands.apply import APPLY, REPLACE
from volsim.views.commands.command import GLOBAL, Command
from volsim.views.commands.containers import EXEC, LOGS
from volsim.views.commands.create import CREATE, EXPOSE, RUN
from volsim.views.commands.debug import DEBUG
from volsim.views.commands.delete import DELETE
from volsim.views.commands.describe import DESCRIBE
from volsim.views.commands.discovery import API_RESOURCES, API_VERSIONS, CLUSTER_INFO, VERSION
from volsim.views.commands.edits import ANNOTATE, LABEL, PATCH, SCALE
from volsim.views.commands.get import EVENTS, GET
from volsim.views.commands.nodes import CORDON, DRAIN, TAINT, UNCORDON
from volsim.views.commands.rollout import ROLLOUT
from volsim.views.commands.wait import WAIT
from volsim.views.dialect import Dialect
from volsim.views.session import Session, server_error

if TYPE_CHECKING:
    from volsim.engine.simulation import Simulation

__all__ = ["COMMANDS", "run"]

_ALL = (
    ANNOTATE,
    API_RESOURCES,
    API_VERSIONS,
    APPLY,
    CLUSTER_INFO,
    CORDON,
    CREATE,
    DEBUG,
    DELETE,
    DESCRIBE,
    DRAIN,
    EVENTS,
    EXEC,
    EXPOSE,
    GET,
    LABEL,
    LOGS,
    PATCH,
    REPLACE,
    ROLLOUT,
    RUN,
    SCALE,
    TAINT,
    UNCORDON,
    VERSION,
    WAIT,
)
COMMANDS: Mapping[str, Command] = {command.name: command for command in _ALL}
"""The commands that there are, by name."""

_ALIASES = {alias: command for command in _ALL for alias in command.aliases}

UNMODELLED: Mapping[str, str] = {
    "alpha": "use `kubectl events`",
    "attach": "use `kubectl exec` or `kubectl logs`",
    "auth": "everybody may do everything here",
    "autoscale": "use `kubectl scale`",
    "certificate": "there are no certificates here",
    "completion": "your shell does not know this simulation",
    "config": "there is one cluster, the simulation",
    "cp": "use sim.read_file(…) and sim.write_file(…)",
    "diff": "apply to sim.fork() and compare",
    "edit": "use `kubectl patch`, or change the file and apply it again",
    "explain": "sim.explain(…) says why an object is as it is; the Kubernetes documentation describes the fields",
    "kustomize": "build the manifests first and give them with -f",
    "options": "the flags of a command are shown by `kubectl COMMAND --help`",
    "plugin": "there are no plugins here",
    "port-forward": "there is no network here; use `kubectl exec`",
    "proxy": "there is no HTTP server here; use `kubectl get -o json`",
    "rolling-update": "use a Deployment and `kubectl rollout`",
    "set": "use `kubectl patch`",
    "top": "nothing is measured here; requests and limits are in `kubectl describe node`",
}
"""kubectl's commands that are not modelled, and what to use instead."""


def run(sim: Simulation, line: str, stdin: bytes | None = None, cwd: Path | None = None) -> str:
    """What kubectl prints for a command line, with or without the word ``kubectl``.

    Paths behind ``-f`` are relative to `cwd`. Raises `VolsimError`, or the subclass that fits, with all that a terminal
    would show: what was printed before the error, then the error.

    >>> from volsim import Simulation
    >>> print(run(Simulation(nodes=1, kubernetes="1.15"), "kubectl get nodes"), end="")
    NAME     STATUS   ROLES    AGE   VERSION
    node01   Ready    <none>   0s    v1.15.0
    >>> run(Simulation(nodes=1), "get pod web")
    Traceback (most recent call last):
        ...
    volsim.errors.NotFound: Error from server (NotFound): pods "web" not found
    """
    words = split_words(line)
    dialect = Dialect(sim.rules.version)
    name, rest = _verb(words, dialect)
    if not name or name == "help":
        return _overview(dialect)
    command = _command(name, dialect)
    path = f"kubectl {command.name}"
    known = (*command.flags, *GLOBAL)
    try:
        flags, found = parse(rest, known, dialect)
    except UsageError as error:
        if "not modelled" in str(error):
            raise
        raise UsageError(_usage(str(error), path, dialect)) from None
    if flags["help"]:
        return _help(command, dialect)
    return _execute(command, Session(sim, path, flags, found, stdin, cwd))


def _execute(command: Command, session: Session) -> str:
    """Run a command; errors carry what was printed before."""
    if command is not VERSION:  # which tells of the client in any case
        must_be_served(session.sim.state)
    try:
        with _api_warnings(session):
            command.run(session)
    except VolsimError as error:
        raise session.failure([*session.failures, server_error(error)]) from None
    return session.end()


@contextmanager
def _api_warnings(session: Session) -> Iterator[None]:
    """Print the API server's warnings where kubectl prints them; all others go the way they always go."""
    from volsim.engine.simulation import ApiWarning

    with warnings.catch_warnings():
        warnings.simplefilter("always", ApiWarning)
        show = warnings.showwarning

        def shown(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if not issubclass(category, ApiWarning):
                show(message, category, filename, lineno, file, line)
            elif session.dialect.api_warnings:
                session.say(f"Warning: {message}")

        warnings.showwarning = shown
        yield


# -- which command -----------------------------------------------------------------------------------------------------
def _verb(words: list[str], dialect: Dialect) -> tuple[str, list[str]]:
    """The command's name, and all other words; flags that every command takes may stand before it."""
    takes_value = {flag.name for flag in GLOBAL if flag.bare_value is None}
    takes_value |= {flag.short for flag in GLOBAL if flag.short and flag.bare_value is None}
    at = 0
    while at < len(words) and words[at].startswith("-"):
        flag = words[at].lstrip("-")
        at += 2 if flag in takes_value else 1
    if at >= len(words):
        return "", words
    return words[at], words[:at] + words[at + 1 :]


def _known(dialect: Dialect) -> dict[str, Command]:
    return {name: each for name, each in COMMANDS.items() if not each.rule or getattr(dialect, each.rule)}


def _command(name: str, dialect: Dialect) -> Command:
    """The command of that name. Raises `UsageError` in kubectl's words."""
    known = _known(dialect)
    found = known.get(name) or _ALIASES.get(name)
    if found is not None:
        return found
    if name in UNMODELLED:
        raise UsageError(f"error: kubectl {name} is not modelled: {UNMODELLED[name]}")
    near = sorted(each for each in (*known, *UNMODELLED) if _is_near(name, each))
    text = f'unknown command "{name}" for "kubectl"'
    if near:
        text += "\n\nDid you mean this?\n" + "".join(f"\t{each}\n" for each in near)
    if dialect.cobra_prints_errors:
        raise UsageError(f"Error: {text}\nRun 'kubectl --help' for usage.")
    raise UsageError(f"error: {text}".rstrip("\n"))


MAX_DISTANCE = 2  # cobra's: so many letters may be wrong


def _is_near(typed: str, name: str) -> bool:
    return name.startswith(typed.lower()) or _distance(typed.lower(), name) <= MAX_DISTANCE


def _distance(one: str, other: str) -> int:
    """How many letters must be changed, added or left out to make one word of the other (Levenshtein)."""
    row = list(range(len(other) + 1))
    for number, letter in enumerate(one, 1):
        above, row[0] = row[0], number
        for at, against in enumerate(other, 1):
            above, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, above + (letter != against))
    return row[-1]


def _usage(text: str, path: str, dialect: Dialect) -> str:
    if dialect.cobra_prints_errors:
        return f"Error: {text}\nSee '{path} --help' for usage."
    return f"error: {text}\nSee '{path} --help' for usage."


# -- help --------------------------------------------------------------------------------------------------------------
def _overview(dialect: Dialect) -> str:
    lines = ["kubectl, against a simulated cluster.", "", "Commands:"]
    lines += [f"  {name:13} {each.about}" for name, each in sorted(_known(dialect).items())]
    return "\n".join([*lines, "", 'Use "kubectl COMMAND --help" for the flags of a command.']) + "\n"


def _help(command: Command, dialect: Dialect) -> str:
    lines = [f"{command.about}.", "", "Flags:"]
    lines += [
        f"  {flag.title}"
        for flag in command.flags
        if not flag.refusal and (not flag.rule or getattr(dialect, flag.rule))
    ]
    return "\n".join([*lines, "", f"Usage: kubectl {command.name} [flags]"]) + "\n"
