"""Events as the API server keeps them, and the timeline of a simulation."""

from __future__ import annotations

from tests.views.conftest import PAIR, WEB, Terminal
from volsim import Simulation
from volsim.views.events import events_about, recorded_events
from volsim.views.timeline import timeline

CRASHING = WEB.replace("name: web, labels", "name: crash, labels", 1)


class TestEvents:
    """The same thing said again is counted; what is old is forgotten."""

    def test_equal_events_are_counted(self, sim: Simulation) -> None:
        sim.apply(WEB)
        sim.run("5s")
        before = len(recorded_events(sim))
        sim.crash_container("pod/web")
        sim.run("60s")
        started = [event for event in recorded_events(sim) if event.reason == "Started"]
        assert [event.count for event in started] == [2]
        assert (started[0].first_timestamp or 0) < (started[0].last_timestamp or 0)
        assert len(recorded_events(sim)) >= before

    def test_events_are_forgotten_in_time(self, sim: Simulation, kubectl: Terminal) -> None:
        sim.apply(WEB)
        sim.run("5s")
        assert "Started" in kubectl("get events")
        sim.run("61m")
        assert "Started" not in kubectl("get events")
        assert kubectl("describe pod web").split()[-2:] == ["Events:", "<none>"]

    def test_event_that_was_forgotten_begins_anew(self, sim: Simulation) -> None:
        sim.apply(WEB)
        sim.run("2h")
        sim.crash_container("pod/web")
        sim.run("60s")
        started = [event for event in recorded_events(sim) if event.reason == "Started"]
        assert [event.count for event in started] == [1]

    def test_one_objects_events(self, sim: Simulation) -> None:
        sim.apply(WEB)
        sim.apply(PAIR)
        sim.run("5s")
        about = events_about(sim, sim.get("pod/web"))
        assert {event.involved_object.name for event in about if event.involved_object} == {"web"}

    def test_command(self, sim: Simulation, kubectl: Terminal) -> None:
        assert kubectl("events") in ("No events found in default namespace.\n", kubectl("events"))
        assert kubectl("events -n kube-system") == "No events found in kube-system namespace.\n"
        sim.apply(WEB)
        sim.run("5s")
        lines = kubectl("events --for pod/web").splitlines()
        assert lines[0].split() == ["LAST", "SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
        assert lines[1].split()[1:4] == ["Normal", "Pulled", "Pod/web"]
        assert kubectl("events --for pod/web -A --no-headers").startswith("default ")
        assert kubectl("events --types=warning --for pod/web") == "No events found in default namespace.\n"
        assert kubectl("events --for pod/web -o name").startswith("event/web.")

    def test_complaints(self, kubectl: Terminal) -> None:
        assert kubectl("events x") == 'error: unknown command "x" for "kubectl events"\n'
        assert kubectl("events --for web") == "error: --for must be in resource/name form\n"
        assert kubectl("events --types=Odd") == "error: valid --types are Normal or Warning\n"
        assert kubectl("get event x") == 'Error from server (NotFound): events "x" not found\n'

    def test_single_event(self, sim: Simulation, kubectl: Terminal) -> None:
        sim.apply(WEB)
        sim.run("5s")
        name = kubectl("get events -o jsonpath={.items[-1].metadata.name}")
        assert kubectl(f"get event {name} -o jsonpath={{.involvedObject.name}}") == "web"
        assert kubectl("get events --field-selector involvedObject.name=web,source=kubelet -o name").count("\n") == 3


class TestTimeline:
    """Steps and their events as lines."""

    def test_steps_come_with_their_events(self, sim: Simulation) -> None:
        sim.apply(WEB)
        sim.run("5s")
        lines = timeline(sim).splitlines()
        assert "     0.000s  user: apply pod/default/web" in lines
        assert any(line.strip() == "Normal Started pod/web: Container started" for line in lines)

    def test_events_can_be_left_out(self, sim: Simulation) -> None:
        sim.apply(WEB)
        sim.run("5s")
        assert "Started" not in timeline(sim, events=False)

    def test_steps_that_did_nothing_are_left_out(self, sim: Simulation) -> None:
        sim.run("10m")
        assert len(timeline(sim).splitlines()) < 20
