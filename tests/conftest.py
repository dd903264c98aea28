"""How hard Hypothesis tries: `dev` at the desk, `ci` the same examples every time, `nightly` many more.

HYPOTHESIS_PROFILE names one; where CI is set, `ci` is the default.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.conformance.tables import Chosen

# No deadlines: two busy cores are no reason to fail. A simulation is slow to draw, which is no reason either.
settings.register_profile("dev", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True, database=None, print_blob=True)
settings.register_profile("nightly", settings.get_profile("dev"), max_examples=2_000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))


def pytest_addoption(parser: pytest.Parser) -> None:
    text = "a directory of conformance data (default ../shared/conformance)"
    parser.addoption("--conformance", metavar="DIR", help=text)


def pytest_configure(config: pytest.Config) -> None:
    named = config.getoption("--conformance", default=None)
    if named:
        Chosen.directory = Path(named)
