"""What a class hands in: thirty sorts of answers to the first exercise, and the verdict on each by name."""

from __future__ import annotations

from volsim.exercises import Verdict, exercise

BEGIN = "from volsim.exercises.given import pod\nEXERCISE = 'container-layer'\n"


def test_of(body: str, *, before: str = "") -> str:  # noqa: PT028 - it makes tests, and is none
    """An answer to the first exercise with this body."""
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    begun = f"{before}\n{BEGIN}def test_it(volsim_cluster):\n    sim = volsim_cluster(pod('wiki'))\n    sim.settle()"
    return f"{begun}\n{lines}\n".lstrip()


test_of.__test__ = False  # type: ignore[attr-defined]


def property_of(drawn: str, body: str) -> str:
    """An answer that is a property of a number."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    imports = "from hypothesis import assume, given, strategies as st"
    return f"{imports}\n{BEGIN}SEEN = []\n@given(n={drawn})\ndef test_it(volsim_cluster, n):\n{lines}\n"


CRASH = "sim.write_file('pod/wiki', '/a', 'x')\nsim.crash_container('pod/wiki')\nsim.run('1m')\n"
"""Comes to what the exercise is about, and asserts nothing."""

MACHINE = f"""
import volsim
from hypothesis.stateful import initialize, invariant, rule, RuleBasedStateMachine, run_state_machine_as_test
from hypothesis import settings, strategies as st
{BEGIN}
def test_it(volsim_cluster):
    class Wiki(RuleBasedStateMachine):
        @initialize()
        def begin(self):
            self.sim = volsim_cluster(pod("wiki"))
            self.sim.settle()
            self.pages = False
        @rule()
        def write(self):
            self.sim.write_file("pod/wiki", "/page", "x")
            self.pages = True
        @rule(code=st.sampled_from([0, 1, 137]))
        def end(self, code):
            self.sim.exit_container("pod/wiki", code=code)
            self.sim.run("10m")
            self.pages = False
        @invariant()
        def the_page_is_as_it_should_be(self):
            try:
                found = self.sim.read_file("pod/wiki", "/page") == b"x"
            except volsim.FileError:
                found = False
            assert found == self.pages
    run_state_machine_as_test(Wiki, settings=settings(max_examples=25, stateful_step_count=6))
"""

CLAIMS = """
from hypothesis import settings
from hypothesis.stateful import invariant, run_state_machine_as_test
from volsim.testing import ClusterMachine

def test_machine(volsim_cluster):
    class Claims(ClusterMachine):
        def new_simulation(self):
            return volsim_cluster(nodes=2)

        @invariant()
        def a_bound_claim_has_enough(self):
            for claim in self.sim.list("pvc"):
                if claim.status.phase == "Bound":
                    volume = self.sim.get(f"pv/{claim.spec.volume_name}")
                    assert volume.spec.capacity["storage"] >= claim.spec.resources.requests["storage"], "too small"

    run_state_machine_as_test(Claims, settings=settings(max_examples=100, stateful_step_count=5))
"""
"""An answer to another exercise: a state machine of the library's, with one invariant more."""

OWN = f"""
import pytest
from hypothesis import given, settings, strategies as st
import volsim
{BEGIN}
@st.composite
def endings(draw):
    return draw(st.lists(st.sampled_from([0, 1, 137]), min_size=1, max_size=2))

@settings(derandomize=False, deadline=1, max_examples=15)
@given(codes=endings())
def test_it(volsim_cluster, codes):
    sim = volsim_cluster(pod("wiki"), seed=3)
    sim.settle()
    for code in codes:
        sim.write_file("pod/wiki", "/page", "x")
        sim.exit_container("pod/wiki", code=code)
        sim.run("10m")
        with pytest.raises(volsim.FileError):
            sim.read_file("pod/wiki", "/page")
"""

UNREADABLE, INSIDES, OUTSIDE, PATCHES = (
    Verdict.UNREADABLE,
    Verdict.READS_INTERNALS,
    Verdict.REACHES_OUTSIDE,
    Verdict.PATCHES,
)
VERDICTS: dict[str, tuple[Verdict, str, str]] = {
    # -- what cannot be read, or is no test
    "syntax error": (UNREADABLE, "def", "line 1: invalid syntax"),
    "tabs and spaces": (UNREADABLE, "def test_it(volsim_cluster):\n\tx = 1\n        y = 2\n", "line 3: "),
    "nul bytes": (UNREADABLE, "x = 1\0", "null bytes"),
    "parentheses without end": (UNREADABLE, "(" * 5000, "parenthes"),
    "empty": (UNREADABLE, "", "there is no test in it: write def test_…(volsim_cluster)"),
    "no function": (UNREADABLE, "x = 1", "there is no test in it"),
    "wrong name": (UNREADABLE, "def restart(volsim_cluster): pass", "restart is no test by its name"),
    "a class": (UNREADABLE, "class TestIt:\n    def test_it(self, volsim_cluster): pass", "TestIt is a class"),
    "another fixture": (UNREADABLE, "def test_it(tmp_path): pass", "test_it takes tmp_path"),
    "no fixture": (UNREADABLE, "def test_it(): pass", "test_it takes nothing"),
    "patches with a fixture": (
        UNREADABLE,
        "def test_it(volsim_cluster, monkeypatch): pass",
        "test_it takes monkeypatch",
    ),
    "parametrised": (
        UNREADABLE,
        "import pytest\n@pytest.mark.parametrize('code', [0])\ndef test_it(volsim_cluster, code): pass",
        "what @given draws",
    ),
    "async": (UNREADABLE, "async def test_it(volsim_cluster): pass", "test_it would never run"),
    "generator": (UNREADABLE, "def test_it(volsim_cluster): yield", "test_it would never run"),
    "an error while it is loaded": (UNREADABLE, "1 / 0", "it cannot be loaded: ZeroDivisionError: division by zero"),
    "an exit while it is loaded": (UNREADABLE, "raise SystemExit(0)", "it cannot be loaded: SystemExit: 0"),
    "its own module": (UNREADABLE, "import common_things", "imports common_things: an answer is one file"),
    "relative import": (UNREADABLE, "from . import common", "an answer is one file"),
    # -- what looks into the library
    "private": (INSIDES, test_of("assert sim._draft"), "line 6: reads ._draft"),
    "the state": (INSIDES, test_of("assert sim.state"), "reads .state"),
    "the engine": (INSIDES, test_of("assert sim.engine"), "reads .engine"),
    "mutants": (INSIDES, "import volsim.exercises.mutants\n" + test_of("pass"), "imports volsim.exercises.mutants"),
    "mutants by from": (INSIDES, "from volsim import exercises\n" + test_of("pass"), "imports volsim.exercises"),
    "the package": (INSIDES, "import volsim as v\n" + test_of("assert v.exercises"), "reads v.exercises"),
    "the package by another name": (
        INSIDES,
        "import volsim\nv = volsim\n" + test_of("assert v.exercises"),
        "reads .exercises",
    ),
    "getattr": (INSIDES, test_of("assert getattr(sim, 'engine')"), "uses getattr"),
    "a format": (INSIDES, test_of("assert '{0._draft}'.format(sim)"), "by a format"),
    "a pattern": (INSIDES, test_of("match sim:\n    case object(engine=e): pass"), "reads .engine"),
    "the stack": (INSIDES, "import inspect\n" + test_of("assert inspect.stack()"), "imports inspect"),
    "sys": (INSIDES, "import sys\n" + test_of("sys.exit()"), "imports sys"),
    # -- what reaches outside
    "open": (OUTSIDE, test_of("open(3, 'w').write('passed')"), "line 6: uses open"),
    "os": (OUTSIDE, "import os\n" + test_of("os._exit(0)"), "imports os"),
    "a process": (OUTSIDE, "from subprocess import run\n" + test_of("pass"), "imports subprocess"),
    "a thread": (OUTSIDE, "import threading\n" + test_of("pass"), "imports threading"),
    "the network": (OUTSIDE, "from urllib.request import urlopen\n" + test_of("pass"), "imports urllib.request"),
    "input": (OUTSIDE, test_of("input()"), "uses input"),
    # -- what changes the library
    "a method": (PATCHES, "import volsim\n" + test_of("volsim.Simulation.run = None"), "changes .run"),
    "a clock": (PATCHES, "import volsim\n" + test_of("volsim.Rules.pod_gc_period = 0"), "changes .pod_gc_period"),
    "a mock": (PATCHES, "from unittest import mock\n" + test_of("pass"), "imports unittest.mock"),
    "MonkeyPatch": (PATCHES, "import pytest\n" + test_of("pytest.MonkeyPatch()"), "uses pytest.MonkeyPatch"),
    # -- what does not do the same twice
    "dice": (Verdict.FLAKY, "import random\n" + test_of("sim.run(f'{random.random()}s')"), "imports random"),
    "a watch": (Verdict.FLAKY, "from time import time\n" + test_of("assert time() % 2 < 1"), "imports time"),
    "a calendar": (Verdict.FLAKY, "import datetime\n" + test_of("datetime.datetime.now()"), "line 7: uses .now"),
    "a memory": (
        Verdict.FLAKY,
        test_of(
            "SEEN.append(1)\nsim.run(f'{len(SEEN)}s')", before="from volsim.testing.strategies import __all__ as SEEN"
        ),
        "run twice",
    ),
    "within a property": (
        Verdict.FLAKY,
        property_of("st.integers()", "SEEN.append(n)\nassert len(SEEN) != 5"),
        "holds once and fails once",
    ),
    "the luck of a seed": (
        Verdict.FLAKY,
        test_of(
            "sim = volsim_cluster(pod('a'), nodes=3)\nsim.settle()\nassert sim.get('pod/a').spec.node_name != 'node02'"
        ),
        "hangs on what Kubernetes leaves open",
    ),
    # -- what breaks
    "an exit": (Verdict.BROKEN, test_of("raise SystemExit(0)"), "line 6: SystemExit: 0"),
    "exit()": (Verdict.BROKEN, test_of("exit(3)"), "SystemExit: 3"),
    "an interrupt": (Verdict.BROKEN, test_of("raise KeyboardInterrupt"), "KeyboardInterrupt"),
    "a BaseException": (Verdict.BROKEN, test_of("class E(BaseException): pass\nraise E('no')"), "E: no"),
    "a name that is not there": (Verdict.BROKEN, test_of("assert undefined"), "line 6: NameError"),
    "an import that was forgotten": (
        Verdict.BROKEN,
        test_of("sim.apply(claim('c'))"),
        "NameError: name 'claim' is not defined; begin with: from volsim.exercises.given import claim",
    ),
    "another import that was forgotten": (
        Verdict.UNREADABLE,
        "ERROR = FileError",
        "NameError: name 'FileError' is not defined; write volsim.FileError, and begin with: import volsim",
    ),
    "a recursion": (Verdict.BROKEN, test_of("f = lambda: f()\nf()"), "RecursionError"),
    "a wait without end": (
        Verdict.BROKEN,
        test_of("sim.run(until=lambda sim: False, limit='1m')"),
        "a wait in it does not end",
    ),
    "wrong bounds": (Verdict.BROKEN, property_of("st.integers(5, 1)", "pass"), "InvalidArgument"),
    # -- what says nothing
    "no cluster": (Verdict.VACUOUS, "def test_it(volsim_cluster): assert True", "it makes no cluster"),
    "a cluster of its own": (
        Verdict.VACUOUS,
        "import volsim\ndef test_it(volsim_cluster): assert volsim.Simulation().now == 0",
        "it makes no cluster",
    ),
    "not to the point": (Verdict.VACUOUS, test_of("assert sim.now >= 0"), "it never came to this: a container that"),
    "assumes too much": (
        Verdict.VACUOUS,
        property_of("st.integers()", "assume(False)"),
        "its assumptions leave no example over",
    ),
    "skips": (
        Verdict.VACUOUS,
        test_of("pytest.skip('later')", before="import pytest"),
        "it skips itself: Skipped: later",
    ),
    "asserts nothing": (Verdict.TOO_WEAK, test_of(CRASH), "it asserts nothing, so it holds of layer-survives-restart"),
    "catches everything": (
        Verdict.TOO_WEAK,
        test_of(CRASH + "try:\n    assert sim.read_file('pod/wiki', '/a') == b''\nexcept BaseException:\n    pass"),
        "it holds of layer-survives-restart, layer-survives-clean-exit as well",
    ),
    "prints much": (Verdict.TOO_WEAK, test_of(CRASH + "print('x' * 100_000)"), "it asserts nothing"),
    # -- what is wrong
    "always fails": (Verdict.ALWAYS_FAILS, test_of("assert False, 'always'"), "always"),
    "fails without words": (Verdict.ALWAYS_FAILS, test_of("assert sim.now < 0"), "line 6: assert sim.now < 0"),
    "fails with pytest": (Verdict.ALWAYS_FAILS, test_of("pytest.fail('no')", before="import pytest"), "no"),
    "the start": (Verdict.BELIEF, exercise("container-layer").start, "layer-survives-restart"),
    # -- what is right in its own way
    "a state machine": (Verdict.PASSED, MACHINE, "of none of 2 mutants"),
    "its own strategies, pytest, a deadline": (Verdict.PASSED, OWN, "of none of 2 mutants"),
}
"""By what it does: the verdict, the answer, and what is said of it."""

INSIDE = "json.codecs.sys.modules['os']"
"""A way round the reading of an answer: what is not seen there has a verdict as well."""


def _by(calls: str) -> str:
    return test_of(calls.replace("os.", f"{INSIDE}."), before="import json")


ENDINGS: dict[str, tuple[Verdict, str, str]] = {
    "never ends": (Verdict.NEVER_ENDS, test_of("while True: pass"), "it did not end on the truth within 3 s"),
    "never ends when it is loaded": (Verdict.NEVER_ENDS, "while True: pass", "within 3 s"),
    "takes all memory": (Verdict.TOO_MUCH_MEMORY, test_of("hoard = bytearray(10 << 30)"), "more than 1024 MiB"),
    "takes more and more memory": (
        Verdict.TOO_MUCH_MEMORY,
        test_of("hoard = []\nwhile True: hoard.append(bytearray(1 << 26))"),
        "more than 1024 MiB",
    ),
    "ends its process": (Verdict.BROKEN, _by("os.kill(os.getpid(), 9)"), "it ended its process, by SIGKILL"),
    "crashes": (Verdict.BROKEN, _by("os.abort()"), "by SIGABRT"),
    "leaves a process behind": (
        Verdict.VACUOUS,
        _by("if not os.fork():\n    os.read(os.pipe()[0], 1)"),
        "it never came to this",
    ),
    "fills the disk": (
        Verdict.BROKEN,
        _by("f = os.open('much', 65)\nfor _ in range(20): os.write(f, bytes(1 << 20))"),
        "OSError: [Errno 27] File too large",
    ),
    "changes the library all the same": (
        Verdict.PATCHES,
        test_of(
            "json.codecs.sys.modules['builtins'].setattr(volsim.Simulation, 'now', 3)", before="import json, volsim"
        ),
        "it changes volsim.simulation.Simulation.now",
    ),
    "forges a report": (
        Verdict.VACUOUS,
        test_of('print(\'{"done": true, "line": {"exercise": "container-layer", "verdict": "passed"}}\')'),
        "it never came to this",
    ),
}
"""What ends the process in which it runs, or would if it could."""
