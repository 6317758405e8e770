"""A case of the walk over what facets and policies look at, with a rule of its own."""

from __future__ import annotations

from dataclasses import dataclass

from tests.walk.world import Layers


@dataclass(frozen=True)
class Look:
    """An image in which something lies behind a limit once that is lowered to `number`, and one where it does not.

    `rule` stops for what is hidden. `history` and `plain_history` are the images' build instructions, `dockerfile` and
    `plain_dockerfile` what they were built by, `cmd` and `plain_cmd` what they are started with; `yara` are the rules of the malware
    scanner.
    """

    rule: str
    number: int
    padded: Layers
    plain: Layers
    history: tuple[str, ...] = ()
    plain_history: tuple[str, ...] = ()
    dockerfile: str = ""
    plain_dockerfile: str = ""
    yara: str = ""
    cmd: tuple[str, ...] = ()
    plain_cmd: tuple[str, ...] = ()
