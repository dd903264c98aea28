"""`kubectl patch`, `scale`, `label`, `annotate`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.views.conftest import WEB, Terminal, terminal_of
from volsim import Simulation

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: '1'}\n"


@pytest.fixture
def config(sim: Simulation, kubectl: Terminal) -> Terminal:
    """A terminal for a cluster with a config map `c`."""
    sim.apply(CONFIG)
    return kubectl


class TestPatch:
    """strategic, merge, json."""

    @pytest.mark.parametrize(
        "flags",
        [
            "-p '{\"data\":{\"a\":\"2\"}}'",
            "--patch 'data: {a: \"2\"}'",
            "--type=merge -p '{\"data\":{\"a\":\"2\"}}'",
            "--type json -p '[{\"op\":\"replace\",\"path\":\"/data/a\",\"value\":\"2\"}]'",
        ],
    )  # fmt: skip
    def test_change(self, config: Terminal, flags: str) -> None:
        assert config(f"patch cm c {flags}") == "configmap/c patched\n"
        assert config("get cm c -o jsonpath={.data.a}") == "2"

    def test_no_change(self, config: Terminal) -> None:
        assert config('patch cm c -p \'{"data":{"a":"1"}}\'') == "configmap/c patched (no change)\n"

    def test_status(self, kubectl: Terminal, sim: Simulation) -> None:
        sim.apply(WEB)
        line = 'patch pod web --subresource=status --type=merge -p \'{"status":{"message":"hello"}}\''
        assert kubectl(line) == "pod/web patched\n"
        assert kubectl("get pod web -o jsonpath={.status.message}") == "hello"

    def test_refused(self, config: Terminal) -> None:
        shown = config("""patch cm c -p '{"metadata": {"labels": {"a": "-"}}}'""")
        assert shown.startswith('The ConfigMap "c" is invalid: metadata.labels: Invalid value: ')

    def test_from_a_file(self, sim: Simulation, tmp_path: Path) -> None:
        sim.apply(CONFIG)
        (tmp_path / "p.yaml").write_text("data: {b: x}\n")
        assert sim.kubectl("patch cm c --patch-file p.yaml", cwd=tmp_path) == "configmap/c patched\n"

    @pytest.mark.parametrize(
        ("line", "complaint"),
        [
            ("patch cm c", "error: must specify --patch or --patch-file containing the contents of the patch"),
            ("patch cm c -p x --patch-file y", "error: cannot specify --patch and --patch-file together"),
            ("patch cm c -p x --type y", 'error: --type must be one of [json merge strategic], not "y"'),
            ("patch cm c -p x", 'error: unable to parse "x": a strategic patch is an object'),
            ("patch cm c -p '{}' --type json", 'error: unable to parse "{}": a json patch is a list of operations'),
            ("patch cm c -p '{'", 'error: unable to parse "{": '),
            ("patch cm c --patch-file nope", "error: unable to read patch file: "),
            ("patch cm x -p '{}'", 'Error from server (NotFound): configmaps "x" not found'),
        ],
    )
    def test_complaint(self, config: Terminal, line: str, complaint: str) -> None:
        assert config(line).startswith(complaint)


class TestScale:
    """--replicas."""

    @pytest.fixture
    def deployed(self, kubectl: Terminal) -> Terminal:
        kubectl("create deployment web --image=nginx")
        return kubectl

    def test_scale(self, deployed: Terminal) -> None:
        assert deployed("scale deploy/web --replicas=3") == "deployment.apps/web scaled\n"
        assert deployed("get deploy web -o jsonpath={.spec.replicas}") == "3"

    def test_all(self, deployed: Terminal) -> None:
        assert deployed("scale deploy --all --replicas=0") == "deployment.apps/web scaled\n"

    def test_only_if_there_are_so_many(self, deployed: Terminal) -> None:
        assert deployed("scale deploy web --current-replicas=2 --replicas=3") == (
            "error: Expected replicas to be 2, was 1\n"
        )

    @pytest.mark.parametrize(
        ("line", "complaint"),
        [
            (
                "scale deploy web",
                "error: The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0",
            ),
            ("scale ns default --replicas=1", 'error: cannot convert "default" to a scale: namespace has no replicas'),
            ("scale sts --all --replicas=1", "error: no objects passed to scale"),
            ("scale sts x --replicas=1", 'Error from server (NotFound): statefulsets.apps "x" not found'),
        ],
    )
    def test_complaint(self, deployed: Terminal, line: str, complaint: str) -> None:
        assert deployed(line).startswith(complaint)


class TestMarks:
    """Labels and annotations: set, change, remove, list."""

    def test_label(self, config: Terminal) -> None:
        assert config("label cm c tier=db example.com/x=") == "configmap/c labeled\n"
        assert config("label cm c tier=db") == "configmap/c not labeled\n"
        assert config("label cm c tier=web") == "error: 'tier' already has a value (db), and --overwrite is false\n"
        assert config("label cm c tier=web --overwrite") == "configmap/c labeled\n"
        assert config("label cm c tier-") == "configmap/c unlabeled\n"
        assert config("label cm c tier-") == 'label "tier" not found.\nconfigmap/c not labeled\n'
        assert config("label cm c --list") == "example.com/x=\n"

    def test_old_clients_say_labeled(self) -> None:
        sim = Simulation(nodes=1, kubernetes="1.22")
        assert terminal_of(sim)("label node node01 kubernetes.io/os-") == "node/node01 labeled\n"

    def test_annotate(self, config: Terminal) -> None:
        assert config("annotate cm c 'note=a b'") == "configmap/c annotated\n"
        assert config("annotate cm c note=x") == (
            "error: --overwrite is false but found the following declared annotation(s): "
            "'note' already has a value (a b)\n"
        )
        assert config("annotate cm c note-") == "configmap/c annotated\n"
        assert config("annotate cm c note-") == 'annotation "note" not found.\nconfigmap/c annotated\n'

    def test_many_at_once(self, config: Terminal) -> None:
        assert config("label nodes --all rack=1") == "node/node01 labeled\nnode/node02 labeled\n"

    @pytest.mark.parametrize(
        ("line", "complaint"),
        [
            (
                "label a=b",
                "error: one or more resources must be specified as <resource> <name> or <resource>/<name>",
            ),
            ("label cm c", "error: at least one label update is required"),
            ("annotate cm c", "error: at least one annotation update is required"),
            ("label cm c 'a=b c'", "error: invalid label spec: a=b c"),
            ("label cm c =b", "error: invalid label spec: =b"),
            ("label cm c a=b a-", "error: can not both modify and remove a label in the same command"),
            ("annotate cm c a=b a-", "error: can not both modify and remove an annotation in the same command"),
            ("label cm x a=b", 'Error from server (NotFound): configmaps "x" not found'),
        ],
    )
    def test_complaint(self, config: Terminal, line: str, complaint: str) -> None:
        assert config(line) == f"{complaint}\n"

    def test_servers_complaint(self, config: Terminal) -> None:
        assert config(f"label cm c {'a' * 64}=b").startswith(
            'The ConfigMap "c" is invalid: metadata.labels: Invalid value'
        )
