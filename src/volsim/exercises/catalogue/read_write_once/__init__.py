"""Exercise: ReadWriteOnce is per node."""

from __future__ import annotations

from volsim.exercises.exercise import Exercise
from volsim.exercises.judging import made
from volsim.exercises.mutants import MUTANTS

__all__ = ["EXERCISE"]

EXERCISE = Exercise(
    name="read-write-once",
    title="ReadWriteOnce counts nodes",
    minutes=30,
    goal=(
        "ReadWriteOnce means one node at a time, not one pod: two pods of a node may share the disk, two nodes may not."
    ),
    story=(
        "A Deployment with a ReadWriteOnce disk was scaled to two, and both pods ran; so the team took it for "
        "granted. After the next rollout one pod hung in ContainerCreating with a Multi-Attach error. Nothing "
        "had been changed: the scheduler had put the pods on different nodes this time."
    ),
    task=(
        "Write a test about two pods that use the same ReadWriteOnce claim on a disk: both on one node, and "
        "on two nodes. Which of them run?"
    ),
    hints=(
        (
            "DISK is an iSCSI disk: the attach/detach controller looks after it. (For NFS nothing has to be "
            "attached; try it!)"
        ),
        (
            "Put each pod on a node with node=…; let five minutes pass with sim.run('5m'). A pod that waits for a "
            "disk has the phase Pending."
        ),
        ("On one node both pods are Running; on two nodes the first is Running and the second Pending."),
    ),
    mutants=(
        MUTANTS["rwo-is-per-pod"],
        MUTANTS["rwo-is-a-wish"],
    ),
    case="two pods wanted one claim",
    reached=lambda sim: len({ref for ref in made(sim) if ref.startswith(("pod/", "deployment/", "statefulset/"))}) >= 2,
)
