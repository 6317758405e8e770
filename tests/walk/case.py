"""What a case of the walk is."""

from __future__ import annotations

from dataclasses import dataclass, field

from hullmark.model.verdict import Outcome
from tests.walk.world import Layers


@dataclass(frozen=True)
class Case:
    """An image in which something lies behind a limit once that is lowered to `number`, and one where it does not.

    `rule` is the one that stops for what is hidden. `is_folder`: lock files count. `also` are other limits that must be lower too, by
    module and name. `within` is the verdict on the padded image as long as nothing lies beyond the limit.
    """

    number: int
    padded: Layers
    plain: Layers
    rule: str = "packages"
    within: Outcome = Outcome.STOP
    is_folder: bool = False
    also: dict[tuple[str, str], int] = field(default_factory=dict)
