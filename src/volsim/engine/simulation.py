"""`Simulation`: one path through a cluster, driven by hand and by simulated time."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Self

from volsim.apiserver import eviction, requests
from volsim.apiserver.patches import LAST_APPLIED, apply_patch, three_way
from volsim.engine import processes
from volsim.engine.actions import Action, Recorded, Request, Step
from volsim.engine.breakable import Breakable, as_pod
from volsim.engine.cluster import bootstrap, default_engine, node_objects
from volsim.engine.components import must_be_served
from volsim.engine.perform import Engine
from volsim.engine.trace import EventLog, Log
from volsim.errors import LimitExceeded, NotFound, VolsimError, did_you_mean
from volsim.manifests import from_manifest, load, to_manifest
from volsim.objects import CSIDriver, CSIDriverSpec, Event, GenericObject, Node, ObjectMeta
from volsim.objects.kinds import find_kind, resolve_kind
from volsim.objects.selectors import parse_selector
from volsim.rules import Duration, Rules, microseconds
from volsim.state import Draft, State
from volsim.state.runtime import Driver

__all__ = ["ApiWarning", "ExecResult", "Simulation"]

ExecResult = processes.ExecResult
Object = Any
Objects = list[Any]  # inside of the class, `list` is kubectl's verb
Source = Any


class ApiWarning(UserWarning):
    """A warning that the API server gives with its answer; kubectl prints it as ``Warning: …``."""


class Simulation(Breakable):
    """A cluster to work with: nodes, a control plane, kubelets, storage, and a clock that runs only when asked to.

    `nodes` is a number (3 makes node01 node02 node03), names, manifests or Node objects. `kubernetes` is a version
    such as ``"1.15"``; `rules` gives its clocks and gates in detail. The same inputs and `seed` give the same trace.

    >>> sim = Simulation(nodes=2)
    >>> _ = sim.apply('''
    ... apiVersion: v1
    ... kind: Pod
    ... metadata: {name: web}
    ... spec: {containers: [{name: web, image: nginx}]}
    ... ''')
    >>> _ = sim.settle()
    >>> sim.get("pod/web").status.phase
    'Running'
    """

    def __init__(
        self,
        nodes: int | Sequence[str | Mapping[str, Any] | Node] | Source = 3,
        *,
        kubernetes: str | None = None,
        rules: Rules | None = None,
        seed: int = 0,
        engine: Engine | None = None,
    ) -> None:
        if rules is None:
            rules = Rules.for_version(kubernetes) if kubernetes is not None else Rules()
        elif kubernetes is not None:
            raise VolsimError("give kubernetes=… or rules=…, not both: rules have a version of their own")
        self._engine = engine if engine is not None else default_engine()
        self._trace: Log[Step] = Log()
        self._recorded: Log[Recorded] = Log()
        self._draft = State.empty(rules, salt=seed).draft(self._engine.watches)
        bootstrap(self._draft)
        for node in node_objects(nodes, rules):
            requests.create(self._draft, node)
        self._draft.take_changes()
        self._run_until(0)

    # -- looking -----------------------------------------------------------------------------------------------------
    @property
    def state(self) -> State:
        """The cluster as it is now: an immutable value."""
        return self._draft.seal()

    @property
    def rules(self) -> Rules:
        """The Kubernetes that is simulated."""
        return self._draft.rules

    @property
    def engine(self) -> Engine:
        """The controllers of this cluster."""
        return self._engine

    @property
    def now(self) -> float:
        """Simulated seconds since the start."""
        return self._draft.now_us / 1_000_000

    @property
    def trace(self) -> Sequence[Step]:
        """Every step so far: time, action, changes, events; `str(step)` is a line of English."""
        return self._trace

    @property
    def events(self) -> Sequence[Event]:
        """The Kubernetes events so far, oldest first; `volsim.to_manifest` gives them as `v1/Event`."""
        return EventLog(self._recorded)

    def get(self, ref: str, namespace: str = "default") -> Object:
        """The object called `ref` (``"pod/mysql-0"``, ``"pv/nfs-pv"``). Raises `NotFound`."""
        table, key = self._address(ref, namespace)
        found = self._draft.get(table, key)
        if found is None:
            raise NotFound(f'{_resource(table)} "{key.rpartition("/")[2]}" not found')
        return found

    def list(self, kind: str, namespace: str | None = None, selector: str | Mapping[str, str] | None = None) -> Objects:
        """The objects of a kind, by namespace and name; `selector` is a label selector such as ``"app=mysql"``.

        Cost: O(n log n) in the objects of that kind.
        """
        table = self._table(kind)
        if table == "events":
            return [event for event in self.events if namespace in (None, event.metadata.namespace)]
        wanted = parse_selector(selector)
        return [
            obj
            for obj in self._draft.table(table).values()
            if (namespace is None or not obj.NAMESPACED or obj.metadata.namespace == namespace)
            and wanted.matches(obj.metadata.labels)
        ]

    def _table(self, word: str) -> str:
        """The table of a kind that the user names in any of kubectl's ways."""
        known = find_kind(word)
        if known is not None:
            return known.PLURAL
        for table in self._draft.api_tables:  # kinds that are carried, not modelled
            plural, _, group = table.partition(".")
            if group and word.lower() in (table, plural, plural[:-1], plural.removesuffix("es")):
                return table
        return resolve_kind(word).PLURAL

    def _address(self, ref: str, namespace: str) -> tuple[str, str]:
        """Table and key of what ``KIND/NAME`` means."""
        word, slash, name = ref.partition("/")
        if not slash or not word or not name or "/" in name:
            raise VolsimError(
                f"{ref!r} is no address of an object; write KIND/NAME, for example 'pod/mysql-0' or 'pv/nfs-pv'"
            )
        table, known = self._table(word), find_kind(word)
        if known is None:
            key = f"{namespace}/{name}"
            return table, key if self._draft.get(table, key) is not None else name
        return table, f"{namespace}/{name}" if known.NAMESPACED else name

    # -- writing -----------------------------------------------------------------------------------------------------
    def apply(self, source: Source, namespace: str = "default") -> Objects:
        """As `kubectl apply`: create what is new, change what is there. The objects as the server stored them.

        All-or-nothing for one object, in order for many. Raises `ManifestError` for what cannot be read (then nothing
        of the source is applied), `Invalid`, `Forbidden` and so on for what the API server refuses.
        """
        return [self._apply(obj, namespace) for obj in load(source)]

    def _apply(self, obj: Object, namespace: str) -> Object:
        obj = _in_namespace(obj, namespace)
        given = to_manifest(obj)
        given.pop("status", None)
        text = json.dumps(given, sort_keys=True, separators=(",", ":")) + "\n"
        current = self._draft.get(requests.table_of(obj), obj.key) if obj.metadata.name else None
        if current is None:
            annotated = obj.replace(
                metadata=obj.metadata.replace(
                    annotations=type(obj.metadata.annotations)({**obj.metadata.annotations, LAST_APPLIED: text})
                )
            )
            return self._request("apply", obj, lambda draft: requests.create(draft, annotated, warn=_warn))
        live = to_manifest(current)
        last = json.loads(live["metadata"].get("annotations", {}).get(LAST_APPLIED, "{}"))
        given["apiVersion"] = live["apiVersion"]
        merged = three_way(live, given, last)
        merged["metadata"].setdefault("annotations", {})[LAST_APPLIED] = text
        new = from_manifest(merged)
        return self._request("apply", obj, lambda draft: requests.update(draft, new, user=True, warn=_warn))

    def create(self, source: Source, namespace: str = "default") -> Objects:
        """As `kubectl create -f`. Raises `AlreadyExists` where `apply` would change the object."""
        return [self._create(_in_namespace(obj, namespace)) for obj in load(source)]

    def _create(self, obj: Object) -> Object:
        return self._request("create", obj, lambda draft: requests.create(draft, obj, warn=_warn))

    def replace(self, source: Source, namespace: str = "default") -> Objects:
        """As `kubectl replace -f`. Raises `NotFound` if it is not there, `Conflict` if it has changed meanwhile."""
        return [self._replace(_in_namespace(obj, namespace)) for obj in load(source)]

    def _replace(self, obj: Object) -> Object:
        return self._request("replace", obj, lambda draft: requests.update(draft, obj, user=True, warn=_warn))

    def delete(
        self,
        ref: str,
        namespace: str = "default",
        grace_period: Duration | None = None,
        force: bool = False,
        propagation: str = "Background",
    ) -> None:
        """As `kubectl delete --wait=false`. `force` is ``--force --grace-period=0``: a pod's object goes at once.

        `grace_period` is in seconds; `propagation` is `Background`, `Foreground` or `Orphan`. Raises `NotFound`.
        """
        table, key = self._address(ref, namespace)
        grace = 0 if force and grace_period is None else grace_period
        seconds = None if grace is None else microseconds(grace) // 1_000_000
        found = self.get(ref, namespace)
        self._request(
            "delete",
            found,
            lambda draft: requests.delete(
                draft, table, key, uid=found.metadata.uid, grace_seconds=seconds, propagation=propagation
            ),
        )

    def evict(self, ref: str, namespace: str = "default", grace_period: Duration | None = None) -> None:
        """Ask for a pod to be evicted, as `kubectl drain` does: a deletion that a disruption budget may refuse.

        Raises `NotFound`, and `TooManyRequests` while a budget does not allow it: its `cause` says why.

        >>> sim = Simulation(nodes=1)
        >>> web = {"containers": [{"name": "web", "image": "nginx"}]}
        >>> _ = sim.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": web})
        >>> _ = sim.settle()
        >>> sim.evict("pod/web")
        >>> sim.get("pod/web").metadata.deletion_grace_period_seconds
        30
        """
        pod = self.get(as_pod(ref), namespace)
        seconds = None if grace_period is None else microseconds(grace_period) // 1_000_000
        uid = pod.metadata.uid
        self._request("evict", pod, lambda draft: eviction.evict(draft, pod.key, uid=uid, grace_seconds=seconds))

    def patch(
        self,
        ref: str,
        patch: Mapping[str, Any] | Sequence[Any] | str,
        namespace: str = "default",
        type: str = "merge",  # noqa: A002 - kubectl's word
        subresource: str | None = None,
    ) -> Object:
        """The object changed by a `merge` (RFC 7396), `strategic` or `json` (RFC 6902) patch, as stored.

        `subresource` may be ``"status"`` or, of a pod, ``"ephemeralcontainers"``. Raises `NotFound`, `Invalid`,
        `Forbidden`.
        """
        current = self.get(ref, namespace)
        new = from_manifest(apply_patch(to_manifest(current), patch, type))
        if subresource == "status":
            return self._request("patch status of", current, lambda d: requests.update_status(d, new, user=True))
        if subresource == "ephemeralcontainers":
            return self._request("debug", current, lambda draft: requests.update_ephemeral_containers(draft, new))
        if subresource not in (None, "scale"):
            known = "'status', 'scale' and, of a pod, 'ephemeralcontainers'"
            raise NotFound(f"there is no subresource {subresource!r}; there are {known}")
        return self._request("patch", current, lambda draft: requests.update(draft, new, user=True, warn=_warn))

    def scale(self, ref: str, replicas: int, namespace: str = "default") -> Object:
        """As `kubectl scale --replicas`. Raises `VolsimError` for a kind that has no replicas."""
        current = self.get(ref, namespace)
        if not hasattr(getattr(current, "spec", None), "replicas"):
            raise VolsimError(f"a {current.kind} cannot be scaled: it has no replicas")
        new = current.replace(spec=current.spec.replace(replicas=replicas))
        return self._request("scale", current, lambda draft: requests.update(draft, new, user=True))

    def label(self, ref: str, namespace: str = "default", **labels: str | None) -> Object:
        """As `kubectl label --overwrite`; None removes a label. Names with dots go through `patch`."""
        return self.patch(ref, {"metadata": {"labels": labels}}, namespace)

    def rollout_restart(self, ref: str, namespace: str = "default") -> Object:
        """As `kubectl rollout restart`: the pod template gets a new annotation, so that all pods are replaced."""
        from volsim.manifests import timestamp

        annotation = {"kubectl.kubernetes.io/restartedAt": timestamp(self._draft.now_us)}
        return self.patch(ref, {"spec": {"template": {"metadata": {"annotations": annotation}}}}, namespace)

    def cordon(self, node: str) -> None:
        """Mark a node unschedulable, as `kubectl cordon`. Its pods stay."""
        self._mark(node, True)

    def uncordon(self, node: str) -> None:
        """Let pods be scheduled to a node again."""
        self._mark(node, None)

    def _mark(self, name: str, unschedulable: bool | None) -> None:
        node = self.get(f"node/{name}")
        new = node.replace(spec=node.spec.replace(unschedulable=unschedulable))
        self._request("patch", node, lambda draft: requests.update(draft, new, user=True, warn=_warn))

    def taint(self, node: str, key: str, value: str = "", *, effect: str, remove: bool = False) -> None:
        """Add a taint to a node, or remove it. `effect` is `NoSchedule`, `PreferNoSchedule` or `NoExecute`."""
        taints = list(to_manifest(self.get(f"node/{node}")).get("spec", {}).get("taints", []))
        kept = [taint for taint in taints if (taint["key"], taint["effect"]) != (key, effect)]
        if remove:
            if len(kept) == len(taints):
                raise NotFound(f'taint "{key}:{effect}" not found on node "{node}"')
        else:
            kept.append({"key": key, **({"value": value} if value else {}), "effect": effect})
        self.patch(f"node/{node}", {"spec": {"taints": kept or None}})

    def _request(self, verb: str, obj: Object, act: Callable[[Draft], Any]) -> Any:
        """Do one request to the API server; a refusal leaves nothing behind."""
        name = f"{obj.metadata.namespace}/" if obj.metadata.namespace else ""
        what = f"{obj.kind.lower()}/{name}{obj.metadata.name or obj.metadata.generate_name or ''}"
        draft, serial = self._draft, self._draft.serial
        must_be_served(draft)
        try:
            result = act(draft)
        except VolsimError:
            assert not draft.changes, "a request must be refused before it writes"
            draft.serial = serial
            raise
        self._note(Step(draft.now_us, Request(verb, what), draft.take_changes(), ()))
        return result

    def _act(self, action: Action, act: Callable[[Draft], Any]) -> Any:
        """Do something that writes in several places; if it fails half-way, nothing of it stays."""
        before = self._draft.seal()
        if isinstance(action, Request) and action.actor != "root":
            must_be_served(self._draft)
        try:
            result = act(self._draft)
        except VolsimError:
            self._draft = before.draft(self._engine.watches)
            raise
        self._note(Step(self._draft.now_us, action, self._draft.take_changes(), ()))
        return result

    def _note(self, step: Step) -> None:
        self._trace.append(step)
        for event in step.events:
            self._recorded.append(event)

    # -- time --------------------------------------------------------------------------------------------------------
    def peek(self) -> float | None:
        """When the next action is due, in simulated seconds since the start; None if nothing is."""
        due = self._draft.next_due_us()
        return None if due is None else due / 1_000_000

    def step(self) -> Step | None:
        """Perform the next action, letting the clock go on to it; None if nothing is due."""
        action = self._engine.next_action(self._draft)
        if action is None:
            return None
        step = self._engine.sync(self._draft, action)
        self._note(step)
        return step

    def _run_until(self, time_us: int, until: Callable[[Self], bool] | None = None) -> bool:
        engine, draft = self._engine, self._draft
        while (action := engine.next_action(draft, time_us)) is not None:
            self._note(engine.sync(draft, action))
            if until is not None and until(self):
                return True
        draft.wait_until(time_us)
        return False

    def run(
        self,
        for_: Duration | None = None,
        *,
        until: Callable[[Self], bool] | None = None,
        limit: Duration = "1h",
    ) -> float:
        """Let simulated time pass: `for_` a while, or `until` the predicate of the simulation holds.

        The predicate is asked after every step. Returns the simulated seconds that passed. Raises `LimitExceeded` if
        it does not hold within `limit`.
        """
        if (for_ is None) == (until is None):
            raise VolsimError("say how long to run: run(for_='5m') or run(until=lambda sim: …)")
        start = self._draft.now_us
        if until is None:
            assert for_ is not None
            self._run_until(start + microseconds(for_))
        elif not until(self) and not self._run_until(start + microseconds(limit), until):
            raise LimitExceeded(f"{_named(until)} did not become true within {limit} of simulated time")
        return (self._draft.now_us - start) / 1_000_000

    def settle(self, limit: Duration = "24h") -> float:
        """Run until nothing more will happen by itself; the simulated seconds that passed.

        Recurring back-offs (crash loops, mounts that are tried again) and the pauses of running programs may remain.
        Raises `LimitExceeded` if something still happens after `limit`.
        """
        start = self._draft.now_us
        end = start + microseconds(limit)
        while (due := self._draft.next_due_us(background=False)) is not None:
            if due > end:
                raise LimitExceeded(f"after {limit} of simulated time there is still work due; give settle(limit=…)")
            action = self._engine.next_action(self._draft, due)
            if action is not None:  # else it was the work of a component that is down
                self._note(self._engine.sync(self._draft, action))
        return (self._draft.now_us - start) / 1_000_000

    # -- storage -----------------------------------------------------------------------------------------------------
    def install_csi_driver(
        self,
        name: str,
        *,
        attach_required: bool = True,
        topology_key: str | None = None,
        resizer: bool = False,
        attach_seconds: Duration = 0,
        detach_seconds: Duration = 0,
    ) -> None:
        """Install a CSI driver: its plugin on every node, its provisioner, attacher and (if asked) resizer.

        StorageClasses name it as their provisioner. With a `topology_key`, a volume can be reached only from nodes
        that have the same value of that label as the node or zone for which it was made. Its storage takes
        `attach_seconds` and `detach_seconds` (whole seconds) to do so. Raises `AlreadyExists`.
        """

        def install(draft: Draft) -> None:
            spec = CSIDriverSpec(attach_required=attach_required)
            requests.create(draft, CSIDriver(metadata=ObjectMeta(name=name), spec=spec))
            driver = Driver(
                name=name,
                attach_required=attach_required,
                topology_key=topology_key,
                resizer=resizer,
                attach_seconds=microseconds(attach_seconds) // 1_000_000,
                detach_seconds=microseconds(detach_seconds) // 1_000_000,
            )
            draft.put("drivers", name, driver)

        self._act(Request("install", f"csidriver/{name}"), install)

    # -- containers and bytes ----------------------------------------------------------------------------------------
    def exec(
        self,
        ref: str,
        command: str | Sequence[str],
        container: str | None = None,
        namespace: str = "default",
        stdin: bytes | str = b"",
        tty: bool = False,
        limit: Duration = "1h",
    ) -> ExecResult:
        """Run a command in a container, as `kubectl exec`: `.stdout`, `.stderr`, `.exit_code`.

        A text is split as a shell splits words. A command that sleeps lets simulated time pass, at most `limit`. With
        `tty` everything is in `.stdout`: a terminal has one screen.
        Raises `NotFound` (pod, container), `Unreachable` (the node is off or cut off), `VolsimError` if the container
        does not run.
        """
        pod = self.get(as_pod(ref), namespace)
        argv = processes.words(command)
        data = stdin.encode() if isinstance(stdin, str) else stdin
        run = processes.Run(pod, container, argv, data, tty)
        end = self._draft.now_us + microseconds(limit)
        while not self._act(Request("exec", f"pod/{pod.key}: {' '.join(argv)}"), run.go_on):
            if run.wake_us is None or run.wake_us > end:
                raise LimitExceeded(f"{' '.join(argv)!r} in pod {pod.key} did not end within {limit} of simulated time")
            self._run_until(run.wake_us)
        return run.result

    def read_file(self, ref: str, path: str, container: str | None = None, namespace: str = "default") -> bytes:
        """The bytes of a file as a process in the container sees it.

        Raises `FileError` with the errno that the process would get, `NotFound`, `Unreachable`.
        """
        pod = self.get(as_pod(ref), namespace)
        return processes.files_of(self._draft, pod, container).read(path)

    def write_file(
        self, ref: str, path: str, data: bytes | str, container: str | None = None, namespace: str = "default"
    ) -> None:
        """Write a file as a process in the container would. Raises as `read_file`; a refused write changes nothing."""
        pod = self.get(as_pod(ref), namespace)
        content = data.encode() if isinstance(data, str) else data
        self._act(
            Request("write", f"pod/{pod.key}: {path}"),
            lambda draft: processes.write_file(draft, pod, container, path, content),
        )

    def host_files(self, node: str) -> Mapping[str, bytes]:
        """The files of a node, by path, as root on the node would see them: its disk and what is in its memory.

        Raises `NotFound` for an unknown node and `Unreachable` if it is off.
        """
        return processes.host_files(self._draft, node)

    def write_host_file(self, node: str, path: str, data: bytes | str) -> None:
        """Write a file on a node's disk, with its directories, as root on the node would; no API server is asked.

        Raises as `host_files`, and `FileError`.

        >>> sim = Simulation(nodes=1)
        >>> sim.write_host_file("node01", "/srv/letter", "precious")
        >>> sim.host_files("node01")["/srv/letter"]
        b'precious'
        """
        content = data.encode() if isinstance(data, str) else data
        action = Request("write", f"{node}: {path}", actor="root")
        self._act(action, lambda draft: processes.write_host_file(draft, node, path, content))

    def remove_host_file(self, node: str, path: str) -> None:
        """Remove a file from a node's disk, as root on the node would. Raises as `write_host_file`."""
        action = Request("remove", f"{node}: {path}", actor="root")
        self._act(action, lambda draft: processes.write_host_file(draft, node, path, None))

    # -- forks -----------------------------------------------------------------------------------------------------
    def fork(self) -> Self:
        """A simulation that starts as this one is now and goes its own way. O(1)."""
        new = object.__new__(type(self))
        new._engine = self._engine
        new._trace = self._trace.fork()
        new._recorded = self._recorded.fork()
        new._draft = self._draft.seal().draft(self._engine.watches)
        return new

    @classmethod
    def of(cls, state: State, engine: Engine | None = None) -> Self:
        """A simulation that goes on from a state, without a past: no steps, no events. O(1).

        >>> sim = Simulation(nodes=1)
        >>> Simulation.of(sim.state).get("node/node01").name
        'node01'
        """
        new = object.__new__(cls)
        new._engine = engine if engine is not None else default_engine()
        new._trace, new._recorded = Log(), Log()
        new._draft = state.draft(new._engine.watches)
        return new

    def __repr__(self) -> str:
        version = ".".join(map(str, self.rules.version))
        return f"<Simulation of Kubernetes {version} at {self.now:g} s: {self._draft.seal()!r}>"


def _in_namespace(obj: Object, namespace: str) -> Object:
    if obj.NAMESPACED and not obj.metadata.namespace and not isinstance(obj, GenericObject):
        return obj.replace(metadata=obj.metadata.replace(namespace=namespace))
    return obj


def _resource(table: str) -> str:
    known = find_kind(table)
    return f"{table}.{known.GROUP}" if known is not None and known.GROUP else table


def _warn(text: str) -> None:
    warnings.warn(text, ApiWarning, stacklevel=2)


def _named(predicate: Callable[..., Any]) -> str:
    name = getattr(predicate, "__name__", "")
    return "the condition" if name in ("", "<lambda>") else repr(name)


def unknown_node(name: str, known: Iterable[str]) -> NotFound:
    """The error for a node that is not there, with the names that are."""
    return NotFound(f"no node named {name!r}; {did_you_mean(name, known)}")
