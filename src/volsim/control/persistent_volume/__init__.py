"""The persistent volume controller of the controller manager: binding, and what happens to volumes afterwards."""

from __future__ import annotations

from volsim.control.persistent_volume import binder, expand, reclaimer, recycler, volumes

__all__ = ["CONTROLLERS"]

CONTROLLERS = (binder.CONTROLLER, volumes.CONTROLLER, reclaimer.CONTROLLER, recycler.CONTROLLER, expand.CONTROLLER)
