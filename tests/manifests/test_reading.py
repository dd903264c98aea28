"""What is wrong with a manifest is told with place and remedy, all of it at once; what is right loads without loss."""

from __future__ import annotations

import io
import json
import textwrap
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from volsim.errors import ManifestError
from volsim.manifests import NotModelledWarning, from_manifest, load, parse_time, read, timestamp, to_manifest
from volsim.objects import Deployment, GenericObject, Pod, Quantity

CLAIM = """\
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: data
spec:
  accessModes: [ReadWriteOnce]
  resources:
    requests:
      storage: 10Gi
"""
CLAIM_AS_DATA = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "data"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}},
}


def problems(source: Any) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        read(source)
    return [str(problem).removeprefix("<text>:") for problem in caught.value.problems]


def pod(spec: str) -> str:
    return "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n" + textwrap.indent(textwrap.dedent(spec), "  ")


class TestProblems:
    def test_all_problems_of_a_claim_are_told_at_their_lines(self) -> None:
        text = CLAIM.replace("accessModes", "accesModes").replace("10Gi", "10Gb")
        assert problems(text) == [
            "6:3: spec.accesModes: unknown field; did you mean 'accessModes'?",
            "9:16: spec.resources.requests.storage: '10Gb' has the unknown suffix 'Gb'; did you mean '10G'?",
        ]

    @pytest.mark.parametrize(
        ("spec", "told"),
        [
            ("containers: {}", "5:15: spec.containers: must be a list, but this is a map; begin each item with '- '"),
            ("nodeName: 5", '5:13: spec.nodeName: must be a text, but this is the number 5; quote it: "5"'),
            (
                "nodeName: yes",
                '5:13: spec.nodeName: must be a text, but this is the truth value true; quote it: "true"',
            ),
            (
                "priority: '5'",
                "5:13: spec.priority: must be a whole number, but this is the text '5'; write 5 without quotes",
            ),
            (
                "priority: 1.5",
                "5:13: spec.priority: must be a whole number, but this is the number 1.5; write digits only",
            ),
            ("hostIPC: 'true'", "5:12: spec.hostIPC: must be true or false, but this is the text 'true'; "),
            (
                "nodeSelector: [a]",
                "5:17: spec.nodeSelector: must be a map, but this is a list; write 'key: value' lines",
            ),
            (
                "securityContext: x",
                "5:20: spec.securityContext: must be a map, but this is the text 'x'; its fields are ",
            ),
            (
                "volumes: [{name: v, hostPath: /x}]",
                "5:33: spec.volumes[0].hostPath: must be a map, but this is the text",
            ),
            ("volumeMounts: []", "5:3: spec.volumeMounts: unknown field; 'volumeMounts' belongs into 'containers[]'"),
            ("overhead: {cpu: [1]}", "5:19: spec.overhead.cpu: must be a quantity, but this is a list; write it like"),
        ],
    )
    def test_a_wrong_type_names_value_rule_and_remedy(self, spec: str, told: str) -> None:
        [problem] = problems(pod(spec))
        assert problem.startswith(told)

    def test_a_map_in_place_of_a_list_is_looked_into(self) -> None:
        found = problems(pod("volumes: {name: v, hostPath: /x, type: y}"))
        assert [line.split(": ")[1] for line in found] == ["spec.volumes", "spec.volumes.hostPath", "spec.volumes.type"]

    def test_unmodelled_parts_are_checked_too(self) -> None:
        assert problems(pod("dnsConfig: {namservers: [a]}")) == [
            "5:15: spec.dnsConfig.namservers: unknown field; did you mean 'nameservers'?"
        ]
        ingress = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nspec: {ruls: []}"
        assert problems(ingress) == ["3:8: spec.ruls: unknown field; did you mean 'rules'?"]

    def test_fields_of_a_wrapped_source_are_sent_home(self) -> None:
        [problem] = problems(pod("volumes:\n- name: v\n  source:\n    emptyDir: {}"))
        assert problem.endswith("unknown field; 'emptyDir' stands here directly, without 'source' around it")

    @pytest.mark.parametrize(
        ("identity", "told"),
        [
            (
                "apiVersion: extensions/v1\nkind: Deployment",
                "apiVersion: there is no kind 'Deployment' in 'extensions/v1'; it is in 'apps/v1'",
            ),
            ("apiVersion: v1\nkind: Deployment", "kind: there is no kind 'Deployment' in 'v1'; it is in 'apps/v1'"),
            (
                "apiVersion: apps/v1\nkind: Deploymnet",
                "kind: there is no kind 'Deploymnet' in 'apps/v1'; did you mean 'Deployment'?",
            ),
            (
                "apiVersion: v2\nkind: Thing",
                "apiVersion: there is no apiVersion 'v2'; the usual ones are 'v1', 'apps/v1', 'batch/v1', 'storage.k8s.io/v1'",  # noqa: E501
            ),
            ("apiVersion: a.b/c/d\nkind: Thing", "apiVersion: 'a.b/c/d' is no group/version, such as 'example.com/v1'"),
            (
                "apiversion: v1\nkind: Pod",
                "apiVersion: is missing; did you mean 'apiVersion' where 'apiversion' stands?",
            ),
            ("apiVersion: v1\nkind: 5", "kind: must be a text, but this is the number 5"),
            ("[a: b]", "[0].apiVersion: is missing; write it, for example 'v1'"),
            ("[[a]]", "[0]: a manifest is a map with apiVersion and kind, but this is a list"),
            ("[a]", "[0]: a manifest is a map with apiVersion and kind, but this is the text 'a'"),
        ],
    )
    def test_what_is_no_kind_is_answered_with_where_it_is(self, identity: str, told: str) -> None:
        assert problems(identity)[0].split(": ", 1)[1] == told

    def test_items_of_a_list_are_named_in_the_path(self) -> None:
        text = json.dumps(
            {"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "Pod", "spec": {"x": 1}}]}
        )
        [problem] = problems(text)
        assert "items[0].spec.x: unknown field" in problem

    def test_a_syntax_error_does_not_hide_the_other_documents(self) -> None:
        text = "a: b: c\n---\n" + CLAIM.replace("spec", "spek") + "---\n" + CLAIM
        assert [problem.split(": ")[0] for problem in problems(text)] == ["1:5", "7:1"]

    def test_problems_of_several_files_come_in_their_order(self, tmp_path: Path) -> None:
        (tmp_path / "b.yaml").write_text("kind: Pod\n")
        (tmp_path / "a.json").write_text('{"kind": "Pod"}')
        (tmp_path / "ignored.txt").write_text("nothing")
        assert [problem.partition(":")[0] for problem in problems(tmp_path)] == [
            str(tmp_path / "a.json"),
            str(tmp_path / "b.yaml"),
        ]


class TestYaml:
    """go-yaml v2, as sigs.k8s.io/yaml uses it."""

    @pytest.mark.parametrize(
        ("word", "value"),
        [
            ("0644", 420),
            ("0x1F", 31),
            ("0b101", 5),
            ("0o17", 15),
            ("1_000", 1000),
            ("08", 8),
            ("1e3", 1000),
            (".5", 0.5),
            ("1:30", "1:30"),
            ("2001-12-14", "2001-12-14"),
            ("2001-12-14t21:59:43Z", "2001-12-14t21:59:43Z"),
            ("yes", True),
            ("off", False),
            ("y", True),
            ("'y'", "y"),
            ('"1"', "1"),
            ("!!str 1", "1"),
            ("!!int '7'", 7),
            ("!!binary aGVsbG8=", "hello"),
            ("+1", 1),
            ("1.", 1),
            ("18446744073709551615", 2**64 - 1),
            ("=", "="),
        ],
    )
    def test_words_mean_what_they_mean_to_kubectl(self, word: str, value: object) -> None:
        [obj] = load_quietly(f"apiVersion: example.com/v1\nkind: Thing\nspec: {{x: {word}}}")
        found = to_manifest(obj)["spec"]["x"]
        assert (found, type(found)) == (value, type(value))

    def test_keys_become_texts(self) -> None:
        [obj] = load_quietly("apiVersion: v1\nkind: ConfigMap\ndata: {1: a, yes: b, 1.5: c, 0644: d}")
        assert to_manifest(obj)["data"] == {"1": "a", "true": "b", "1.5": "c", "420": "d"}

    def test_a_duplicate_key_is_refused_with_both_places(self) -> None:
        text = CLAIM + "  accessModes: []\n"
        assert problems(text) == [
            "10:3: spec.accessModes: duplicate key; 'accessModes' stands in line 6 already; keep one of them"
        ]

    def test_anchors_and_merge_keys(self) -> None:
        text = pod("""\
            containers:
            - &first {name: a, image: x}
            - {<<: *first, name: b}
            - <<: [{image: z}, *first]
            """)
        [obj] = load_quietly(text)
        assert isinstance(obj, Pod)
        assert [(c.name, c.image) for c in obj.spec.containers] == [("a", "x"), ("b", "x"), ("a", "z")]

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("a: *b", "define the anchor (&name) before the alias"),
            ("a: &b [*b]", "this anchor contains itself"),
            ("a: .nan", "JSON does not have"),
            ("a: {? [x] : y}", "a key must be a text"),
            ("a: {<<: 5}", "only a map, or a list of maps, can be merged"),
            ("a: !!binary '*'", "this is not the base64 of a text"),
            ("\ta: b", "never with tabs"),
            ("```yaml\na: b\n```", "code fence of Markdown"),
            ("[" * 3000 + "]" * 3000, "nested too deeply"),
        ],
    )
    def test_what_cannot_be_read_is_told_with_a_remedy(self, text: str, told: str) -> None:
        assert any(told in problem for problem in problems(text + "\n"))

    def test_many_aliases_cannot_fill_the_memory(self) -> None:
        lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
        lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
        assert any("aliases make this text too large" in problem for problem in problems("\n".join(lines)))

    @pytest.mark.parametrize(
        "text",
        [
            CLAIM.replace("\n", "\r\n"),
            "\ufeff" + CLAIM,
            "---\n" + CLAIM + "---\n# nothing\n---\n",
            "# first\n\n--- # a remark\n" + CLAIM + "...\n",
            "%YAML 1.1\n---\n" + CLAIM,
            json.dumps(CLAIM_AS_DATA),
            json.dumps(CLAIM_AS_DATA, indent="\t"),
        ],
    )
    def test_outer_form_does_not_matter(self, text: str) -> None:
        assert load(text) == load(CLAIM)

    def test_lines_count_through_all_documents(self) -> None:
        text = CLAIM + "---\r\n" + CLAIM.replace("spec", "spek")
        assert problems(text) == ["15:1: spek: unknown field; did you mean 'spec'?"]


def load_quietly(source: Any) -> Any:
    return list(read(source).objects)


class TestSources:
    def test_path_text_bytes_file_dict_and_list_give_the_same(self, tmp_path: Path) -> None:
        path = tmp_path / "claim.yaml"
        path.write_text(CLAIM)
        manifest = to_manifest(load(CLAIM)[0])
        with path.open() as text_file, path.open("rb") as binary_file:
            sources = [path, str(path), tmp_path, CLAIM.encode(), text_file, binary_file, io.StringIO(CLAIM), manifest]
            for source in sources:
                assert load(source) == load(CLAIM)
        assert load([path, [manifest], load(CLAIM)[0]]) == load(CLAIM) * 3
        assert from_manifest(manifest) == load(CLAIM)[0]

    def test_nothing_is_nothing(self) -> None:
        assert load("") == load([]) == load("# only a remark\n") == []

    @pytest.mark.parametrize(
        ("source", "told"),
        [
            ("no/such/file.yaml", "no/such/file.yaml: there is no such file or folder"),
            (5, "<int>: a int is no source of manifests"),
            ({"apiVersion": "v1", "kind": "Pod", "spec": {"x": object()}}, "<dict>: spec.x: a object is nothing that"),
            ({"a": {None: 1}}, "<dict>: a: the key None is no text"),
            (b"a: \xff\n", "<text>:1:4: this is not UTF-8"),
        ],
    )
    def test_what_cannot_be_read_is_an_error_with_its_name(self, source: Any, told: str) -> None:
        [problem] = problems(source) if not isinstance(source, bytes) else ["<text>:" + p for p in problems(source)]
        assert problem.startswith(told)

    def test_an_empty_folder_is_an_error(self, tmp_path: Path) -> None:
        [problem] = problems(tmp_path)
        assert problem.endswith("there is no *.yaml, *.yml or *.json in this folder")

    def test_files_that_cannot_be_read_do_not_hide_each_other(self) -> None:
        assert len(problems(["no/a.yaml", "no/b.yaml"])) == 2

    def test_an_object_of_the_official_client(self) -> None:
        client = pytest.importorskip("kubernetes.client", reason="the official client is not installed")
        made = client.V1Pod(
            metadata=client.V1ObjectMeta(name="a"),
            spec=client.V1PodSpec(host_ipc=True, containers=[client.V1Container(name="c", image="i")]),
        )
        assert to_manifest(load(made)[0]) == {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "a"},
            "spec": {"containers": [{"name": "c", "image": "i"}], "hostIPC": True},
        }

    def test_an_object_that_tells_its_kind_as_lightkube_does(self) -> None:
        resource = SimpleNamespace(group="apps", version="v1", kind="Deployment")

        class Model:
            _api_info = SimpleNamespace(resource=resource)

            def to_dict(self) -> dict[str, Any]:
                return {"metadata": {"name": "web"}, "spec": {"replicas": 2}}

        [made] = load(Model())
        assert isinstance(made, Deployment)
        assert (made.key, made.spec.replicas) == ("web", 2)


class TestKinds:
    def test_removed_versions_load_as_the_modelled_class_and_keep_their_version(self) -> None:
        [made] = load({"apiVersion": "extensions/v1beta1", "kind": "Deployment", "spec": {"replicas": 1}})
        assert isinstance(made, Deployment)
        assert made.api_version == "extensions/v1beta1"

    def test_a_field_that_is_gone_is_carried_and_said(self) -> None:
        source = {"apiVersion": "extensions/v1beta1", "kind": "Deployment", "spec": {"rollbackTo": {"revision": 3}}}
        reading = read(source)
        assert to_manifest(reading.objects[0]) == source
        assert [notice.path for notice in reading.notices] == ["spec.rollbackTo"]

    @pytest.mark.parametrize(
        ("api_version", "kind", "told"),
        [
            ("example.com/v1", "Backup", "is a custom resource; it is kept, but not modelled"),
            ("snapshot.storage.k8s.io/v1", "VolumeSnapshot", "is a custom resource; it is kept, but not modelled"),
            ("v1beta3", "Pod", "is from before Kubernetes 1.15; it is kept, but not modelled"),
            ("apps/v1alpha1", "PetSet", "is from before Kubernetes 1.15; it is kept, but not modelled"),
            ("networking.k8s.io/v1", "Ingress", "is kept, but not modelled"),
        ],
    )
    def test_kinds_that_are_not_modelled_are_kept_and_said_once(self, api_version: str, kind: str, told: str) -> None:
        source = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "a"}, "spec": {}}
        reading = read([source, source])
        assert [str(notice).partition(") ")[2] for notice in reading.notices] == [told]
        assert all(isinstance(obj, GenericObject) for obj in reading.objects)
        assert [to_manifest(obj) for obj in reading.objects] == [source, source]

    def test_load_says_each_field_once_as_a_warning(self) -> None:
        text = pod("dnsConfig: {}\ncontainers: [{name: a, resizePolicy: []}, {name: b, resizePolicy: []}]")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            load(text)
        assert [str(entry.message) for entry in caught] == [
            "<text>:5:3: Pod: spec.dnsConfig is kept, but not modelled",
            "<text>:6:26: Pod: spec.containers[].resizePolicy is kept, but not modelled",
        ]
        assert {entry.category for entry in caught} == {NotModelledWarning}

    def test_lists_are_flattened_and_typed_lists_lend_their_kind(self) -> None:
        namespace = {"metadata": {"name": "a"}}
        typed = {"apiVersion": "v1", "kind": "NamespaceList", "metadata": {}, "items": [namespace, namespace]}
        outer = {"apiVersion": "v1", "kind": "List", "items": [typed, {"apiVersion": "v1", "kind": "Pod"}]}
        assert [obj.kind for obj in load(outer)] == ["Namespace", "Namespace", "Pod"]


class TestLoss:
    @pytest.mark.parametrize(
        "spec",
        [
            {},
            {"volumes": [], "nodeSelector": {}, "affinity": {}, "securityContext": {}},
            {"volumes": [{"name": "v", "emptyDir": {}}, {"name": "w"}]},
            {"containers": [{"name": "c", "resources": {}, "resizePolicy": [], "args": []}]},
            {"containers": [{"name": "c", "resources": {"requests": {"cpu": 1, "memory": "1.50Gi"}}}]},
            {"overhead": {"cpu": 0.5}},
        ],
    )
    def test_what_was_given_empty_or_unusual_comes_back(self, spec: dict[str, Any]) -> None:
        source = {"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": spec, "status": {}}
        assert to_manifest(read(source).objects[0]) == source

    def test_nulls_are_dropped(self) -> None:
        source = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": None,
            "spec": {"volumes": [{"name": "v", "emptyDir": None}]},
        }
        made = to_manifest(load(source)[0])
        assert made == {"apiVersion": "v1", "kind": "Pod", "spec": {"volumes": [{"name": "v"}]}}

    def test_a_changed_object_shows_the_change_and_not_what_was_given(self) -> None:
        source = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"creationTimestamp": "2026-01-01T01:00:00+01:00"},
            "spec": {"volumes": []},
        }
        made = load(source)[0]
        assert to_manifest(made) == source
        moved = made.replace(metadata=made.metadata.replace(creation_timestamp=60_000_000))
        assert to_manifest(moved)["metadata"] == {"creationTimestamp": "2026-01-01T00:01:00Z"}

    def test_keys_come_in_the_order_of_kubectl(self) -> None:
        source = {
            "status": {"phase": "Bound"},
            "spec": {"volumeName": "v"},
            "metadata": {"name": "a"},
            "kind": "PersistentVolumeClaim",
            "apiVersion": "v1",
        }
        assert list(to_manifest(load(source)[0])) == ["apiVersion", "kind", "metadata", "spec", "status"]

    def test_quantities_are_exact_objects(self) -> None:
        [claim] = load_quietly(CLAIM)
        assert claim.spec.resources.requests == {"storage": Quantity("10240Mi")}


class TestTimes:
    @pytest.mark.parametrize("text", ["2026-01-01T00:00:00Z", "1999-12-31T23:59:59Z", "2100-02-28T12:00:00Z"])
    def test_whole_seconds_come_back(self, text: str) -> None:
        assert timestamp(parse_time(text)) == text

    @pytest.mark.parametrize("text", ["2026-01-01", "2026-13-01T00:00:00Z", "now", "2026-01-01T00:00:00"])
    def test_other_texts_are_refused(self, text: str) -> None:
        found = problems({"apiVersion": "v1", "kind": "Pod", "metadata": {"creationTimestamp": text}})
        assert found[0].startswith(f"<dict>: metadata.creationTimestamp: '{text}' is no time")
