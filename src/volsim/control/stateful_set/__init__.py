"""The stateful set controller: pods with a number, a name and claims of their own."""

from __future__ import annotations

from volsim.control.stateful_set.controller import CONTROLLER

__all__ = ["CONTROLLER"]
