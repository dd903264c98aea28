"""What exists at this instant: the immutable cluster value, its tables and indexes, due work, clock, fingerprint."""

from volsim.state.cluster import ANY, REMEMBERED, RUNTIME, Change, Draft, Due, First, State, View, Wake, Watch
from volsim.state.fingerprint import fingerprint
from volsim.state.indexes import claim_keys_of, is_ready, label_groups, on_node, selected_group, volume_group, zone_of
from volsim.state.table import Fifo, Ordered, Table

__all__ = [
    "ANY",
    "REMEMBERED",
    "RUNTIME",
    "Change",
    "Draft",
    "Due",
    "Fifo",
    "First",
    "Ordered",
    "State",
    "Table",
    "View",
    "Wake",
    "Watch",
    "claim_keys_of",
    "fingerprint",
    "is_ready",
    "label_groups",
    "on_node",
    "selected_group",
    "volume_group",
    "zone_of",
]
