"""What policies may ask for besides packages and files, as it is stored with an inventory."""

from __future__ import annotations

import msgspec

from hullmark.model.certificate import KeyFile
from hullmark.model.configuration import Configuration
from hullmark.model.image import ImageConfig
from hullmark.model.inventory import Inventory
from hullmark.model.malware import MalwareScan
from hullmark.model.secret import Secret


class PolicyFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The image's settings with every secret in them masked, and the results of facets; None if nobody looked.

    `ghosts`: the inventory's files include those that later layers deleted or replaced.
    """

    certificates: tuple[KeyFile, ...] | None = None
    config: ImageConfig | None = None
    configuration: Configuration | None = None
    ghosts: bool = False
    malware: MalwareScan | None = None
    secrets: tuple[Secret, ...] | None = None


class KnownImage(msgspec.Struct, frozen=True, kw_only=True):
    """An inventory, and the other facts that policies may ask for."""

    inventory: Inventory
    policy_facts: PolicyFacts
