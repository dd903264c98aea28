"""`kubectl debug POD --image=…`: a container that is added to a running pod, to look into it.

Modelled: ephemeral containers.
Not modelled: copies of pods (`--copy-to`), pods to look into nodes, profiles, attaching to what was started.
Source: kubectl, pkg/cmd/debug/debug.go (Validate, debugByEphemeralContainer, computeDebugContainerName).
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from volsim.apiserver.strategy import name_suffix
from volsim.errors import VolsimError
from volsim.manifests import to_manifest
from volsim.objects import Pod
from volsim.views.arguments import Flag
from volsim.views.commands.changes import table_ref
from volsim.views.commands.command import Command
from volsim.views.resources import find, kind_called
from volsim.views.session import Session, server_error

__all__ = ["DEBUG"]


def _debug(session: Session) -> None:
    image, policy, target = (session.flags[name] for name in ("image", "image-pull-policy", "target"))
    dash = session.words.dash
    names, argv = (session.arguments, []) if dash is None else (session.arguments[:dash], session.arguments[dash:])
    if not image:
        raise VolsimError("error: you must specify --image when not using --copy-to.")
    if not names:
        raise VolsimError("error: NAME or filename is required for debug")
    if policy not in (None, "", "Always", "IfNotPresent", "Never"):
        raise VolsimError(f"error: invalid image pull policy: {policy}")
    if target and not session.flags["quiet"]:
        session.say(
            f'Targeting container "{target}". If you don\'t see processes from this container it may be because the '
            "container runtime doesn't support this feature."
        )
    for name in names:
        pod = _pod(session, name)
        made = {
            "name": session.flags["container"] or _free_name(session, pod),
            "image": image,
            "imagePullPolicy": policy or None,
            "stdin": session.flags["stdin"] or None,
            "tty": session.flags["tty"] or None,
            "terminationMessagePolicy": "File",
            "targetContainerName": target or None,
            ("args" if session.flags["arguments-only"] else "command"): argv or None,
        }
        _add(session, pod, {key: value for key, value in made.items() if value is not None})


def _pod(session: Session, name: str) -> Pod:
    word, slash, bare = name.rpartition("/")
    kind = kind_called(session, word if slash else "pods")
    if kind.name != "Pod":
        raise VolsimError(f"error: volsim debugs pods, not {kind.name} {bare}; of a node use sim.host_files(…)")
    found: Pod = find(session, kind, bare)
    return found


def _free_name(session: Session, pod: Pod) -> str:
    """A name that no container of the pod has; the same in each run of the same simulation."""
    specs: tuple[Any, ...] = (*pod.spec.containers, *pod.spec.init_containers, *pod.spec.ephemeral_containers)
    taken = {each.name for each in specs}
    number = len(pod.spec.ephemeral_containers)
    name = ""
    while not name or name in taken:
        drawn = blake2b(f"{pod.metadata.uid}/{number}".encode(), digest_size=8).digest()
        name, number = f"debugger-{name_suffix(int.from_bytes(drawn))}", number + 1
    if not session.flags["quiet"]:
        session.say(f"Defaulting debug container name to {name}.")
    return name


def _add(session: Session, pod: Pod, container: dict[str, Any]) -> None:
    ref, namespace = table_ref(session, pod)
    if not session.sim.rules.ephemeral_containers:
        text = "the server could not find the requested resource"
        raise VolsimError(f'error: ephemeral containers are disabled for this cluster (error from server: "{text}")')
    there = to_manifest(pod)["spec"].get("ephemeralContainers", [])
    patch = {"spec": {"ephemeralContainers": [*there, container]}}
    try:
        session.sim.patch(ref, patch, namespace, type="strategic", subresource="ephemeralcontainers")
    except VolsimError as error:
        raise server_error(error) from None


LATER = "nothing can be attached to; let time pass with sim.run(…), then use kubectl exec -c or kubectl logs -c"
COPIES = "copies of pods are not modelled; add an ephemeral container"

DEBUG = Command(
    "debug",
    _debug,
    (
        Flag("image"),
        Flag("image-pull-policy"),
        Flag("container", "c"),
        Flag("target"),
        Flag("stdin", "i", "switch"),
        Flag("tty", "t", "switch"),
        Flag("quiet", "q", "switch"),
        Flag("arguments-only", kind="switch"),
        Flag("attach", kind="switch", refusal=LATER),
        Flag("copy-to", refusal=COPIES),
        Flag("profile", refusal="profiles are not modelled"),
    ),
    about="Create debugging sessions for troubleshooting workloads and nodes",
)
