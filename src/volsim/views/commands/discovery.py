"""`kubectl api-resources`, `api-versions`, `version` and `cluster-info`.

Source: kubectl, pkg/cmd/apiresources, pkg/cmd/version/version.go, pkg/cmd/clusterinfo/clusterinfo.go.
"""

from __future__ import annotations

from volsim.errors import VolsimError
from volsim.objects import KINDS
from volsim.views.arguments import Flag
from volsim.views.commands.command import OUTPUT, Command
from volsim.views.output import as_json, as_yaml, check_format
from volsim.views.session import Session
from volsim.views.tables import aligned

__all__ = ["API_RESOURCES", "API_VERSIONS", "CLUSTER_INFO", "VERSION"]


# -- which kinds there are ---------------------------------------------------------------------------------------------
def _served(session: Session) -> list[tuple[str, str, str, bool, str]]:
    """Plural, short names, apiVersion, whether it has a namespace, kind: of each kind that is modelled."""
    found = []
    for cls in KINDS.values():
        version = cls().api_version
        found.append((cls.PLURAL, ",".join(cls.SHORT_NAMES), version, cls.NAMESPACED, cls.KIND))
    for table in session.sim.state.api_tables:
        plural = table.partition(".")[0]
        rows = list(session.sim.state.table(table).values())
        if "." in table and rows:
            found.append((plural, "", rows[0].api_version, bool(rows[0].metadata.namespace), rows[0].kind))
    return sorted(found, key=lambda each: (each[2].rpartition("/")[0], each[0]))


def _api_resources(session: Session) -> None:
    namespaced, group = session.flags["namespaced"], session.flags["api-group"]
    rows = [
        row
        for row in _served(session)
        if (not session.flags.given("namespaced") or row[3] is namespaced)
        and (group is None or row[2].rpartition("/")[0] == group)
    ]
    form = session.flags["output"] or ""
    if form == "name":
        for plural, _, version, _, _ in rows:
            api_group = version.rpartition("/")[0]
            session.say(f"{plural}.{api_group}" if api_group else plural)
        return
    if form not in ("", "wide"):
        raise VolsimError(f"error: --output {form} is not available")
    titles = ["NAME", "SHORTNAMES", "APIVERSION" if session.dialect.lists_api_versions else "APIGROUP"]
    lines = [] if session.flags["no-headers"] else ["\t".join([*titles, "NAMESPACED", "KIND"])]
    for plural, short, version, has_namespace, kind in rows:
        shown = version if session.dialect.lists_api_versions else version.rpartition("/")[0]
        lines.append("\t".join([plural, short, shown, str(has_namespace).lower(), kind]))
    session.write(aligned(lines))


API_RESOURCES = Command(
    "api-resources",
    _api_resources,
    (
        *OUTPUT,
        Flag("namespaced", kind="switch", default=True),
        Flag("api-group"),
        Flag("no-headers", kind="switch"),
        Flag("verbs", kind="texts"),
        Flag("cached", kind="switch"),
    ),
    about="Print the supported API resources on the server",
)


def _api_versions(session: Session) -> None:
    for version in sorted({row[2] for row in _served(session)}):
        session.say(version)


API_VERSIONS = Command("api-versions", _api_versions, about="Print the supported API versions on the server")


# -- which version it is -----------------------------------------------------------------------------------------------
def _version(session: Session) -> None:
    name, _ = check_format(session)
    version = session.sim.rules.git_version
    major, minor = session.sim.rules.version
    info = {"gitVersion": version, "major": str(major), "minor": str(minor)}
    if name in ("yaml", "json"):
        data = {"clientVersion": info, "serverVersion": info}
        session.write(as_yaml(data) if name == "yaml" else as_json(data))
        return
    if name:
        raise VolsimError("error: --output must be 'yaml' or 'json'")
    if session.dialect.plain_version or session.flags["short"]:
        session.say(f"Client Version: {version}")
        if not session.flags["client"]:
            session.say(f"Server Version: {version}")
        return
    text = f'version.Info{{Major:"{major}", Minor:"{minor}", GitVersion:"{version}"}}'
    session.say(f"Client Version: {text}")
    if not session.flags["client"]:
        session.say(f"Server Version: {text}")


VERSION = Command(
    "version",
    _version,
    (*OUTPUT, Flag("client", kind="switch"), Flag("short", kind="switch")),
    about="Print the client and server version information",
)


def _cluster_info(session: Session) -> None:
    name = "Kubernetes control plane" if session.dialect.says_control_plane else "Kubernetes master"
    session.say(f"{name} is running in this simulation, Kubernetes {session.sim.rules.git_version}")


CLUSTER_INFO = Command("cluster-info", _cluster_info, about="Display cluster information")
