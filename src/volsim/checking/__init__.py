"""What can ever happen to an application's data and pods under faults: findings about a design, each with its proof."""

from __future__ import annotations

from volsim.checking.check import check
from volsim.checking.findings import CheckReport, Finding
from volsim.checking.kinds import KINDS, Kind
from volsim.checking.plans import DEFAULT_FAULTS, FAULT_NAMES

__all__ = ["DEFAULT_FAULTS", "FAULT_NAMES", "KINDS", "CheckReport", "Finding", "Kind", "check"]
