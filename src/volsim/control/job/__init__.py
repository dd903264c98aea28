"""The job controller: pods that run until enough of them have succeeded."""

from __future__ import annotations

from volsim.control.job.controller import CONTROLLERS

__all__ = ["CONTROLLERS"]
