"""The events of a cluster as the API server keeps them: the same thing said again is counted, and forgotten in time.

Modelled: counting of equal events, first and last time, the time that an event is kept.
Not modelled: the client's spam filter, and the merging of similar messages behind the tenth.
Source: client-go, tools/record/events_cache.go (getEventKey); kube-apiserver --event-ttl.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from volsim.objects import Event, Object
from volsim.views.tables import Look

if TYPE_CHECKING:
    from volsim.engine.simulation import Simulation

__all__ = ["event_interval", "events_about", "recorded_events"]


def recorded_events(sim: Simulation, namespace: str | None = None) -> list[Event]:
    """The events that the API server still has, in the order in which they were first said."""
    kept: dict[tuple[str | None, ...], Event] = {}
    oldest_us = (sim.now - sim.rules.event_ttl) * 1_000_000
    for event in sim.events:
        if namespace is not None and event.metadata.namespace != namespace:
            continue
        about, source = event.involved_object, event.source
        assert about is not None, "the event log fills it in"
        assert source is not None, "the event log fills it in"
        said = (event.type, event.reason, event.message)
        key = (source.component, source.host, about.uid, about.name, about.field_path, *said)
        known = kept.get(key)
        if known is None or (known.last_timestamp or 0) < (event.last_timestamp or 0) - _ttl_us(sim):
            kept[key] = event
        else:
            kept[key] = known.replace(count=(known.count or 0) + 1, last_timestamp=event.last_timestamp)
    return [event for event in kept.values() if (event.last_timestamp or 0) >= oldest_us]


def _ttl_us(sim: Simulation) -> float:
    return sim.rules.event_ttl * 1_000_000


def events_about(sim: Simulation, obj: Object) -> list[Event]:
    """The events about one object, the one that was last said last."""
    found = [event for event in recorded_events(sim) if event.involved_object.uid == obj.metadata.uid]  # type: ignore[union-attr]
    return sorted(found, key=lambda event: event.last_timestamp or 0)


def event_interval(event: Event, look: Look) -> str:
    """When an event was seen: `2m`, or `2m (x3 over 5m)`."""
    if event.count is not None and event.count > 1:
        return f"{look.since(event.last_timestamp)} (x{event.count} over {look.since(event.first_timestamp)})"
    return look.since(event.first_timestamp)
