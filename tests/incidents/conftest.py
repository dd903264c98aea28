"""Most incidents are the same in every version: they are replayed in an old one and in the newest."""

from __future__ import annotations

import pytest


@pytest.fixture(params=["1.24", "1.36"])
def kubernetes(request: pytest.FixtureRequest) -> str:
    """An old version and the newest."""
    return str(request.param)
