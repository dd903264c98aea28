"""Exercise: the smallest volume that fits, and what Immediate does."""

from __future__ import annotations

from volsim.exercises.exercise import Exercise
from volsim.exercises.judging import came_to
from volsim.exercises.mutants import MUTANTS

__all__ = ["EXERCISE"]

EXERCISE = Exercise(
    name="smallest-fit",
    title="The smallest that fits",
    minutes=30,
    goal=(
        "An unbound claim of a class that does not wait gets the smallest free volume that is large enough, "
        "at once, used or not."
    ),
    story=(
        "Three volumes of 1, 5 and 100Gi were made by hand: a small one for notes, the large one for the "
        "database. Somebody applied a claim for 2Gi to see what would happen and went home. The next day the "
        "database's claim for 5Gi was bound to the volume of 100Gi, and there was none left for the "
        "database's archive."
    ),
    task=(
        "Write a property: draw volumes and claims of any size; then say what every claim must get. No pod is needed."
    ),
    hints=(
        (
            "A claim may be Pending: when no free volume is as large as it. Check that it is not bound to one "
            "that is too small, either."
        ),
        (
            "Apply the claims one after the other, with sim.settle() in between: then it is clear which volumes "
            "were free."
        ),
        (
            "Quantities compare: min((v for v in free if size(v) >= asked), key=size). Draw sizes from 1 to 5 Gi, "
            "with repetitions."
        ),
    ),
    mutants=(
        MUTANTS["binder-ignores-size"],
        MUTANTS["binder-takes-first"],
        MUTANTS["binder-wants-exact-size"],
        MUTANTS["immediate-waits-for-pod"],
    ),
    case="a claim was bound",
    reached=lambda sim: came_to(sim, "pv-binder: bind claim"),
)
