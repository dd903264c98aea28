"""Calls of a simulation as values, and a run of them as a program, or as a story of kubectl commands."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import yaml

from volsim.errors import VolsimError
from volsim.manifests import to_manifest
from volsim.objects import Object
from volsim.simulation import Simulation

__all__ = ["Call", "program", "story"]


class Call(NamedTuple):
    """One call of a `Simulation`'s method, as a value.

    >>> call = Call("delete", "pod/p1")
    >>> print(call)
    sim.delete('pod/p1')
    >>> from volsim.testing import cluster_of
    >>> call.do(cluster_of())
    False
    """

    method: str
    argument: Any = None
    options: tuple[tuple[str, Any], ...] = ()
    """What is given by name, or for the second and third argument."""

    def __repr__(self) -> str:
        last = f", options={self.options!r}" if self.options else ""
        return f"Call(method={self.method!r}, argument={self.argument!r}{last})"

    def __str__(self) -> str:
        first = [] if self.argument is None else [_written(self.argument)]
        return (
            f"sim.{self.method}({', '.join([*first, *(f'{name}={_written(value)}' for name, value in self.options)])})"
        )

    def do(self, sim: Simulation) -> bool:
        """Make the call; whether it was accepted. A call that is refused changes nothing."""
        first = () if self.argument is None else (self.argument,)
        try:
            getattr(sim, self.method)(*first, **dict(self.options))
        except VolsimError:
            return False
        return True


def _plain(source: Any) -> Any:
    """A source of manifests without the records of this library; a status is not part of what is asked for."""
    if isinstance(source, list | tuple):
        return [_plain(each) for each in source]
    if isinstance(source, Object):
        manifest = to_manifest(source)
        manifest.pop("status", None)
        return manifest
    return source


def _written(value: Any) -> str:
    plain = _plain(value)
    return repr(plain) if not callable(plain) else "…"


def program(calls: Iterable[Call], *, start: str = "volsim.Simulation()") -> str:
    """The calls as a Python program that can be pasted. `start` is the expression that makes the cluster.

    >>> print(program([Call("fail_node", "node01"), Call("run", "1m")], start="volsim.Simulation(nodes=1)"))
    import volsim
    sim = volsim.Simulation(nodes=1)
    sim.fail_node('node01')
    sim.run('1m')
    """
    return "\n".join(["import volsim", f"sim = {start}", *map(str, calls)])


# -- as kubectl would have it ------------------------------------------------------------------------------------------
_FAULTS = {
    "fail_node": "{} loses power",
    "recover_node": "{} is switched on",
    "partition_node": "{} is cut off from the control plane",
    "heal_node": "{} and the control plane can talk again",
    "destroy_node": "{} is destroyed, with its disk",
    "fail_backend": "storage {} cannot be reached any more",
    "recover_backend": "storage {} can be reached again",
    "crash_container": "the container of {} crashes",
    "exit_container": "the container of {} exits",
    "install_csi_driver": "the CSI driver {} is installed",
    "run": "{} pass",
    "settle": "nothing more happens by itself",
    "step": "the next thing happens",
}


class _Plain(yaml.SafeDumper):
    """Writes what stands there twice twice: an alias is no manifest that one would write."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _manifest(manifest: dict[str, Any]) -> str:
    """A manifest in few lines: a field of it each."""
    return "\n".join(
        f"{key}: "
        + yaml.dump(value, Dumper=_Plain, default_flow_style=True, sort_keys=False, width=110).split("\n...")[0].strip()
        for key, value in manifest.items()
    )


def _on_paper(call: Call) -> str:
    """The command that creates, applies or replaces; the manifests as what it reads."""
    source = _plain(call.argument)
    if isinstance(source, dict):
        source = [source]
    if isinstance(source, list) and all(isinstance(each, dict) for each in source):
        source = "\n---\n".join(map(_manifest, source))
    return f"$ kubectl {call.method} -f - <<EOF\n{str(source).strip()}\nEOF"


def _delete(call: Call) -> str:
    options = dict(call.options)
    grace = options.get("grace_period")
    words = ["--force --grace-period=0"] if options.get("force") else []
    words += [] if grace is None else [f"--grace-period={grace}"]
    return " ".join(["$ kubectl delete", call.argument, *words, "--wait=false"])


def _write(call: Call) -> str:
    path, data = (value for _, value in call.options[:2])
    text = data.decode(errors="replace") if isinstance(data, bytes) else data
    return f"$ kubectl exec {call.argument} -- sh -c {shlex.quote(f'printf %s {shlex.quote(text)} > {path}')}"


def _exec(call: Call) -> str:
    options = dict(call.options)
    command, stdin = options["command"], options.get("stdin") or ""
    words = command if isinstance(command, str) else shlex.join(command)
    if not stdin:
        return f"$ kubectl exec {call.argument} -- {words}"
    text = stdin.decode(errors="replace") if isinstance(stdin, bytes) else stdin
    return f"$ kubectl exec -i {call.argument} -- {words} <<'EOF'\n{text.removesuffix(chr(10))}\nEOF"


_COMMANDS: dict[str, Callable[[Call], str]] = {
    "apply": _on_paper,
    "create": _on_paper,
    "replace": _on_paper,
    "delete": _delete,
    "write_file": _write,
    "read_file": lambda call: f"$ kubectl exec {call.argument} -- cat {call.options[0][1]}",
    "exec": _exec,
    "scale": lambda call: f"$ kubectl scale {call.argument} --replicas={call.options[0][1]}",
    "patch": lambda call: f"$ kubectl patch {call.argument} --type=merge -p '{json.dumps(call.options[0][1])}'",
    "kubectl": lambda call: f"$ kubectl {call.argument.removeprefix('kubectl ')}",
    "rollout_restart": lambda call: f"$ kubectl rollout restart {call.argument}",
}


def _told(call: Call) -> str:
    if call.method in _FAULTS:
        argument = call.argument
        if argument is None and call.options:
            argument = call.options[0][1]
        return "# " + _FAULTS[call.method].format("until what is waited for" if callable(argument) else argument)
    command = _COMMANDS.get(call.method)
    if command is not None:
        return command(call)
    words = [call.method, *([] if call.argument is None else [str(call.argument)])]
    return "$ kubectl " + " ".join([*words, *(str(value) for _, value in call.options)])


def story(calls: Iterable[Call]) -> str:
    """The calls as kubectl commands; what kubectl cannot do stands in comments.

    >>> print(story([Call("delete", "pvc/c1"), Call("fail_node", "node01"), Call("run", "1m")]))
    $ kubectl delete pvc/c1 --wait=false
    # node01 loses power
    # 1m pass
    """
    return "\n".join(map(_told, calls))
