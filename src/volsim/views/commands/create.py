"""`kubectl create`, `run` and `expose`: objects made from a command line.

Source: kubectl, pkg/cmd/create (create_*.go), pkg/cmd/run/run.go, pkg/cmd/expose/expose.go.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from volsim.errors import VolsimError
from volsim.manifests import from_manifest
from volsim.objects.selectors import parse_selector
from volsim.views.arguments import Flag
from volsim.views.commands.apply import create_files
from volsim.views.commands.changes import announce, saved, start_dry_run
from volsim.views.commands.command import FILES, OUTPUT, SAVE_CONFIG, WRITES, Command, usage_error
from volsim.views.resources import find, kind_called
from volsim.views.session import Session, server_error
from volsim.views.sources import in_namespace

__all__ = ["CREATE", "EXPOSE", "RUN"]

Manifest = dict[str, Any]


def _make(session: Session, manifest: Manifest, operation: str = "created") -> None:
    """Create an object and say so; a client's dry run with ``-o`` shows what would be sent."""
    obj = saved(session, in_namespace(session, from_manifest(manifest)))
    if session.dry_run == " (dry run)" and session.flags.get("output") in ("yaml", "json"):
        announce(session, obj, operation)
        return
    try:
        made = session.sim.create(obj, session.namespace)[0]
    except VolsimError as error:
        raise _failed_to_create(error, obj.kind) from None
    announce(session, made, operation)


def _failed_to_create(error: VolsimError, kind: str) -> VolsimError:
    reason = getattr(error, "reason", "")
    if reason in ("", "Invalid"):
        return server_error(error)
    error.args = (f"error: failed to create {kind.lower()}: {error}",)
    return error


def _metadata(session: Session, name: str, labels: Mapping[str, str] | None = None) -> Manifest:
    found: Manifest = {"name": name}
    if labels:
        found["labels"] = dict(labels)
    return found


def _container(session: Session, name: str, image: str, words: list[str]) -> Manifest:
    container: Manifest = {"name": name, "image": image}
    if words:
        container["command" if session.flags.get("command") else "args"] = words
    return container


# -- create ------------------------------------------------------------------------------------------------------------
def _create(session: Session) -> None:
    if session.flags["filename"]:
        create_files(session)
        return
    if not session.arguments:
        raise usage_error(session, "must specify one of -f and -k")
    what, *rest = session.arguments
    kind = {"ns": "namespace", "cm": "configmap", "deploy": "deployment", "sa": "serviceaccount", "pc": "priorityclass"}
    made = _MADE.get(kind.get(what, what))
    if made is None:
        there = ", ".join(_MADE)
        raise VolsimError(f"error: kubectl create {what} is not modelled; there are {there}; for others use -f")
    start_dry_run(session)
    made(session, rest)


def _one_name(session: Session, words: list[str]) -> str:
    """The name that must stand there, before a ``--``."""
    before = words if session.words.dash is None else words[: session.words.dash - 1]
    if len(before) != 1:
        raise usage_error(session, f"exactly one NAME is required, got {len(before)}")
    return before[0]


def _behind_dash(session: Session) -> list[str]:
    return [] if session.words.dash is None else session.arguments[session.words.dash :]


def _namespace(session: Session, words: list[str]) -> None:
    _make(session, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _one_name(session, words)}})


def _config_map(session: Session, words: list[str]) -> None:
    name = _one_name(session, words)
    data = {key: value.decode(errors="replace") for key, value in _data(session).items()}
    _make(
        session,
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, **({"data": data} if data else {})},
    )


def _secret(session: Session, words: list[str]) -> None:
    if words[:1] != ["generic"]:
        kind = words[0] if words else ""
        raise VolsimError(f"error: kubectl create secret {kind} is not modelled; use `create secret generic` or -f")
    session.words.dash = None
    name = _one_name(session, words[1:])
    data = {key: base64.b64encode(value).decode() for key, value in _data(session).items()}
    kind = session.flags["type"] or "Opaque"
    _make(session, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": kind, "data": data})


def _data(session: Session) -> dict[str, bytes]:
    """Keys and values of ``--from-literal``, ``--from-file`` and ``--from-env-file``."""
    found: dict[str, bytes] = {}
    for given in session.flags["from-literal"]:
        key, equals, value = given.partition("=")
        if not equals or not key:
            raise VolsimError(f"error: invalid literal source {given}, expected key=value")
        _put(found, key, value.strip("'\"").encode())
    for given in session.flags["from-file"]:
        key, equals, path = given.partition("=")
        for file, content in _read(session, path if equals else given):
            _put(found, key if equals else file.name, content)
    for given in session.flags["from-env-file"]:
        for _, content in _read(session, given):
            for line in content.decode(errors="replace").splitlines():
                key, _, value = line.strip().partition("=")
                if key and not key.startswith("#"):
                    _put(found, key, value.encode())
    return found


def _put(found: dict[str, bytes], key: str, value: bytes) -> None:
    if key in found:
        raise VolsimError(
            f'error: cannot add key "{key}", another key by that name already exists in Data for ConfigMap'
        )
    found[key] = value


def _read(session: Session, name: str) -> list[tuple[Path, bytes]]:
    path = (session.cwd or Path()) / name
    try:
        files = sorted(each for each in path.iterdir() if each.is_file()) if path.is_dir() else [path]
        return [(file, file.read_bytes()) for file in files]
    except (OSError, ValueError) as error:
        why = (getattr(error, "strerror", None) or str(error)).lower()
        raise VolsimError(f"error: error reading {name}: {why}") from None


def _template(session: Session, labels: Mapping[str, str], containers: list[Manifest]) -> Manifest:
    return {"metadata": {"labels": dict(labels)}, "spec": {"containers": containers}}


def _deployment(session: Session, words: list[str]) -> None:
    name = _one_name(session, words)
    images = _images(session)
    labels = {"app": name}
    containers: list[Manifest] = [{"name": _image_name(image), "image": image} for image in images]
    if _behind_dash(session):
        containers[0]["command"] = _behind_dash(session)
    if session.flags["port"] and containers:
        containers[0]["ports"] = [{"containerPort": session.flags["port"]}]
    spec = {
        "replicas": session.flags["replicas"],
        "selector": {"matchLabels": labels},
        "template": _template(session, labels, containers),
    }
    metadata = _metadata(session, name, labels)
    _make(session, {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec})


def _images(session: Session) -> list[str]:
    images = [each for given in session.flags["image"] for each in given.split(",")]
    if not images:
        raise VolsimError('error: required flag(s) "image" not set')
    return images


def _image_name(image: str) -> str:
    """What a container is called that runs an image: the last part of its name, without tag and digest."""
    return image.rpartition("/")[2].partition("@")[0].partition(":")[0].replace(".", "-").replace("_", "-")


def _job(session: Session, words: list[str]) -> None:
    name = _one_name(session, words)
    container: Manifest = {"name": name, "image": _images(session)[0]}
    if _behind_dash(session):
        container["command"] = _behind_dash(session)
    template = {"spec": {"containers": [container], "restartPolicy": "Never"}}
    metadata = _metadata(session, name)
    _make(session, {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": template}})


def _service_account(session: Session, words: list[str]) -> None:
    _make(session, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": _one_name(session, words)}})


def _priority_class(session: Session, words: list[str]) -> None:
    manifest: Manifest = {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": _one_name(session, words)},
        "value": session.flags["value"],
        "globalDefault": bool(session.flags["global-default"]),
        "description": session.flags["description"] or "",
    }
    _make(session, manifest)


def _budget(session: Session, words: list[str]) -> None:
    name = _one_name(session, words)
    low, high = session.flags["min-available"], session.flags["max-unavailable"]
    if not session.flags["selector"]:
        raise VolsimError("error: a selector must be specified")
    if bool(low) == bool(high):
        raise VolsimError(
            "error: min-available and max-unavailable cannot be both specified"
            if low
            else "error: one of min-available or max-unavailable must be specified"
        )
    key, text = ("minAvailable", low) if low else ("maxUnavailable", high)
    selector = parse_selector(session.flags["selector"])
    expressions = [
        {"key": each.key, "operator": each.operator, **({"values": list(each.values)} if each.values else {})}
        for each in selector.match_expressions
    ]
    spec = {key: int(text) if text.isdecimal() else text, "selector": {"matchExpressions": expressions}}
    manifest = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name}, "spec": spec}
    _make(session, manifest)


_MADE: Mapping[str, Callable[[Session, list[str]], None]] = {
    "configmap": _config_map,
    "deployment": _deployment,
    "job": _job,
    "namespace": _namespace,
    "pdb": _budget,
    "poddisruptionbudget": _budget,
    "priorityclass": _priority_class,
    "secret": _secret,
    "serviceaccount": _service_account,
}

CREATE = Command(
    "create",
    _create,
    (
        *FILES,
        *OUTPUT,
        *WRITES,
        Flag("selector", "l"),
        Flag("from-literal", kind="texts"),
        Flag("from-file", kind="texts"),
        Flag("from-env-file", kind="texts"),
        Flag("type"),
        Flag("image", kind="texts"),
        Flag("replicas", "r", "number", default=1),
        Flag("port", kind="number", default=0),
        Flag("value", kind="number", default=0),
        Flag("global-default", kind="switch"),
        Flag("description"),
        Flag("min-available"),
        Flag("max-unavailable"),
        SAVE_CONFIG,
        Flag("edit", kind="switch", refusal="change the file and create it"),
        Flag("raw", refusal="there is no HTTP server; use -f"),
    ),
    about="Create a resource from a file or from stdin",
)


# -- run ---------------------------------------------------------------------------------------------------------------
def _run(session: Session) -> None:
    words = session.arguments if session.words.dash is None else session.arguments[: session.words.dash]
    if not words:
        raise usage_error(session, "NAME is required for run")
    if not session.flags["image"]:
        raise VolsimError("error: --image is required")
    name, behind = words[0], [*words[1:], *_behind_dash(session)]
    container = _container(session, name, session.flags["image"], behind)
    variables = [each.partition("=") for each in session.flags["env"]]
    if variables:
        container["env"] = [{"name": key, "value": value} for key, _, value in variables]
    if session.flags["port"]:
        container["ports"] = [{"containerPort": session.flags["port"]}]
    start_dry_run(session)
    restart = session.flags["restart"]
    if restart not in ("Always", "OnFailure", "Never"):
        raise usage_error(session, f"invalid restart policy: {restart}")
    labels = _labels(session, name)
    if session.dialect.run_makes_pods or restart == "Never":
        _make(session, _pod(session, name, labels, container, restart))
    else:
        _old_run(session, name, labels, container, restart)


def _labels(session: Session, name: str) -> dict[str, str]:
    given = session.flags["labels"]
    if not given:
        return {"run": name}
    pairs = [part.partition("=") for part in given.split(",")]
    return {key: value for key, _, value in pairs}


def _pod(session: Session, name: str, labels: Mapping[str, str], container: Manifest, restart: str) -> Manifest:
    spec = {"containers": [container], "restartPolicy": restart}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": _metadata(session, name, labels), "spec": spec}


def _old_run(session: Session, name: str, labels: Mapping[str, str], container: Manifest, restart: str) -> None:
    """Before 1.18, `run` made a Deployment, or a Job for ``--restart=OnFailure``."""
    generator = "deployment/apps.v1" if restart == "Always" else "job/batch.v1"
    session.say(
        f"kubectl run --generator={generator} is DEPRECATED and will be removed in a future version. "
        "Use kubectl run --generator=run-pod/v1 or kubectl create instead."
    )
    template = _template(session, labels, [container])
    metadata = _metadata(session, name, labels)
    if restart == "OnFailure":
        template["spec"]["restartPolicy"] = restart
        _make(session, {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": template}})
        return
    spec = {"replicas": session.flags["replicas"], "selector": {"matchLabels": dict(labels)}, "template": template}
    _make(session, {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec})


NO_TERMINAL = "let the pod run and use `kubectl exec` or `kubectl logs`"

RUN = Command(
    "run",
    _run,
    (
        *OUTPUT,
        *WRITES,
        SAVE_CONFIG,
        Flag("image"),
        Flag("command", kind="switch"),
        Flag("env", kind="texts"),
        Flag("labels", "l"),
        Flag("port", kind="number", default=0),
        Flag("restart", default="Always"),
        Flag("image-pull-policy"),
        Flag("replicas", "r", "number", default=1, rule="run_makes_deployments"),
        Flag("stdin", "i", "switch", refusal=NO_TERMINAL),
        Flag("tty", "t", "switch", refusal=NO_TERMINAL),
        Flag("attach", kind="switch", refusal=NO_TERMINAL),
        Flag("rm", kind="switch", refusal=NO_TERMINAL),
        Flag("expose", kind="switch", refusal="use `kubectl expose`"),
        Flag("overrides", refusal="write a manifest and create it with -f"),
    ),
    about="Run a particular image on the cluster",
)


# -- expose ------------------------------------------------------------------------------------------------------------
def _expose(session: Session) -> None:
    words = session.arguments
    if not words or session.flags["filename"]:
        raise VolsimError("error: expose needs TYPE NAME or TYPE/NAME")
    word, _, name = words[0].partition("/")
    name = name or (words[1] if len(words) > 1 else "")
    if not name:
        raise VolsimError("error: resource(s) were provided, but no name was specified")
    obj = find(session, kind_called(session, word), name)
    selector = _selector_of(obj)
    port = session.flags["port"] or _first_port(obj)
    if not port:
        raise VolsimError("error: couldn't find port via --port flag or introspection")
    entry: Manifest = {"port": int(port), "protocol": session.flags["protocol"]}
    target = session.flags["target-port"] or port
    entry["targetPort"] = int(target) if str(target).isdecimal() else target
    start_dry_run(session)
    metadata = _metadata(session, session.flags["name"] or obj.name, obj.metadata.labels)
    spec = {"selector": selector, "ports": [entry], "type": session.flags["type"]}
    _make(session, {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}, "exposed")


def _selector_of(obj: Any) -> dict[str, str]:
    """The labels by which a service finds the pods of an object."""
    if obj.kind == "Pod":
        found = dict(obj.metadata.labels)
    else:
        selector = getattr(getattr(obj, "spec", None), "selector", None)
        found = dict(getattr(selector, "match_labels", None) or (selector if isinstance(selector, Mapping) else {}))
    if not found:
        raise VolsimError(
            "error: couldn't retrieve selectors via --selector flag or introspection: there are no labels"
        )
    return found


def _first_port(obj: Any) -> int | None:
    template = getattr(obj.spec, "template", None)
    spec = template.spec if template is not None else obj.spec
    ports = [port for container in getattr(spec, "containers", ()) for port in container.ports]
    ports += list(getattr(spec, "ports", ()))
    first = ports[0] if ports else None
    return None if first is None else getattr(first, "container_port", None) or getattr(first, "port", None)


EXPOSE = Command(
    "expose",
    _expose,
    (
        *FILES,
        *OUTPUT,
        *WRITES,
        SAVE_CONFIG,
        Flag("name"),
        Flag("port"),
        Flag("target-port"),
        Flag("protocol", default="TCP"),
        Flag("type", default="ClusterIP"),
    ),
    about="Take a replication controller, service, deployment or pod and expose it as a new service",
)
