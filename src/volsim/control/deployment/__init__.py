"""The deployment controller: rollouts of replica sets."""

from __future__ import annotations

from volsim.control.deployment.controller import CONTROLLER

__all__ = ["CONTROLLER"]
