"""Schedules of cron jobs: which times they mean, and what is said of those that mean none.

Source: github.com/robfig/cron/v3, spec_test.go and parser_test.go.
"""

from __future__ import annotations

import datetime
from itertools import islice

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from volsim.manifests.schedules import Schedule, parse_schedule, time_zone
from volsim.manifests.times import START, parse_time

MINUTE_US = 60_000_000
NEW_YORK = "America/New_York"


def local(us: int, zone: str) -> str:
    moment = (START + datetime.timedelta(microseconds=us)).astimezone(time_zone(zone))
    return f"{moment:%m-%dT%H:%M%z}"


def nexts(text: str, after: str, number: int = 3, zone: str = "UTC") -> list[str]:
    """The next times, in local time."""
    schedule, found, at_us = parse_schedule(text, zone), [], parse_time(after)
    for _ in range(number):
        us = schedule.next_us(at_us)
        assert us is not None
        found.append(local(us, zone)[: None if zone != "UTC" else 11])
        at_us = us
    return found


class TestTimes:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("* * * * *", ["01-01T00:01", "01-01T00:02", "01-01T00:03"]),
            ("*/20 * * * *", ["01-01T00:20", "01-01T00:40", "01-01T01:00"]),
            ("5,10-12 0 * * *", ["01-01T00:05", "01-01T00:10", "01-01T00:11"]),
            ("50/4 0 1 1 *", ["01-01T00:50", "01-01T00:54", "01-01T00:58"]),
            ("0 9-17/4 * * *", ["01-01T09:00", "01-01T13:00", "01-01T17:00"]),
            ("30 6 1,15 * *", ["01-01T06:30", "01-15T06:30", "02-01T06:30"]),
            ("0 0 31 * *", ["01-31T00:00", "03-31T00:00", "05-31T00:00"]),
            ("0 0 29 FEB *", ["02-29T00:00"]),
            ("0 12 * * mon-wed", ["01-05T12:00", "01-06T12:00", "01-07T12:00"]),
            ("0 0 13 * fri", ["01-02T00:00", "01-09T00:00", "01-13T00:00"]),
            ("0 0 */2 * sat", ["01-03T00:00", "01-05T00:00", "01-07T00:00"]),
            ("0 0 ? * 6", ["01-03T00:00", "01-10T00:00", "01-17T00:00"]),
            ("@yearly", ["01-01T00:00"]),
            ("@monthly", ["02-01T00:00", "03-01T00:00", "04-01T00:00"]),
            ("@weekly", ["01-04T00:00", "01-11T00:00", "01-18T00:00"]),
            ("@midnight", ["01-02T00:00", "01-03T00:00", "01-04T00:00"]),
            ("@hourly", ["01-01T01:00", "01-01T02:00", "01-01T03:00"]),
            ("@every 1h30m", ["01-01T01:30", "01-01T03:00", "01-01T04:30"]),
        ],
    )
    def test_in_utc(self, text: str, expected: list[str]) -> None:
        assert nexts(text, "2026-01-01T00:00:00Z", len(expected)) == expected

    @pytest.mark.parametrize(
        ("text", "after", "expected"),
        [
            ("0 * * * *", "2012-03-11T00:00:00-05:00", ["03-11T01:00-0500", "03-11T03:00-0400", "03-11T04:00-0400"]),
            ("0 2 * * *", "2012-03-11T00:00:00-05:00", ["03-12T02:00-0400"]),
            ("0 3 * * *", "2012-03-11T00:00:00-05:00", ["03-11T03:00-0400"]),
            ("0 * * * *", "2012-11-04T00:00:00-04:00", ["11-04T01:00-0400", "11-04T01:00-0500", "11-04T02:00-0500"]),
            ("0 1 * * *", "2012-11-04T00:00:00-04:00", ["11-04T01:00-0400", "11-04T01:00-0500", "11-05T01:00-0500"]),
            ("30 2 4 11 *", "2012-11-04T01:45:00-04:00", ["11-04T02:30-0500"]),
            ("0 0 * * *", "2012-11-04T12:00:00-05:00", ["11-05T00:00-0500"]),
        ],
    )
    def test_when_clocks_change(self, text: str, after: str, expected: list[str]) -> None:
        assert nexts(text, after, len(expected), NEW_YORK) == expected

    def test_a_zone_may_stand_in_the_schedule(self) -> None:
        assert parse_schedule(f"CRON_TZ={NEW_YORK} 0 5 * * *") == parse_schedule("0 5 * * *", NEW_YORK)

    def test_a_day_that_never_comes(self) -> None:
        assert parse_schedule("0 0 31 2 *").next_us(0) is None
        assert parse_schedule(", * * * *").next_us(0) is None

    def test_every_so_often_counts_from_the_last_and_is_at_least_a_second(self) -> None:
        assert parse_schedule("@every 90s").next_us(1_500_000) == 91_000_000
        assert parse_schedule("@every 10ms").next_us(0) == 1_000_000


class TestErrors:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("", "empty spec string"),
            ("* * *", "expected exactly 5 fields, found 3: [* * *]"),
            ("0 0 * * * *", "expected exactly 5 fields, found 6: [0 0 * * * *]"),
            ("60 * * * *", "end of range (60) above maximum (59): 60"),
            ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
            ("* * * * 7", "end of range (7) above maximum (6): 7"),
            ("5-3 * * * *", "beginning of range (5) beyond end of range (3): 5-3"),
            ("*/0 * * * *", "step of range should be a positive number: */0"),
            ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
            ("1/2/3 * * * *", "too many slashes: 1/2/3"),
            ("x * * * *", 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'),
            ("-5 * * * *", 'failed to parse int from : strconv.Atoi: parsing "": invalid syntax'),
            ("*/-5 * * * *", "negative number (-5) not allowed: -5"),
            ("* * * mon *", 'failed to parse int from mon: strconv.Atoi: parsing "mon": invalid syntax'),
            ("@never", "unrecognized descriptor: @never"),
            ("@every", "unrecognized descriptor: @every"),
            ("@every soon", 'failed to parse duration @every soon: time: invalid duration "soon"'),
            ("@every 90", 'failed to parse duration @every 90: time: missing unit in duration "90"'),
            ("TZ=Mars/Base 0 0 * * *", "provided bad location Mars/Base: unknown time zone Mars/Base"),
            ("TZ=0", "invalid schedule format: runtime error: slice bounds out of range [:-1]"),
        ],
    )
    def test_text(self, text: str, expected: str) -> None:
        with pytest.raises(ValueError) as found:  # noqa: PT011 - the text is looked at
            parse_schedule(text)
        assert str(found.value) == expected


def fields(low: int, high: int) -> st.SearchStrategy[str]:
    numbers = st.integers(low, high)
    ranges = st.tuples(numbers, numbers).map(lambda ends: f"{min(ends)}-{max(ends)}")
    steps = st.tuples(st.just("*") | ranges, st.integers(1, 20)).map(lambda parts: f"{parts[0]}/{parts[1]}")
    return st.just("*") | st.lists(numbers.map(str) | ranges | steps, min_size=1, max_size=3).map(",".join)


schedules = st.tuples(fields(0, 59), fields(0, 23), fields(1, 31), fields(1, 12), fields(0, 6)).map(" ".join)
zones = st.sampled_from(
    ["UTC", NEW_YORK, "Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kathmandu"]
)


def is_due(schedule: Schedule, us: int) -> bool:
    """The same question asked of one minute alone."""
    wall = (START + datetime.timedelta(microseconds=us)).astimezone(schedule.zone)
    minutes, hours, days, months, weekdays = schedule.fields
    on_day, on_weekday = wall.day in days.numbers, (wall.weekday() + 1) % 7 in weekdays.numbers
    day = on_day and on_weekday if days.starred or weekdays.starred else on_day or on_weekday
    return wall.minute in minutes.numbers and wall.hour in hours.numbers and wall.month in months.numbers and day


@given(schedules, zones, st.integers(0, 525_600))
def test_no_due_minute_is_passed_over(text: str, zone: str, minute: int) -> None:
    schedule = parse_schedule(text, zone)
    found = schedule.next_us(minute * MINUTE_US)
    assume(found is not None)
    assert found is not None
    assert is_due(schedule, found)
    between = range(minute + 1, found // MINUTE_US)
    assert not any(is_due(schedule, each * MINUTE_US) for each in islice(reversed(between), 1_500))
    assert not any(is_due(schedule, each * MINUTE_US) for each in islice(between, 1_500))
