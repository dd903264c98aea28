"""The rules of pods one by one: containers, what the kubelet does to them, resources, settings, placement.

Each case is a pod that breaks one rule, and all that is told of it (Kubernetes 1.36).
Source: kube-apiserver, pkg/apis/core/validation/validation.go.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.apiserver.manifests import Manifest, accept, claim, container, pod, refusal
from volsim.apiserver.validation import validate_create, validate_status_update, validate_update
from volsim.manifests import from_manifest
from volsim.rules import Rules

WEB = "spec.containers[0]"
TRUE = {"exec": {"command": ["true"]}}
CLAIM = claim()["spec"]


def web(**more: Any) -> Manifest:
    """A pod whose only container is given more."""
    return pod(containers=[container(**more)])


def short(errors: list[str]) -> list[str]:
    """Errors without the regular expression and examples of a rule."""
    return [re.sub(r" \((e\.g\.|regex).*", "", error) for error in errors]


CASES: dict[str, tuple[Manifest, list[str]]] = {
    # -- containers
    "a port has a number and a known protocol": (
        web(ports=[{"containerPort": 0}, {"containerPort": 70000, "hostPort": -1, "protocol": "ICMP"}]),
        [
            f"{WEB}.ports[0].containerPort: Required value",
            f"{WEB}.ports[1].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
            f"{WEB}.ports[1].hostPort: Invalid value: -1: must be between 1 and 65535, inclusive",
            f'{WEB}.ports[1].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"',
        ],
    ),
    "names of ports are short, lower case and each there once": (
        web(ports=[{"containerPort": 1, "name": name} for name in ("http", "http", "-", "A--b", "x" * 16)]),
        [
            f'{WEB}.ports[1].name: Duplicate value: "http"',
            f'{WEB}.ports[2].name: Invalid value: "-": must contain at least one letter (a-z)',
            f'{WEB}.ports[2].name: Invalid value: "-": must not begin or end with a hyphen',
            (
                f'{WEB}.ports[3].name: Invalid value: "A--b": must contain only alpha-numeric characters (a-z, '
                "0-9), and "
                "hyphens (-)"
            ),
            f'{WEB}.ports[3].name: Invalid value: "A--b": must not contain consecutive hyphens',
            f'{WEB}.ports[4].name: Invalid value: "{"x" * 16}": must be no more than 15 characters',
        ],
    ),
    "two containers do not want one port of the node": (
        pod(containers=[container(name=name, ports=[{"containerPort": 1, "hostPort": 80}]) for name in "ab"]),
        ['spec.containers[1].ports[0].hostPort: Duplicate value: "TCP//80"'],
    ),
    "messages come from a file or the logs": (
        web(terminationMessagePolicy="Never"),
        [
            (
                f'{WEB}.terminationMessagePolicy: Unsupported value: "Never": supported values: "File", '
                '"FallbackToLogsOnError"'
            )
        ],
    ),
    "an image is pulled in one of three ways": (
        web(imagePullPolicy="Often"),
        [
            f'{WEB}.imagePullPolicy: Unsupported value: "Often": supported values: "Always", "IfNotPresent", "Never"',
        ],
    ),
    "an image has no blanks around it": (
        web(image=" nginx"),
        [f'{WEB}.image: Invalid value: " nginx": must not have leading or trailing whitespace'],
    ),
    "who gives up privileges has none": (
        web(
            securityContext={
                "runAsUser": -1,
                "procMount": "Unmasked",
                "allowPrivilegeEscalation": False,
                "capabilities": {"add": ["CAP_SYS_ADMIN"]},
            }
        ),
        [
            f"{WEB}.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive",
            f'{WEB}.securityContext.procMount: Invalid value: "Unmasked": `hostUsers` must be false to use `Unmasked`',
            (
                f'{WEB}.securityContext: Invalid value: {{"allowPrivilegeEscalation":false,"capabilities":{{"add":'
                '["CAP_SYS_ADMIN"]},"procMount":"Unmasked","runAsUser":-1}: cannot set '
                "`allowPrivilegeEscalation` to false "
                "and `capabilities.Add` CAP_SYS_ADMIN"
            ),
        ],
    ),
    "nobody is privileged without the right to be": (
        web(securityContext={"procMount": "Some", "allowPrivilegeEscalation": False, "privileged": True}),
        [
            f'{WEB}.securityContext.procMount: Unsupported value: "Some": supported values: "Default", "Unmasked"',
            (
                f'{WEB}.securityContext: Invalid value: {{"allowPrivilegeEscalation":false,"privileged":true,'
                '"procMount":"Some"}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true'
            ),
        ],
    ),
    "init containers share the names of the others": (
        pod(initContainers=[container()]),
        ['spec.initContainers[0].name: Duplicate value: "web"'],
    ),
    "a debugger does not come with the pod": (
        pod(ephemeralContainers=[container(name="debug", ports=[{"containerPort": 1}], targetContainerName="x")]),
        [
            'spec.ephemeralContainers[0].targetContainerName: Not found: "x"',
            "spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container",
            "spec.ephemeralContainers: Forbidden: cannot be set on create",
        ],
    ),
    # -- restarts
    "rules for restarts need a policy": (
        web(restartPolicyRules=[{"action": "Stop"}]),
        [
            f"{WEB}.restartPolicy: Required value: must specify restartPolicy when restart rules are used",
            (
                f'{WEB}.restartPolicyRules[0].action: Unsupported value: "Stop": supported values: "Restart", '
                '"RestartAllContainers"'
            ),
            f"{WEB}.restartPolicyRules[0].exitCodes: Required value: must be specified",
        ],
    ),
    "a rule names exit codes": (
        web(
            restartPolicy="Sometimes",
            restartPolicyRules=[{"action": "Restart", "exitCodes": {"operator": "Is", "values": list(range(256))}}],
        ),
        [
            f'{WEB}.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "Never", "OnFailure"',
            f'{WEB}.restartPolicyRules[0].exitCodes.operator: Unsupported value: "Is": supported values: "In", "NotIn"',
            f"{WEB}.restartPolicyRules[0].exitCodes.values: Too many: 256: must have at most 255 items",
        ],
    ),
    "a policy goes before its rules": (
        pod(
            initContainers=[
                container(name="init", restartPolicyRules=[{"action": "Restart", "exitCodes": {"operator": "In"}}])
            ]
        ),
        [
            (
                "spec.initContainers[0].restartPolicy: Required value: must specify restartPolicy when restart rules "
                "are used"
            )
        ],
    ),
    "twenty rules are enough": (
        web(
            restartPolicy="Never",
            restartPolicyRules=[{"action": "Restart", "exitCodes": {"operator": "In", "values": [1]}}] * 21,
        ),
        [f"{WEB}.restartPolicyRules: Too many: 21: must have at most 20 items"],
    ),
    "a sidecar has hooks": (
        pod(initContainers=[container(name="log", restartPolicy="Always", lifecycle={"preStop": {}})]),
        ["spec.initContainers[0].lifecycle.preStop: Required value: must specify a handler type"],
    ),
    # -- mounts
    "the node's mounts are shared by the privileged only": (
        pod(
            containers=[
                container(
                    volumeMounts=[
                        {"name": "x", "mountPath": "/a", "mountPropagation": "Bidirectional"},
                        {"name": "x", "mountPath": "/b", "mountPropagation": "Up"},
                    ]
                )
            ],
            volumes=[{"name": "x", "emptyDir": {}}],
        ),
        [
            (
                f"{WEB}.volumeMounts.mountPropagation: Forbidden: Bidirectional mount propagation is available only to "
                "privileged containers"
            ),
            (
                f'{WEB}.volumeMounts.mountPropagation: Unsupported value: "Up": supported values: "Bidirectional", '
                '"HostToContainer", "None"'
            ),
        ],
    ),
    "a volume is mounted or is a device": (
        pod(
            containers=[
                container(
                    volumeMounts=[{"name": "x", "mountPath": "/x"}], volumeDevices=[{"name": "x", "devicePath": "/x"}]
                )
            ],
            volumes=[{"name": "x", "persistentVolumeClaim": {"claimName": "x"}}],
        ),
        [
            f'{WEB}.volumeMounts[0].name: Invalid value: "x": must not already exist in volumeDevices',
            f'{WEB}.volumeMounts[0].mountPath: Invalid value: "/x": must not already exist as a path in volumeDevices',
            f'{WEB}.volumeDevices[0].name: Invalid value: "x": must not already exist in volumeMounts',
            f'{WEB}.volumeDevices[0].devicePath: Invalid value: "/x": must not already exist as a path in volumeMounts',
        ],
    ),
    # -- variables
    "a variable's source is named in full": (
        web(
            env=[
                {"name": "A", "value": "a", "valueFrom": {"secretKeyRef": {"name": "s"}}},
                {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "status.message"}}},
                {"name": "C", "valueFrom": {"fieldRef": {"fieldPath": "metadata.annotations['a/b/c']"}}},
                {"name": "D", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "3"}}},
                {"name": "E", "valueFrom": {"resourceFieldRef": {}}},
                {"name": "F", "valueFrom": {"fieldRef": {"fieldPath": "status.phase"}}},
            ]
        ),
        [
            f"{WEB}.env[0].valueFrom.secretKeyRef.key: Required value",
            f'{WEB}.env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty',
            (
                f'{WEB}.env[1].valueFrom.fieldRef.fieldPath: Invalid value: "status.message": error converting '
                "fieldPath: "
                "field label not supported: status.message"
            ),
            (
                f'{WEB}.env[2].valueFrom.fieldRef: Invalid value: "a/b/c": a valid label key must consist of '
                "alphanumeric "
                "characters, '-', '_' or '.', and must start and end with an alphanumeric character"
            ),
            (
                f'{WEB}.env[3].valueFrom.resourceFieldRef.divisor: Invalid value: "limits.cpu": only divisor\'s '
                "values 1m and "
                "1 are supported with the cpu resource"
            ),
            f"{WEB}.env[4].valueFrom.resourceFieldRef.resource: Required value",
            (
                f'{WEB}.env[5].valueFrom.fieldRef.fieldPath: Unsupported value: "status.phase": supported values: '
                '"metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", '
                '"status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"'
            ),
        ],
    ),
    "many variables come from one place": (
        web(envFrom=[{"prefix": "="}, {"configMapRef": {}, "secretRef": {"name": "ends-"}}]),
        [
            (
                f'{WEB}.envFrom[0].prefix: Invalid value: "=": a valid environment variable name must consist only of '
                "printable ASCII characters other than '='"
            ),
            f'{WEB}.envFrom: Invalid value: "": must specify one of: `configMapRef` or `secretRef`',
            f"{WEB}.envFrom[1].configMapRef.name: Required value",
            f'{WEB}.envFrom: Invalid value: "": may not have more than one field specified at a time',
        ],
    ),
    "a variable from a file names it": (
        web(env=[{"name": "A", "valueFrom": {"fileKeyRef": {"path": "../a", "key": "", "volumeName": "x"}}}]),
        [
            f"{WEB}.env[0].valueFrom.fileKeyRef.key: Required value",
            f"{WEB}.env[0].valueFrom.fileKeyRef.path: Invalid value: \"../a\": must not contain '..'",
            f'{WEB}.env[0].valueFrom.fileKeyRef.volumeName: Not found: "x"',
        ],
    ),
    # -- probes and hooks
    "a probe does one thing": (
        web(readinessProbe={**TRUE, "tcpSocket": {"port": 80}, "terminationGracePeriodSeconds": 0}),
        [
            f"{WEB}.readinessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type",
            f"{WEB}.readinessProbe.terminationGracePeriodSeconds: Invalid value: 0: must be greater than 0",
            (
                f"{WEB}.readinessProbe.terminationGracePeriodSeconds: Invalid value: 0: must not be set for "
                "readinessProbes"
            ),
        ],
    ),
    "a probe's numbers are not negative": (
        web(livenessProbe={"grpc": {"port": 0}, "initialDelaySeconds": -1, "successThreshold": 2}),
        [
            f"{WEB}.livenessProbe.grpc.port: Invalid value: 0: must be between 1 and 65535, inclusive",
            f"{WEB}.livenessProbe.initialDelaySeconds: Invalid value: -1: must be greater than or equal to 0",
            f"{WEB}.livenessProbe.successThreshold: Invalid value: 2: must be 1",
        ],
    ),
    "a request has a port and a scheme": (
        web(startupProbe={"httpGet": {"port": "", "scheme": "FTP"}}),
        [
            (
                f'{WEB}.startupProbe.httpGet.port: Invalid value: "": must contain only alpha-numeric characters '
                "(a-z, 0-9), "
                "and hyphens (-)"
            ),
            f'{WEB}.startupProbe.httpGet.port: Invalid value: "": must contain at least one letter (a-z)',
            f'{WEB}.startupProbe.httpGet.scheme: Unsupported value: "FTP": supported values: "HTTP", "HTTPS"',
        ],
    ),
    "a hook sleeps no longer than the pod has": (
        web(lifecycle={"preStop": {"sleep": {"seconds": 31}}, "postStart": {"exec": {}}}),
        [
            f"{WEB}.lifecycle.postStart.exec.command: Required value",
            (
                f"{WEB}.lifecycle.preStop.sleep: Invalid value: 31: must be non-negative and less than "
                "terminationGracePeriodSeconds (30)"
            ),
        ],
    ),
    # -- resources
    "resources have names and amounts": (
        web(
            resources={
                "limits": {"pods": "1", "gpu": "1", "example.com/gpu": "1.5", "requests.x.com/a": "1", "cpu": "-1"}
            }
        ),
        [
            f'{WEB}.resources.limits[pods]: Invalid value: "pods": must be a standard resource for containers',
            f'{WEB}.resources.limits[gpu]: Invalid value: "gpu": must be a standard resource type or fully qualified',
            f'{WEB}.resources.limits[gpu]: Invalid value: "gpu": must be a standard resource for containers',
            f'{WEB}.resources.limits[example.com/gpu]: Invalid value: "1500m": must be an integer',
            (
                f'{WEB}.resources.limits[requests.x.com/a]: Invalid value: "requests.x.com/a": doesn\'t follow '
                "extended "
                "resource name standard"
            ),
            f'{WEB}.resources.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0',
            f'{WEB}.resources.requests[pods]: Invalid value: "pods": must be a standard resource for containers',
            f'{WEB}.resources.requests[gpu]: Invalid value: "gpu": must be a standard resource type or fully qualified',
            f'{WEB}.resources.requests[gpu]: Invalid value: "gpu": must be a standard resource for containers',
            f'{WEB}.resources.requests[example.com/gpu]: Invalid value: "1500m": must be an integer',
            (
                f'{WEB}.resources.requests[requests.x.com/a]: Invalid value: "requests.x.com/a": doesn\'t follow '
                "extended "
                "resource name standard"
            ),
            f'{WEB}.resources.requests[cpu]: Invalid value: "-1": must be greater than or equal to 0',
        ],
    ),
    "what cannot be promised twice is promised as it is": (
        web(resources={"limits": {"example.com/gpu": "2"}, "requests": {"example.com/gpu": "1"}}),
        [f'{WEB}.resources.requests: Invalid value: "1": must be equal to example.com/gpu limit of 2'],
    ),
    "huge pages have a size": (
        web(resources={"limits": {"cpu": "1", "hugepages-big": "1"}}),
        [
            (
                f'{WEB}.resources.limits[hugepages-big]: Invalid value: "1": 1 is not positive integer multiple of '
                "hugepages-big"
            ),
            (
                f'{WEB}.resources.requests[hugepages-big]: Invalid value: "1": 1 is not positive integer multiple of '
                "hugepages-big"
            ),
        ],
    ),
    "containers fit into their pod": (
        pod(
            containers=[container(resources={"requests": {"cpu": "2"}, "limits": {"memory": "2Gi"}})],
            initContainers=[container(name="init", resources={"requests": {"cpu": "3"}})],
            resources={"requests": {"cpu": "1"}, "limits": {"memory": "1Gi", "storage": "1"}},
        ),
        [
            (
                'spec.resources.limits[storage]: Unsupported value: "storage": supported values: "cpu", '
                '"hugepages-", "memory"'
            ),
            (
                'spec.resources.requests[cpu]: Invalid value: "1": must be greater than or equal to aggregate '
                "container "
                "requests of 3"
            ),
            (
                'spec.resources.containers[0][memory].limits: Invalid value: "2Gi": must be less than or equal '
                "to pod limits "
                "of 1Gi"
            ),
        ],
    ),
    "a Windows pod is not measured as a whole": (
        pod(os={"name": "windows"}, resources={"limits": {"cpu": "1"}}),
        ["spec.resources: Forbidden: may not be set for a windows pod"],
    ),
    "sidecars count beside the others": (
        pod(
            containers=[container(resources={"limits": {"cpu": "1", "hugepages-2Mi": "4Mi"}})],
            initContainers=[
                container(
                    name="log", restartPolicy="Always", resources={"limits": {"cpu": "1", "hugepages-2Mi": "4Mi"}}
                )
            ],
            resources={"requests": {"cpu": "1"}, "limits": {"cpu": "1", "hugepages-2Mi": "6Mi"}},
        ),
        [
            (
                'spec.resources.requests[cpu]: Invalid value: "1": must be greater than or equal to aggregate '
                "container "
                "requests of 2"
            ),
            (
                'spec.resources.limits[hugepages-2Mi]: Invalid value: "6Mi": must be greater than or equal to '
                "aggregate "
                "container limits of 8Mi"
            ),
        ],
    ),
    "what a pod costs by itself is an amount": (
        pod(overhead={"cpu": "-1"}),
        ['spec.overhead.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0'],
    ),
    # -- settings
    "a pod's settings are known": (
        pod(restartPolicy="Maybe", dnsPolicy="Local", os={"name": "plan9"}),
        [
            'spec.restartPolicy: Unsupported value: "Maybe": supported values: "Always", "OnFailure", "Never"',
            (
                'spec.dnsPolicy: Unsupported value: "Local": supported values: "ClusterFirstWithHostNet", '
                '"ClusterFirst", '
                '"Default", "None"'
            ),
            'spec.os: Unsupported value: "plan9": supported values: "linux", "windows"',
        ],
    ),
    "names in a spec are names": (
        pod(serviceAccountName="A", nodeName="B", hostname="c.d", subdomain="E", runtimeClassName="F", os={"name": ""}),
        [
            (
                'spec.serviceAccountName: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of '
                "lower case "
                "alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"
            ),
            (
                'spec.nodeName: Invalid value: "B": a lowercase RFC 1123 subdomain must consist of lower case '
                "alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"
            ),
            'spec.hostname: Invalid value: "c.d": must not contain dots',
            (
                'spec.subdomain: Invalid value: "E": a lowercase RFC 1123 label must consist of lower case '
                "alphanumeric "
                "characters or '-', and must start and end with an alphanumeric character"
            ),
            (
                'spec.runtimeClassName: Invalid value: "F": a lowercase RFC 1123 subdomain must consist of lower case '
                "alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"
            ),
            "spec.os.name: Required value",
        ],
    ),
    "a hostname of one's own is short and not the node's": (
        pod(hostnameOverride="h" * 65, setHostnameAsFQDN=True, hostNetwork=True),
        [
            "spec.hostnameOverride: Forbidden: may not be specified when setHostnameAsFQDN is true",
            "spec.hostnameOverride: Forbidden: may not be specified when hostNetwork is true",
            "spec.hostnameOverride: Too long: may not be more than 64 bytes",
        ],
    ),
    "groups are numbers of 31 bits": (
        pod(securityContext={"fsGroup": -1, "supplementalGroups": [2**31], "fsGroupChangePolicy": "Never"}),
        [
            "spec.securityContext.fsGroup: Invalid value: -1: must be between 0 and 2147483647, inclusive",
            (
                "spec.securityContext.supplementalGroups[0]: Invalid value: 2147483648: must be between 0 and "
                "2147483647, "
                "inclusive"
            ),
            (
                'spec.securityContext.fsGroupChangePolicy: Unsupported value: "Never": supported values: "Always", '
                '"OnRootMismatch"'
            ),
        ],
    ),
    "processes are shared with the node or among themselves": (
        pod(shareProcessNamespace=True, hostPID=True),
        [
            (
                "spec.securityContext.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and "
                "HostPID cannot "
                "both be enabled"
            )
        ],
    ),
    "users of one's own go with nothing of the node": (
        pod(
            containers=[container(volumeDevices=[{"name": "x", "devicePath": "/dev/x"}])],
            volumes=[{"name": "x", "persistentVolumeClaim": {"claimName": "x"}}],
            hostUsers=False,
            hostPID=True,
            hostIPC=True,
        ),
        [
            "spec.HostPID: Forbidden: when `hostUsers` is false",
            "spec.HostIPC: Forbidden: when `hostUsers` is false",
            "spec.containers[0].volumeDevices: Forbidden: when `hostUsers` is false",
        ],
    ),
    "gates have names": (
        pod(schedulingGates=[{"name": "a"}, {"name": "a"}], readinessGates=[{"conditionType": "/"}]),
        [
            'spec.readinessGates[0].conditionType: Invalid value: "/": prefix part must be non-empty',
            'spec.readinessGates[0].conditionType: Invalid value: "/": name part must be non-empty',
            (
                'spec.readinessGates[0].conditionType: Invalid value: "/": name part must consist of alphanumeric '
                "characters, '-', '_' or '.', and must start and end with an alphanumeric character"
            ),
            'spec.schedulingGates[1]: Duplicate value: "a"',
        ],
    ),
    "who answers no names is told who does": (
        pod(dnsPolicy="None", activeDeadlineSeconds=0),
        [
            "spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None",
            "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive",
        ],
    ),
    "who waits at a gate has no node": (
        pod(schedulingGates=[{"name": "a"}], nodeName="node01"),
        ["spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared"],
    ),
    # -- volumes
    "no two parts of a volume make one file": (
        pod(
            serviceAccountName="default",
            volumes=[
                {
                    "name": "all",
                    "projected": {
                        "sources": [
                            {"secret": {"name": "s", "items": [{"key": "a", "path": "a"}]}},
                            {"configMap": {"name": "c", "items": [{"key": "a", "path": "a"}]}},
                            {"downwardAPI": {"items": [{"path": "a", "fieldRef": {"fieldPath": "metadata.name"}}]}},
                            {"serviceAccountToken": {"path": "t", "expirationSeconds": 1}},
                            {"serviceAccountToken": {"path": "u", "expirationSeconds": 2**32 + 1}},
                        ]
                    },
                }
            ],
        ),
        [
            'spec.volumes[0].projected: Invalid value: "c": conflicting duplicate paths',
            'spec.volumes[0].projected: Invalid value: "a": conflicting duplicate paths',
            (
                "spec.volumes[0].projected.sources[3].serviceAccountToken.expirationSeconds: Invalid value: 1: may not "
                "specify a duration less than 10 minutes"
            ),
            (
                "spec.volumes[0].projected.sources[4].serviceAccountToken.expirationSeconds: Invalid value: "
                "4294967297: may "
                "not specify a duration larger than 2^32 seconds"
            ),
        ],
    ),
    "trust bundles are named or signed": (
        pod(
            volumes=[
                {
                    "name": "all",
                    "projected": {
                        "sources": [
                            {"clusterTrustBundle": {"path": "a"}},
                            {"clusterTrustBundle": {"path": "b", "name": ":n", "labelSelector": {}}},
                            {"clusterTrustBundle": {"path": "c", "signerName": "one/A"}},
                        ]
                    },
                }
            ]
        ),
        [
            f"spec.volumes[0].projected.sources{error}"
            for error in (
                "[0].clusterTrustBundle: Required value: either name or signerName must be specified",
                (
                    '[1].clusterTrustBundle.name: Invalid value: ":n": not a valid clustertrustbundlename: '
                    'ClusterTrustBundle without signer name must not have ":" in its name'
                ),
                (
                    "[1].clusterTrustBundle.labelSelector: Invalid value: {}: labelSelector must be unset if name is "
                    "specified"
                ),
                (
                    '[2].clusterTrustBundle.signerName: Invalid value: "one": should be a domain with at least two '
                    "segments "
                    "separated by dots"
                ),
                (
                    '[2].clusterTrustBundle.signerName: Invalid value: "A": validating label "A": a lowercase RFC 1123 '
                    "subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
                    "end with "
                    "an alphanumeric character"
                ),
            )
        ],
    ),
    "a file of the pod's own shows one thing": (
        pod(
            volumes=[
                {
                    "name": "me",
                    "downwardAPI": {
                        "items": [
                            {"path": "a"},
                            {"path": "b", "resourceFieldRef": {"resource": "limits.cpu"}},
                            {"path": "c", "fieldRef": {"apiVersion": "v2", "fieldPath": "metadata.name"}},
                        ]
                    },
                }
            ]
        ),
        [
            "spec.volumes[0].downwardAPI: Required value: one of fieldRef and resourceFieldRef is required",
            "spec.volumes[0].downwardAPI.resourceFieldRef.containerName: Required value",
            (
                'spec.volumes[0].downwardAPI.fieldRef.fieldPath: Invalid value: "metadata.name": error converting '
                "fieldPath: "
                "unsupported pod version: v2"
            ),
        ],
    ),
    "directories have paths, types and sizes": (
        pod(
            volumes=[
                {"name": "a", "emptyDir": {"sizeLimit": "-1"}},
                {"name": "b", "hostPath": {"path": ""}},
                {"name": "c", "hostPath": {"path": "/c", "type": "Door"}},
                {"name": "d", "ephemeral": {}},
                {"name": "e", "emptyDir": {}, "ephemeral": {"volumeClaimTemplate": {"spec": CLAIM}}},
                {"name": "f", "cinder": {"secretRef": {}}},
                {"name": "g", "azureDisk": {"diskName": "g", "diskURI": "g", "kind": "Huge"}},
            ]
        ),
        [
            "spec.volumes[0].emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity",
            "spec.volumes[1].hostPath.path: Required value",
            (
                'spec.volumes[2].hostPath.type: Unsupported value: "Door": supported values: "", "BlockDevice", '
                '"CharDevice", '
                '"Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"'
            ),
            "spec.volumes[3].ephemeral.volumeClaimTemplate: Required value",
            "spec.volumes[4].ephemeral: Forbidden: may not specify more than 1 volume type",
            "spec.volumes[5].cinder.volumeID: Required value",
            "spec.volumes[5].cinder.secretRef.name: Required value",
            (
                'spec.volumes[6].azureDisk.kind: Unsupported value: "Huge": supported values: "Dedicated", "Managed", '
                '"Shared"'
            ),
            (
                'spec.volumes[6].azureDisk.diskURI: Unsupported value: "g": supported values: '
                '"https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"'
            ),
        ],
    ),
    # -- placement
    "a toleration's value could be a label's": (
        pod(tolerations=[{"key": "a", "value": "no blanks"}]),
        [
            (
                'spec.tolerations[0].operator: Invalid value: "no blanks": a valid label must be an empty string or '
                "consist "
                "of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
            )
        ],
    ),
    "a selector's operator and values fit": (
        pod(
            affinity={
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {
                        "nodeSelectorTerms": [
                            {
                                "matchExpressions": [
                                    {"key": "a", "operator": "In"},
                                    {"key": "a", "operator": "Exists", "values": ["b"]},
                                    {"key": "a", "operator": "Gt", "values": ["1", "2"]},
                                    {"key": "a", "operator": "Near"},
                                ],
                                "matchFields": [{"key": "metadata.name", "operator": "Exists"}],
                            }
                        ]
                    }
                }
            }
        ),
        [
            f"{place}: {text}"
            for place, text in (
                ("matchExpressions[0].values", "Required value: must be specified when `operator` is 'In' or 'NotIn'"),
                (
                    "matchExpressions[1].values",
                    "Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
                ),
                (
                    "matchExpressions[2].values",
                    "Required value: must be specified single value when `operator` is 'Lt' or 'Gt'",
                ),
                ("matchExpressions[3].operator", 'Invalid value: "Near": not a valid selector operator'),
                ("matchFields[0].operator", 'Invalid value: "Exists": not a valid selector operator'),
            )
            for place in [
                "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0]."
                + place
            ]
        ],
    ),
    "pods are spread in a way that there is": (
        pod(
            topologySpreadConstraints=[
                {"maxSkew": 0, "whenUnsatisfiable": "Wait", "minDomains": 0, "nodeTaintsPolicy": "Some"},
                {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway", "matchLabelKeys": ["a"]},
                {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"},
            ]
        ),
        [
            f"spec.topologySpreadConstraints{error}"
            for error in (
                "[0].maxSkew: Invalid value: 0: must be greater than zero",
                "[0].topologyKey: Required value: can not be empty",
                '[0].whenUnsatisfiable: Unsupported value: "Wait": supported values: "DoNotSchedule", "ScheduleAnyway"',
                "[0].minDomains: Invalid value: 0: must be greater than zero",
                (
                    "[0].minDomains: Invalid value: 0: can only use minDomains if whenUnsatisfiable=DoNotSchedule, "
                    "not Wait"
                ),
                '[0].nodeTaintsPolicy: Unsupported value: "Some": supported values: "Honor", "Ignore"',
                '[1].{topologyKey, whenUnsatisfiable}: Duplicate value: "{zone, ScheduleAnyway}"',
                "[1].matchLabelKeys: Forbidden: must not be specified when labelSelector is not set",
            )
        ],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_rule_of_pods(name: str) -> None:
    manifest, expected = CASES[name]
    assert short(refusal(manifest)) == expected


def test_labels_of_the_pod_that_constraints_use_were_not_in_the_selector() -> None:
    given = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway", "matchLabelKeys": ["a", "b"]}
    spread = given | {"labelSelector": {"matchLabels": {"a": "1"}}}
    [told] = refusal(pod(topologySpreadConstraints=[spread]), "1.30")
    assert told.endswith('matchLabelKeys[0]: Invalid value: "a": exists in both matchLabelKeys and labelSelector')
    [told] = refusal(pod(topologySpreadConstraints=[given]), "1.30")
    assert told.endswith("must not be specified when labelSelector is not set")


@pytest.mark.parametrize(
    ("field", "version", "given"),
    [
        ("restart_policy_rules", "1.34", {"restartPolicyRules": [{"action": "Restart"}]}),
        ("restart_policy", "1.28", {"restartPolicy": "Always"}),
    ],
)
def test_what_a_version_does_not_know_is_dropped(field: str, version: str, given: Manifest) -> None:
    stored: Any = accept(pod(initContainers=[container(name="init", **given)]), version).get("pod/data")
    assert not getattr(stored.spec.init_containers[0], field)


def test_a_source_that_a_version_does_not_know_leaves_nothing() -> None:
    env = [{"name": "A", "valueFrom": {"fileKeyRef": {"path": "a", "key": "A", "volumeName": "x"}}}]
    assert refusal(web(env=env), "1.34")[0].endswith("`configMapKeyRef` or `secretKeyRef`")
    assert refusal(web(lifecycle={"preStop": {"sleep": {"seconds": 1}}}), "1.28") == [
        f"{WEB}.lifecycle.preStop: Required value: must specify a handler type"
    ]
    assert refusal(web(lifecycle={"preStop": {"sleep": {"seconds": 0}}}), "1.30") == [
        (
            f"{WEB}.lifecycle.preStop.sleep: Invalid value: 0: must be greater than 0 and less than "
            "terminationGracePeriodSeconds (30)"
        )
    ]


def test_a_read_only_mount_is_so_all_the_way_down_since_1_31() -> None:
    mounting = pod(
        containers=[container(volumeMounts=[{"name": "x", "mountPath": "/x", "recursiveReadOnly": "Enabled"}])],
        volumes=[{"name": "x", "emptyDir": {}}],
    )
    text = f"{WEB}.volumeMounts.recursiveReadOnly: Forbidden: may only be specified when readOnly is true"
    assert refusal(mounting) == [text]
    stored: Any = accept(mounting, "1.30").get("pod/data")
    assert stored.spec.containers[0].volume_mounts[0].recursive_read_only is None


def test_containers_were_spoken_of_in_other_words_before_1_25() -> None:
    spoiled = pod(
        containers=[container(terminationMessagePolicy="Never")],
        initContainers=[container(name="init", readinessProbe=TRUE)],
    )
    told = refusal(spoiled, "1.20")
    assert told[0].endswith(": must be 'File' or 'FallbackToLogsOnError'")
    assert told[1].endswith(": must not be set for init containers")
    assert refusal(spoiled, "1.25")[1].endswith("Forbidden: may not be set for init containers")


def test_only_init_containers_had_a_policy_of_their_own_before_1_35() -> None:
    text = f"{WEB}.restartPolicy: Forbidden: may not be set for non-init containers"
    assert refusal(web(restartPolicy="Always"), "1.34") == [text]


def test_a_mirror_pod_is_one_from_its_first_to_its_last_day() -> None:
    plain, mirror = pod(nodeName="node01"), pod(nodeName="node01")
    mirror["metadata"] = {"name": "data", "namespace": "default", "annotations": {"kubernetes.io/config.mirror": "x"}}
    plain["metadata"] = {"name": "data", "namespace": "default"}
    old, new = (from_manifest(each) for each in (plain, mirror))
    field = "metadata.annotations[kubernetes.io/config.mirror]"
    [added, *_] = validate_update(new, old, Rules())
    assert str(added) == f"{field}: Forbidden: may not add mirror pod annotation"
    [removed, *_] = validate_update(old, new, Rules())
    assert str(removed) == f"{field}: Forbidden: may not remove or update mirror pod annotation"
    homeless = from_manifest(mirror | {"spec": pod()["spec"]})
    [error, *_] = validate_create(homeless, Rules())
    assert error.text.endswith("must set spec.nodeName if mirror pod annotation is set")


@pytest.mark.parametrize(("cost", "is_right"), [("0", True), ("-3", True), ("01", False), ("3000000000", False)])
def test_what_it_costs_to_delete_a_pod_is_a_number(cost: str, is_right: bool) -> None:
    costly = pod()
    costly["metadata"]["annotations"] = {"controller.kubernetes.io/pod-deletion-cost": cost}
    if is_right:
        accept(costly)
    else:
        assert refusal(costly)[0].endswith("must be a 32bit integer")
    accept(costly, "1.21")


def changed(old: Manifest, new: Manifest, version: str = "1.36") -> list[str]:
    """What is wrong with a change from one pod to another; first lines only."""
    errors = validate_update(from_manifest(new), from_manifest(old), Rules.for_version(version))
    return [str(error).partition("\n")[0] for error in errors]


def defaulted(**spec: Any) -> Manifest:
    """A pod in which nothing is left to be filled in."""
    whole = container(imagePullPolicy="Always", terminationMessagePolicy="File")
    given = {"restartPolicy": "Always", "dnsPolicy": "Default", "terminationGracePeriodSeconds": 30}
    manifest = pod(containers=[whole], **{**given, **spec})
    manifest["metadata"] = {"name": "data", "namespace": "default"}
    return manifest


def test_a_deadline_does_not_go() -> None:
    text = "must not update from a positive integer to nil value"
    assert changed(defaulted(activeDeadlineSeconds=5), defaulted()) == [
        f"spec.activeDeadlineSeconds: Invalid value: null: {text}",
    ]
    assert changed(defaulted(), defaulted(activeDeadlineSeconds=-1))[-1].endswith(
        "must be between 0 and 2147483647, inclusive"
    )


def test_a_negative_grace_period_can_be_mended() -> None:
    old, new = defaulted(terminationGracePeriodSeconds=-1), defaulted(terminationGracePeriodSeconds=1)
    assert changed(old, new) == []
    assert changed(old, new, "1.21")[0].startswith("spec: Forbidden")
    assert changed(new, old)[0].startswith("spec: Forbidden")


def test_what_was_wrong_before_it_was_looked_at_may_stay() -> None:
    """Values in a pod's affinity have been looked at since 1.26: what an older server has let in can still be "
    "changed."""
    term = {
        "topologyKey": "zone",
        "labelSelector": {"matchExpressions": [{"key": "a", "operator": "In", "values": ["no blanks"]}]},
    }
    affinity = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    old, new = defaulted(affinity=affinity), defaulted(affinity=affinity, activeDeadlineSeconds=5)
    assert changed(old, new) == []
    assert len(changed(defaulted(), new)) == 2


def status(**more: Any) -> Any:
    """A pod that ends, on a node, with a status."""
    manifest = defaulted(restartPolicy="Never", nodeName="node01")
    return from_manifest({**manifest, "status": more})


def test_a_status_names_conditions_and_nodes() -> None:
    old = status(qosClass="Burstable")
    new = status(qosClass="BestEffort", nominatedNodeName="Node", conditions=[{"type": "Ready"}, {"type": ""}])
    fields = [error.field for error in validate_status_update(new, old, Rules())]
    assert fields == [
        "status.conditions[1].Type",
        "status.conditions[1].Type",
        "status.nominatedNodeName",
        "status.nominatedNodeName",
        "status.qosClass",
    ]
    assert len(validate_status_update(new, old, Rules.for_version("1.20"))) == 3


@pytest.mark.parametrize(
    ("given", "may_restart"),
    [
        ({}, False),
        ({"restartPolicy": "Always"}, True),
        ({"restartPolicy": "OnFailure"}, True),
        ({"restartPolicyRules": [{"action": "Restart", "exitCodes": {"operator": "In", "values": [7]}}]}, True),
        ({"restartPolicyRules": [{"action": "Restart", "exitCodes": {"operator": "NotIn", "values": [7]}}]}, False),
        ({"restartPolicyRules": [{"action": "RestartAllContainers", "exitCodes": {"operator": "In"}}]}, True),
    ],
)
def test_a_container_comes_back_from_its_end_if_it_may_be_restarted(given: Manifest, may_restart: bool) -> None:
    manifest = defaulted(restartPolicy="Never")
    manifest["spec"]["containers"][0] |= given
    states: tuple[Manifest, ...] = ({"terminated": {"exitCode": 7}}, {"running": {}})
    old, new = (
        from_manifest({**manifest, "status": {"containerStatuses": [{"name": "web", "state": state}]}})
        for state in states
    )
    assert (validate_status_update(new, old, Rules()) == []) is may_restart
