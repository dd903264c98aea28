"""The page that `kubectl describe` fills: lines with tabs, indented by levels, aligned at the end.

Source: kubectl, pkg/describe/describe.go (PrefixWriter, tabbedString, print…Multiline, DescribeEvents).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from volsim.apiserver.patches import LAST_APPLIED
from volsim.manifests.times import START
from volsim.objects import Event, Object
from volsim.views.events import event_interval
from volsim.views.tables import Look, aligned

__all__ = ["Sheet", "moment"]

LONGEST_ANNOTATION = 140  # what is longer goes on lines of its own
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def moment(time_us: int | None) -> str:
    """A time as `kubectl describe` writes it (RFC 1123), whatever the language of the machine.

    >>> moment(90_000_000)
    'Thu, 01 Jan 2026 00:01:30 +0000'
    """
    if time_us is None:
        return "Mon, 01 Jan 0001 00:00:00 +0000"  # Go's zero time
    when = START + timedelta(microseconds=time_us)
    return f"{_WEEKDAYS[when.weekday()]}, {when.day:02} {_MONTHS[when.month - 1]} {when.year:04} {when:%H:%M:%S} +0000"


class Sheet:
    """Lines of a description.

    >>> from volsim.views.dialect import Dialect
    >>> sheet = Sheet(Look(Dialect(), 0))
    >>> sheet.field("Name", "web"); sheet.labels("Labels", {"b": "2", "a": "1"})
    >>> print(sheet.text(), end="")
    Name:    web
    Labels:  a=1
             b=2
    """

    def __init__(self, look: Look) -> None:
        self.look = look
        self._lines: list[str] = []

    def line(self, text: str, level: int = 0) -> None:
        """A line as it is, or several; two blanks for each level before the first."""
        self._lines += ("  " * level + text).split("\n")

    def field(self, title: str, value: Any, level: int = 0) -> None:
        """``Title:`` and its value."""
        self.line(f"{title}:\t{value}", level)

    def several(self, title: str, values: Sequence[str], level: int = 0) -> None:
        """``Title:`` and its values, one below the other; `<none>` if there are none."""
        indent = "  " * level
        first, *rest = values or ["<none>"]
        self._lines.append(f"{indent}{title}:\t{first}")
        self._lines += [f"{indent}\t{value}" for value in rest]

    def labels(self, title: str, labels: Mapping[str, str], level: int = 0) -> None:
        """``Title:`` and labels, by key."""
        self.several(title, [f"{key}={value}" for key, value in sorted(labels.items())], level)

    def annotations(self, title: str, annotations: Mapping[str, str], level: int = 0) -> None:
        """``Title:`` and annotations by key; long ones are cut, and what `apply` notes for itself is left out."""
        values: list[str] = []
        for key, value in sorted(annotations.items()):
            if key == LAST_APPLIED and self.look.dialect.hides_last_applied:
                continue
            text = value.removesuffix("\n")
            if len(text) + len(key) + 2 > LONGEST_ANNOTATION or "\n" in text:
                values.append(f"{key}:")
                values += [f"  {_shortened(part)}" for part in text.split("\n")]
            else:
                values.append(f"{key}: {text}")
        self.several(title, values, level)

    def head(self, obj: Object, *, namespaced: bool = True) -> None:
        """Name and namespace."""
        self.field("Name", obj.name)
        if namespaced:
            self.field("Namespace", obj.metadata.namespace or "")

    def marks(self, obj: Object) -> None:
        """Labels and annotations."""
        self.labels("Labels", obj.metadata.labels)
        self.annotations("Annotations", obj.metadata.annotations)

    def controller(self, obj: Object) -> None:
        """``Controlled By:``, if somebody does."""
        owner = next((each for each in obj.metadata.owner_references if each.controller), None)
        if owner is not None:
            self.field("Controlled By", f"{owner.kind}/{owner.name}")

    def table(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """A table with underlined titles; `title` stands above it."""
        self.line(f"{title}:")
        self.line("\t".join(columns), 1)
        self.line("\t".join("-" * len(column) for column in columns), 1)
        for row in rows:
            self.line("\t".join(map(str, row)), 1)

    def events(self, events: Sequence[Event] | None) -> None:
        """The table of events; None means that nobody wants to see it."""
        if events is None:
            return
        if not events:
            self.field("Events", "<none>")
            return
        self.line("Events:")
        self.line("Type\tReason\tAge\tFrom\tMessage", 1)
        self.line("----\t------\t----\t----\t-------", 1)
        for event in events:
            self.line(self._event(event), 1)

    def _event(self, event: Event) -> str:
        about, source = event.involved_object, event.source
        message = (event.message or "").strip()
        if about is not None and about.field_path:
            message = f"{about.field_path}: {message}"
        component = (source.component if source is not None else None) or event.reporting_component or ""
        cells = (event.type or "", event.reason or "", event_interval(event, self.look), component, message)
        return "\t".join(cell.replace("\n", " ") for cell in cells)

    def text(self) -> str:
        """The whole page, aligned."""
        return aligned(self._lines, minimum=0, padding=2)


def _shortened(text: str) -> str:
    longest = LONGEST_ANNOTATION - 2
    return f"{text[:longest]}..." if len(text) > longest else text
