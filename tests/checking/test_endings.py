"""How stories end: what keeps it so, and a way out that was tried."""

from __future__ import annotations

import volsim
from volsim.checking.findings import Finding
from volsim.checking.screens import shown

POD = """
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: web, image: nginx}]}
"""
DEPLOYMENT = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {storageClassName: fast, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  strategy: {type: RollingUpdate}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: nginx, volumeMounts: [{name: v, mountPath: /data}]}]
      volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]
"""
BUDGET = """
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: all}
spec: {minAvailable: 100%, selector: {matchLabels: {app: web}}}
"""


def found(source: str, code: str, **options: object) -> Finding:
    report = volsim.check(source, remedies=False, **options)  # type: ignore[arg-type]
    [finding] = [each for each in report.findings if each.code == code]
    return finding


def test_a_pod_without_a_controller_is_made_by_nobody() -> None:
    finding = found(POD, "VS303", nodes=1, faults="pod-loss")
    assert finding.why == ("pod/web is gone, and it belongs to no controller that would make it anew",)
    assert finding.way_out == "apply its manifest again: tried, it runs again after 0 s"


def test_a_disk_on_a_dead_node_comes_free_when_the_node_is_out_of_service() -> None:
    finding = found(DEPLOYMENT, "VS303", nodes=2, faults="node-loss")
    assert any("waits for claim data, which pod" in each for each in finding.why)
    assert any("does not confirm that it has ended" in each for each in finding.why)
    assert finding.way_out.startswith("`kubectl taint node node0")
    assert finding.way_out.endswith("`: tried, it runs again after 12 s")


def test_before_the_taint_was_known_the_node_has_to_be_deleted() -> None:
    finding = found(DEPLOYMENT, "VS303", nodes=2, faults="node-loss", kubernetes="1.20")
    assert finding.way_out.startswith("`kubectl delete node node0")


def test_a_rollout_that_waits_for_a_disk_goes_on_without_the_old_pod() -> None:
    finding = found(DEPLOYMENT, "VS302", nodes=2, faults="rollout")
    assert finding.way_out.startswith("`kubectl delete pod web-")
    assert any("claim data" in each for each in finding.why)


def test_a_claim_that_is_missing_is_named_with_what_helps() -> None:
    finding = found(DEPLOYMENT.partition("---")[2], "VS301", nodes=1, faults="pod-loss")
    assert "needs claim data, which is not there" in finding.why[0]
    assert finding.remedy == "Create pvc/data."


def test_a_claim_that_waits_is_explained_in_turn() -> None:
    source = DEPLOYMENT.replace("storageClassName: fast", 'storageClassName: ""')
    finding = found(source, "VS301", nodes=1, faults="pod-loss")
    assert any("there is no PersistentVolume without a class" in each for each in finding.why)
    assert finding.remedy.startswith("Create a PersistentVolume without a class")


def test_a_budget_says_why_it_allows_nothing() -> None:
    finding = found(DEPLOYMENT + BUDGET, "VS501", nodes=2, faults="drain")
    assert finding.why
    assert finding.way_out == ""


def test_what_is_lost_has_no_way_out() -> None:
    source = POD.replace(
        "nginx}]", "nginx, volumeMounts: [{name: v, mountPath: /v}]}], volumes: [{name: v, emptyDir: {}}]"
    )
    finding = found(source, "VS101", nodes=1, faults="pod-loss")
    assert (finding.why, finding.way_out) == ((), "")


def test_each_form_tells_it() -> None:
    report = volsim.check(POD, nodes=1, faults="pod-loss", remedies=False)
    text, markdown = shown(report, "text"), shown(report, "markdown")
    assert "\n   why it stays so:\n   - pod/web is gone, " in text
    assert "\n   way out: apply its manifest again: tried" in text
    assert "\n**Way out:** apply its manifest again: tried" in markdown
    assert report.as_dict()["findings"][0]["why"] == list(report.findings[0].why)
