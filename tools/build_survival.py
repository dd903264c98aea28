"""Writes `docs/explanation/survival.md` by running every cell of it: `python tools/build_survival.py`.

`tests/checked/test_survival.py` fails when the page is older than what it tells of.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from textwrap import fill

from volsim.analysis.survival import FAULTS, REMEDIES, VOLUMES, WORKLOADS, Remedy, Survival, matrix

PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "survival.md"

HEAD = """\
<!-- Written by tools/build_survival.py, which runs every cell. Change the code or that tool, then run it again. -->

# What survives what

A pod writes a file to its volume. Then something happens to its node, and a day goes by in which nobody helps. Does the
workload run again, when, and does it find the file? Who can still change it? That depends on where the bytes are and on
what kind of workload it is, and on little else.

Each cell below was run, none was written by hand. The cluster has three nodes and all defaults of Kubernetes 1.36; the
workload has one replica, and the DaemonSet one node. Any cell can be run again:

```python
>>> from volsim.analysis.survival import survive
>>> cell = survive("NFS claim", "Deployment", "partition")
>>> cell.where, cell.after_seconds, cell.data, cell.writers
('another node', 350.0, 'kept', ('old pod', 'new pod'))
```

## How to read it

* **kept**: whoever runs finds the file; where nobody runs, it is there for him who will.
* **left behind**: the file exists, but whoever runs now does not see it.
* **lost**: the file is nowhere any more.
* Times count from the fault. On a real cluster add up to 15 s, for the last heartbeat is up to 10 s old and nodes are
  looked at every 5 s; and what it takes to pull an image and to start.

What happens to the node:

* **power off**: its processes stop, its memory is lost, its disk stays, and it stays off.
* **reboot**: off and on again before anybody misses it.
* **partition**: node and control plane cannot talk. Its containers run, and write.
* **node destroyed**: off for ever, its disk lost.
* **drain**: `kubectl drain --force --ignore-daemonsets --delete-emptydir-data`. The node stays cordoned.
"""

TITLES = {
    "emptyDir": "emptyDir",
    "hostPath": "hostPath",
    "NFS claim": "A claim to an NFS export",
    "disk claim": "A claim to a disk that is attached",
    "local claim": "A claim to a local volume",
}
VOLUME_TEXTS = {
    "emptyDir": ("The bytes belong to the pod: a directory on the node's disk that is called after the pod's uid."),
    "hostPath": ("The bytes belong to the node: a directory of it, which any pod finds that comes to that node."),
    "NFS claim": ("The bytes are on a server that all nodes can mount at once. Nothing is attached to a node."),
    "disk claim": (
        "The bytes are on a disk behind the network that is attached to one node at a time (ReadWriteOnce, by"
        " a CSI driver with an attacher)."
    ),
    "local claim": (
        "The bytes are on a disk that is a part of one node, and the PersistentVolume says which one "
        "(`nodeAffinity`). There is such a disk on each node."
    ),
}

LESSONS = """\
## What to remember

* A fault never moves a pod. At most a second one is made, after 5 min 50 s, and only by a Deployment.
* A dead node and one that is cut off look the same from outside. All rules that seem too careful (no second pod of a
  StatefulSet, no detaching) are careful because of that.
* Bytes that belong to a pod go with the pod, bytes that belong to a node stay with the node. Only what is behind the
  network can be where the replacement is.
* A drain is the only case in which everything is handed over in order; a local volume stays even then.
* What can be done about a stuck pod differs in what it claims to know. Waiting for the node claims nothing; everything
  else says “it is dead”, and who says so must have made sure.
"""

NOTES = {
    "evicted": (
        "A silent node is found out after 50 s and tainted. Its pods bear that taint for 300 s, because every"
        " pod gets a toleration of that length; then they are marked for deletion, and in that moment the "
        "ReplicaSet makes another pod. The old one stays *Terminating* until its kubelet is heard again: "
        "nobody else may say that its containers have stopped. “After five minutes” is thus 5 min 50 s, and "
        "it is no move: it is a second pod."
    ),
    "identity": (
        "A StatefulSet promises that there is at most one pod of a name. The old one is *Terminating* and "
        "cannot be asked whether it still runs, so there will be no other, today or next year. “A StatefulSet"
        " is highly available” is the most expensive misunderstanding of this page."
    ),
    "daemon": (
        "A DaemonSet's pods tolerate silent nodes for ever, and belong to their node. The pod is not even "
        "marked; `kubectl get pods` says *Running* of it all day, only its condition Ready says False."
    ),
    "attached": (
        "There is a replacement after 5 min 50 s, but it stays in *ContainerCreating*: `Multi-Attach error "
        "for volume … Volume is already used by pod(s) …`. People wait for “the six minutes” now, in vain: "
        "these count from when nobody wants the disk on the old node any more, and the *Terminating* pod "
        "wants it for ever."
    ),
    "unseen": (
        "The old pod is as alive as ever: it serves whoever can reach it, and writes. The control plane only "
        "does not hear of it."
    ),
    "two": (
        "Two pods write the same files, the one that everybody sees and the one that nobody can stop. The "
        "server does not know that one of them has been given up, and ReadWriteOnce would not have kept it "
        "from happening: an access mode is checked where volumes are attached, and an export is not attached."
    ),
    "emptied": (
        "An emptyDir is deleted with its pod. Of a pod that was marked for deletion while its node was "
        "silent, the kubelet removes the directory as soon as it hears of that: coming back is what loses the"
        " file."
    ),
    "elsewhere": (
        "The replacement goes to any node that has room, and finds the directory of that node. What it finds "
        "depends on where the scheduler puts it: a hostPath does not keep a pod on its node."
    ),
    "rebooted": (
        "The pod object, its uid and so its emptyDir on the disk are the same; its containers start again, "
        "with a new writable layer. Only an emptyDir with `medium: Memory` would be empty."
    ),
    "untouched": ("A drain leaves the pods of DaemonSets alone, for they would come back at once."),
    "handed over": (
        "The old pod is stopped in order: the kubelet unmounts, says so, the disk is detached and attached to"
        " the other node. This is the only way of moving that loses nothing and waits for nothing."
    ),
    "bound": (
        "The replacement stays *Pending*: its claim is bound to the volume of that node for good, and no "
        "other node will do (`node(s) didn't match PersistentVolume's node affinity`). A local volume is not "
        "a slow disk that moves, it is a pod that does not."
    ),
    "gone": (
        "The disk is lost, but its PersistentVolume says *Bound* and ties every new pod to a node that is not"
        " there. What helps is to delete the claim and the pod, and to restore a backup into the volume that "
        "comes next."
    ),
    "forced": (
        "The six minutes begin when the pod's object is gone; the node is not healthy, so then the disk is "
        "taken from it by force. If the node was only cut off, that pulls the disk from under a program that "
        "writes: volsim gives it EIO, a file system on a real disk may need repair."
    ),
    "taint": (
        "The taint `node.kubernetes.io/out-of-service` says: I know that this node is off. Within 20 s its "
        "pods are removed, and their disks are detached without the six minutes. Said of a node that is only "
        "cut off, it is not true: two pods may write then, or a disk is pulled from under one of them."
    ),
    "quarantine": ("Pods of a node that has no Node object are removed by the pod garbage collector after 40 to 60 s."),
    "no other node": ("The DaemonSet makes a new pod for the same node, or none; there is no other node for it."),
}


def main() -> int:
    """Write the page."""
    PAGE.write_text(page(matrix()), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(PAGE.parents[2])}")
    return 0


def page(cells: Sequence[Survival]) -> str:
    """The whole page."""
    used: list[str] = []
    lines = [HEAD]
    for volume in VOLUMES:
        lines += _section(volume, [cell for cell in cells if cell.volume == volume], used)
    lines += [LESSONS, *(_wrapped(f"[^{_slug(note)}]: {NOTES[note]}", indent="    ") + "\n" for note in used)]
    return "\n".join(lines).rstrip() + "\n"


def _section(volume: str, cells: Sequence[Survival], used: list[str]) -> Iterator[str]:
    yield f"## {TITLES[volume]}\n"
    yield _wrapped(VOLUME_TEXTS[volume]) + "\n"
    rows = [
        [f"**{fault}**", *(_cell(cell, used) for workload in WORKLOADS for cell in cells if _is(cell, fault, workload))]
        for fault in FAULTS
    ]
    yield from _table(["", *WORKLOADS], rows)
    stuck = [cell for cell in cells if cell.remedies and any(remedy.runs for remedy in cell.remedies)]
    yield "Where nobody runs, a person can do something. A day after the fault:\n"
    yield from _table(
        ["", *(_noted(remedy, _notes_of_remedy(volume, remedy), used) for remedy in REMEDIES)],
        [[f"{cell.fault}, {cell.workload}", *(_remedy(remedy) for remedy in cell.remedies)] for cell in stuck],
    )


def _wrapped(text: str, indent: str = "") -> str:
    return fill(text, 120, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _is(cell: Survival, fault: str, workload: str) -> bool:
    return (cell.fault, cell.workload) == (fault, workload)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for line in (columns, ["---"] * len(columns), *rows):
        yield "| " + " | ".join(cell or " " for cell in line) + " |"
    yield ""


# -- cells -------------------------------------------------------------------------------------------------------------
def _cell(cell: Survival, used: list[str]) -> str:
    """One cell: what became of the file, who runs, who can write."""
    parts = [f"**{cell.data}**", _who_runs(cell), _who_writes(cell)]
    return _noted("; ".join(part for part in parts if part), _notes(cell), used)


def _who_runs(cell: Survival) -> str:
    if cell.where == "nowhere":
        return "the old pod runs on, unseen" if cell.fault == "partition" else "nobody runs"
    if cell.where == "same pod":
        return "the same pod starts again" if cell.fault == "reboot" else "the pod stays"
    assert cell.after_seconds is not None, "it runs again, so there is a time at which it does"
    return f"another pod on {cell.where} {_after(cell.after_seconds)}"


def _who_writes(cell: Survival) -> str:
    if len(cell.writers) > 1:
        return "**both write**"
    if cell.fault == "partition" and cell.writers == ("old pod",):
        return "the old one writes" if cell.where == "nowhere" else "the old pod still writes the old file"
    return ""


def _after(seconds: float) -> str:
    if seconds < 1:
        return "at once"
    minutes, rest = divmod(round(seconds), 60)
    return "after " + " ".join([f"{minutes} min"] * bool(minutes) + [f"{rest} s"] * bool(rest))


def _remedy(remedy: Remedy) -> str:
    if remedy.after_seconds is None:
        return "no"
    writers = "; **both write**" if remedy.two_writers else ""
    return f"runs {_after(remedy.after_seconds)}; **{remedy.data}**{writers}"


# -- footnotes ---------------------------------------------------------------------------------------------------------
def _notes(cell: Survival) -> Iterator[str]:
    """Which mechanisms a cell shows."""
    if cell.where == "nowhere":
        yield from _notes_of_nobody(cell)
    elif cell.fault == "reboot":
        yield "rebooted"
    elif cell.where == "same pod":
        yield "untouched"
    else:
        if cell.fault != "drain":
            yield "evicted"
        if cell.volume == "hostPath" and cell.data == "left behind":
            yield "elsewhere"
        if cell.volume == "emptyDir" and cell.data in ("left behind", "lost") and cell.fault != "node destroyed":
            yield "emptied"
        if cell.volume == "disk claim":
            yield "handed over"
    if len(cell.writers) > 1:
        yield "two"
    elif cell.fault == "partition" and cell.writers == ("old pod",):
        yield "unseen"


def _notes_of_nobody(cell: Survival) -> Iterator[str]:
    if cell.workload == "DaemonSet":
        yield "daemon"
    elif cell.workload == "StatefulSet" and cell.fault != "drain":
        yield "identity"
    elif cell.volume == "disk claim":
        yield "attached"
    if cell.volume == "local claim":
        if cell.data == "lost":
            yield "gone"
        elif cell.workload != "DaemonSet":
            yield "bound"


def _notes_of_remedy(volume: str, remedy: str) -> Iterator[str]:
    if remedy == "the node comes back" and volume == "emptyDir":
        yield "emptied"
    if remedy == "pod deleted by force" and volume == "disk claim":
        yield "forced"
    if remedy == "out-of-service taint":
        yield "taint"
    if remedy == "Node deleted":
        yield "quarantine"
        yield "no other node"


def _noted(text: str, notes: Iterable[str], used: list[str]) -> str:
    for note in notes:
        if note not in used:
            used.append(note)
        text += f"[^{_slug(note)}]"
    return text


def _slug(note: str) -> str:
    return note.replace(" ", "-")


if __name__ == "__main__":
    sys.exit(main())
