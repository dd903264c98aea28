"""The daemon set controller: one pod on each node."""

from __future__ import annotations

from volsim.control.daemon_set.controller import CONTROLLER

__all__ = ["CONTROLLER"]
