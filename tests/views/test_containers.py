"""`kubectl exec` and `kubectl logs`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.views.conftest import PAIR, WEB, terminal_of
from volsim import ExecResult, Simulation, Unreachable, VolsimError

OLD, NEW = "1.15", "1.36"
DEPRECATED = (
    "kubectl exec [POD] [COMMAND] is DEPRECATED and will be removed in a future version. "
    "Use kubectl exec [POD] -- [COMMAND] instead.\n"
)


class Echo:
    """Stands for a simulation's `exec`: notes what it was asked and answers what it was told to."""

    def __init__(self) -> None:
        self.answer = ExecResult("hello\n", "", 0)
        self.error: VolsimError | None = None
        self.asked: dict[str, Any] = {}

    def __call__(self, ref: str, command: Any, container: str, namespace: str, **given: Any) -> ExecResult:
        self.asked = {"ref": ref, "command": command, "container": container, "namespace": namespace, **given}
        if self.error is not None:
            raise self.error
        return self.answer


@pytest.fixture
def echo(monkeypatch: pytest.MonkeyPatch) -> Echo:
    """What containers answer in this test."""
    made = Echo()

    def answer(sim: Simulation, *args: Any, **given: Any) -> ExecResult:
        return made(*args, **given)

    monkeypatch.setattr(Simulation, "exec", answer)
    return made


def started(version: str = NEW) -> Simulation:
    """A cluster with a pod of one container and a pod of two."""
    sim = Simulation(nodes=1, kubernetes=version)
    sim.apply(WEB)
    sim.apply(PAIR)
    sim.run("5s")
    return sim


class TestExecForms:
    """``exec POD -- COMMAND``, and the form without dashes while there was one."""

    def test_with_dashes(self, echo: Echo) -> None:
        assert started().kubectl("exec -it web -n default -- cat -n /x") == "hello\n"
        assert echo.asked == {
            "ref": "pod/web",
            "command": ["cat", "-n", "/x"],
            "container": "web",
            "namespace": "default",
            "stdin": b"",
            "tty": True,
        }

    def test_container(self, echo: Echo) -> None:
        started().kubectl("exec pair -c two -- ls")
        assert echo.asked["container"] == "two"

    @pytest.mark.parametrize(("version", "said"), [("1.17", ""), ("1.18", DEPRECATED), ("1.30", DEPRECATED)])
    def test_without_dashes(self, echo: Echo, version: str, said: str) -> None:
        assert started(version).kubectl("exec -it web -c web cat /x") == said + "hello\n"
        assert echo.asked["command"] == ["cat", "/x"]

    def test_without_dashes_since_it_was_removed(self, echo: Echo) -> None:
        """kubectl refuses it; old tutorials are to run all the same, and to tell their readers."""
        assert started("1.31").kubectl("exec -it web -c web cat /x") == (
            "Warning: kubectl exec [POD] [COMMAND] is not supported anymore since kubectl 1.31. "
            "Use kubectl exec [POD] -- [COMMAND] instead; volsim runs it all the same.\nhello\n"
        )

    def test_flags_of_the_command_need_dashes(self) -> None:
        assert "unknown shorthand flag: 'l' in -l" in terminal_of(started(OLD))("exec web ls -l")

    def test_standard_input_only_if_asked_for(self, echo: Echo) -> None:
        sim = started()
        sim.kubectl("exec web -- cat", stdin="typed")
        assert echo.asked["stdin"] == b""
        sim.kubectl("exec -i web -- cat", stdin="typed")
        assert echo.asked["stdin"] == b"typed"

    def test_pod_by_its_kind(self, echo: Echo) -> None:
        started().kubectl("exec pod/web -- ls")
        assert echo.asked["ref"] == "pod/web"

    def test_workload_without_pods(self, kubelets: Simulation) -> None:
        kubelets.kubectl("create deployment db --image=nginx")
        assert terminal_of(kubelets)("exec deploy/db -- ls").startswith("error: ")

    def test_pod_of_a_workload(self, echo: Echo) -> None:
        sim = Simulation(nodes=1)
        sim.kubectl("create deployment db --image=nginx")
        sim.run("5s")
        sim.kubectl("exec deploy/db -- ls")
        assert echo.asked["ref"].startswith("pod/db-")

    @pytest.mark.parametrize(
        ("line", "complaint"),
        [
            ("exec", "error: pod, type/name or --filename must be specified"),
            ("exec -- ls", "error: pod, type/name or --filename must be specified"),
            ("exec web", "error: you must specify at least one command for the container"),
            ("exec nope -- ls", 'Error from server (NotFound): pods "nope" not found'),
            ("exec -f x -- ls", "error: exec -f is not modelled: name the pod"),
            (
                "exec ns/default -- ls",
                "error: cannot attach to Namespace: selector for Namespace not implemented",
            ),
            ("exec svc/empty -- ls", "error: timed out waiting for the condition: svc/empty has no pods"),
        ],
    )
    def test_complaint(self, line: str, complaint: str) -> None:
        sim = started()
        sim.create(
            "apiVersion: v1\nkind: Service\nmetadata: {name: empty}\nspec: {selector: {a: b}, ports: [{port: 1}]}\n"
        )
        assert terminal_of(sim)(line) == f"{complaint}\n"


class TestExecResult:
    """Output, then complaints, then how it ended."""

    def test_output_comes_first(self, echo: Echo) -> None:
        echo.answer = ExecResult("out\n", "err\n", 0)
        assert started().kubectl("exec web -- x") == "out\nerr\n"

    def test_exit_code_is_an_error_that_carries_the_output(self, echo: Echo) -> None:
        echo.answer = ExecResult("out", "cat: /x: No such file or directory", 1)
        with pytest.raises(VolsimError) as caught:
            started().kubectl("exec web -- cat /x")
        assert str(caught.value) == ("outcat: /x: No such file or directory\ncommand terminated with exit code 1")

    def test_exit_code_without_output(self, echo: Echo) -> None:
        echo.answer = ExecResult("", "", 3)
        assert terminal_of(started())("exec web -- false") == "command terminated with exit code 3\n"

    @pytest.mark.parametrize(
        ("error", "shown"),
        [
            (
                Unreachable("error dialing backend: node node01 is off"),
                "Error from server: error dialing backend: node node01 is off",
            ),
            (
                VolsimError("pod web does not have a host assigned"),
                "Error from server (BadRequest): pod web does not have a host assigned",
            ),
            (VolsimError("unable to upgrade connection"), "error: unable to upgrade connection"),
        ],
    )
    def test_error_of_the_node(self, echo: Echo, error: VolsimError, shown: str) -> None:
        echo.error = error
        assert terminal_of(started())("exec web -- ls") == f"{shown}\n"

    def test_completed_pod(self) -> None:
        sim = started()
        sim.patch("pod/web", {"status": {"phase": "Succeeded"}}, subresource="status")
        assert terminal_of(sim)("exec web -- ls") == (
            "error: cannot exec into a container in a completed pod; current phase is Succeeded\n"
        )


class TestWhichContainer:
    """The one named, the annotated, or the first; by version with a word about it."""

    def test_first_of_several(self, echo: Echo) -> None:
        assert started().kubectl("exec pair -- ls") == 'Defaulted container "one" out of: one, two\nhello\n'
        assert started().kubectl("exec -q pair -- ls") == "hello\n"

    def test_old_words(self, echo: Echo) -> None:
        assert started("1.20").kubectl("exec pair -- ls") == (
            "Defaulting container name to one.\n"
            "Use 'kubectl describe pod/pair -n default' to see all of the containers in this pod.\nhello\n"
        )

    def test_annotated(self, echo: Echo) -> None:
        sim = started()
        sim.kubectl("annotate pod pair kubectl.kubernetes.io/default-container=two")
        assert sim.kubectl("exec pair -- ls") == "hello\n"
        assert echo.asked["container"] == "two"

    def test_unknown(self) -> None:
        assert terminal_of(started())("exec pair -c x -- ls") == (
            "error: container x is not valid for pod pair out of: one, two\n"
        )
        assert terminal_of(started("1.35"))("exec pair -c x -- ls") == (
            "Error from server (BadRequest): container x is not valid for pod pair\n"
        )


class TestLogs:
    """What containers printed."""

    @pytest.fixture
    def sim(self) -> Simulation:
        sim = started()
        _say(sim, "web", "web", b"one\ntwo\nthree\n")
        _say(sim, "pair", "one", b"first\n")
        _say(sim, "pair", "two", b"second\n")
        return sim

    def test_whole_log(self, sim: Simulation) -> None:
        assert sim.kubectl("logs web") == "one\ntwo\nthree\n"

    @pytest.mark.parametrize(
        ("count", "shown"), [(2, "two\nthree\n"), (0, ""), (9, "one\ntwo\nthree\n"), (-1, "one\ntwo\nthree\n")]
    )
    def test_tail(self, sim: Simulation, count: int, shown: str) -> None:
        assert sim.kubectl(f"logs web --tail={count}") == shown

    def test_default_container(self, sim: Simulation) -> None:
        assert sim.kubectl("logs pair") == 'Defaulted container "one" out of: one, two\nfirst\n'

    def test_named_container(self, sim: Simulation) -> None:
        assert sim.kubectl("logs pair -c two") == sim.kubectl("logs pair two") == "second\n"

    def test_all_containers(self, sim: Simulation) -> None:
        assert sim.kubectl("logs pair --all-containers") == "first\nsecond\n"
        assert sim.kubectl("logs pair --all-containers --prefix") == "[pod/pair/one] first\n[pod/pair/two] second\n"

    def test_selector_shows_the_last_ten_lines(self, sim: Simulation) -> None:
        _say(sim, "web", "web", b"x\n" * 20)
        assert sim.kubectl("logs -l app=web") == "x\n" * 10
        assert sim.kubectl("logs -l app=none") == "No resources found in default namespace.\n"

    def test_previous_run(self, sim: Simulation) -> None:
        sim.crash_container("pod/web")
        sim.run("30s")
        assert sim.kubectl("logs -p web") == "one\ntwo\nthree\n"
        assert sim.kubectl("logs web") == ""

    def test_several_containers_had_to_be_named(self) -> None:
        sim = started("1.23")
        assert terminal_of(sim)("logs pair") == (
            "error: a container name must be specified for pod pair, choose one of: [one two]\n"
        )
        assert sim.kubectl("logs web") == ""

    def test_init_containers_are_named_too(self) -> None:
        sim = Simulation(nodes=1, kubernetes="1.20")
        manifest = PAIR.replace("containers:", "initContainers: [{name: prepare, image: nginx}]\n  containers:", 1)
        sim.apply(manifest)
        assert "choose one of: [one two] or one of the init containers: [prepare]" in terminal_of(sim)("logs pair")

    @pytest.mark.parametrize(
        ("line", "complaint"),
        [
            ("logs", "error: expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'."),
            ("logs web -l a=b", "error: only a selector (-l) or a POD name is allowed"),
            ("logs web web -c web", "error: only one of -c or an inline [CONTAINER] arg is allowed"),
            (
                "logs web -c web --all-containers",
                "error: --all-containers=true should not be specified with container name web",
            ),
            ("logs web --tail=-2", "error: --tail must be greater than or equal to -1"),
            ("logs web -f", "error: --follow is not modelled: "),
            ("logs web -c x", "error: container x is not valid for pod web out of: web"),
            (
                "logs web -p",
                'Error from server (BadRequest): previous terminated container "web" in pod "web" not found',
            ),
            ("logs nope", 'Error from server (NotFound): pods "nope" not found'),
        ],
    )
    def test_complaint(self, sim: Simulation, line: str, complaint: str) -> None:
        assert terminal_of(sim)(line).startswith(complaint)

    def test_pod_without_a_node(self, sim: Simulation) -> None:
        sim.apply(WEB.replace("name: web", "name: lost", 1).replace("nodeName: node01, ", "nodeSelector: {no: node}, "))
        assert terminal_of(sim)("logs lost") == (
            "Error from server (BadRequest): pod lost does not have a host assigned\n"
        )

    def test_dead_node(self, sim: Simulation) -> None:
        sim.fail_node("node01")
        assert "no route to host" in terminal_of(sim)("logs web")

    def test_container_that_has_not_started(self) -> None:
        sim = Simulation(nodes=1)
        sim.apply(WEB)
        assert terminal_of(sim)("logs web") == (
            'Error from server (BadRequest): container "web" in pod "web" is waiting to start: ContainerCreating\n'
        )

    def test_what_it_waits_for_is_told(self) -> None:
        sim = Simulation(nodes=1)
        sim.apply(WEB)
        waiting = [{"name": "web", "state": {"waiting": {"reason": "ImagePullBackOff"}}}]
        sim.patch("pod/web", {"status": {"containerStatuses": waiting}}, subresource="status")
        assert "is waiting to start: ImagePullBackOff" in terminal_of(sim)("logs web")


def _say(sim: Simulation, pod: str, container: str, text: bytes) -> None:
    """Put text into a container's log, as its program would have."""
    key = f"{sim.get(f'pod/{pod}').metadata.uid}/{container}"
    row = sim.state.get("containers", key)
    sim._draft.put("containers", key, row.replace(log=text))
