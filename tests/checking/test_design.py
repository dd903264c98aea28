"""How a design is read: what is made up and said, what belongs together, where it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from volsim.checking.design import Design
from volsim.checking.findings import Place
from volsim.errors import ManifestError, VolsimError


def pod(name: str, volume: dict[str, Any] | None = None, labels: dict[str, str] | None = None, **spec: Any) -> Any:
    container: dict[str, Any] = {"name": "c", "image": "nginx"}
    if volume is not None:
        container["volumeMounts"] = [{"name": "v", "mountPath": "/v"}]
        spec["volumes"] = [{"name": "v", **volume}]
    metadata = {"name": name, "labels": labels or {}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container], **spec}}


def claim(name: str, storage_class: str | None = "fast") -> Any:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    chosen = {} if storage_class is None else {"storageClassName": storage_class}
    metadata = {"name": name}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": {**spec, **chosen}}


def on(name: str) -> Any:
    return {"persistentVolumeClaim": {"claimName": name}}


def parts(*manifests: Any) -> list[tuple[str, ...]]:
    return [part.workloads for part in Design.read(list(manifests)).parts()]


class TestParts:
    """What shares nothing is checked apart."""

    def test_two_pods_without_anything_in_common_are_two_parts(self) -> None:
        assert parts(pod("a"), pod("b")) == [("Pod/default/a",), ("Pod/default/b",)]

    def test_a_claim_of_two_pods_joins_them(self) -> None:
        assert parts(pod("a", on("c")), pod("b", on("c")), claim("c")) == [("Pod/default/a", "Pod/default/b")]

    def test_claims_of_one_class_that_is_provisioned_stay_apart(self) -> None:
        found = parts(pod("a", on("x")), pod("b", on("y")), claim("x"), claim("y"))
        assert found == [("Pod/default/a",), ("Pod/default/b",)]

    def test_claims_that_compete_for_volumes_belong_together(self) -> None:
        volume = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": "one"},
            "spec": {
                "storageClassName": "manual",
                "capacity": {"storage": "1Gi"},
                "accessModes": ["ReadWriteOnce"],
                "nfs": {"server": "s", "path": "/"},
            },
        }
        found = parts(volume, pod("a", on("x")), pod("b", on("y")), claim("x", "manual"), claim("y", "manual"))
        assert found == [("Pod/default/a", "Pod/default/b")]

    @pytest.mark.parametrize("volume", [{"hostPath": {"path": "/d"}}, {"nfs": {"server": "s", "path": "/d"}}])
    def test_a_directory_that_both_mount_joins_them(self, volume: dict[str, Any]) -> None:
        assert len(parts(pod("a", volume), pod("b", volume))) == 1

    def test_a_budget_joins_those_whom_it_selects(self) -> None:
        budget = {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": "b"},
            "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "x"}}},
        }
        found = parts(budget, pod("a", labels={"app": "x"}), pod("b", labels={"app": "x"}), pod("c"))
        assert found == [("Pod/default/a", "Pod/default/b"), ("Pod/default/c",)]

    def test_a_part_starts_with_what_it_needs_and_nothing_else(self) -> None:
        design = Design.read([pod("a", on("x")), pod("b"), claim("x")])
        sim = design.start(design.parts()[1])
        assert [each.name for each in sim.list("pods")] == ["b"]
        assert sim.list("pvc") == []


class TestAssumed:
    """What manifests leave open is made up, and said."""

    def test_nodes(self) -> None:
        assert "nodes: node01, node02, node03 in one zone, with room for everything" in Design.read(pod("a")).assumed
        assert Design.read(pod("a"), nodes=2).assumed == ()

    def test_a_class_that_nobody_defines(self) -> None:
        design = Design.read([pod("a", on("c")), claim("c")], nodes=1)
        [said] = [line for line in design.assumed if line.startswith("storageclass/fast")]
        assert said.endswith("provisioned by a CSI driver that attaches its disks (disks.csi.volsim.dev)")

    def test_a_default_class_for_a_claim_that_names_none(self) -> None:
        design = Design.read([pod("a", on("c")), claim("c", None)], nodes=1)
        assert any(line.startswith("storageclass/standard: the default") for line in design.assumed)

    def test_an_empty_class_is_none(self) -> None:
        assert Design.read([pod("a", on("c")), claim("c", "")], nodes=1).assumed == ()

    def test_configuration_with_its_keys(self) -> None:
        volume = {"configMap": {"name": "settings", "items": [{"key": "my.cnf", "path": "my.cnf"}]}}
        assert "configmap/settings: is there, with my.cnf" in Design.read(pod("a", volume)).assumed
        optional = {"configMap": {"name": "settings", "optional": True}}
        assert not any("settings" in line for line in Design.read(pod("a", optional)).assumed)

    def test_namespaces(self) -> None:
        manifest = pod("a")
        manifest["metadata"]["namespace"] = "shop"
        assert "namespace/shop: is there" in Design.read(manifest).assumed

    def test_disks_stay_in_their_zones_where_there_are_several(self) -> None:
        nodes = [
            {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {"name": name, "labels": {"topology.kubernetes.io/zone": name}},
            }
            for name in ("a", "b")
        ]
        said = "disks of CSI drivers: each is in a zone, and reached only from there"
        assert said in Design.read([*nodes, pod("p")]).assumed
        assert said not in Design.read([nodes[0], pod("p")]).assumed

    def test_what_an_unknown_image_runs_is_a_server(self) -> None:
        manifest = pod("a")
        manifest["spec"]["containers"][0] |= {"image": "example.com/own", "command": ["/own", "--serve"]}
        design = Design.read(manifest, nodes=1)
        assert "containers c: run as servers, whatever their command does" in design.assumed
        sim = design.start(design.parts()[0])
        sim.settle()
        assert sim.get("pod/a").status.phase == "Running"

    def test_what_a_known_image_runs_is_run(self) -> None:
        manifest = pod("a", restartPolicy="Never")
        manifest["spec"]["containers"][0] |= {"image": "busybox", "command": ["false"]}
        design = Design.read(manifest, nodes=1)
        sim = design.start(design.parts()[0])
        sim.settle()
        assert sim.get("pod/a").status.phase == "Failed"

    def test_nodes_that_are_made_up_have_room(self) -> None:
        manifest = pod("a")
        manifest["spec"]["containers"][0]["resources"] = {"requests": {"memory": "64Gi", "cpu": 16}}
        design = Design.read(manifest)
        sim = design.start(design.parts()[0])
        sim.settle()
        assert sim.get("pod/a").status.phase == "Running"

    def test_a_design_without_a_workload_says_that_nothing_was_checked(self) -> None:
        assert any(line.startswith("no workload is among the objects") for line in Design.read(claim("c")).assumed)


class TestPlaces:
    """Where an object stands is where its document begins."""

    def test_each_object_has_its_line(self, tmp_path: Path) -> None:
        file = tmp_path / "d.yaml"
        file.write_text("# one\napiVersion: v1\nkind: Namespace\nmetadata: {name: team}\n---\n\n" + POD)
        places = Design.read(file).places
        assert places == {"Namespace/team": Place(str(file), 2), "Pod/default/p": Place(str(file), 7)}

    def test_what_is_given_as_dicts_stands_nowhere(self) -> None:
        assert Design.read([pod("a")]).places == {}


POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: i}]}\n"


class TestErrors:
    """A design that cannot be: one clear error."""

    def test_nothing(self) -> None:
        with pytest.raises(VolsimError, match="there is nothing to check"):
            Design.read([])

    def test_a_version_from_before_1_15(self) -> None:
        with pytest.raises(ManifestError, match=r"no server since 1\.15 has v1beta3 of Pod"):
            Design.read(POD.replace("v1", "v1beta3"))

    def test_all_problems_of_a_manifest_at_once(self) -> None:
        with pytest.raises(ManifestError) as caught:
            Design.read(POD.replace("containers", "container").replace("metadata", "metdata"))
        assert len(caught.value.problems) >= 2

    def test_what_the_api_server_refuses_is_told_for_every_object(self) -> None:
        design = Design.read([pod("A"), pod("a", on("c")), claim("C")])
        with pytest.raises(VolsimError, match="Pod/default/A: "):
            design.start(design.parts()[0])
