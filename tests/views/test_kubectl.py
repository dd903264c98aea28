"""The command line itself: which command, which flags, what is said of mistakes."""

from __future__ import annotations

import warnings

import pytest

from tests.views.conftest import Terminal, terminal_of
from volsim import ApiWarning, NotFound, Simulation, VolsimError
from volsim.views.kubectl import COMMANDS, UNMODELLED


class TestWhichCommand:
    """cobra: the first word that is no flag."""

    @pytest.mark.parametrize(
        "line", ["get ns -o name", "kubectl get ns -o name", "k -n default get ns -o name", "-v=4 get ns -oname"]
    )
    def test_word_kubectl_and_global_flags_may_stand_before_it(self, kubectl: Terminal, line: str) -> None:
        assert kubectl(line).startswith("namespace/default\n")

    def test_misspelt_command_is_answered_with_near_ones(self, kubectl: Terminal) -> None:
        assert (
            kubectl("gett pods") == 'error: unknown command "gett" for "kubectl"\n\nDid you mean this?\n\tget\n\tset\n'
        )

    def test_unknown_command_without_neighbours(self, kubectl: Terminal) -> None:
        assert kubectl("frobnicate") == 'error: unknown command "frobnicate" for "kubectl"\n'

    def test_old_versions_say_it_in_cobras_words(self) -> None:
        old = terminal_of(Simulation(nodes=1, kubernetes="1.15"))
        assert old("frobnicate") == (
            'Error: unknown command "frobnicate" for "kubectl"\nRun \'kubectl --help\' for usage.\n'
        )

    def test_nothing_shows_the_commands(self, kubectl: Terminal) -> None:
        assert "  taint " in kubectl("")
        assert kubectl("") == kubectl("help")

    @pytest.mark.parametrize("name", sorted(COMMANDS))
    def test_each_command_has_help(self, kubectl: Terminal, name: str) -> None:
        assert f"Usage: kubectl {name} [flags]" in kubectl(f"{name} --help")

    @pytest.mark.parametrize("name", sorted(UNMODELLED))
    def test_command_that_is_not_modelled_says_what_to_use(self, kubectl: Terminal, name: str) -> None:
        assert kubectl(f"{name} x").startswith(f"error: kubectl {name} is not modelled: ")

    def test_command_that_was_not_there_yet(self) -> None:
        old = terminal_of(Simulation(nodes=1, kubernetes="1.22"))
        assert 'unknown command "events"' in old("events")


class TestFlags:
    """pflag's complaints, with kubectl's pointer to the help."""

    def test_unknown_flag(self, kubectl: Terminal) -> None:
        assert kubectl("get pods --foo") == "error: unknown flag: --foo\nSee 'kubectl get --help' for usage.\n"

    def test_other_clusters_are_refused(self, kubectl: Terminal) -> None:
        assert kubectl("get pods --context prod").startswith("error: --context is not modelled: there is one cluster")

    def test_watching_is_refused_with_a_way_out(self, kubectl: Terminal) -> None:
        assert "kubectl wait" in kubectl("get pods -w")


class TestErrors:
    """What comes from the server keeps its type, and gets kubectl's words."""

    def test_type_fits(self, sim: Simulation) -> None:
        with pytest.raises(NotFound, match=r'^Error from server \(NotFound\): pods "x" not found$'):
            sim.kubectl("get pod x")

    def test_what_was_printed_before_stands_before_the_error(self, sim: Simulation) -> None:
        with pytest.raises(NotFound) as caught:
            sim.kubectl("get ns default nope -o name")
        assert str(caught.value) == 'namespace/default\nError from server (NotFound): namespaces "nope" not found'

    def test_several_errors_are_told_one_by_one(self, kubectl: Terminal) -> None:
        assert kubectl("get pod x y") == (
            'Error from server (NotFound): pods "x" not found\nError from server (NotFound): pods "y" not found\n'
        )

    def test_invalid_object_is_told_by_its_fields(self, kubectl: Terminal) -> None:
        manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Web, labels: {a: b c}}\n"
        shown = kubectl("apply -f -", stdin=manifest)
        assert shown.startswith('The ConfigMap "Web" is invalid: \n* metadata.name: Invalid value: "Web": ')
        assert '\n* metadata.labels: Invalid value: "b c": ' in shown

    def test_single_field_stands_on_the_same_line(self, kubectl: Terminal) -> None:
        manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Web}\n"
        shown = kubectl("apply -f -", stdin=manifest)
        assert shown.startswith('The ConfigMap "Web" is invalid: metadata.name: Invalid value: "Web": ')


class TestWarnings:
    """The API server's warnings are printed where they come; all others go their way."""

    def test_warning_comes_before_what_was_done(self, monkeypatch: pytest.MonkeyPatch, sim: Simulation) -> None:
        _warn_on_cordon(monkeypatch, "careful")
        assert sim.kubectl("cordon node01") == "Warning: careful\nnode/node01 cordoned\n"

    def test_old_clients_do_not_print_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        _warn_on_cordon(monkeypatch, "careful")
        assert Simulation(nodes=1, kubernetes="1.18").kubectl("cordon node01") == "node/node01 cordoned\n"

    def test_other_warnings_are_not_swallowed(self, monkeypatch: pytest.MonkeyPatch, sim: Simulation) -> None:
        _warn_on_cordon(monkeypatch, "mine", DeprecationWarning)
        with pytest.warns(DeprecationWarning, match="mine"):
            assert sim.kubectl("cordon node01") == "node/node01 cordoned\n"


def _warn_on_cordon(monkeypatch: pytest.MonkeyPatch, text: str, category: type[Warning] = ApiWarning) -> None:
    real = Simulation.cordon

    def cordon(self: Simulation, node: str) -> None:
        warnings.warn(text, category, stacklevel=1)
        real(self, node)

    monkeypatch.setattr(Simulation, "cordon", cordon)


def test_failed_command_changes_nothing(sim: Simulation) -> None:
    before = sim.state
    with pytest.raises(VolsimError):
        sim.kubectl("label node node01 =x")
    assert sim.state == before
