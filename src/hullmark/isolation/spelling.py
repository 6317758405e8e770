"""How engines and platforms spell what means the same: capabilities, sizes, profiles."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from functools import lru_cache

from hullmark.isolation.fields import Fields
from hullmark.model.isolation import HostPath

UNCONFINED = "unconfined"
RUNTIME_DEFAULT = "runtime-default"
NAMESPACED = ("auto", "keep-id", "nomap", "private")
"""Modes of podman's user namespaces in which root is nobody on the host."""
ENGINE_CAPABILITIES = frozenset((
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW", "SETFCAP", "SETGID",
    "SETPCAP", "SETUID", "SYS_CHROOT",
))  # fmt: skip
"""What Docker and containerd give by default; podman gives fewer."""
_CAP = "CAP_"
_QUANTITY = re.compile(
    r"([0-9]{1,20}(?:\.[0-9]{0,12})?|\.[0-9]{1,12})(?:[eE]([+-]?[0-9]{1,2})|([A-Za-z]{0,2}))"
).fullmatch
_KUBERNETES_UNITS = {
    "": Fraction(1), "n": Fraction(1, 10**9), "u": Fraction(1, 10**6), "m": Fraction(1, 1000), "k": Fraction(10**3), "M": Fraction(10**6),
    "G": Fraction(10**9), "T": Fraction(10**12), "P": Fraction(10**15), "E": Fraction(10**18), "Ki": Fraction(2**10),
    "Mi": Fraction(2**20), "Gi": Fraction(2**30), "Ti": Fraction(2**40), "Pi": Fraction(2**50), "Ei": Fraction(2**60),
}  # fmt: skip
_COMPOSE_UNITS = {
    "": 1, "b": 1, "k": 2**10, "kb": 2**10, "m": 2**20, "mb": 2**20, "g": 2**30, "gb": 2**30,
}  # fmt: skip


def capabilities(names: Iterable[str]) -> tuple[str, ...]:
    """The capabilities' names without CAP_, in capitals, sorted and each once."""
    return tuple(sorted({name.strip().upper().removeprefix(_CAP) for name in names}))


@lru_cache(maxsize=1024)
def quantity(text: str) -> Fraction | None:
    """A quantity as Kubernetes writes it (`500m`, `1.5Gi`, `1e3`); None for what is not one."""
    found = _QUANTITY(text.strip())
    if found is None:
        return None
    number = Fraction(found[1])
    if found[2]:
        return number * Fraction(10) ** int(found[2])
    unit = _KUBERNETES_UNITS.get(found[3] or "")
    return number * unit if unit is not None else None


def size(text: str) -> int | None:
    """Bytes as compose and docker write them (`512m`, `1.5gb`); None for what is not a size."""
    found = _QUANTITY(text.strip())
    unit = _COMPOSE_UNITS.get((found[3] or "").lower()) if found is not None and not found[2] else None
    return int(Fraction(found[1]) * unit) if found is not None and unit is not None else None


def whole(number: Fraction | None) -> int | None:
    """The number without its fraction, where there is one."""
    return int(number) if number is not None else None


def security_options(options: Iterable[str]) -> dict[str, list[str]]:
    """`security_opt` of Docker, podman, compose and ECS: what stands behind each `NAME=` or `NAME:`; [""] where nothing does."""
    found: dict[str, list[str]] = {}
    for option in options:
        name, _, value = re.sub(r"[:=]", "\0", option.strip(), count=1).partition("\0")
        found.setdefault(name.strip().lower(), []).append(value.strip())
    return found


def no_new_privileges(options: Mapping[str, list[str]]) -> bool | None:
    """Whether security options forbid new privileges; None where they do not say."""
    values = options.get("no-new-privileges")
    return values[-1].lower() in ("", "true") if values is not None else None


def selinux_of(options: Mapping[str, list[str]]) -> str:
    """The type of the SELinux label that security options ask for, or "disabled"."""
    found = ""
    for value in options.get("label", ()):
        if value == "disable":
            return "disabled"
        if value.startswith("type:"):
            found = value.removeprefix("type:")
    return found


def profile_name(text: str) -> str:
    """The name of an AppArmor profile, as the model has it."""
    if text.startswith(("docker-default", "containers-default", "cri-containerd.apparmor.d", "crio-default")):
        return RUNTIME_DEFAULT
    return text


def bound_device(options: Fields) -> str:
    """The path of the host that a volume of Docker's local driver stands for, by its driver's options; "": none."""
    return options.scalar("device") if "bind" in options.scalar("o").split(",") else ""


def sorted_paths(paths: Iterable[HostPath]) -> tuple[HostPath, ...]:
    """Paths of the host, each once, in order."""
    return tuple(sorted(set(paths)))
