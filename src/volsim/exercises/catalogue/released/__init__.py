"""Exercise: Released is not Available."""

from __future__ import annotations

from volsim.exercises.exercise import Exercise
from volsim.exercises.judging import came_to
from volsim.exercises.mutants import MUTANTS

__all__ = ["EXERCISE"]

EXERCISE = Exercise(
    name="released",
    title="Released is not Available",
    minutes=25,
    goal=(
        "A retained volume whose claim is gone is Released: no claim gets it, not even one of the same name, "
        "until somebody frees it."
    ),
    story=(
        "A colleague deleted a claim by mistake, saw that the volume was still there with the policy Retain, "
        "and applied the claim again from the repository. It stayed Pending. 'But the volume is free, and it "
        "says default/data right here!' At last somebody deleted the volume as well, to make it new."
    ),
    task=(
        "Write a test: what becomes of a Retain volume when its claim is deleted, and does a new claim get "
        "it: one of another name, one of the same name?"
    ),
    hints=(
        ("sim.get('pv/disk').status.phase says Available, Bound or Released."),
        ("One mutant gives the volume to any claim, one only to a claim of the old name: try both names."),
        ("Draw the name of the second claim: @given(name=st.sampled_from(['data', 'other']))."),
    ),
    mutants=(
        MUTANTS["released-is-available"],
        MUTANTS["released-knows-its-name"],
    ),
    case="a claim came after a volume had been released",
    reached=lambda sim: came_to(sim, "is Released") or came_to(sim, "again") or came_to(sim, "free"),
)
