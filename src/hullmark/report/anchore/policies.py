"""Policies as records, and the description of all gates that policies can be written for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from hullmark.report.anchore.words import Json, stamp

ACTIVE, RETIRED = "active", "eol"

GATES = {
    "always": "Rules that fire on every image, to try out mappings and allowlists.",
    "ancestry": "Which base images the image is built on.",
    "distro": "The distribution that the image is built on.",
    "dockerfile": "The instructions that the image was built with, handed over with it or guessed from its history.",
    "files": "Names, contents, modes and digests of the files in the image.",
    "image_source_drift": "How the image differs from the sources that it was built from.",
    "licenses": "The licences of the packages in the image.",
    "malware": "What malware scanners found in the image.",
    "metadata": "Size, platform, distribution and number of layers of the image.",
    "npms": "The npm packages in the image.",
    "packages": "The packages of the system and of languages, and whether their files are as they were installed.",
    "passwd_file": "The accounts in /etc/passwd.",
    "retrieved_files": "The contents of files that were stored when the image was analysed.",
    "ruby_gems": "The gems in the image.",
    "secret_scans": "Secrets in the files of the image.",
    "stig": "What a STIG profile was found to say of the image.",
    "tag_drift": "What has changed since the image that the tag stood for before.",
    "vulnerabilities": "The vulnerabilities of the packages in the image, and how old the advisories are.",
}
"""What each gate looks at."""

_SUCCESSORS = {
    "anchoresec": "vulnerabilities",
    "dockerfilecheck": "dockerfile",
    "filecheck": "files",
    "fileparse_passwd": "passwd_file",
    "gemcheck": "ruby_gems",
    "licblacklist": "licenses",
    "metadatacheck": "metadata",
    "npmcheck": "npms",
    "pkgblacklist": "packages",
    "pkgcheck": "packages",
    "secretcheck": "secret_scans",
}
_TEXT: Json = {"type": "string"}
_VALIDATORS: dict[str, Json] = {
    "FLAG": {"type": "string", "enum": ["true", "false"]},
    "INTEGER": {"type": "string", "pattern": r"^\s*[\d]+\s*$"},
    "INTEGERS": {"type": "string", "pattern": r"^\s*(\d+\s*(,\s*\d+\s*)*)?$"},
    "LOOSE_TEXTS": _TEXT,
    "NUMBER": {"type": "string", "pattern": r"^\s*-*(\d)*(\.\d*)?\s*$"},
    "TEXT": _TEXT,
    "TEXTS": {"type": "string", "pattern": r"^\s*[^,\s][^,]*(,[^,]*[^,\s][^,]*)*$"},
}
_EXAMPLES = {"FLAG": "true", "INTEGER": "10", "INTEGERS": "80,443", "NUMBER": "7.5", "TEXTS": "first,second"}


class KindLike(Protocol):
    """What the text of a parameter must be, as a member of an enumeration."""

    @property
    def name(self) -> str:
        """TEXT, FLAG, INTEGER, NUMBER, CHOICE, TEXTS, LOOSE_TEXTS or INTEGERS."""


class ParameterLike(Protocol):
    """A parameter of a trigger."""

    @property
    def name(self) -> str:
        """Its name in policies."""

    @property
    def kind(self) -> KindLike:
        """What its text must be."""

    @property
    def is_required(self) -> bool:
        """Whether a rule must give it."""

    @property
    def choices(self) -> tuple[str, ...]:
        """The words of a choice."""

    @property
    def about(self) -> str:
        """What it means."""


class TriggerLike(Protocol):
    """A trigger of a gate, as the policy room has them."""

    @property
    def gate(self) -> str:
        """Its gate's name."""

    @property
    def name(self) -> str:
        """Its own name."""

    @property
    def parameters(self) -> Sequence[ParameterLike]:
        """Its parameters."""

    @property
    def about(self) -> str:
        """When it fires."""


class PolicyInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A policy as the server keeps it; `document` is the whole of it."""

    account: str
    id: str
    is_active: bool
    created_at: datetime
    updated_at: datetime
    document: Json


class PolicyRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A policy; the document only where it was requested."""

    active: bool
    created_at: str | None
    last_updated: str | None
    policy_id: str = msgspec.field(name="policyId")
    policy_source: str
    policybundle: Json | msgspec.UnsetType = msgspec.UNSET
    user_id: str = msgspec.field(name="userId")


class ParameterSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter. `validator` is a JSON schema for its text."""

    description: str
    example: str
    name: str
    required: bool
    state: str = ACTIVE
    superceded_by: str | None = None
    validator: Json


class TriggerSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A trigger."""

    description: str
    name: str
    parameters: list[ParameterSpec]
    state: str = ACTIVE
    superceded_by: str | None = None


class GateSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A gate."""

    description: str
    name: str
    state: str = ACTIVE
    superceded_by: str | None = None
    triggers: list[TriggerSpec]


def policy_record(info: PolicyInfo, *, detail: bool = False) -> PolicyRecord:
    """A policy, with its document if `detail` is wanted."""
    return PolicyRecord(
        active=info.is_active,
        created_at=stamp(info.created_at),
        last_updated=stamp(info.updated_at),
        policy_id=info.id,
        policy_source="local",
        policybundle=info.document if detail else msgspec.UNSET,
        user_id=info.account,
    )


def policy_spec(triggers: Iterable[TriggerLike], retired: Mapping[str, Sequence[str]] = {}) -> list[GateSpec]:
    """All gates with their triggers, by name; those that Anchore has retired, and so never fire, after them."""
    by_gate: dict[str, list[TriggerLike]] = {}
    for trigger in triggers:
        by_gate.setdefault(trigger.gate, []).append(trigger)
    gates = [
        GateSpec(description=GATES.get(gate, ""), name=gate, triggers=[_trigger(trigger) for trigger in by_gate[gate]])
        for gate in sorted(by_gate)
    ]
    return gates + [_make_retired_gate(gate, retired[gate]) for gate in sorted(retired) if gate not in by_gate]


def _trigger(trigger: TriggerLike) -> TriggerSpec:
    parameters = [_parameter(parameter) for parameter in trigger.parameters]
    return TriggerSpec(description=trigger.about, name=trigger.name, parameters=parameters)


def _parameter(parameter: ParameterLike) -> ParameterSpec:
    choices = list(parameter.choices)
    kind = parameter.kind.name
    return ParameterSpec(
        description=parameter.about,
        example=choices[0] if choices else _EXAMPLES.get(kind, ""),
        name=parameter.name,
        required=parameter.is_required,
        validator={"type": "string", "enum": choices} if choices else _VALIDATORS.get(kind, _TEXT),
    )


def _make_retired_gate(gate: str, names: Sequence[str]) -> GateSpec:
    successor = _SUCCESSORS.get(gate)
    return GateSpec(
        description=f"Retired: use {successor}." if successor else "Retired.",
        name=gate,
        state=RETIRED,
        superceded_by=successor,
        triggers=[TriggerSpec(description="Retired.", name=name, parameters=[], state=RETIRED) for name in names],
    )
