"""Exercise: a node dies under a StatefulSet."""

from __future__ import annotations

from volsim.exercises.exercise import Exercise
from volsim.exercises.judging import came_to
from volsim.exercises.mutants import MUTANTS

__all__ = ["EXERCISE"]

EXERCISE = Exercise(
    name="dead-node-stateful-set",
    title="A node dies under a StatefulSet",
    minutes=40,
    goal=(
        "A StatefulSet never has two pods of one name: the pod of a dead node stays Terminating until the "
        "node is back or an administrator takes its object away."
    ),
    story=(
        "The database ran as a StatefulSet on a network disk, 'so that it fails over'. Its node burnt out on "
        "Friday evening. On Monday db-0 was still Terminating. Somebody deleted it by force, and two minutes "
        "later it ran elsewhere with all its data."
    ),
    task=(
        "Write a test: a StatefulSet of one pod, its node loses power. What is there after an hour? And after "
        "sim.delete('pod/db-0', force=True)?"
    ),
    hints=(
        (
            "stateful_set('db') makes pod/db-0. sim.get('pod/db-0').metadata.deletion_timestamp says whether it "
            "is Terminating."
        ),
        ("The uid tells whether it is the same pod: sim.get('pod/db-0').metadata.uid."),
        (
            "After an hour: same uid, same node, Terminating. After the deletion by force: another uid, another "
            "node, Running."
        ),
    ),
    mutants=(
        MUTANTS["stateful-set-fails-over"],
        MUTANTS["eviction-never-comes"],
    ),
    case="a node lost power and an hour passed",
    reached=lambda sim: (came_to(sim, "power off") or came_to(sim, "fault: destroy")) and sim.now > 1800,
)
