"""`kubectl apply`, `create -f`, `replace`: manifests from files, folders, standard input."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.views.conftest import WEB, Terminal, terminal_of
from volsim import ManifestError, Simulation, VolsimError

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: '1'}\n"
OLD_DEPLOYMENT = """
apiVersion: extensions/v1beta1
kind: Deployment
metadata: {name: mysql}
spec: {template: {metadata: {labels: {app: mysql}}, spec: {containers: [{name: mysql, image: 'mysql:5.7'}]}}}
"""


class TestApply:
    """created, unchanged, configured."""

    def test_first_time_it_is_created_then_unchanged_then_configured(self, kubectl: Terminal) -> None:
        assert kubectl("apply -f -", stdin=CONFIG) == "configmap/c created\n"
        assert kubectl("apply -f -", stdin=CONFIG) == "configmap/c unchanged\n"
        assert kubectl("apply -f -", stdin=CONFIG.replace("'1'", "'2'")) == "configmap/c configured\n"

    def test_unchanged_pod_is_unchanged(self, kubectl: Terminal) -> None:
        kubectl("apply -f -", stdin=WEB)
        assert kubectl("apply -f -", stdin=WEB) == "pod/web unchanged\n"

    def test_group_is_the_manifests(self) -> None:
        old = terminal_of(Simulation(nodes=1, kubernetes="1.15"))
        assert old("apply -f -", stdin=OLD_DEPLOYMENT) == "deployment.extensions/mysql created\n"

    def test_namespace_of_the_flag(self, kubectl: Terminal, sim: Simulation) -> None:
        kubectl("apply -n kube-system -f -", stdin=CONFIG)
        assert sim.get("cm/c", "kube-system").data == {"a": "1"}

    def test_two_namespaces_are_refused(self, kubectl: Terminal) -> None:
        shown = kubectl("apply -n other -f -", stdin=CONFIG.replace("name: c", "name: c, namespace: default"))
        assert shown == (
            'error: the namespace from the provided object "default" does not match the namespace "other". '
            "You must pass '--namespace=default' to perform this operation.\n"
        )

    def test_error_with_one_does_not_stop_the_others(self, kubectl: Terminal) -> None:
        both = CONFIG.replace("name: c", "name: x, namespace: nowhere") + "---\n" + CONFIG
        assert kubectl("apply -f -", stdin=both) == (
            "configmap/c created\n"
            'Error from server (NotFound): error when creating "STDIN": namespaces "nowhere" not found\n'
        )

    def test_selector_picks(self, kubectl: Terminal) -> None:
        both = CONFIG + "---\n" + CONFIG.replace("name: c", "name: d, labels: {app: x}")
        assert kubectl("apply -l app=x -f -", stdin=both) == "configmap/d created\n"

    def test_output_as_data(self, kubectl: Terminal) -> None:
        shown = yaml.safe_load(kubectl("apply -o yaml -f -", stdin=CONFIG))
        assert shown["data"] == {"a": "1"}
        assert kubectl("apply -o name -f -", stdin=CONFIG) == "configmap/c\n"
        assert kubectl("apply -o jsonpath={.data.a} -f -", stdin=CONFIG) == "1"
        assert "unable to match a printer" in kubectl("apply -o wide -f -", stdin=CONFIG)

    def test_generated_names_are_for_create(self, kubectl: Terminal) -> None:
        manifest = CONFIG.replace("name: c", "generateName: c-")
        assert kubectl("apply -f -", stdin=manifest) == "error: from c-: cannot use generate name with apply\n"
        assert kubectl("create -f -", stdin=manifest).startswith("configmap/c-")

    @pytest.mark.parametrize(
        ("line", "complaint"),
        [
            ("apply", "error: must specify one of -f and -k"),
            ("apply x -f -", "error: Unexpected args: [x]\nSee 'kubectl apply -h' for help and examples"),
            ("apply -k .", "error: --kustomize is not modelled: build the manifests first and give them with -f"),
            ("apply --server-side -f -", (
                "error: --server-side is not modelled: field managers are not kept; apply without it"
            )),
            ("apply -f nope.yaml", 'error: the path "nope.yaml" does not exist'),
            (
                "apply -f https://example.com/x.yaml",
                ('error: unable to read URL "https://example.com/x.yaml": volsim fetches nothing; save the file '
                'and give its path'),
            ),
            ("apply -f -", "error: -f -: nothing was given on standard input; give kubectl(…, stdin=…)"),
        ],
    )  # fmt: skip
    def test_complaint(self, kubectl: Terminal, line: str, complaint: str) -> None:
        assert kubectl(line) == f"{complaint}\n"

    def test_empty_manifest(self, kubectl: Terminal) -> None:
        assert kubectl("apply -f -", stdin="# nothing\n") == "error: no objects passed to apply\n"


class TestLastApplied:
    """Objects that something else than `apply` made."""

    MISSING = (
        "Warning: resource configmaps/c is missing the kubectl.kubernetes.io/last-applied-configuration annotation "
        "which is required by kubectl apply. kubectl apply should only be used on resources created declaratively by "
        "either kubectl create --save-config or kubectl apply. The missing annotation will be patched automatically.\n"
    )

    def test_missing_note_is_warned_of_once(self, kubectl: Terminal) -> None:
        kubectl("create -f -", stdin=CONFIG)
        assert kubectl("apply -f -", stdin=CONFIG) == f"{self.MISSING}configmap/c configured\n"
        assert kubectl("apply -f -", stdin=CONFIG) == "configmap/c unchanged\n"

    def test_old_warning_names_no_object(self) -> None:
        old = terminal_of(Simulation(nodes=1, kubernetes="1.15"))
        old("create -f -", stdin=CONFIG)
        assert old("apply -f -", stdin=CONFIG) == (
            "Warning: kubectl apply should be used on resource created by either kubectl create --save-config "
            "or kubectl apply\nconfigmap/c configured\n"
        )

    @pytest.mark.parametrize(
        ("before", "said"), [("create", "configmap/c created\n"), ("replace", "configmap/c replaced\n")]
    )
    def test_saved_configuration_is_as_good(self, kubectl: Terminal, before: str, said: str) -> None:
        if before == "replace":
            kubectl("create -f -", stdin=CONFIG)
        assert kubectl(f"{before} --save-config -f -", stdin=CONFIG) == said
        assert kubectl("apply -f -", stdin=CONFIG) == "configmap/c unchanged\n"

    @pytest.mark.parametrize(
        "line", ["run web --image=nginx --save-config", "create deployment web --image=nginx --save-config"]
    )
    def test_made_from_a_command_line(self, kubectl: Terminal, line: str) -> None:
        kind = kubectl(line).partition("/")[0]
        path = "{.metadata.annotations.kubectl\\\\.kubernetes\\\\.io/last-applied-configuration}"
        assert '"namespace":"default"' in kubectl(f"get {kind} web -o jsonpath={path}")

    def test_deletion_under_way(self, kubectl: Terminal) -> None:
        held = CONFIG.replace("name: c", "name: c, finalizers: [example.com/wait]")
        kubectl("apply -f -", stdin=held)
        kubectl("delete cm c --wait=false")
        assert kubectl("apply -f -", stdin=held.replace("'1'", "'2'")) == (
            "Warning: Detected changes to resource c which is currently being deleted.\nconfigmap/c configured\n"
        )

    def test_removed_key_goes_only_if_it_was_applied(self, kubectl: Terminal) -> None:
        kubectl("apply -f -", stdin=CONFIG)
        kubectl("""patch cm c -p '{"data": {"b": "2"}}'""")
        kubectl("apply -f -", stdin=CONFIG.replace("{a: '1'}", "{x: '3'}"))
        assert kubectl("get cm c -o jsonpath={.data}") == '{"b":"2","x":"3"}'


class TestFiles:
    """Paths are relative to `cwd`; a folder's manifests go by name."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        (tmp_path / "b.yaml").write_text(CONFIG)
        (tmp_path / "a.yml").write_text(CONFIG.replace("name: c", "name: a"))
        (tmp_path / "notes.txt").write_text("no manifest")
        (tmp_path / "deeper").mkdir()
        (tmp_path / "deeper" / "d.yaml").write_text(CONFIG.replace("name: c", "name: d"))
        return tmp_path

    def test_file(self, sim: Simulation, folder: Path) -> None:
        assert sim.kubectl("apply -f b.yaml", cwd=folder) == "configmap/c created\n"

    def test_several_files(self, sim: Simulation, folder: Path) -> None:
        assert sim.kubectl("apply -f b.yaml -f deeper/d.yaml", cwd=folder).splitlines() == [
            "configmap/c created",
            "configmap/d created",
        ]

    def test_folder(self, sim: Simulation, folder: Path) -> None:
        assert sim.kubectl("apply -f .", cwd=folder).splitlines() == ["configmap/a created", "configmap/c created"]

    def test_folder_and_what_is_in_it(self, sim: Simulation, folder: Path) -> None:
        assert "configmap/d created" in sim.kubectl("apply -R -f .", cwd=folder)

    def test_folder_without_manifests(self, sim: Simulation, tmp_path: Path) -> None:
        with pytest.raises(VolsimError, match=r"error reading \[.\]: recognized file extensions"):
            sim.kubectl("apply -f .", cwd=tmp_path)

    def test_unreadable_path(self, sim: Simulation, folder: Path) -> None:
        with pytest.raises(VolsimError, match="cannot be accessed"):
            sim.kubectl("apply -f b.yaml/x", cwd=folder)

    def test_mistake_is_told_with_the_files_name_and_line(self, sim: Simulation, tmp_path: Path) -> None:
        (tmp_path / "pod.yaml").write_text("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  volums: []\n")
        with pytest.raises(ManifestError, match=r"^pod.yaml:5:3: spec.volums: unknown field; did you mean 'volumes'"):
            sim.kubectl("apply -f pod.yaml", cwd=tmp_path)


class TestDryRun:
    """What would be done is told, and nothing is."""

    @pytest.mark.parametrize(("how", "said"), [("client", "dry run"), ("server", "server dry run")])
    def test_nothing_is_done(self, kubectl: Terminal, how: str, said: str) -> None:
        assert kubectl(f"apply --dry-run={how} -f -", stdin=CONFIG) == f"configmap/c created ({said})\n"
        assert "not found" in kubectl("get cm c")

    def test_bare_flag_is_deprecated(self, kubectl: Terminal) -> None:
        assert kubectl("create --dry-run -f -", stdin=CONFIG) == (
            "W: --dry-run is deprecated and can be replaced with --dry-run=client.\nconfigmap/c created (dry run)\n"
        )

    def test_old_clients_have_a_switch(self) -> None:
        old = terminal_of(Simulation(nodes=1, kubernetes="1.17"))
        assert old("apply --dry-run -f -", stdin=CONFIG) == "configmap/c created (dry run)\n"

    def test_unknown_strategy(self, kubectl: Terminal) -> None:
        assert 'Invalid dry-run value (maybe). Must be "none", "server", or "client".' in kubectl(
            "apply --dry-run=maybe -f -", stdin=CONFIG
        )


class TestCreateAndReplace:
    """create refuses what is there; replace, what is not."""

    def test_create(self, kubectl: Terminal) -> None:
        assert kubectl("create -f -", stdin=CONFIG) == "configmap/c created\n"
        assert kubectl("create -f -", stdin=CONFIG) == (
            'Error from server (AlreadyExists): error when creating "STDIN": configmaps "c" already exists\n'
        )

    def test_replace(self, kubectl: Terminal) -> None:
        assert kubectl("replace -f -", stdin=CONFIG) == (
            'Error from server (NotFound): error when replacing "STDIN": configmaps "c" not found\n'
        )
        kubectl("create -f -", stdin=CONFIG)
        assert kubectl("replace -f -", stdin=CONFIG) == "configmap/c replaced\n"

    def test_replace_by_force(self, kubectl: Terminal, sim: Simulation) -> None:
        kubectl("create -f -", stdin=WEB)
        sim.run("5s")
        before = sim.get("pod/web").metadata.uid
        assert kubectl("replace --force -f -", stdin=WEB) == "pod/web replaced\n"
        assert sim.get("pod/web").metadata.uid != before
        assert kubectl("replace --force -f -", stdin=CONFIG) == "configmap/c replaced\n"
