"""Exercise: a node dies under a Deployment."""

from __future__ import annotations

from volsim.exercises.exercise import Exercise
from volsim.exercises.judging import came_to
from volsim.exercises.mutants import MUTANTS

__all__ = ["EXERCISE"]

EXERCISE = Exercise(
    name="dead-node-deployment",
    title="A node dies under a Deployment",
    minutes=40,
    goal=(
        "Forty seconds until a node is NotReady, five more minutes until its pods are given up; then a "
        "Deployment's pod is replaced, and the old one stays Terminating."
    ),
    story=(
        "The power of a node failed at 02:00. The dashboard went red at 02:01, but the web shop was down "
        "until 02:06, although another node was idle. 'Kubernetes is self-healing', said the slide that had "
        "sold it."
    ),
    task=(
        "Write a test: a Deployment of one pod; its node loses power. When is there a new pod? Look after one "
        "minute, after four, and after ten, and say what there is."
    ),
    hints=(
        ("[old] = sim.list('pods') before; sim.fail_node(old.spec.node_name)."),
        (
            "After ten minutes there are two pods: one with a deletion_timestamp, on the dead node, and a new one "
            "on the other node."
        ),
        (
            "A mutant is too early, a mutant never comes: check that after four minutes there is still one pod "
            "only, and after ten a new one."
        ),
    ),
    mutants=(
        MUTANTS["eviction-never-comes"],
        MUTANTS["eviction-comes-at-once"],
    ),
    case="a node lost power and minutes passed",
    reached=lambda sim: (came_to(sim, "power off") or came_to(sim, "fault: destroy")) and sim.now > 300,
)
