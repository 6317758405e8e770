"""What a place limits of a weakness, by the kind of weakness (CWE) and the settings of the container.

A limit makes nobody less affected: it bounds what a successful attack comes to. No CWE by itself says that a setting keeps an attack from
succeeding, so none of these is a reason to call anything not affected.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hullmark.model.isolation import Isolation

_WRITES = frozenset(("CWE-22", "CWE-23", "CWE-36", "CWE-59", "CWE-61", "CWE-73", "CWE-434", "CWE-552"))
"""Files that are written or replaced where they should not be: path traversal, links, names from outside, uploads."""
_PRIVILEGES = frozenset(("CWE-250", "CWE-266", "CWE-268", "CWE-269", "CWE-271", "CWE-272", "CWE-274"))
"""More rights than one should have: the family of CWE-269."""
_MEMORY = frozenset(("CWE-400", "CWE-401", "CWE-770", "CWE-789", "CWE-1325"))
_COMPUTING = frozenset(("CWE-400", "CWE-407", "CWE-834", "CWE-835", "CWE-1333"))
_PROCESSES = frozenset(("CWE-400", "CWE-770"))
"""Resources that are used up: memory, computing time, processes."""


def mitigations(isolation: Isolation, cwes: Iterable[str]) -> tuple[str, ...]:
    """What the settings of a container limit of a weakness, each as `SETTING: clause`; none where nothing told bears on it."""
    return tuple(_mitigations(isolation, frozenset(cwes)))


def _mitigations(isolation: Isolation, cwes: frozenset[str]) -> Iterator[str]:
    limits = isolation.limits
    if cwes & _WRITES and isolation.read_only_root and not isolation.privileged:
        where = f"only below {', '.join(isolation.writable_paths)}" if isolation.writable_paths else "nowhere"
        yield f"readOnlyRootFilesystem: files can be written {where}"
    if cwes & _PRIVILEGES and isolation.no_new_privileges:
        yield "no-new-privileges: no setuid file gives more rights than the process has"
    if cwes & _PRIVILEGES and isolation.user_namespace:
        yield "user namespace: root in the container is nobody on the host"
    if cwes & _MEMORY and limits.memory is not None:
        yield f"memory limit: at most {limits.memory} bytes of the host's memory are used up"
    if cwes & _COMPUTING and limits.cpu is not None:
        yield f"CPU limit: at most {limits.cpu / 1000:g} of the host's processors are used up"
    if cwes & _PROCESSES and limits.pids is not None:
        yield f"limit of processes: there are at most {limits.pids}"
