"""`kubectl wait` and `kubectl rollout`: commands that let time pass."""

from __future__ import annotations

import pytest

from tests.views.conftest import DAEMON, STATEFUL, WEB, Terminal, terminal_of
from volsim import Simulation, to_manifest

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, generation: 2}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: nginx}]}}
"""


class TestWait:
    """--for=condition, delete, jsonpath, create."""

    def test_condition(self, kubectl: Terminal, sim: Simulation) -> None:
        sim.apply(WEB)
        assert kubectl("wait --for=condition=Ready pod/web") == "pod/web condition met\n"
        assert kubectl("wait --for=condition=ready=true pod web") == "pod/web condition met\n"

    def test_timeout(self, kubectl: Terminal, sim: Simulation) -> None:
        sim.apply(WEB)
        assert kubectl("wait --for=condition=Done pod/web --timeout=7s") == (
            "error: timed out waiting for the condition on pods/web\n"
        )
        assert sim.now == 7

    def test_default_timeout_is_half_a_minute(self, kubectl: Terminal, sim: Simulation) -> None:
        sim.apply(WEB)
        kubectl("wait --for=condition=Done pod/web")
        assert sim.now == 30

    def test_deletion(self, kubectl: Terminal, sim: Simulation) -> None:
        sim.apply(WEB)
        sim.run("5s")
        kubectl("delete pod web --wait=false")
        assert kubectl("wait --for=delete pod/web") == "pod/web condition met\n"
        assert kubectl("wait --for=delete pod/web") == ""

    def test_path(self, kubectl: Terminal, sim: Simulation) -> None:
        sim.apply(WEB)
        assert kubectl("wait --for=jsonpath='{.status.phase}'=Running pod/web") == "pod/web condition met\n"
        assert kubectl("wait --for=jsonpath={.status.podIP} pod/web") == "pod/web condition met\n"
        assert "timed out" in kubectl("wait --for=jsonpath={.status.containerStatuses[5].name}=x pod/web --timeout=1s")

    def test_creation(self, kubectl: Terminal, sim: Simulation) -> None:
        assert kubectl("wait --for=create pod/web --timeout=2s") == (
            "error: timed out waiting for the condition on pods/web\n"
        )
        sim.apply(WEB)
        assert kubectl("wait --for=create pod/web") == "pod/web condition met\n"

    @pytest.mark.parametrize(
        ("line", "complaint"),
        [
            ("wait pod/web", 'error: unrecognized condition: ""'),
            ("wait --for=rain pod/web", 'error: unrecognized condition: "rain"'),
            ("wait --for=condition=Ready pods --all", "error: no matching resources found"),
            ("wait --for=condition=Ready pod/x", 'Error from server (NotFound): pods "x" not found'),
            ("wait --for=jsonpath={.a}= pod/web", "error: jsonpath wait format must be"),
            ("wait --for=jsonpath={.a pod/web", "error: unexpected path string"),
        ],
    )
    def test_complaint(self, kubectl: Terminal, line: str, complaint: str) -> None:
        assert kubectl(line).startswith(complaint)


class TestDeploymentStatus:
    """What `rollout status` says of a deployment, by its numbers (rollout_status.go)."""

    @pytest.mark.parametrize(
        ("status", "said"),
        [
            ({"observedGeneration": 0}, "Waiting for deployment spec update to be observed..."),
            (
                {"updatedReplicas": 1, "replicas": 3},
                'Waiting for deployment "web" rollout to finish: 1 out of 3 new replicas have been updated...',
            ),
            (
                {"updatedReplicas": 3, "replicas": 5},
                'Waiting for deployment "web" rollout to finish: 2 old replicas are pending termination...',
            ),
            (
                {"updatedReplicas": 3, "replicas": 3, "availableReplicas": 2},
                'Waiting for deployment "web" rollout to finish: 2 of 3 updated replicas are available...',
            ),
            (
                {"updatedReplicas": 3, "replicas": 3, "availableReplicas": 3},
                'deployment "web" successfully rolled out',
            ),
        ],
    )
    def test_numbers(self, kubelets: Simulation, status: dict[str, int], said: str) -> None:
        kubelets.apply(DEPLOYMENT)
        _set_status(kubelets, "deploy/web", status)
        assert terminal_of(kubelets)("rollout status deploy/web --watch=false") == f"{said}\n"

    def test_deadline(self, kubelets: Simulation) -> None:
        kubelets.apply(DEPLOYMENT)
        condition = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
        _set_status(kubelets, "deploy/web", {"conditions": [condition]})
        assert terminal_of(kubelets)("rollout status deploy web") == (
            'error: deployment "web" exceeded its progress deadline\n'
        )

    def test_patience_ends(self, kubelets: Simulation) -> None:
        kubelets.apply(DEPLOYMENT)
        assert terminal_of(kubelets)("rollout status deploy web --timeout=5s").endswith(
            "error: timed out waiting for the condition\n"
        )
        assert "a real kubectl would go on waiting" in terminal_of(kubelets)("rollout status deploy web")
        assert kubelets.now == 5 + 3600

    def test_object_that_is_deleted_meanwhile(self, kubelets: Simulation) -> None:
        kubelets.apply(DEPLOYMENT)
        kubelets.delete("deploy/web")
        assert "not found" in terminal_of(kubelets)("rollout status deploy web")


class TestOtherStatus:
    """Stateful sets and daemon sets."""

    @pytest.mark.parametrize(
        ("status", "said"),
        [
            ({"observedGeneration": 0}, "Waiting for statefulset spec update to be observed..."),
            ({"readyReplicas": 1}, "Waiting for 1 pods to be ready..."),
            (
                {"readyReplicas": 2, "updatedReplicas": 1},
                "Waiting for partitioned roll out to finish: 1 out of 2 new pods have been updated...",
            ),
            (
                {"readyReplicas": 2, "updatedReplicas": 2},
                "partitioned roll out complete: 2 new pods have been updated...",
            ),
        ],
    )
    def test_stateful_set(self, kubelets: Simulation, status: dict[str, int], said: str) -> None:
        kubelets.apply(
            STATEFUL.replace("serviceName", "updateStrategy: {rollingUpdate: {partition: 0}}\n  serviceName")
        )
        _set_status(kubelets, "sts/db", status)
        assert terminal_of(kubelets)("rollout status sts/db --watch=false") == f"{said}\n"

    def test_no_other_kind_has_a_status(self, kubelets: Simulation) -> None:
        kubelets.apply(WEB)
        assert terminal_of(kubelets)("rollout status pod web").startswith("error: ")

    def test_deletion_while_it_is_watched(self, sim: Simulation, kubectl: Terminal) -> None:
        """The garbage of a foreground deletion goes while the rollout is watched."""
        kubectl("create deployment web --image=nginx")
        kubectl("delete deployment web --cascade=foreground --wait=false")
        assert kubectl("rollout status deployment web").endswith("error: object has been deleted\n")

    @pytest.mark.parametrize(
        ("status", "said"),
        [
            (
                {"desiredNumberScheduled": 2, "updatedNumberScheduled": 1},
                'Waiting for daemon set "collector" rollout to finish: 1 out of 2 new pods have been updated...',
            ),
            (
                {"desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 1},
                'Waiting for daemon set "collector" rollout to finish: 1 of 2 updated pods are available...',
            ),
            ({"desiredNumberScheduled": 0}, 'daemon set "collector" successfully rolled out'),
        ],
    )
    def test_daemon_set(self, kubelets: Simulation, status: dict[str, int], said: str) -> None:
        kubelets.apply(DAEMON)
        _set_status(kubelets, "ds/collector", status)
        assert terminal_of(kubelets)("rollout status ds/collector --watch=false") == f"{said}\n"

    def test_only_rolling_updates_have_a_status(self, kubelets: Simulation) -> None:
        kubelets.apply(STATEFUL.replace("serviceName", "updateStrategy: {type: OnDelete}\n  serviceName"))
        assert terminal_of(kubelets)("rollout status sts/db") == (
            "error: rollout status is only available for RollingUpdate strategy type\n"
        )


class TestRollout:
    """A deployment through restart, history, undo, pause, resume."""

    @pytest.fixture
    def rolled(self, kubectl: Terminal) -> Terminal:
        """A deployment whose second rollout is done."""
        kubectl("create deployment web --image=nginx:1")
        kubectl("rollout status deploy/web")
        kubectl(
            'patch deploy web -p \'{"spec":{"template":{"spec":{"containers":[{"name":"nginx","image":"nginx:2"}]}}}}\''
        )
        kubectl("rollout status deploy/web")
        return kubectl

    def test_history(self, rolled: Terminal) -> None:
        assert rolled("rollout history deploy/web") == (
            "deployment.apps/web \nREVISION  CHANGE-CAUSE\n1         <none>\n2         <none>\n\n"
        )
        assert "nginx:1" in rolled("rollout history deploy/web --revision=1")
        assert "unable to find the specified revision" in rolled("rollout history deploy/web --revision=9")

    def test_undo(self, rolled: Terminal) -> None:
        assert rolled("rollout undo deploy/web") == "deployment.apps/web rolled back\n"
        assert rolled("get deploy web -o jsonpath={..image}") == "nginx:1"

    def test_undo_to(self, rolled: Terminal) -> None:
        assert rolled("rollout undo deploy/web --to-revision=2") == (
            "deployment.apps/web skipped rollback (current template already matches revision 2)\n"
        )
        assert (
            rolled("rollout undo deploy/web --to-revision=7")
            == "error: unable to find specified revision 7 in history\n"
        )

    def test_restart(self, rolled: Terminal, sim: Simulation) -> None:
        assert rolled("rollout restart deploy/web") == "deployment.apps/web restarted\n"
        assert "successfully rolled out" in rolled("rollout status deploy/web")
        template = to_manifest(sim.get("deploy/web"))["spec"]["template"]
        assert "kubectl.kubernetes.io/restartedAt" in template["metadata"]["annotations"]

    def test_pause(self, rolled: Terminal) -> None:
        assert rolled("rollout pause deploy/web") == "deployment.apps/web paused\n"
        assert rolled("rollout pause deploy/web") == 'error: deployments.apps "web" is already paused\n'
        assert rolled("rollout restart deploy/web") == (
            "error: can't restart paused deployment (run rollout resume first)\n"
        )
        assert "you cannot rollback a paused deployment" in rolled("rollout undo deploy/web")
        assert rolled("rollout resume deploy/web") == "deployment.apps/web resumed\n"
        assert rolled("rollout resume deploy/web") == 'error: deployments.apps "web" is not paused\n'

    def test_nothing_to_undo(self, kubelets: Simulation) -> None:
        kubelets.apply(DEPLOYMENT)
        kubectl = terminal_of(kubelets)
        assert kubectl("rollout undo deploy/web") == 'error: no rollout history found for deployment "web"\n'
        assert kubectl("rollout history deploy/web").endswith("No rollout history found.\n")

    def test_controller_revisions(self, kubelets: Simulation) -> None:
        made = kubelets.apply(STATEFUL)[0]
        owner = {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "name": "db",
            "uid": made.metadata.uid,
            "controller": True,
        }
        template = to_manifest(made)["spec"]["template"]
        for number, image in ((1, "nginx:old"), (2, "nginx")):
            container = {**template["spec"]["containers"][0], "image": image}
            data = {
                "spec": {
                    "template": {
                        **template,
                        "$patch": "replace",
                        "spec": {**template["spec"], "containers": [container]},
                    }
                }
            }
            metadata = {"name": f"db-{number}", "ownerReferences": [owner]}
            kubelets.apply(
                {
                    "apiVersion": "apps/v1",
                    "kind": "ControllerRevision",
                    "metadata": metadata,
                    "revision": number,
                    "data": data,
                }
            )
        kubectl = terminal_of(kubelets)
        assert "nginx:old" in kubectl("rollout history sts/db --revision=1")
        assert kubectl("rollout undo sts/db") == "statefulset.apps/db rolled back\n"
        assert kubectl("get sts db -o jsonpath={.spec.template.spec.containers[0].image}") == "nginx:old"

    @pytest.mark.parametrize(
        ("line", "complaint"),
        [
            ("rollout", "error: a subcommand is needed; there are history, pause, restart, resume, status, undo"),
            ("rollout back deploy/web", 'error: unknown command "back" for "kubectl rollout"'),
            ("rollout status", "error: required resource not specified"),
            (
                "rollout status ns/default",
                'error: namespaces "default": no status has been implemented for "Namespace"',
            ),
            ("rollout pause sts/db", 'error: statefulsets.apps "db" pausing is not supported'),
        ],
    )
    def test_complaint(self, kubelets: Simulation, line: str, complaint: str) -> None:
        kubelets.apply(STATEFUL)
        assert terminal_of(kubelets)(line).startswith(complaint)


def _set_status(sim: Simulation, ref: str, status: object) -> None:
    """Set an object's status, as its controller would; what it saw last is the newest unless said otherwise."""
    generation = sim.get(ref).metadata.generation or 1
    given = status if isinstance(status, dict) else {}
    sim.patch(ref, {"status": {"observedGeneration": generation, **given}}, subresource="status")
