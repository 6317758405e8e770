"""Which vulnerabilities let a container take over its host: those of what keeps it apart, the kernel, its engine and its runtime.

Three things make one: it is in the table here, of which every entry has a published way out of a container; its own words say that it is an
escape; or it is the kernel's and known to be exploited, since what attackers gain in the kernel is above every container on it.
"""

from __future__ import annotations

import re
from typing import Literal

from hullmark.model.match import Match

Part = Literal["kernel", "engine", "runtime"]
"""What of the host keeps containers apart."""

_KNOWN = frozenset(
    (
        # the kernel: Dirty COW, packet sockets, netfilter, eBPF, fs_context, cgroups' release_agent, Dirty Pipe
        *(
            "CVE-2016-5195",
            "CVE-2020-14386",
            "CVE-2021-22555",
            "CVE-2021-31440",
            "CVE-2022-0185",
            "CVE-2022-0492",
            "CVE-2022-0847",
        ),
        # runc
        *(
            "CVE-2016-9962",
            "CVE-2019-5736",
            "CVE-2021-30465",
            "CVE-2024-21626",
            "CVE-2025-31133",
            "CVE-2025-52565",
            "CVE-2025-52881",
        ),
        # containerd's shim; Docker's cp; BuildKit; builds by podman; CRI-O
        *(
            "CVE-2020-15257",
            "CVE-2018-15664",
            "CVE-2019-14271",
            "CVE-2024-23651",
            "CVE-2024-23653",
            "CVE-2024-1753",
            "CVE-2022-0811",
        ),
    )
)
_WORDS = re.compile(
    r"container (?:escape|breakout)|escap\w+ (?:from |of )?(?:the |a )?(?:container|sandbox)|break(?:ing)? out of (?:the |a )?container",
    re.I,
)


def is_escape(match: Match, part: Part) -> bool:
    """Whether the vulnerability of a match in this part of a host is a known way out of its containers."""
    advisory = match.advisory
    if _KNOWN & {advisory.id, advisory.cve, *advisory.aliases}:
        return True
    return bool(_WORDS.search(advisory.summary)) or (part == "kernel" and advisory.kev is not None)
