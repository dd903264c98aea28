"""Exercise: the three reclaim policies."""

from __future__ import annotations

from volsim.exercises.exercise import Exercise
from volsim.exercises.judging import came_to
from volsim.exercises.mutants import MUTANTS

__all__ = ["EXERCISE"]

EXERCISE = Exercise(
    name="reclaim-policies",
    title="Retain, Delete, Recycle",
    minutes=40,
    goal=(
        "What a reclaim policy does to the volume's object and to its bytes: Retain neither, Delete both, "
        "Recycle only the bytes."
    ),
    story=(
        "Three teams lost data in one week. One had Delete, the default of its class, and deleted a "
        "namespace. One had Retain and thought that the disk was as free as before. One had Recycle: the "
        "volume was there, Available, and empty."
    ),
    task=(
        "Write tests for the three policies: write a file through a pod, delete pod and claim, let time pass. "
        "Is the volume's object still there, in which phase, and are its bytes?"
    ),
    hints=(
        (
            "Use a hostPath volume below /tmp on a cluster of one node: source={'hostPath': {'path': "
            "'/tmp/disk'}}. Then all three policies work, and sim.host_files('node01') shows the bytes."
        ),
        ("sim.run('10m') after the deletions: a recycler is a pod, and takes a while."),
        ("Retain: (Released, bytes). Delete: (gone, no bytes). Recycle: (Available, no bytes)."),
    ),
    mutants=(
        MUTANTS["reclaimer-deletes-retained"],
        MUTANTS["delete-leaves-bytes"],
        MUTANTS["recycler-scrubs-nothing"],
    ),
    case="a volume was released after somebody had written to it",
    reached=lambda sim: came_to(sim, "is Released") and came_to(sim, "user: write"),
)
