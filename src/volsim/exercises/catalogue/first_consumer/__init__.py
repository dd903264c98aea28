"""Exercise: WaitForFirstConsumer."""

from __future__ import annotations

from volsim.exercises.exercise import Exercise
from volsim.exercises.judging import made
from volsim.exercises.mutants import MUTANTS

__all__ = ["EXERCISE"]

EXERCISE = Exercise(
    name="first-consumer",
    title="Waiting for the first consumer",
    minutes=30,
    goal=(
        "With WaitForFirstConsumer a claim is bound only when a pod is scheduled that uses it, to a volume "
        "that the pod's node reaches; without it, at once."
    ),
    story=(
        "Local disks on two nodes, and a class with Immediate: the claim was bound to the disk on node01 "
        "before anybody knew that its pod could only run on node02. The pod never started. With "
        "WaitForFirstConsumer somebody else then waited an hour for a claim to become Bound before applying "
        "the pod."
    ),
    task=(
        "Write tests for both modes: what is the claim's phase before a pod uses it? And when a pod uses it "
        "that can run only on node02 (node01 is cordoned), which volume does it get?"
    ),
    hints=(
        (
            "storage_class('local', waits=True), and volume(…, source={'local': {'path': '/mnt'}}, "
            "storage_class='local', node='node01')."
        ),
        ("sim.cordon('node01') keeps the pod away from node01."),
        (
            "The two mutants are about the time before the pod: one binds although it should wait, one waits "
            "although it should bind."
        ),
    ),
    mutants=(
        MUTANTS["first-consumer-is-not-awaited"],
        MUTANTS["immediate-waits-for-pod"],
    ),
    case="a claim of a class stood alone for a while",
    reached=lambda sim: {"storageclass", "persistentvolumeclaim"} <= {ref.partition("/")[0] for ref in made(sim)},
)
