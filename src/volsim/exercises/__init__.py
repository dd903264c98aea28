"""Teach with volsim: exercises, wrong semantics that people believe in, and a grader that tells them from the truth.

>>> from volsim.exercises import MUTANTS, exercise
>>> print(MUTANTS["eviction-never-comes"].belief)
A node that does not answer may come back, so Kubernetes leaves its pods alone until an administrator decides.
>>> print(exercise(1).title)
A container forgets
"""

from __future__ import annotations

from volsim.exercises.catalogue import EXERCISES, exercise
from volsim.exercises.exercise import Case, Exercise
from volsim.exercises.grading import check
from volsim.exercises.mutants import MUTANTS, mutant
from volsim.exercises.notebooks import load_ipython_extension as load_ipython_extension  # for `%load_ext`
from volsim.exercises.report import Report, Result, Verdict
from volsim.exercises.semantics import Mutant
from volsim.exercises.suite import mutation_score

__all__ = [
    "EXERCISES",
    "MUTANTS",
    "Case",
    "Exercise",
    "Mutant",
    "Report",
    "Result",
    "Verdict",
    "check",
    "exercise",
    "mutant",
    "mutation_score",
]
