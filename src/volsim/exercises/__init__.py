"""Teach with volsim: wrong semantics that people believe in, to be told from the true ones.

>>> from volsim.exercises import MUTANTS
>>> print(MUTANTS["eviction-never-comes"].belief)
A node that does not answer may come back, so Kubernetes leaves its pods alone until an administrator decides.
"""

from __future__ import annotations

from volsim.exercises.mutants import MUTANTS, Mutant, mutant

__all__ = ["MUTANTS", "Mutant", "mutant"]
