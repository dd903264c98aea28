"""Command lines as pflag and cobra read them."""

from __future__ import annotations

import pytest

from volsim.views.arguments import Flag, UsageError, parse, split_words
from volsim.views.dialect import Dialect

FLAGS = (
    Flag("namespace", "n"),
    Flag("output", "o"),
    Flag("stdin", "i", "switch"),
    Flag("tty", "t", "switch"),
    Flag("filename", "f", "texts"),
    Flag("replicas", kind="number", default=-1),
    Flag("timeout", kind="duration", default=0.0),
    Flag("cascade", implied="background", default="background"),
    Flag("watch", "w", "switch", refusal="wait instead"),
)


@pytest.mark.parametrize(
    "line", ["--namespace=x", "--namespace x", "-n x", "-nx", "-n=x", "-itn x", "-itnx", "a -n x b"]
)
def test_value_may_stand_in_many_ways(line: str) -> None:
    flags, _ = parse(line.split(), FLAGS)
    assert flags["namespace"] == "x"
    assert flags.given("namespace")


def test_switches_can_be_joined() -> None:
    flags, words = parse(["-it", "pod"], FLAGS)
    assert (flags["stdin"], flags["tty"], words.arguments) == (True, True, ["pod"])


@pytest.mark.parametrize(("text", "value"), [("true", True), ("False", False), ("0", False), ("T", True)])
def test_switch_may_have_a_value_behind_a_sign(text: str, value: bool) -> None:
    flags, words = parse([f"--stdin={text}", "x"], FLAGS)
    assert flags["stdin"] is value
    assert words.arguments == ["x"]


def test_flag_with_an_implied_value_takes_another_only_behind_a_sign() -> None:
    assert parse(["--cascade", "orphan"], FLAGS)[1].arguments == ["orphan"]
    assert parse(["--cascade=orphan"], FLAGS)[0]["cascade"] == "orphan"


def test_flag_may_come_several_times() -> None:
    flags, _ = parse(["-f", "a", "-fb", "--filename=c"], FLAGS)
    assert flags["filename"] == ["a", "b", "c"]


def test_two_dashes_end_the_flags() -> None:
    flags, words = parse(["pod", "--", "ls", "-n", "x"], FLAGS)
    assert words.arguments == ["pod", "ls", "-n", "x"]
    assert words.dash == 1
    assert not flags.given("namespace")


def test_single_dash_is_a_word() -> None:
    assert parse(["-f", "-"], FLAGS)[0]["filename"] == ["-"]
    assert parse(["-"], FLAGS)[1].arguments == ["-"]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("--foo", "unknown flag: --foo"),
        ("--foo=1", "unknown flag: --foo"),
        ("-x", "unknown shorthand flag: 'x' in -x"),
        ("-itx", "unknown shorthand flag: 'x' in -x"),
        ("-n", "flag needs an argument: 'n' in -n"),
        ("--namespace", "flag needs an argument: --namespace"),
        ("---x", "bad flag syntax: ---x"),
        ("--=x", "bad flag syntax: --=x"),
        (
            "--replicas=two",
            'invalid argument "two" for "--replicas" flag: strconv.ParseInt: parsing "two": invalid syntax',
        ),
        (
            "--stdin=maybe",
            'invalid argument "maybe" for "-i, --stdin" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
        ),
        ("--timeout=5", 'invalid argument "5" for "--timeout" flag: time: missing unit in duration "5"'),
        ("--timeout=soon", 'invalid argument "soon" for "--timeout" flag: time: invalid duration "soon"'),
        ("-w", "error: --watch is not modelled: wait instead"),
    ],
)
def test_complaints_are_pflags(line: str, complaint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(line.split(), FLAGS)
    assert str(caught.value) == complaint


@pytest.mark.parametrize(("text", "seconds"), [("0", 0), ("90s", 90), ("1m30s", 90), ("1.5h", 5400), ("250ms", 0.25)])
def test_durations_are_gos(text: str, seconds: float) -> None:
    assert parse([f"--timeout={text}"], FLAGS)[0]["timeout"] == seconds


def test_flag_exists_where_its_rule_holds() -> None:
    flags = (Flag("new", kind="switch", rule="run_makes_pods"),)
    assert parse(["--new"], flags, Dialect((1, 18)))[0]["new"] is True
    with pytest.raises(UsageError):
        parse(["--new"], flags, Dialect((1, 17)))


def test_words_are_a_shells() -> None:
    assert split_words("k exec web -- sh -c 'ls -l | wc'") == ["exec", "web", "--", "sh", "-c", "ls -l | wc"]


def test_line_that_no_shell_reads_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot be split into words"):
        split_words("exec web -- 'ls")
