"""File capabilities: the attribute `security.capability`, as linux/capability.h lays it out (struct vfs_cap_data)."""

from __future__ import annotations

import struct

_BITS = """
chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service net_broadcast
net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin sys_boot sys_nice
sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap mac_override mac_admin syslog wake_alarm
block_suspend audit_read perfmon bpf checkpoint_restore
"""
CAPABILITIES = tuple(f"cap_{name}" for name in _BITS.split())
"""Their names, in the order of their numbers."""
_LENGTHS = {1: 12, 2: 20, 3: 24}


def capability_names(attribute: str) -> tuple[str, ...]:
    """The capabilities that a file grants or lets a process keep, from the attribute in hex; () if it is not a known attribute."""
    try:
        raw = bytes.fromhex(attribute)
    except ValueError:
        return ()
    if len(raw) < 4 or _LENGTHS.get(raw[3]) != len(raw):
        return ()
    words = struct.unpack_from(f"<{2 if raw[3] == 1 else 4}I", raw, 4)
    bits = words[0] | words[1]
    if len(words) == 4:
        bits |= (words[2] | words[3]) << 32
    return tuple(
        CAPABILITIES[bit] if bit < len(CAPABILITIES) else f"cap_{bit}"
        for bit in range(bits.bit_length())
        if bits >> bit & 1
    )
