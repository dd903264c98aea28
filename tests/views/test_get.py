"""`kubectl get`: what is asked for, and how it is shown."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.views.conftest import PAIR, VOLUME, WEB, Terminal, terminal_of
from volsim import NotModelledWarning, Simulation

SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n"


@pytest.fixture
def busy(sim: Simulation, kubectl: Terminal) -> Terminal:
    """A terminal for a cluster with two pods, a service and a volume."""
    for manifest in (WEB, PAIR, VOLUME):
        sim.apply(manifest)
    sim.run("10s")
    kubectl("create -f -", stdin=SERVICE)
    return kubectl


class TestTables:
    """Which tables there are, and which columns."""

    def test_one_kind(self, busy: Terminal) -> None:
        assert busy("get pods") == (
            "NAME   READY   STATUS    RESTARTS   AGE\n"
            "pair   2/2     Running   0          10s\n"
            "web    1/1     Running   0          10s\n"
        )

    def test_several_kinds_have_a_table_each_and_names_with_kinds(self, busy: Terminal) -> None:
        tables = busy("get pod,pv").split("\n\n")
        assert tables[0].startswith("NAME       READY")
        assert "pod/web " in tables[0]
        assert "persistentvolume/nfs-pv " in tables[1]

    def test_all_shows_workloads_and_services(self, busy: Terminal) -> None:
        shown = busy("get all")
        assert "pod/pair" in shown
        assert "service/web" in shown
        assert "nfs-pv" not in shown

    def test_kind_is_shown_even_if_the_others_are_empty(self, busy: Terminal) -> None:
        assert "pod/pair" in busy("get pods,deployments")

    def test_all_namespaces_have_a_column(self, busy: Terminal) -> None:
        assert busy("get pods -A").splitlines()[:2] == [
            "NAMESPACE   NAME   READY   STATUS    RESTARTS   AGE",
            "default     pair   2/2     Running   0          10s",
        ]

    def test_kinds_without_a_namespace_have_none(self, busy: Terminal) -> None:
        assert busy("get pv -A").startswith("NAME ")

    def test_labels(self, busy: Terminal) -> None:
        shown = busy("get pods --show-labels -L app,tier").splitlines()
        assert shown[0].split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE", "APP", "TIER", "LABELS"]
        assert shown[1].split() == ["pair", "2/2", "Running", "0", "10s", "pair", "app=pair"]

    def test_no_headers(self, busy: Terminal) -> None:
        assert busy("get pods --no-headers").startswith("pair ")

    def test_names_in_any_form(self, busy: Terminal) -> None:
        for line in ("get pod web", "get po/web", "get Pods web", "get pods.v1. web"):
            assert busy(line).splitlines()[1].startswith("web ")

    def test_neighbours_of_one_kind_share_a_table(self, busy: Terminal) -> None:
        assert busy("get pod/web pod/pair").count("NAME") == 1
        assert busy("get pod/web svc/web pod/pair").count("NAME") == 3

    def test_selectors(self, busy: Terminal) -> None:
        assert busy("get pods -l app=web -o name") == "pod/web\n"
        assert busy("get pods -l 'app in (web, x)' -o name") == "pod/web\n"
        assert busy("get pods --field-selector metadata.name=pair -o name") == "pod/pair\n"
        assert busy("get pods --field-selector spec.nodeName!=node01 -o name") == ""

    def test_objects_of_a_file(self, busy: Terminal) -> None:
        assert busy("get -f - -o name", stdin=WEB) == "pod/web\n"

    def test_show_kind(self, busy: Terminal) -> None:
        assert "pod/web" in busy("get pods --show-kind")

    def test_order_of_a_field(self, busy: Terminal) -> None:
        names = busy("get pods --sort-by={.metadata.name} -o name").split()
        assert names == ["pod/pair", "pod/web"]
        assert busy("get pods --sort-by .spec.containers[0].name --no-headers").split()[0] == "pair"

    def test_order_over_kinds_keeps_a_table_for_neighbours(self, busy: Terminal) -> None:
        shown = busy("get pods,svc --sort-by .metadata.name")
        assert [line.split()[0] for line in shown.splitlines() if "/" in line.split(" ")[0]] == [
            "pod/pair",
            "pod/web",
            "service/web",
        ]


class TestNothing:
    """What is said if there is nothing."""

    def test_namespace_is_named(self, kubectl: Terminal) -> None:
        assert kubectl("get pods") == "No resources found in default namespace.\n"
        assert kubectl("get pods -n kube-system") == "No resources found in kube-system namespace.\n"

    def test_not_where_there_is_none(self, kubectl: Terminal) -> None:
        assert kubectl("get pv") == "No resources found\n"
        assert kubectl("get pods -A") == "No resources found\n"

    def test_old_versions_name_none(self) -> None:
        assert terminal_of(Simulation(nodes=1, kubernetes="1.16"))("get pods") == "No resources found.\n"

    def test_absence_can_be_ignored(self, kubectl: Terminal) -> None:
        assert kubectl("get pod x --ignore-not-found") == ""
        assert kubectl("get pod x --ignore-not-found -o yaml") == ""


class TestMistakes:
    """cli-runtime's complaints (resource/builder.go)."""

    @pytest.mark.parametrize(
        ("line", "complaint"),
        [
            ("get foo", 'error: the server doesn\'t have a resource type "foo"'),
            ("get foo.example.com", 'error: the server doesn\'t have a resource type "foo"'),
            ("get pod/a/b", "error: arguments in resource/name form may not have more than one slash"),
            ("get pod/", "error: arguments in resource/name form must have a single resource and name"),
            ("get pods,pv/x", "error: arguments in resource/name form must have a single resource and name"),
            ("get pods,pv x", "error: you must specify only one resource"),
            ("get pod x -l a=b", "error: name cannot be provided when a selector is specified"),
            (
                "get pod/x -l a=b",
                "error: selectors and the all flag cannot be used when passing resource/name arguments",
            ),
            ("get pod x -A", "error: a resource cannot be retrieved by name across all namespaces"),
            ("get pod/x -A", "error: a resource cannot be retrieved by name across all namespaces"),
            ("get pods --show-labels -o name", "error: --show-labels option cannot be used with name printer"),
            ("get pods -f x", (
                "error: when paths, URLs, or stdin is provided as input, "
                "you may not specify resource arguments as well"
            )),
            ("get pods -o go-template=x", (
                "error: -o go-template is not modelled; use -o jsonpath='{…}' or -o custom-columns=…"
            )),
            ("get pods -o jsonpath", "error: template format specified but no template given"),
            ("get pods -o custom-columns", "error: custom-columns format specified but no custom columns given"),
            ("get pods -o custom-columns=X", (
                "error: unexpected custom-columns spec: X, expected <header>:<json-path-expr>"
            )),
            ("get pods -l 'a b'", (
                "error: 'a b' is no label selector: cannot read 'a b'; write such as 'app=mysql,tier in (a,b),!old'"
            )),
            ("get ns --sort-by=.x", 'error: couldn\'t find any field with path "{.x}" in the list of objects'),
            ("get ns --sort-by='{.x'", (
                "error: unexpected path string, "
                "expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'"
            )),
        ],
    )  # fmt: skip
    def test_complaint(self, kubectl: Terminal, line: str, complaint: str) -> None:
        assert kubectl(line) == f"{complaint}\n"

    def test_mixed_forms(self, kubectl: Terminal) -> None:
        assert kubectl("get pod/x y").startswith("error: there is no need to specify a resource type as a separate")

    def test_unknown_field(self, kubectl: Terminal, sim: Simulation) -> None:
        sim.apply(WEB)
        assert kubectl("get pods --field-selector spec.x=1") == (
            'Error from server (BadRequest): Unable to find "pods" that match label selector "", '
            'field selector "spec.x": field label not supported: spec.x\n'
        )
        assert "can't understand" in kubectl("get pods --field-selector nonsense")

    def test_no_kind(self, kubectl: Terminal) -> None:
        assert kubectl("get") == (
            'You must specify the type of resource to get. Use "kubectl api-resources" for a complete list of '
            "supported "
            'resources.\n\nerror: Required resource not specified.\nUse "kubectl explain <resource>" for a detailed '
            "description of that resource (e.g. kubectl explain pods).\nSee 'kubectl get -h' for help and examples\n"
        )

    def test_unknown_format_lists_the_formats(self, kubectl: Terminal) -> None:
        shown = kubectl("get pods -o pdf")
        assert shown.startswith(
            'error: unable to match a printer suitable for the output format "pdf", allowed formats are: '
        )
        assert ",yaml" in shown


class TestData:
    """-o yaml, json, name, jsonpath, custom-columns."""

    def test_single_object_is_itself(self, busy: Terminal) -> None:
        shown = yaml.safe_load(busy("get pod web -o yaml"))
        assert (shown["kind"], shown["metadata"]["name"]) == ("Pod", "web")

    def test_several_are_a_list(self, busy: Terminal) -> None:
        shown = json.loads(busy("get pods -o json"))
        assert (shown["kind"], shown["apiVersion"], len(shown["items"])) == ("List", "v1", 2)
        assert shown["metadata"] == {"resourceVersion": ""}

    def test_old_lists_have_a_link(self) -> None:
        old = terminal_of(Simulation(nodes=1, kubernetes="1.20"))
        assert json.loads(old("get ns -o json"))["metadata"] == {"resourceVersion": "", "selfLink": ""}

    def test_names_have_their_group(self, busy: Terminal) -> None:
        assert busy("get pod,pv -o name") == "pod/pair\npod/web\npersistentvolume/nfs-pv\n"

    def test_path(self, busy: Terminal) -> None:
        assert busy("get pods -o jsonpath='{.items[*].metadata.name}'") == "pair web"
        assert busy("get pod web -o jsonpath={.spec.nodeName}") == "node01"
        assert (
            busy("get pod web -o jsonpath-as-json={.metadata.labels}") == '[\n    {\n        "app": "web"\n    }\n]\n'
        )

    def test_path_that_fails(self, busy: Terminal) -> None:
        assert busy("get pods -o jsonpath={.items[9]}") == (
            'error: error executing jsonpath "{.items[9]}": Error executing template: '
            "array index out of bounds: index 9, length 2\n"
        )
        assert busy("get pods -o jsonpath='{.x'") == "error: error parsing jsonpath {.x, unclosed action\n"

    def test_columns(self, busy: Terminal) -> None:
        assert busy("get pods -o custom-columns=NAME:.metadata.name,IMAGES:.spec.containers[*].image,X:.x") == (
            "NAME   IMAGES        X\npair   nginx,nginx   <none>\nweb    nginx         <none>\n"
        )
        assert busy("get pods --no-headers -o custom-columns=N:.metadata.labels") == "map[app:pair]\nmap[app:web]\n"

    def test_columns_of_any_value(self, sim: Simulation, kubectl: Terminal) -> None:
        sim.apply(WEB)
        sim.run("5s")
        line = "get pod web --no-headers -o custom-columns="
        assert kubectl(f"{line}A:.spec.containers[*].name,B:.status.containerStatuses[*].ready,C:.x.y") == (
            "web   true   <none>\n"
        )
        assert kubectl(f"{line}A:.spec.tolerations").startswith("[map[effect:NoExecute key:node.kubernetes.io/not-")
        assert kubectl(f"{line}A:{{.x") == (
            "error: unexpected path string, expected a 'name1.name2' or '.name1.name2' "
            "or '{name1.name2}' or '{.name1.name2}'\n"
        )

    def test_carried_kinds_are_found(self, sim: Simulation, kubectl: Terminal) -> None:
        with pytest.warns(NotModelledWarning):
            sim.apply({"apiVersion": "example.com/v1", "kind": "Backup", "metadata": {"name": "nightly"}})
        assert kubectl("get backups").startswith("NAME      AGE\nnightly ")
        assert kubectl("get backups.example.com -o name") == "backup.example.com/nightly\n"


def test_old_servers_list_workloads_under_extensions() -> None:
    old = terminal_of(Simulation(nodes=1, kubernetes="1.15"))
    old("create deployment web --image=nginx")
    assert old("get deploy -o name") == "deployment.extensions/web\n"
    assert old("get deploy.apps -o name") == "deployment.apps/web\n"
    assert old("scale deploy web --replicas=0") == "deployment.extensions/web scaled\n"
    assert old("get deploy x") == 'Error from server (NotFound): deployments.extensions "x" not found\n'
