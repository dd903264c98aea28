"""`kubectl delete`: what is said, and how long it waits."""

from __future__ import annotations

import pytest

from tests.views.conftest import PAIR, WEB, Terminal, terminal_of
from volsim import Simulation
from volsim.views.commands.delete import PATIENCE_SECONDS

HELD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: held, finalizers: [example.com/hold]}\n"


class TestWords:
    """``pod "x" deleted``, by version."""

    def test_newest(self, kubectl: Terminal, sim: Simulation) -> None:
        sim.apply(WEB)
        assert kubectl("delete pod web") == 'pod "web" deleted from default namespace\n'

    def test_old(self) -> None:
        sim = Simulation(nodes=1, kubernetes="1.33")
        sim.apply(WEB)
        assert terminal_of(sim)("delete pod/web") == 'pod "web" deleted\n'

    def test_no_namespace(self, kubectl: Terminal) -> None:
        assert kubectl("delete node node02") == 'node "node02" deleted\n'

    def test_names_only(self, kubectl: Terminal, sim: Simulation) -> None:
        sim.apply(WEB)
        assert kubectl("delete pod web -o name") == "pod/web\n"
        assert "We only support '-o name'" in kubectl("delete pod web -o yaml")

    def test_by_force(self, kubectl: Terminal, sim: Simulation) -> None:
        sim.apply(WEB)
        assert kubectl("delete pod web --force") == (
            "Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. "
            "The resource may continue to run on the cluster indefinitely.\n"
            'pod "web" force deleted from default namespace\n'
        )

    def test_dry_run(self, kubectl: Terminal, sim: Simulation) -> None:
        sim.apply(WEB)
        assert kubectl("delete pod web --dry-run=server") == (
            'pod "web" deleted from default namespace (server dry run)\n'
        )
        assert sim.get("pod/web").metadata.deletion_timestamp is None


class TestWhich:
    """By name, by kind, by selector, by file."""

    @pytest.fixture
    def two(self, sim: Simulation, kubectl: Terminal) -> Terminal:
        sim.apply(WEB)
        sim.apply(PAIR)
        return kubectl

    @pytest.mark.parametrize(
        ("line", "left"),
        [
            ("delete pod web", "pair"),
            ("delete pod web pair", ""),
            ("delete pod/web", "pair"),
            ("delete pods -l app=pair", "web"),
            ("delete pods --field-selector metadata.name=web", "pair"),
            ("delete pods --all", ""),
        ],
    )
    def test_rest_stays(self, two: Terminal, line: str, left: str) -> None:
        two(line)
        assert two("get pods --ignore-not-found -o jsonpath={.items[*].metadata.name}") == left

    def test_by_file(self, two: Terminal) -> None:
        assert two("delete -f -", stdin=WEB) == 'pod "web" deleted from default namespace\n'

    def test_absent_one_is_an_error_after_the_others(self, two: Terminal) -> None:
        assert two("delete pod nope web") == (
            'pod "web" deleted from default namespace\nError from server (NotFound): pods "nope" not found\n'
        )

    def test_absence_can_be_ignored(self, kubectl: Terminal) -> None:
        assert kubectl("delete pod x --ignore-not-found") == "No resources found\n"
        assert kubectl("delete pods --all") == "No resources found\n"

    @pytest.mark.parametrize(
        ("line", "complaint"),
        [
            ("delete pod", "error: resource(s) were provided, but no name was specified"),
            ("delete pods --all -l a=b", "error: cannot set --all and --selector at the same time"),
            ("delete pod x --now --grace-period=3", "error: --now and --grace-period cannot be specified together"),
            (
                "delete pod x --force --grace-period=3",
                "error: --force and --grace-period greater than 0 cannot be specified together",
            ),
            (
                "delete pod web --cascade=maybe",
                'error: invalid cascade value (maybe). Must be "background", "foreground", or "orphan"',
            ),
        ],
    )
    def test_complaint(self, two: Terminal, line: str, complaint: str) -> None:
        assert two(line) == f"{complaint}\n"

    def test_nothing_named(self, kubectl: Terminal) -> None:
        assert kubectl("delete").startswith("error: You must provide one or more resources by argument or filename.\n")


class TestNamedTwice:
    """The second time it is not there any more."""

    def test_second_is_an_error(self, kubectl: Terminal) -> None:
        kubectl("create cm c")
        assert kubectl("delete cm c c") == (
            'configmap "c" deleted from default namespace\nError from server (NotFound): configmaps "c" not found\n'
        )

    def test_unless_absence_is_ignored(self, kubectl: Terminal) -> None:
        kubectl("create cm c")
        assert kubectl("delete cm c c --ignore-not-found") == 'configmap "c" deleted from default namespace\n'


class TestWaiting:
    """It returns when the objects are gone, and never waits without an end."""

    def test_it_returns_when_the_pod_is_gone(self, kubectl: Terminal, sim: Simulation) -> None:
        sim.apply(WEB)
        sim.run("5s")
        kubectl("delete pod web")
        assert kubectl("get pod web") == 'Error from server (NotFound): pods "web" not found\n'
        assert sim.now < 5 + 31

    def test_it_need_not_wait(self, kubectl: Terminal, sim: Simulation) -> None:
        sim.apply(WEB)
        sim.run("5s")
        kubectl("delete pod web --wait=false")
        assert sim.now == 5
        assert "Terminating" in kubectl("get pod web")

    def test_namespace_waits_for_what_is_in_it(self, kubectl: Terminal) -> None:
        kubectl("create ns held")
        manifest = (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: held, finalizers: [example.com/wait]}\n"
        )
        kubectl("apply -f -", stdin=manifest)
        shown = kubectl("delete ns held")
        assert shown.startswith('namespace "held" deleted\nnote: ')
        assert "it waits until everything in it is gone" in shown

    def test_finalizer_is_named_when_patience_ends(self, kubectl: Terminal, sim: Simulation) -> None:
        sim.apply(HELD)
        assert kubectl("delete cm held") == (
            'configmap "held" deleted from default namespace\n'
            'note: configmap "held" is still there after 60s: it waits for its finalizers example.com/hold. '
            "A real kubectl would go on waiting; --wait=false does not wait.\n"
        )
        assert sim.now == PATIENCE_SECONDS

    def test_dead_node_is_named(self, kubectl: Terminal, sim: Simulation) -> None:
        sim.apply(WEB)
        sim.run("5s")
        sim.fail_node("node01")
        shown = kubectl("delete pod web")
        assert "is still there after 90s: only the kubelet of node01 can confirm that it has stopped" in shown
        assert "node01 is off" in shown
        assert sim.now == 5 + 30 + PATIENCE_SECONDS

    def test_missing_node_is_named(self, kubelets: Simulation) -> None:
        kubelets.apply(WEB.replace("node01", "ghost"))
        assert "only the kubelet of ghost can confirm that it has stopped, and there is no such node" in terminal_of(
            kubelets
        )("delete pod web")

    def test_partition_is_named(self, kubectl: Terminal, sim: Simulation) -> None:
        sim.apply(WEB)
        sim.run("5s")
        sim.partition_node("node01")
        assert "node01 is cut off" in kubectl("delete pod web --grace-period=1")

    def test_timeout_is_an_error(self, kubectl: Terminal, sim: Simulation) -> None:
        sim.apply(HELD)
        assert kubectl("delete cm held --timeout=5s") == (
            'configmap "held" deleted from default namespace\n'
            "error: timed out waiting for the condition on configmaps/held\n"
        )
        assert sim.now == 5

    def test_now_is_a_second(self, kubectl: Terminal, sim: Simulation) -> None:
        sim.apply(WEB)
        sim.run("5s")
        kubectl("delete pod web --now --wait=false")
        assert sim.get("pod/web").metadata.deletion_grace_period_seconds == 1

    def test_zero_without_force_is_a_second(self, kubectl: Terminal, sim: Simulation) -> None:
        sim.apply(WEB)
        sim.run("5s")
        kubectl("delete pod web --grace-period=0 --wait=false")
        assert sim.get("pod/web").metadata.deletion_grace_period_seconds == 1
