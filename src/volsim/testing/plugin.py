"""The pytest plugin: clusters as fixtures, a seed and a version for all of them, the timeline beside a failure.

pytest finds it by its entry point. The fixtures are `volsim_simulation` and `volsim_cluster`; the options are
``--volsim-seed`` and ``--volsim-kubernetes``.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from volsim.engine.perform import Engine
    from volsim.testing.recording import RecordedSimulation

__all__ = ["ENGINE", "volsim_cluster", "volsim_simulation"]

ENGINE: pytest.StashKey[Engine] = pytest.StashKey()
"""Where a grader that runs pytest puts the semantics that the fixtures are to have."""

_MADE: pytest.StashKey[list[RecordedSimulation]] = pytest.StashKey()
_LINES = 60  # of a timeline are shown: the end is what matters


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("volsim", "simulated Kubernetes")
    group.addoption(
        "--volsim-seed", type=int, default=0, metavar="N", help="what Kubernetes leaves open is drawn from it (0)"
    )
    group.addoption("--volsim-kubernetes", metavar="VERSION", help="the Kubernetes of all fixtures (default: newest)")


def pytest_configure(config: pytest.Config) -> None:
    """Have a place for the clusters of the test that runs; refuse a version that there is not before any test does."""
    config.stash[_MADE] = []
    version = config.getoption("--volsim-kubernetes")
    if version is not None:
        from volsim.errors import VolsimError
        from volsim.rules import Rules

        try:
            Rules.for_version(version)
        except VolsimError as error:
            raise pytest.UsageError(f"--volsim-kubernetes: {error}") from None


class Clusters:
    """Makes clusters that have the seed, the version and the semantics of this run: what `volsim_cluster` gives."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def __call__(self, *sources: Any, nodes: Any = 1, seed: int | None = None, **more: Any) -> RecordedSimulation:
        """A cluster to which the sources have just been applied; what is given goes before what the run has."""
        from volsim.testing.clusters import cluster_of

        config = self._config
        more.setdefault("kubernetes", config.getoption("--volsim-kubernetes"))
        more.setdefault("engine", config.stash.get(ENGINE, None))
        made = cluster_of(
            sources, nodes=nodes, seed=config.getoption("--volsim-seed") if seed is None else seed, **more
        )
        config.stash[_MADE].append(made)
        return made

    def __repr__(self) -> str:
        return "volsim_cluster"


@pytest.fixture(scope="session")
def volsim_cluster(pytestconfig: pytest.Config) -> Callable[..., RecordedSimulation]:
    """A function that makes clusters: ``volsim_cluster(manifests, …, nodes=2)``. Works together with `@given`."""
    return Clusters(pytestconfig)


@pytest.fixture
def volsim_simulation(volsim_cluster: Callable[..., RecordedSimulation]) -> RecordedSimulation:
    """A cluster of three nodes in which nothing has happened yet."""
    return volsim_cluster(nodes=3)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test begins: the clusters of the one before are of no interest any more."""
    item.config.stash[_MADE].clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put story and timeline of the last cluster beside a failure: of a property, that is the shrunk example's."""
    report = yield
    made = item.config.stash[_MADE]
    if report.when == "call" and report.failed and made:
        from volsim.views.timeline import timeline

        lines = timeline(made[-1]).splitlines()
        left_out = [f"({len(lines) - _LINES} lines before that)"] if len(lines) > _LINES else []
        report.sections.append(("volsim story", made[-1].story()))
        report.sections.append(("volsim timeline", "\n".join([*left_out, *lines[-_LINES:]])))
    return report
