"""Exercise: protection finalizers."""

from __future__ import annotations

from volsim.exercises.exercise import Exercise
from volsim.exercises.judging import came_to
from volsim.exercises.mutants import MUTANTS

__all__ = ["EXERCISE"]

EXERCISE = Exercise(
    name="protection",
    title="Terminating is not gone",
    minutes=30,
    goal=(
        "A claim is held by the pods that use it, even ended ones, and a volume by its claim; deleting marks, "
        "and the finalizer waits."
    ),
    story=(
        "An administrator cleaned up and deleted a claim and its volume in production. Both said Terminating "
        "and stayed, and the database went on. Relieved, he left it at that. At the next rollout, the old pod "
        "ended, and claim and volume were gone within a second."
    ),
    task=(
        "Write tests: a claim that a pod uses is deleted; a bound volume is deleted; and a claim whose pod "
        "has ended (a Job's pod, Completed) is deleted. When do they go?"
    ),
    hints=(
        ("sim.list('pvc') still shows an object that is Terminating; its metadata.deletion_timestamp is set."),
        (
            "A pod that ends: pod('job', {'/data': 'data'}, command=['true'], restart='Never'). After a minute "
            "its phase is Succeeded."
        ),
        ("Three mutants, three halves: claim under a running pod, volume under its claim, claim under an ended pod."),
    ),
    mutants=(
        MUTANTS["claim-goes-at-once"],
        MUTANTS["volume-goes-at-once"],
        MUTANTS["ended-pod-holds-no-claim"],
    ),
    case="a claim or volume was deleted while it was used",
    reached=lambda sim: came_to(sim, "user: delete persistentvolume"),
)
