"""Why a pod waits for a disk: who has it, when it is let go, and what the attacher says."""

from __future__ import annotations

from volsim.analysis.explain.findings import Findings
from volsim.analysis.explain.silence import how_to_replace, is_silent
from volsim.control.attach_detach import free_at, holders, is_used_on, key_of, users
from volsim.control.attachable import Attachable, attachables
from volsim.control.csi.attacher import done_at
from volsim.objects import Pod, VolumeAttachment
from volsim.state import is_ready
from volsim.state.runtime import Attachment, Driver

__all__ = ["say_leaving", "say_waiting"]


def say_waiting(found: Findings, pod: Pod) -> bool:
    """Say of each disk of a pod that is not on its node what it waits for; whether there is one.

    >>> from volsim import Simulation
    >>> say_waiting(Findings(Simulation(nodes=0).state, "pod/web"), Pod())
    False
    """
    node = pod.spec.node_name or ""
    waits = False
    for _, disk in attachables(found.view, pod):
        row: Attachment | None = found.view.get("attach_detach", key_of(disk.disk, node))
        if row is None or row.state != "attached":
            waits = True
            _say_state(found, pod, disk, row)
    return waits


def _say_state(found: Findings, pod: Pod, disk: Attachable, row: Attachment | None) -> None:
    node, address = pod.spec.node_name or "", f"pv/{disk.name}"
    if row is None:
        text = f"the attach/detach controller has not taken up disk {disk.name} for node {node} yet"
        found.cause("attach-not-begun", text, address)
    elif row.state == "blocked":
        for other in holders(found.view, disk.disk):
            if other.node != node:
                _say_holder(found, other)
    elif row.state == "attaching":
        _say_attaching(found, row)
    else:
        text = f"disk {disk.name} is just being detached from node {node}, to be attached there again"
        found.cause("detaching", text, address)


def _say_holder(found: Findings, row: Attachment) -> None:
    """Why another node keeps a disk that it cannot be shared with."""
    address = (f"pv/{row.name}", f"node/{row.node}")
    near = users(found.view, row)
    for user in near:
        going = user.metadata.deletion_timestamp is not None
        text = f"disk {row.name} is attached to node {row.node}, where pod {user.key} has it"
        if going and is_silent(found.view, row.node):
            text += "; that pod was told to go, but while its object is there the disk counts as wanted: "
            text += f"the {found.view.rules.max_wait_for_unmount:g} s after which it is forced off have not begun"
            how_to_replace(found, row.node, user)
        elif is_silent(found.view, row.node):
            how_to_replace(found, row.node, user)
        else:
            found.remedy(f"delete pod {user.key}, or run both pods on one node")
        found.cause("disk-held", text, *address, f"pod/{user.metadata.name}")
    if not near:
        say_leaving(found, row)


def say_leaving(found: Findings, row: Attachment) -> None:
    """When a disk is taken from a node that does not want it any more, or why it is not."""
    view, address = found.view, (f"pv/{row.name}", f"node/{row.node}")
    if row.state == "detaching":
        text = f"disk {row.name} is being detached from node {row.node}: its attacher has to confirm that"
        found.cause("detaching", text, *address)
        _expect_attacher(found, row, "detached", f"disk {row.name} is taken from node {row.node}, in order")
        return
    free_us = free_at(view, row)
    node = view.nodes.get(row.node)
    if free_us is None:
        healthy = node is not None and is_ready(node)
        why = "it is healthy, so it is never forced" if healthy else "force is switched off"
        text = f"node {row.node} still reports disk {row.name} as mounted, and {why}"
        found.cause("disk-mounted", text, *address)
        found.remedy(f"find out on node {row.node} what keeps it mounted: the disk goes when it is not any more")
        return
    by_force = is_used_on(view, row)
    text = f"nobody wants disk {row.name} on node {row.node} any more"
    if by_force:
        since = (view.now_us - (row.released_us or view.now_us)) / 1_000_000
        text += f", since {since:g} s, but nobody confirms that it is not mounted there"
    found.cause("disk-leaving", text, *address)
    how = "by force" if by_force else "in order"
    driver: Driver | None = view.get("drivers", row.driver)
    if driver is not None and driver.detach_delay_seconds is None:
        found.cause("detach-fails", f"the storage of {row.driver} answers with errors to whoever detaches", address[0])
        return
    takes_us = (driver.detach_seconds + (driver.detach_delay_seconds or 0)) * 1_000_000 if driver is not None else 0
    found.expect("detached", f"disk {row.name} is taken from node {row.node}, {how}", free_us + takes_us, *address)


def _say_attaching(found: Findings, row: Attachment) -> None:
    view, address = found.view, f"pv/{row.name}"
    attachment: VolumeAttachment | None = view.get("volumeattachments", row.attachment)
    error = attachment.status.attach_error if attachment is not None else None
    if view.get("drivers", row.driver) is None:
        text = f"no driver {row.driver} is installed whose attacher could bring disk {row.name} to node {row.node}"
        found.cause("no-attacher", text, address)
        found.remedy(f'install it: sim.install_csi_driver("{row.driver}")')
    elif error is not None:
        found.cause("attach-fails", f"{row.driver} does not attach disk {row.name}: {error.message}", address)
    else:
        text = f"{row.driver} was asked to attach disk {row.name} to node {row.node}, and has not done it yet"
        found.cause("attaching", text, address)
        _expect_attacher(found, row, "attached", f"disk {row.name} comes to node {row.node}")
    if row.fails_us is not None and row.fails_us > view.now_us:
        text = f"if it is not attached then, FailedAttachVolume is said of the pods that wait for {row.name}"
        found.expect("attach-complained", text, row.fails_us, address)


def _expect_attacher(found: Findings, row: Attachment, code: str, text: str) -> None:
    """When the attacher is done, if its storage takes time but does answer."""
    driver: Driver | None = found.view.get("drivers", row.driver)
    attachment: VolumeAttachment | None = found.view.get("volumeattachments", row.attachment)
    done_us = done_at(driver, attachment) if driver is not None and attachment is not None else None
    if done_us is not None:
        found.expect(code, text, done_us, f"pv/{row.name}", f"node/{row.node}")
    elif driver is not None:
        found.cause("detach-fails", f"the storage of {row.driver} answers with errors", f"pv/{row.name}")
