"""Durations, columns and padding (apimachinery duration.go, Go's text/tabwriter)."""

from __future__ import annotations

import pytest

from volsim.views.dialect import Dialect
from volsim.views.tables import Column, Look, Printer, aligned, human_duration, labels_text

SECOND = 1_000_000
MINUTE, HOUR, DAY, YEAR = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND, 365 * 86_400 * SECOND


@pytest.mark.parametrize(
    ("microseconds", "shown"),
    [
        (-2 * SECOND, "<invalid>"),
        (-2 * SECOND + 1, "0s"),
        (0, "0s"),
        (SECOND - 1, "0s"),
        (SECOND, "1s"),
        (14 * SECOND, "14s"),
        (MINUTE, "60s"),
        (83 * SECOND, "83s"),
        (2 * MINUTE - 1, "119s"),
        (2 * MINUTE, "2m"),
        (2 * MINUTE + SECOND, "2m1s"),
        (9 * MINUTE + 34 * SECOND, "9m34s"),
        (10 * MINUTE - 1, "9m59s"),
        (10 * MINUTE, "10m"),
        (29 * MINUTE + 59 * SECOND, "29m"),
        (3 * HOUR - 1, "179m"),
        (3 * HOUR, "3h"),
        (3 * HOUR + MINUTE, "3h1m"),
        (8 * HOUR - 1, "7h59m"),
        (8 * HOUR, "8h"),
        (48 * HOUR - 1, "47h"),
        (2 * DAY, "2d"),
        (2 * DAY + HOUR, "2d1h"),
        (8 * DAY - 1, "7d23h"),
        (8 * DAY, "8d"),
        (39 * DAY, "39d"),
        (2 * YEAR - 1, "729d"),
        (2 * YEAR, "2y"),
        (2 * YEAR + DAY, "2y1d"),
        (8 * YEAR - 1, "7y364d"),
        (8 * YEAR + 364 * DAY, "8y"),
    ],
)
def test_duration_has_two_or_three_figures(microseconds: int, shown: str) -> None:
    assert human_duration(microseconds) == shown


def test_column_is_three_blanks_wider_than_its_widest_cell() -> None:
    assert aligned(["NAME\tCLAIM\tAGE", "pv-1\tdefault/c\t5s"]) == "NAME   CLAIM       AGE\npv-1   default/c   5s\n"


def test_column_has_at_least_six_signs() -> None:
    assert aligned(["A\tB", "a\tb"]) == "A     B\na     b\n"


def test_empty_cells_keep_their_column() -> None:
    assert aligned(["NAME\tREASON\tAGE", "pv\t\t1s"]) == "NAME   REASON   AGE\npv              1s\n"


def test_last_cell_is_not_padded() -> None:
    assert aligned(["a\tlong text", "a\tx"], minimum=0) == "a   long text\na   x\n"


def test_line_without_a_tab_parts_two_blocks() -> None:
    text = aligned(["Name:\tx", "Volumes:", "  Type:\tNFS", "  ReadOnly:\tfalse"], minimum=0, padding=2)
    assert text == "Name:  x\nVolumes:\n  Type:      NFS\n  ReadOnly:  false\n"


def test_block_of_an_inner_column_ends_where_a_line_has_fewer_cells() -> None:
    """The first column runs through, the second only as far as neighbouring lines have it."""
    text = aligned(["a\tbbbb\tc", "aaa\tb", "a\tb\tc"], minimum=0, padding=1)
    assert text == "a   bbbb c\naaa b\na   b c\n"


def test_no_labels_are_none() -> None:
    assert labels_text({}) == "<none>"


def test_column_is_shown_by_rule_and_width() -> None:
    printer = Printer(
        columns=(
            Column("NAME"),
            Column("NEW", rule="job_status"),
            Column("OLD", rule="!job_status"),
            Column("W", wide=True),
        ),
        row=lambda obj, look: {},
    )
    old, new = Look(Dialect((1, 29)), 0), Look(Dialect((1, 30)), 0)
    assert [column.title for column in printer.shown(old, wide=False)] == ["NAME", "OLD"]
    assert [column.title for column in printer.shown(new, wide=True)] == ["NAME", "NEW", "W"]


def test_cell_shows_its_first_line_only() -> None:
    printer = Printer(columns=(Column("A"), Column("B")), row=lambda obj, look: {"A": "one\ntwo", "B": True})
    look = Look(Dialect(), 0)
    assert printer.cells(None, look, printer.columns) == ["one...", "true"]  # type: ignore[arg-type]


def test_time_that_nobody_noted_is_unknown() -> None:
    assert Look(Dialect(), 5).since(None) == "<unknown>"
