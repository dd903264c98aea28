"""Exercise: an emptyDir lives as long as its pod."""

from __future__ import annotations

from volsim.exercises.exercise import Exercise
from volsim.exercises.judging import came_to
from volsim.exercises.mutants import MUTANTS

__all__ = ["EXERCISE"]

EXERCISE = Exercise(
    name="empty-dir",
    title="An emptyDir lives as long as its pod",
    minutes=20,
    goal=("An emptyDir outlives its containers and dies with its pod."),
    story=(
        "After the wiki's disaster somebody mounted an emptyDir for its pages. It survived every crash for "
        "two months. Then a colleague rolled out a new image; the Deployment made a new pod, and the wiki was "
        "empty again."
    ),
    task=(
        "Write a test of both halves: what is in an emptyDir after its container was started again, and what "
        "is left of it anywhere on the node when its pod has been deleted."
    ),
    hints=(
        ("Give the pod a volume: pod('wiki', {'/pages': {'emptyDir': {}}})."),
        (
            "sim.host_files('node01') are the node's files by path, as root would see them: look there when the "
            "pod is gone."
        ),
        (
            "Two things must be checked: that the page is there after a crash, and that no path ends in '/page' "
            "after sim.delete('pod/wiki') and sim.settle()."
        ),
    ),
    mutants=(
        MUTANTS["empty-dir-dies-with-container"],
        MUTANTS["empty-dir-stays"],
    ),
    case="a pod with an emptyDir was deleted and removed",
    reached=lambda sim: came_to(sim, "remove it"),
)
