"""One kubectl command at work: the simulation it speaks to, what it was told, what it has printed, what went wrong.

The text of a command is what a terminal would show: standard output and standard error in the order in which they came.
An error that ends a command carries what was printed before it, as a terminal would.

Source: kubectl, pkg/cmd/util/helpers.go (checkErr, StandardErrorMessage, MultilineError).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from volsim.apiserver.requests import table_of
from volsim.errors import FileError, Invalid, ManifestError, Unreachable, VolsimError
from volsim.objects import Object, group_of
from volsim.views.arguments import Flags, Words
from volsim.views.dialect import Dialect
from volsim.views.tables import Look

if TYPE_CHECKING:
    from volsim.engine.simulation import Simulation

__all__ = ["Session", "is_worded", "server_error", "with_text"]


def with_text(error: VolsimError, text: str) -> VolsimError:
    """The same error with another text; its type and what it holds stay."""
    if isinstance(error, FileError):
        return VolsimError(text)
    error.args = (text,)
    return error


def server_error(error: VolsimError, doing: str = "", source: str = "") -> VolsimError:
    """An error of the simulation in kubectl's words.

    `doing` and `source` say what was being done to which file: ``error when creating "pod.yaml": …``.

    >>> from volsim.errors import NotFound
    >>> print(server_error(NotFound('pods "x" not found')))
    Error from server (NotFound): pods "x" not found
    """
    if is_worded(error):
        return error
    text = str(error)
    about = f'error when {doing} "{source}": ' if source else ""
    if isinstance(error, ManifestError):
        return error
    if isinstance(error, Invalid) and error.errors:
        return with_text(error, _invalid_text(error))
    reason = getattr(error, "reason", "")
    if reason:
        return with_text(error, f"Error from server ({reason}): {about}{text}")
    if isinstance(error, Unreachable):
        return with_text(error, f"Error from server: {about}{text}")
    return with_text(error, f"error: {about}{text}")


def is_worded(error: VolsimError) -> bool:
    """Whether an error is in kubectl's words already."""
    return str(error).startswith(("error: ", "Error from server", "The "))


def _invalid_text(error: Invalid) -> str:
    """``The Pod "x" is invalid:`` and each field error once."""
    what, _, name = str(error).partition('"')
    head = f'The {what.strip().partition(".")[0]} "{name.partition(chr(34))[0]}" is invalid: '
    shown = list(dict.fromkeys(map(str, error.errors)))
    if len(shown) == 1:
        return head + shown[0]
    return "\n".join([head, *(f"* {each}" for each in shown)])


class Session:
    """What a command has to work with."""

    def __init__(self, sim: Simulation, path: str, flags: Flags, words: Words, stdin: bytes | None, cwd: Path | None):
        self.sim = sim
        self.path = path
        """The command's name, with the word kubectl."""
        self.flags, self.words = flags, words
        self.stdin, self.cwd = stdin, cwd
        self.dialect = Dialect(sim.rules.version)
        self.dry_run = ""
        """What is printed behind a change that was only tried: `` (dry run)``."""
        self.groups: dict[str, str] = {}
        """By kind: the API group under which it was asked for, where that is not the one under which it is kept."""
        self._printed: list[str] = []
        self._errors: list[VolsimError] = []

    # -- what it was told --------------------------------------------------------------------------------------------
    @property
    def arguments(self) -> list[str]:
        """The words that are no flags."""
        return self.words.arguments

    @property
    def namespace(self) -> str:
        """The namespace of ``-n``, or `default`."""
        return self.flags.get("namespace") or "default"

    @property
    def all_namespaces(self) -> bool:
        """Whether ``-A`` was given."""
        return bool(self.flags.get("all-namespaces"))

    @property
    def look(self) -> Look:
        """From where objects are looked at: the version's words, and the time."""
        return Look(self.dialect, self.now_us)

    @property
    def now_us(self) -> int:
        """The simulation's clock, in microseconds."""
        return round(self.sim.now * 1_000_000)

    def get(self, obj: Object) -> Any:
        """The object as it is now, or None if it is gone or another one has its name."""
        key = obj.key
        table = self.table(obj)
        found = self.sim.state.get(table, key)
        return found if found is not None and found.metadata.uid == obj.metadata.uid else None

    def table(self, obj: Object) -> str:
        """The state's table in which the object is kept."""
        return str(table_of(obj))

    def name_of(self, obj: Object, api_version: str | None = None) -> str:
        """An object's kind, group and name as kubectl prints them: `pod/web`, `deployment.apps/mysql`.

        The group is that of `api_version` (a manifest's), or the one under which the object was asked for.
        """
        return f"{self.kind_of(obj, api_version)}/{obj.name}"

    def kind_of(self, obj: Object, api_version: str | None = None) -> str:
        """An object's kind and group as kubectl prints them: `pod`, `deployment.apps`."""
        kept = group_of(obj.api_version)
        group = group_of(api_version) if api_version is not None else self.groups.get(obj.kind, kept)
        return f"{obj.kind.lower()}.{group}" if group else obj.kind.lower()

    # -- what it prints ----------------------------------------------------------------------------------------------
    def say(self, text: str) -> None:
        """Print a line."""
        self._printed.append(f"{text}\n")

    def write(self, text: str) -> None:
        """Print a text as it is."""
        self._printed.append(text)

    @property
    def printed(self) -> str:
        """All that was printed so far."""
        return "".join(self._printed)

    # -- what went wrong ---------------------------------------------------------------------------------------------
    def failed(self, error: VolsimError) -> None:
        """Note an error and go on: the command fails at its end."""
        self._errors.append(error)

    @property
    def failures(self) -> list[VolsimError]:
        """The errors that were noted."""
        return self._errors

    def end(self) -> str:
        """What the command printed. Raises the errors that were noted, behind what was printed."""
        if self._errors:
            raise self.failure(self._errors)
        return self.printed

    def failure(self, errors: Iterable[VolsimError]) -> VolsimError:
        """One error for all of them, whose text is all that a terminal would show."""
        found = list(errors)
        lines = [str(each) for each in found]
        if len(found) > 1:  # kubectl puts `error: ` before a lone error only
            lines = [line.removeprefix("error: ") for line in lines]
        text = self.printed + "\n".join(lines)
        same = len({type(each) for each in found}) == 1
        return with_text(found[0], text) if same else VolsimError(text)
