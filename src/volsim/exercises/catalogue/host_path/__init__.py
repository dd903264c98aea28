"""Exercise: a hostPath follows the node, not the pod."""

from __future__ import annotations

from volsim.exercises.exercise import Exercise
from volsim.exercises.judging import came_to
from volsim.exercises.mutants import MUTANTS

__all__ = ["EXERCISE"]

EXERCISE = Exercise(
    name="host-path",
    title="A hostPath stays with its node",
    minutes=25,
    goal=("A hostPath is a directory of one node: it outlives the pod, and a pod on another node does not find it."),
    story=(
        "A team kept uploads at a hostPath. On the test cluster of one node every rollout found them again, "
        "so they went to production with three nodes. There, after each rollout, uploads were missing; some "
        "days later, after another one, they were back."
    ),
    task=(
        "Write a test about a pod with a hostPath that is deleted and made again: on the same node, and on "
        "another one. What does it find?"
    ),
    hints=(
        (
            "pod('web', {'/uploads': {'hostPath': {'path': '/data'}}}, node='node01') puts a pod on a node "
            "without the scheduler."
        ),
        (
            "Give volsim_cluster nodes=2. A hostPath without a type is made if it is not there: the file may be "
            "missing, the directory never is."
        ),
        ("Three things: gone from node02's pod, still there for a new pod on node01, and in sim.host_files('node01')."),
    ),
    mutants=(
        MUTANTS["host-path-is-shared"],
        MUTANTS["host-path-dies-with-pod"],
    ),
    case="a pod with a hostPath was removed",
    reached=lambda sim: came_to(sim, "remove it"),
)
