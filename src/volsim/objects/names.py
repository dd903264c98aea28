"""How a field is called: camelCase in a manifest, snake_case in Python. This is the only place that translates.

>>> snake("persistentVolumeReclaimPolicy"), snake("clusterIPs"), snake("hostIPC")
('persistent_volume_reclaim_policy', 'cluster_ips', 'host_ipc')
>>> camel("cluster_ips"), camel("mount_path")
('clusterIPs', 'mountPath')
"""

from __future__ import annotations

import re
from functools import cache

__all__ = ["camel", "snake"]

# Words that the API writes in capitals, except as a name's first word. A test compares this with the API's own fields.
_CAPITALS = {
    **{
        word: word.upper()
        for word in ["api", "cidr", "fqdn", "id", "io", "ip", "ipc", "pid", "uid", "uri", "url", "uuid"]
    },
    **{word: word[:-1].upper() + "s" for word in ["cidrs", "ips", "wwns"]},
}


@cache
def snake(name: str) -> str:
    """The Python name of a manifest's field."""
    name = re.sub(r"([A-Z])([A-Z]+)s(?![a-z])", lambda found: found[1] + found[2].lower() + "s", name)
    name = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()


@cache
def camel(name: str) -> str:
    """The manifest's name of a Python field."""
    first, *rest = name.split("_")
    return first + "".join(_CAPITALS.get(word) or word.capitalize() for word in rest)
