"""How a policy comes into force: stages of rule sets, which sets judge which image, and grace for images that already run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from hullmark.policy.values import NameGlob

MAX_GRACE_DAYS = 366

_Days = Annotated[int, Meta(ge=1, le=MAX_GRACE_DAYS)]
_Globs = tuple[NameGlob, ...]


class Stage(StrEnum):
    """The stage of a rule set: its findings are only listed, cause at most a warning, or count as they are."""

    SHADOW = "shadow"
    WARN = "warn"
    ENFORCE = "enforce"


MILDEST_FIRST = (Stage.SHADOW, Stage.WARN, Stage.ENFORCE)


def milder(first: Stage, second: Stage) -> Stage:
    """The milder of two stages."""
    return min(first, second, key=MILDEST_FIRST.index)


class RuleSet(msgspec.Struct, frozen=True, kw_only=True):
    """A named group of rules, and its stage. Each rule names the set that it belongs to."""

    name: str
    stage: Stage = Stage.ENFORCE
    description: str = ""


class Conditions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Conditions on an image: every key that is given must match, by at least one of its values (for `labels`, by all of them). Without
    keys, every image matches.
    """

    images: Annotated[
        _Globs, Meta(description="Full names, such as registry.example/shop/app:1.2, or names as they were written.")
    ] = ()
    registries: Annotated[_Globs, Meta(description="Registries, such as docker.io.")] = ()
    repositories: Annotated[
        _Globs,
        Meta(
            description="Names without tag and digest, with or without the registry; without it if registries are given."
        ),
    ] = ()
    tags: Annotated[_Globs, Meta(description="Tags.")] = ()
    digests: Annotated[tuple[str, ...], Meta(description="Digests of the image's manifest, as sha256:….")] = ()
    labels: Annotated[
        dict[str, NameGlob], Meta(description="Labels, and the patterns that their values must match.")
    ] = {}
    environments: Annotated[
        _Globs, Meta(description="The environments in which the image is to run, as in --environment.")
    ] = ()


class Selector(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Which rule sets judge which images. The first entry that matches an image decides."""

    rule_sets: Annotated[
        tuple[str, ...], Meta(description="The rule sets that apply; [] lets the image pass without being judged.")
    ]
    when: Annotated[Conditions, Meta(description="The images; by default all that no earlier entry matches.")] = (
        Conditions()
    )
    name: Annotated[str, Meta(description="The name of the entry.")] = ""
    stage: Annotated[Stage, Meta(description="The highest stage here; a set with a lower stage keeps its own.")] = (
        Stage.ENFORCE
    )


class Grace(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How long an image that already runs may start again after a new finding that would stop it. The shortest applicable time counts."""

    days: Annotated[_Days, Meta(description="For any finding.")]
    exploited_days: Annotated[_Days | None, Meta(description="For vulnerabilities that are known to be exploited.")] = (
        None
    )
    severity_days: Annotated[
        dict[str, _Days], Meta(description="For vulnerabilities of a severity, such as critical.")
    ] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What is known of where an image runs or is to run.

    `environment` is the name that selectors refer to ("": not known). `running_since`: since when this exact digest has been running there
    (None: it is not running, or that is not known). `first_seen`: when findings about this image were first seen, by their trigger_id, or
    by the vulnerability and package they are about, such as `CVE-2026-1+openssl`.
    """

    environment: str = ""
    running_since: datetime | None = None
    first_seen: Mapping[str, datetime] = field(default_factory=dict)
