"""What a gate is to do: settings, as its owner writes them in a YAML file or by options."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Annotated, Literal

import msgspec
import yaml

from hullmark.model.errors import HullmarkError
from hullmark.model.isolation import Grade
from hullmark.model.limit import Limit

LARGEST_SETTINGS = Limit(1 << 20, "bytes of a gate's settings", "refused")
Mode = Literal["enforce", "warn", "dry-run"]
"""What a refusal comes to: the request is refused; it is let through with a warning; it is let through and only written down."""
FailMode = Literal["closed", "open"]
"""What is done where the gate has no verdicts to go by, or only old ones: refuse, or let through with a warning."""
Unknown = Literal["refuse", "warn", "allow"]
Hours = Annotated[float, msgspec.Meta(gt=0, le=24 * 366)]
Days = Annotated[float, msgspec.Meta(ge=0, le=366)]
Pattern = Annotated[str, msgspec.Meta(min_length=1, max_length=253)]


CONTROLLERS = ("system:serviceaccount:kube-system:*-controller", "system:kube-controller-manager", "system:node:*")
"""The users of the controllers that Kubernetes has itself, and of kubelets, which tell of static pods."""


class RuntimeClass(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A RuntimeClass of the cluster and the handler behind it, which is by what it is graded."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=253)]
    handler: Annotated[str, msgspec.Meta(min_length=1, max_length=253)]


class PodTemplatePath(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a custom resource holds pods: `path` leads to a pod template or a pod spec; `*` is each entry of a list or a mapping."""

    group: str
    kind: str
    path: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_*-]+(\.[A-Za-z0-9_*-]+){0,15}$")]


class NamespaceRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is otherwise in namespaces whose name fits `match` (* and ? are wildcards). None: as everywhere."""

    match: Pattern
    mode: Mode | None = None
    environment: str | None = None
    unknown_image: Unknown | None = None
    least_grade: Grade | None = None


class GateSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a gate is to do.

    `stale_after_hours`: verdicts that the server has not confirmed for so long are old. `grace_days`: an image that was certified and ran
    where it starts again may do so for so many days after it was stopped, also where its policy grants no grace; `remembered_days`: as
    long is it known what ran where. `least_grade`: containers that are kept apart less well are refused (None: that is not judged), or run
    by `runtime_class`, where that makes them good enough. `runtime_classes` are those of the cluster that grades go by. `pins_tags`: tags
    are replaced by digests; `requires_digest`: what no tag could be replaced in is refused. `controllers`: the users by which controllers
    make pods again; what others say of a pod's owner is not believed.
    """

    mode: Mode = "enforce"
    fail: FailMode = "closed"
    stale_after_hours: Hours = 24.0
    unknown_image: Unknown = "refuse"
    environment: str = ""
    excluded_namespaces: tuple[Pattern, ...] = ()
    grace_days: Days = 0.0
    remembered_days: Days = 7.0
    least_grade: Grade | None = None
    runtime_class: RuntimeClass | None = None
    runtime_classes: tuple[RuntimeClass, ...] = ()
    pins_tags: bool = True
    requires_digest: bool = False
    namespaces: tuple[NamespaceRule, ...] = ()
    pod_templates: tuple[PodTemplatePath, ...] = ()
    controllers: tuple[Pattern, ...] = CONTROLLERS

    def excludes(self, namespace: str) -> bool:
        """Whether nothing is judged in a namespace."""
        return any(fnmatchcase(namespace, pattern) for pattern in self.excluded_namespaces)

    def within(self, namespace: str) -> GateSettings:
        """The settings as they are in a namespace: the first rule that fits it counts."""
        return _within(self, namespace) if self.namespaces else self

    def handlers(self) -> dict[str, str]:
        """The handler of each runtime class that is known."""
        known = (*self.runtime_classes, *((self.runtime_class,) if self.runtime_class is not None else ()))
        return {runtime_class.name: runtime_class.handler for runtime_class in known}


@lru_cache(4096)
def _within(settings: GateSettings, namespace: str) -> GateSettings:
    for rule in settings.namespaces:
        if fnmatchcase(namespace, rule.match):
            said = {name: getattr(rule, name) for name in ("mode", "environment", "unknown_image", "least_grade")}
            return msgspec.structs.replace(
                settings, **{name: value for name, value in said.items() if value is not None}
            )
    return settings


def read_settings(text: bytes, name: str) -> GateSettings:
    """Settings in YAML. `name` is what people call the file. Raises HullmarkError."""
    if len(text) > LARGEST_SETTINGS:
        raise HullmarkError(f"{name} is larger than {LARGEST_SETTINGS:,} bytes", advice="is it the settings of a gate?")
    try:
        document = yaml.safe_load(text)
        return msgspec.convert({} if document is None else document, GateSettings)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, msgspec.ValidationError) as error:
        what = " ".join(str(error).split())[:300]
        raise HullmarkError(
            f"{name}: {what}", advice="docs/how-to/gate-a-cluster.md lists the settings of a gate"
        ) from error
