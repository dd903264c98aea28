"""What survives what: five kinds of volumes, three kinds of workloads, five faults; every cell is run and pinned.

Where a change of the semantics changes a cell, somebody's data fare otherwise: find the rule and its source.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import volsim
from volsim.analysis.survival import FAULTS, REMEDIES, VOLUMES, WORKLOADS, Survival, _running, matrix, survive
from volsim.engine.cluster import default_engine
from volsim.engine.simulation import Simulation
from volsim.rules import Rules

ROOT = Path(__file__).parents[2]

# where it runs again; after how many seconds; the file; who can write it at last
SAME = "same pod, 0, kept, old"
STUCK, STUCK_WRITES, STUCK_LOST = "nowhere, never, kept, -", "nowhere, never, kept, old", "nowhere, never, lost, -"
LEFT, LEFT_WRITES = "another node, 350, left behind, -", "another node, 350, left behind, old"
LOST, MOVED, TWO = "another node, 350, lost, -", "another node, 350, kept, new", "another node, 350, kept, old+new"
HANDED, AT_ONCE = "another node, 0.1, kept, new", "another node, 0, kept, new"
DRAINED_LEFT, DRAINED_LOST = "another node, 0, left behind, -", "another node, 0, lost, -"

CELLS = {  # by volume and fault: Deployment, StatefulSet, DaemonSet
    ("emptyDir", "power off"): (LEFT, STUCK, STUCK),
    ("emptyDir", "reboot"): (SAME, SAME, SAME),
    ("emptyDir", "partition"): (LEFT_WRITES, STUCK_WRITES, STUCK_WRITES),
    ("emptyDir", "node destroyed"): (LOST, STUCK_LOST, STUCK_LOST),
    ("emptyDir", "drain"): (DRAINED_LOST, DRAINED_LOST, SAME),
    ("hostPath", "power off"): (LEFT, STUCK, STUCK),
    ("hostPath", "reboot"): (SAME, SAME, SAME),
    ("hostPath", "partition"): (LEFT_WRITES, STUCK_WRITES, STUCK_WRITES),
    ("hostPath", "node destroyed"): (LOST, STUCK_LOST, STUCK_LOST),
    ("hostPath", "drain"): (DRAINED_LEFT, DRAINED_LEFT, SAME),
    ("NFS claim", "power off"): (MOVED, STUCK, STUCK),
    ("NFS claim", "reboot"): (SAME, SAME, SAME),
    ("NFS claim", "partition"): (TWO, STUCK_WRITES, STUCK_WRITES),
    ("NFS claim", "node destroyed"): (MOVED, STUCK, STUCK),
    ("NFS claim", "drain"): (AT_ONCE, AT_ONCE, SAME),
    ("disk claim", "power off"): (STUCK, STUCK, STUCK),
    ("disk claim", "reboot"): (SAME, SAME, SAME),
    ("disk claim", "partition"): (STUCK_WRITES, STUCK_WRITES, STUCK_WRITES),
    ("disk claim", "node destroyed"): (STUCK, STUCK, STUCK),
    ("disk claim", "drain"): (HANDED, HANDED, SAME),
    ("local claim", "power off"): (STUCK, STUCK, STUCK),
    ("local claim", "reboot"): (SAME, SAME, SAME),
    ("local claim", "partition"): (STUCK_WRITES, STUCK_WRITES, STUCK_WRITES),
    ("local claim", "node destroyed"): (STUCK_LOST, STUCK_LOST, STUCK_LOST),
    ("local claim", "drain"): (STUCK, STUCK, SAME),
}

# by remedy (the node comes back, pod deleted by force, out-of-service taint, Node deleted): seconds and file
ONLY_BACK = ("0 kept", "no kept", "no kept", "no kept")
NOTHING, ALL_GONE = ("no kept",) * 4, ("no lost",) * 4
SET_LEFT = ("0 left behind", "0 left behind", "0 left behind", "40 left behind")
SET_KEPT, SET_TWO = ("0 kept", "0 kept", "0 kept", "40 kept"), ("0 kept", "0 kept two", "0 kept two", "40 kept two")
EMPTIED = ("0 lost", *SET_LEFT[1:])
SET_LOST = ("no lost", "0 lost", "0 lost", "40 lost")
DISK, DISK_OF_SET = ("0.1 kept", "360 kept", "0.1 kept", "400 kept"), ("0 kept", "360 kept", "0.1 kept", "400 kept")
DISK_ALONE = ("no kept", "360 kept", "0.1 kept", "400 kept")

HELP = {  # by volume and fault: Deployment, StatefulSet, DaemonSet; () where it runs again by itself
    ("emptyDir", "power off"): ((), EMPTIED, ONLY_BACK),
    ("emptyDir", "partition"): ((), EMPTIED, ONLY_BACK),
    ("emptyDir", "node destroyed"): ((), SET_LOST, ALL_GONE),
    ("hostPath", "power off"): ((), SET_LEFT, ONLY_BACK),
    ("hostPath", "partition"): ((), SET_LEFT, ONLY_BACK),
    ("hostPath", "node destroyed"): ((), SET_LOST, ALL_GONE),
    ("NFS claim", "power off"): ((), SET_KEPT, ONLY_BACK),
    ("NFS claim", "partition"): ((), SET_TWO, ONLY_BACK),
    ("NFS claim", "node destroyed"): ((), ("no kept", *SET_KEPT[1:]), NOTHING),
    ("disk claim", "power off"): (DISK, DISK_OF_SET, ONLY_BACK),
    ("disk claim", "partition"): (DISK, DISK_OF_SET, ONLY_BACK),
    ("disk claim", "node destroyed"): (DISK_ALONE, DISK_ALONE, NOTHING),
    ("local claim", "power off"): (ONLY_BACK, ONLY_BACK, ONLY_BACK),
    ("local claim", "partition"): (ONLY_BACK, ONLY_BACK, ONLY_BACK),
    ("local claim", "node destroyed"): (ALL_GONE, ALL_GONE, ALL_GONE),
    ("local claim", "drain"): (ONLY_BACK, ONLY_BACK, ()),
}


@cache
def cells() -> dict[tuple[str, str, str], Survival]:
    return {(cell.volume, cell.fault, cell.workload): cell for cell in matrix()}


def said(cell: Survival) -> str:
    after = "never" if cell.after_seconds is None else f"{cell.after_seconds:g}"
    writers = "+".join(writer.split()[0] for writer in cell.writers) or "-"
    return f"{cell.where}, {after}, {cell.data}, {writers}"


def help_for(cell: Survival) -> tuple[str, ...]:
    return tuple(
        ("no" if each.after_seconds is None else f"{each.after_seconds:g}")
        + f" {each.data}"
        + (" two" if each.two_writers else "")
        for each in cell.remedies
    )


@pytest.mark.parametrize(("volume", "fault"), CELLS)
def test_what_becomes_of_the_workload_and_its_file(volume: str, fault: str) -> None:
    found = tuple(said(cells()[volume, fault, workload]) for workload in WORKLOADS)
    assert found == CELLS[volume, fault]


@pytest.mark.parametrize(("volume", "fault"), CELLS)
def test_what_a_person_could_do(volume: str, fault: str) -> None:
    found = tuple(help_for(cells()[volume, fault, workload]) for workload in WORKLOADS)
    assert found == HELP.get((volume, fault), ((), (), ()))


def test_every_cell_is_pinned() -> None:
    assert len(cells()) == 75
    assert CELLS.keys() == {(volume, fault) for volume in VOLUMES for fault in FAULTS}
    assert {len(cell.remedies) for cell in cells().values()} == {0, len(REMEDIES)}


def test_only_a_fault_of_the_network_makes_two_writers() -> None:
    two = {key for key, cell in cells().items() if len(cell.writers) > 1}
    two |= {key for key, cell in cells().items() for remedy in cell.remedies if remedy.two_writers}
    assert two == {("NFS claim", "partition", "Deployment"), ("NFS claim", "partition", "StatefulSet")}


def test_a_set_whose_local_disk_is_lost_runs_elsewhere_without_its_claim() -> None:
    """The remedy of which the page speaks, and that loses what was lost already."""
    sim = Simulation.of(_running("local claim", "StatefulSet", Rules()))
    node = sim.get("pod/app-0").spec.node_name
    sim.destroy_node(node)
    sim.run("10m")
    sim.delete("pvc/data-app-0")
    sim.delete("pod/app-0", force=True)
    sim.run("1m")
    found = sim.get("pod/app-0")
    assert (found.status.phase, found.spec.node_name != node) == ("Running", True)
    assert sim.exec("app-0", "ls /data").stdout == ""


# -- versions ----------------------------------------------------------------------------------------------------------
def test_before_1_32_a_silent_node_was_found_out_ten_seconds_earlier() -> None:
    assert survive("NFS claim", "Deployment", "power off", kubernetes="1.31").after_seconds == 340


def test_before_1_26_the_out_of_service_taint_helped_nobody() -> None:
    cell = survive("disk claim", "StatefulSet", "power off", kubernetes="1.20")
    assert help_for(cell)[1:] == ("360 kept", "no kept", "400 kept")


# -- the page and the tests --------------------------------------------------------------------------------------------
@cache
def generator() -> ModuleType:
    """`tools/build_survival.py`, which is no part of any package."""
    spec = importlib.util.spec_from_file_location("build_survival", ROOT / "tools" / "build_survival.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_says_what_was_run() -> None:
    page = (ROOT / "docs" / "explanation" / "survival.md").read_text(encoding="utf-8")
    assert page == generator().page(tuple(cells().values())), "run `python tools/build_survival.py`"


def test_every_footnote_is_used() -> None:
    page = (ROOT / "docs" / "explanation" / "survival.md").read_text(encoding="utf-8")
    names: list[str] = [note.replace(" ", "-") for note in generator().NOTES]
    assert [name for name in names if page.count(f"[^{name}]") < 2] == []


def test_a_word_that_is_not_known_is_an_error() -> None:
    with pytest.raises(volsim.VolsimError, match="'quake' is not one of 'power off', 'reboot'"):
        survive("emptyDir", "Deployment", "quake")


def test_wrong_semantics_change_a_cell() -> None:
    """A kubelet that forgets what is on its disk when its node reboots is found out."""
    right = default_engine().controller("kubelet").sync

    def forgets(view: Any, key: str) -> Any:
        sandbox = view.get("sandboxes", key.rpartition("@")[2])
        machine = view.get("machines", sandbox.node) if sandbox is not None else None
        if machine is None or sandbox.boot == machine.boot:
            return right(view, key)
        empty = volsim.Simulation(nodes=1).state.get("machines", "node01").disk
        draft = (view.seal() if hasattr(view, "seal") else view).draft()
        draft.put("machines", sandbox.node, machine.replace(disk=empty))
        return right(draft.seal(), key)

    engine = default_engine().replacing("kubelet", sync=forgets)
    assert said(survive("emptyDir", "Deployment", "reboot", engine=engine)) == "same pod, 0, lost, -"
