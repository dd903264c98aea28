"""What holds for every command line: an answer or a `VolsimError`, and nothing by halves."""

from __future__ import annotations

import contextlib
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.views.conftest import PAIR, VOLUME, WEB
from volsim import Simulation, VolsimError
from volsim.views.kubectl import COMMANDS, UNMODELLED

WORDS = [
    *sorted(COMMANDS),
    *sorted(UNMODELLED)[:3],
    *[
        "pod",
        "pods",
        "po",
        "web",
        "pair",
        "pod/web",
        "node",
        "node01",
        "node/node01",
        "pv",
        "nfs-pv",
        "all",
        "ns",
        "default",
        "events",
        "deploy,rs",
        "foo",
    ],
    *[
        "-n",
        "-A",
        "-o",
        "wide",
        "yaml",
        "json",
        "name",
        "jsonpath={.items[*].x}",
        "custom-columns=A:.b",
        "-l",
        "app=web",
        "a=b",
        "a-",
        "a=b:NoSchedule",
    ],
    *[
        "--all",
        "--force",
        "--now",
        "-f",
        "-",
        "x.yaml",
        "-it",
        "-c",
        "one",
        "--",
        "ls",
        "--replicas=2",
        "-p",
        "{}",
        "--type",
        "json",
        "--wait=false",
        "--dry-run=server",
    ],
    *[
        "--for=delete",
        "--timeout=1s",
        "--grace-period=0",
        "--sort-by=.metadata.name",
        "--overwrite",
        "--image=nginx",
        "status",
        "history",
    ],
    *[
        "--field-selector",
        "metadata.name=web",
        "--tail=1",
        "--previous",
        "--help",
        "-h",
        "--show-labels",
        "namespace",
        "configmap",
        "secret",
    ],
]
LINES = st.lists(st.sampled_from(WORDS), max_size=7).map(" ".join)


def cluster(version: str) -> Simulation:
    sim = Simulation(nodes=1, kubernetes=version)
    for manifest in (WEB, PAIR, VOLUME):
        sim.apply(manifest)
    sim.run("5s")
    return sim


VERSIONS = ("1.15", "1.36")
start = cache(cluster)
"""A cluster of that version, made once; tests work on forks of it."""


def fork(version: str) -> Simulation:
    forked = start(version).fork()
    assert isinstance(forked, Simulation)
    return forked


@settings(max_examples=300, deadline=None)
@given(
    line=LINES | st.text(max_size=20),
    version=st.sampled_from(VERSIONS),
    stdin=st.sampled_from([None, "", WEB, "a: ["]),
)
def test_any_line_is_answered_or_refused(line: str, version: str, stdin: str | None) -> None:
    try:
        answer = fork(version).kubectl(line, stdin=stdin)
    except VolsimError as error:
        assert str(error)
    else:
        assert answer == "" or answer.endswith("\n") or "jsonpath" in line


@settings(max_examples=100, deadline=None)
@given(line=LINES)
def test_looking_changes_nothing(line: str) -> None:
    sim = fork("1.36")
    before = sim.state
    for verb in ("get", "describe", "logs", "api-resources"):
        try:
            sim.kubectl(f"{verb} {line}")
        except VolsimError:
            continue
    assert sim.state == before


@settings(max_examples=100, deadline=None)
@given(
    line=LINES,
    verb=st.sampled_from(["apply", "create", "delete", "label", "taint", "scale", "patch", "cordon", "drain"]),
)
def test_dry_run_changes_nothing(line: str, verb: str) -> None:
    if "--help" in line or "--" in line.split():  # the flag would be an argument, or not read
        return
    sim = fork("1.36")
    before = sim.state
    with contextlib.suppress(VolsimError):
        sim.kubectl(f"{verb} {line.replace('--dry-run=server', '')} --dry-run=server", stdin=WEB)
    assert sim.state == before


@pytest.mark.parametrize("version", VERSIONS)
def test_same_line_same_answer(version: str) -> None:
    lines = ("get all -o wide", "describe nodes", "get pods -o yaml", "get events")
    one, other = cluster(version), cluster(version)
    assert [one.kubectl(line) for line in lines] == [other.kubectl(line) for line in lines]
