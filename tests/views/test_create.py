"""`kubectl create KIND`, `run`, `expose`."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
import yaml

from tests.views.conftest import WEB, Terminal, terminal_of
from volsim import Simulation, VolsimError, to_manifest


class TestCreate:
    """Objects from a line."""

    def test_namespace(self, kubectl: Terminal) -> None:
        assert kubectl("create namespace team") == "namespace/team created\n"
        assert kubectl("create ns team") == 'error: failed to create namespace: namespaces "team" already exists\n'

    def test_config_map(self, kubectl: Terminal, sim: Simulation) -> None:
        assert kubectl("create cm c --from-literal=a=1 --from-literal b='x=y'") == "configmap/c created\n"
        assert sim.get("cm/c").data == {"a": "1", "b": "x=y"}

    def test_config_map_of_files(self, sim: Simulation, tmp_path: Path) -> None:
        (tmp_path / "app.conf").write_text("debug: true\n")
        (tmp_path / "vars").write_text("# comment\nA=1\n\nB=2\n")
        line = "create configmap c --from-file=app.conf --from-file=main=app.conf --from-env-file vars"
        sim.kubectl(line, cwd=tmp_path)
        assert sim.get("cm/c").data == {"app.conf": "debug: true\n", "main": "debug: true\n", "A": "1", "B": "2"}

    def test_config_map_of_a_folder(self, sim: Simulation, tmp_path: Path) -> None:
        (tmp_path / "a").write_text("1")
        (tmp_path / "b").write_text("2")
        sim.kubectl("create configmap c --from-file=.", cwd=tmp_path)
        assert sim.get("cm/c").data == {"a": "1", "b": "2"}

    def test_secret(self, kubectl: Terminal, sim: Simulation) -> None:
        assert kubectl("create secret generic s --from-literal=password=123.com") == "secret/s created\n"
        assert base64.b64decode(sim.get("secret/s").data["password"]) == b"123.com"
        assert sim.get("secret/s").type == "Opaque"

    def test_deployment(self, kubectl: Terminal, sim: Simulation) -> None:
        line = "create deployment web --image=registry.example.com/nginx:1.2 --replicas=2 --port=80 -- serve it"
        assert kubectl(line) == "deployment.apps/web created\n"
        spec = to_manifest(sim.get("deploy/web"))["spec"]
        container = spec["template"]["spec"]["containers"][0]
        assert (spec["replicas"], container["name"], container["command"]) == (2, "nginx", ["serve", "it"])
        assert container["ports"][0]["containerPort"] == 80

    def test_job(self, kubectl: Terminal, sim: Simulation) -> None:
        assert kubectl("create job once --image=busybox -- date") == "job.batch/once created\n"
        assert to_manifest(sim.get("job/once"))["spec"]["template"]["spec"]["restartPolicy"] == "Never"

    def test_others(self, kubectl: Terminal, sim: Simulation) -> None:
        assert kubectl("create sa robot") == "serviceaccount/robot created\n"
        assert kubectl("create priorityclass high --value=1000") == "priorityclass.scheduling.k8s.io/high created\n"
        assert kubectl("create pdb keep --selector=app=web --min-available=1") == (
            "poddisruptionbudget.policy/keep created\n"
        )
        assert sim.get("pdb/keep").spec.selector.matches({"app": "web"})
        kubectl("create pdb half --selector='app in (web)' --max-unavailable=50%")
        assert sim.get("pdb/half").spec.max_unavailable == "50%"

    def test_dry_run_shows_what_would_be_sent(self, kubectl: Terminal) -> None:
        shown = yaml.safe_load(kubectl("create deployment web --image=nginx --dry-run=client -o yaml"))
        assert shown["spec"]["template"]["spec"]["containers"] == [{"image": "nginx", "name": "nginx"}]
        assert "uid" not in shown["metadata"]

    @pytest.mark.parametrize(
        ("line", "complaint"),
        [
            ("create", "error: must specify one of -f and -k"),
            ("create ingress x", "error: kubectl create ingress is not modelled; there are configmap, deployment"),
            ("create ns", "error: exactly one NAME is required, got 0"),
            ("create ns a b", "error: exactly one NAME is required, got 2"),
            ("create secret tls x", "error: kubectl create secret tls is not modelled"),
            ("create secret", "error: kubectl create secret  is not modelled"),
            ("create cm c --from-literal=a", "error: invalid literal source a, expected key=value"),
            (
                "create cm c --from-literal=a=1 --from-literal=a=2",
                'error: cannot add key "a", another key by that name',
            ),
            ("create cm c --from-file=nope", "error: error reading nope: no such file or directory"),
            ("create deployment d", 'error: required flag(s) "image" not set'),
            ("create pdb p --min-available=1", "error: a selector must be specified"),
            ("create pdb p --selector=a=b", "error: one of min-available or max-unavailable must be specified"),
            (
                "create pdb p --selector=a=b --min-available=1 --max-unavailable=1",
                "error: min-available and max-unavailable cannot be both specified",
            ),
            ("create cm Wrong", 'The ConfigMap "Wrong" is invalid: '),
            ("create -f - x", "error: Unexpected args: [x]"),
        ],
    )
    def test_complaint(self, kubectl: Terminal, line: str, complaint: str) -> None:
        assert kubectl(line).startswith(complaint)


class TestRun:
    """A pod since 1.18; before, a deployment."""

    def test_pod(self, kubectl: Terminal, sim: Simulation) -> None:
        line = "run web --image=nginx --env=A=1 --port=80 --labels=app=web,tier=1 --restart=Never -- serve now"
        assert kubectl(line) == "pod/web created\n"
        pod = to_manifest(sim.get("pod/web"))
        container = pod["spec"]["containers"][0]
        assert container["args"] == ["serve", "now"]
        assert container["env"] == [{"name": "A", "value": "1"}]
        assert (pod["metadata"]["labels"], pod["spec"]["restartPolicy"]) == ({"app": "web", "tier": "1"}, "Never")

    def test_command(self, kubectl: Terminal, sim: Simulation) -> None:
        kubectl("run web --image=busybox --command -- sleep 5")
        assert sim.get("pod/web").spec.containers[0].command == ("sleep", "5")
        assert sim.get("pod/web").metadata.labels == {"run": "web"}

    def test_old_clients_make_deployments(self) -> None:
        sim = Simulation(nodes=1, kubernetes="1.17")
        shown = sim.kubectl("run web --image=nginx --replicas=2")
        assert shown == (
            "kubectl run --generator=deployment/apps.v1 is DEPRECATED and will be removed in a future version. "
            "Use kubectl run --generator=run-pod/v1 or kubectl create instead.\ndeployment.apps/web created\n"
        )
        assert sim.get("deploy/web").spec.replicas == 2
        assert "job.batch/once created" in sim.kubectl("run once --image=busybox --restart=OnFailure")
        assert sim.kubectl("run alone --image=busybox --restart=Never") == "pod/alone created\n"

    @pytest.mark.parametrize(
        ("line", "complaint"),
        [
            ("run", "error: NAME is required for run"),
            ("run web", "error: --image is required"),
            ("run web --image=x --restart=Maybe", "error: invalid restart policy: Maybe"),
            ("run -it web --image=x", "error: --stdin is not modelled: let the pod run"),
        ],
    )
    def test_complaint(self, kubectl: Terminal, line: str, complaint: str) -> None:
        assert kubectl(line).startswith(complaint)


class TestExpose:
    """A service for what is there."""

    def test_pod(self, kubectl: Terminal, sim: Simulation) -> None:
        sim.apply(WEB)
        assert kubectl("expose pod web --port=80 --target-port=http --type=NodePort") == "service/web exposed\n"
        spec = to_manifest(sim.get("svc/web"))["spec"]
        assert spec["selector"] == {"app": "web"}
        assert spec["ports"][0]["targetPort"] == "http"

    def test_deployment_with_a_port(self, kubectl: Terminal, sim: Simulation) -> None:
        kubectl("create deployment web --image=nginx --port=8080")
        assert kubectl("expose deploy/web --name=front") == "service/front exposed\n"
        assert to_manifest(sim.get("svc/front"))["spec"]["ports"][0]["port"] == 8080
        assert kubectl("expose svc/front --name=again") == "service/again exposed\n"

    def test_complaints(self, kubectl: Terminal, sim: Simulation) -> None:
        sim.apply(WEB)
        assert kubectl("expose") == "error: expose needs TYPE NAME or TYPE/NAME\n"
        assert kubectl("expose pod") == "error: resource(s) were provided, but no name was specified\n"
        assert kubectl("expose pod web") == "error: couldn't find port via --port flag or introspection\n"
        assert "couldn't retrieve selectors" in kubectl("expose ns default --port=1")


class TestDiscovery:
    """api-resources, api-versions, version, cluster-info."""

    def test_resources(self, kubectl: Terminal) -> None:
        lines = kubectl("api-resources").splitlines()
        assert lines[0].split() == ["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"]
        assert ["persistentvolumes", "pv", "v1", "false", "PersistentVolume"] in [line.split() for line in lines]
        assert "persistentvolumes\n" in kubectl("api-resources -o name --namespaced=false")
        assert kubectl("api-resources --api-group=apps --no-headers").split()[0] == "controllerrevisions"
        assert kubectl("api-resources -o yaml") == "error: --output yaml is not available\n"

    def test_old_servers_show_the_group(self) -> None:
        old = terminal_of(Simulation(nodes=1, kubernetes="1.19"))
        assert "APIGROUP" in old("api-resources")

    def test_versions(self, kubectl: Terminal) -> None:
        assert "storage.k8s.io/v1\n" in kubectl("api-versions")

    def test_version(self, kubectl: Terminal) -> None:
        assert kubectl("version") == "Client Version: v1.36.2\nServer Version: v1.36.2\n"
        assert kubectl("version --client") == "Client Version: v1.36.2\n"
        assert yaml.safe_load(kubectl("version -o yaml"))["serverVersion"]["gitVersion"] == "v1.36.2"
        assert '"gitVersion": "v1.36.2"' in kubectl("version -o json")
        assert kubectl("version -o name") == "error: --output must be 'yaml' or 'json'\n"
        old = terminal_of(Simulation(nodes=1, kubernetes="1.15"))
        assert old("version").startswith('Client Version: version.Info{Major:"1", Minor:"15"')
        assert old("version --short") == "Client Version: v1.15.0\nServer Version: v1.15.0\n"

    def test_cluster(self, kubectl: Terminal) -> None:
        assert kubectl("cluster-info").startswith("Kubernetes control plane is running in this simulation")


def test_refused_creation_keeps_its_type(sim: Simulation) -> None:
    sim.kubectl("create ns team")
    with pytest.raises(VolsimError) as caught:
        sim.kubectl("create ns team")
    assert type(caught.value).__name__ == "AlreadyExists"
