"""How urgent a vulnerability is by SSVC (Stakeholder-Specific Vulnerability Categorization), in CISA's levels."""

from __future__ import annotations

from typing import Literal

import msgspec

Level = Literal["track", "track*", "attend", "act"]
Exploitation = Literal["none", "public poc", "active"]
Automatable = Literal["no", "yes"]
TechnicalImpact = Literal["partial", "total"]
Mission = Literal["low", "medium", "high"]

MISSIONS: tuple[Mission, ...] = ("low", "medium", "high")


class SsvcDecision(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The level, and the four decision points that it comes from. `ports` are those that the image exposes according to its settings.
    `assumed` names decision points that are not known: exploitation then counts as none, and any other one as its worst value.
    """

    level: Level
    exploitation: Exploitation
    automatable: Automatable
    technical_impact: TechnicalImpact
    mission: Mission
    ports: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
