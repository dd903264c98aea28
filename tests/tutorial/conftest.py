"""The article's cluster and manifests, in the article's version and in the newest."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

import volsim
from volsim.tour import CREATE, LOG_IN, SELECT, cluster

MANIFESTS = Path(__file__).parents[2] / "examples" / "tutorial"


class Article:
    """A simulation of the article's cluster, with the article's few commands in short form."""

    def __init__(self, kubernetes: str) -> None:
        self.sim = cluster(kubernetes, seed=0)
        self.kubernetes = kubernetes

    def apply(self, *names: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", volsim.NotModelledWarning)
            warnings.simplefilter("ignore", volsim.ApiWarning)
            for name in names:
                self.sim.apply(MANIFESTS / name)
        self.sim.run("1m")

    def kubectl(self, line: str) -> str:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self.sim.kubectl(line, cwd=MANIFESTS)

    def mysql(self) -> str:
        """The name of the one mysql pod that is not being deleted."""
        pods = [pod for pod in self.sim.list("pods", "default", "app=mysql") if not pod.metadata.deletion_timestamp]
        assert len(pods) == 1
        return pods[0].metadata.name or ""

    def create_row(self) -> None:
        result = self.sim.exec(f"pod/{self.mysql()}", LOG_IN, stdin=CREATE)
        assert result.exit_code == 0, result.stderr

    def has_row(self) -> bool:
        """Whether the row (1, 'zhangsan') is there for the pod that runs now."""
        result = self.sim.exec(f"pod/{self.mysql()}", LOG_IN, stdin=SELECT)
        return result.exit_code == 0 and "1\tzhangsan" in result.stdout

    def power_off_node_of_mysql(self) -> str:
        """Power off, and wait until a replacement runs; the name of the node."""
        old = self.sim.get(f"pod/{self.mysql()}")
        node = old.spec.node_name or ""
        self.sim.fail_node(node)
        self.sim.run(until=lambda sim: replaced(sim, old.metadata.uid), limit="15m")
        return node


def replaced(sim: volsim.Simulation, uid: str | None) -> bool:
    pods = sim.list("pods", "default", "app=mysql")
    return any(pod.metadata.uid != uid and pod.status.phase == "Running" for pod in pods)


@pytest.fixture(params=["1.15", "1.36"])
def article(request: pytest.FixtureRequest) -> Article:
    """The article's cluster in both versions."""
    return Article(request.param)


@pytest.fixture
def article_of() -> Callable[[str], Article]:
    """The article's cluster in a version of your choice."""
    return Article
