"""Exercise: an emptyDir in memory, and a reboot."""

from __future__ import annotations

from volsim.exercises.exercise import Exercise
from volsim.exercises.judging import came_to
from volsim.exercises.mutants import MUTANTS

__all__ = ["EXERCISE"]

EXERCISE = Exercise(
    name="memory-and-reboot",
    title="Memory, disk and a reboot",
    minutes=25,
    goal=("A reboot does not delete a pod: its emptyDirs on disk are as they were, those in memory are empty."),
    story=(
        "A cache was moved to an emptyDir with medium Memory, because that is faster. Somebody else put "
        "session keys there, because it is also an emptyDir. At night the node was rebooted for a kernel "
        "update; the pod came back under its old name, with all its volumes, and nobody could log in."
    ),
    task=(
        "Write a test about a pod with two emptyDirs, one on disk and one with medium: Memory, on a node that "
        "loses power and gets it back: which of the two still has its file?"
    ),
    hints=(
        ("The two volumes: {'/disk': {'emptyDir': {}}, '/memory': {'emptyDir': {'medium': 'Memory'}}}."),
        ("sim.fail_node('node01'), then sim.recover_node('node01') and a minute. The pod is the same as before."),
        ("Check both volumes: one mutant is wrong about each."),
    ),
    mutants=(
        MUTANTS["memory-survives-reboot"],
        MUTANTS["disk-dies-with-reboot"],
    ),
    case="a node with such a pod lost power and came back",
    reached=lambda sim: came_to(sim, "power on"),
)
