"""What stands between a container and the host's kernel, by the name of what starts it.

A name is all that an engine or a cluster tells; whoever may register runtimes may give any program any name.
"""

from __future__ import annotations

import re

from hullmark.model.isolation import Boundary

# containerd's names of shims (`io.containerd.kata-qemu.v2`) and of their programs (`containerd-shim-kata-v2`).
_SHIM = re.compile(r"(?:io\.containerd\.|containerd-shim-)?(.+?)(?:[.-]v[0-9]{1,2})?").fullmatch
_KINDS: tuple[tuple[Boundary, re.Pattern[str]], ...] = (
    # Kata Containers and what it came from: Intel's Clear Containers (`cor`, `cc-oci-runtime`, then `cc-runtime`) and Hyper's runV;
    # Firecracker's shim, libkrun in crun, urunc, Windows's Hyper-V containers, and AWS Fargate.
    (
        "vm",
        re.compile(
            r"kata(?:-[a-z0-9-]+)?|cc-runtime|cc-oci-runtime|cor|clear-?containers?|runv|(?:aws\.)?firecracker(?:-[a-z0-9-]+)?|krun|urunc"
            r"|runhcs-wcow-hypervisor(?:-[0-9]+)?|fargate"
        ),
    ),
    # gVisor's runsc, and IBM's Nabla.
    ("sandbox", re.compile(r"runsc(?:-[a-z0-9-]+)?|gvisor(?:-[a-z0-9-]+)?|runnc")),
    (
        "process",
        re.compile(
            r"runc(?:-fp)?|crun|youki|railcar|runtime|sysbox-runc|nvidia(?:-container-runtime)?(?:[.-](?:cdi|legacy|experimental))?"
            r"|runhcs-wcow-process|linux"
        ),
    ),
)


def boundary_of(runtime: str) -> Boundary:
    """The boundary that a runtime of this name makes: the name of a handler, an OCI runtime, a shim, or the path of a program."""
    name = runtime.rsplit("/", 1)[-1].lower()
    shim = _SHIM(name)
    if shim is None:
        return "unknown"
    return next((boundary for boundary, pattern in _KINDS if pattern.fullmatch(shim[1])), "unknown")
