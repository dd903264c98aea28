"""What a real control plane did, scenario by scenario, and what the simulation does.

Source: traces recorded from Kubernetes 1.20.2 and 1.36.2 (see the README beside them), replayed and compared by the
script that lies there: state after every step, its texts, and over the whole trace its events.
"""

from __future__ import annotations

import json
import warnings
from collections import Counter
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import volsim
from tests.conformance.tables import DEFAULT, Chosen, is_default
from volsim.control.contract import NOTHING
from volsim.engine.cluster import default_engine
from volsim.engine.perform import Engine

SAMPLE = frozenset(
    {
        "1.20.2/handwritten/nfs-tutorial",
        "1.20.2/handwritten/nodefail-csi-rwo-no-force",
        "1.20.2/handwritten/recycle-nfs",
        "1.20.2/handwritten/wffc-local-two-claims-one-pod",
        "1.20.2/random/rand-0089",
        "1.20.2/random-dense/dense-0007",
        "1.20.2/random-nodefail/fail-0005",
        "1.36.2/handwritten/delete-policy-dynamic",
        "1.36.2/handwritten/recycle-no-node",
        "1.36.2/handwritten/x-oos-statefulset",
        "1.36.2/handwritten/x-rwop-two-pods",
        "1.36.2/handwritten/x-sts-retention-delete-retain",
        "1.36.2/random/rand-0186",
        "1.36.2/random-dense/dense-0050",
        "1.36.2/random-nodefail/fail-0044",
    }
)
"""One trace of each sort: replayed in every run of the tests."""

CACHE = "the recorded controller had not heard of the volume yet when it first looked at the claim"
SLOW_BIND = "the recorded claim was not bound yet when the workload's controllers had made the pod"
TWO_SOURCES = "the recorded patch adds a second source to the volume, the simulated apply replaces the first"
DIVERGING = {
    "1.20.2/handwritten/nodefail-csi-rwx": SLOW_BIND,
    "1.20.2/handwritten/x-ephemeral-finished-pod": "the recording ends a pod that was refused",
    "1.20.2/handwritten/x-job-dead-node": "the recording ends a pod that was not running yet",
    "1.20.2/handwritten/x-pvc-delete-completed-pod": CACHE,
    "1.20.2/random/rand-0021": TWO_SOURCES,
    "1.20.2/random-nodefail/fail-0006": SLOW_BIND,
    "1.20.2/random-nodefail/fail-0008": "the recorded node was not ready for a moment when it came back",
    "1.20.2/random-nodefail/fail-0028": CACHE,
    "1.36.2/handwritten/delete-policy-hostpath": CACHE,
    "1.36.2/handwritten/deployment-scale-rwo-csi": CACHE,
    "1.36.2/handwritten/x-ephemeral-deployment": "the recording's names of claims are not comparable",
    "1.36.2/handwritten/x-oos-healthy-node": "the recorded kubelet took a moment to stop the evicted pod",
    "1.36.2/handwritten/x-pvc-delete-completed-job": SLOW_BIND,
    "1.36.2/random/rand-0021": TWO_SOURCES,
    "1.36.2/random/rand-0124": "which of two pods is named first is left to a hash map",
    "1.36.2/random-nodefail/fail-0034": CACHE,
}
"""The traces of the default directory that do not match at the level of events, and why."""


def files() -> list[Path]:
    """All traces, by version, family and name."""
    return sorted((Chosen.directory / "traces").glob("*/*/*.json"))


def name_of(path: Path) -> str:
    """``version/family/name``."""
    return "/".join((*path.parts[-3:-1], path.stem))


@cache
def replaying() -> ModuleType:
    """The script that replays traces: that of the directory, or of the default one."""
    places = (Chosen.directory / "replay.py", DEFAULT / "replay.py")
    path = next((place for place in places if place.exists()), None)
    if path is None:
        pytest.skip("the script that replays traces lies beside the repository, or where --conformance says")
    spec = spec_from_file_location("conformance_replay", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def replay(path: Path, level: str = "events", engine: Engine | None = None) -> dict[str, Any]:
    """What the script says of one trace; with another engine, if one is given."""
    library: Any = volsim
    if engine is not None:
        public = {name: getattr(volsim, name) for name in ("Rules", "VolsimError", "to_manifest")}
        library = SimpleNamespace(**public, Simulation=lambda **given: volsim.Simulation(engine=engine, **given))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the API server's warnings; the recordings have them, too
        found: dict[str, Any] = replaying().replay(library, json.loads(path.read_text(encoding="utf-8")), level)
    return found


def sample() -> list[Any]:
    """The traces of the sample; of a family of which it names none, the first one."""
    families: dict[Path, list[Path]] = {}
    for path in files():
        families.setdefault(path.parent, []).append(path)
    chosen = [[path for path in family if name_of(path) in SAMPLE] or family[:1] for family in families.values()]
    return [pytest.param(path, id=name_of(path)) for family in chosen for path in family]


def why_diverging(found: dict[str, Any]) -> str:
    """What a trace that does not match says, in a few lines."""
    return "\n".join([found["verdict"], *found.get("differences", [])[:12], found.get("why", "")])


@pytest.mark.parametrize("path", sample())
def test_a_trace_of_each_sort_matches_to_its_events(path: Path) -> None:
    found = replay(path)
    assert found["verdict"] in ("matches", "skipped"), why_diverging(found)


@pytest.mark.skipif(not DEFAULT.exists(), reason="the traces lie beside the repository")
@pytest.mark.parametrize(
    ("name", "controller"),
    [
        ("1.20.2/handwritten/nfs-tutorial", "taint-eviction"),
        ("1.20.2/handwritten/recycle-nfs", "pv-recycler"),
        ("1.36.2/handwritten/delete-policy-dynamic", "csi-deleter"),
        ("1.36.2/handwritten/x-oos-statefulset", "pod-gc"),
    ],
)
def test_a_controller_that_does_nothing_is_noticed(name: str, controller: str) -> None:
    """The comparison can fail: what one controller of the recorded cluster did is missing."""
    idle = default_engine().replacing(controller, sync=lambda view, key: NOTHING)
    assert replay(DEFAULT / "traces" / f"{name}.json", "state", idle)["verdict"] == "diverges"


@pytest.mark.slow
def test_all_traces_match_but_those_that_are_known(capsys: pytest.CaptureFixture[str]) -> None:
    """Counted by version and family at both levels: state with texts, and events as well."""
    if not files():
        pytest.skip("the traces lie beside the repository, or where --conformance says")
    counts: dict[str, Counter[str]] = {}
    diverging: dict[str, str] = {}
    for path in files():
        found = replay(path)
        count = counts.setdefault("/".join(path.parts[-3:-1]), Counter())
        if found["verdict"] == "skipped":
            count["skipped"] += 1
            continue
        count["traces"] += 1
        count["texts"] += found["verdict"] == "matches" or found.get("op") == "events"
        count["events"] += found["verdict"] == "matches"
        if found["verdict"] != "matches":
            diverging[name_of(path)] = why_diverging(found)
    with capsys.disabled():
        for family, count in counts.items():
            print(f"\n{family}: {dict(count)}", end="")
        print("".join(f"\n{name}: {why.splitlines()[1][:160]}" for name, why in diverging.items()))
    assert not [why for why in diverging.values() if why.startswith("crashed")]
    if is_default():
        assert sorted(diverging) == sorted(DIVERGING), "\n\n".join(f"{name}: {why}" for name, why in diverging.items())
        total = sum(counts.values(), Counter[str]())
        assert (total["traces"], total["texts"], total["events"]) == (666, 661, 650)
