"""Gate `metadata`: size, platform, distribution and number of layers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from hullmark.policy.anchore.facts import AnchoreFacts
from hullmark.policy.anchore.failure import RuleFailed
from hullmark.policy.anchore.params import BadValue, Kind, Parameter, Values
from hullmark.policy.anchore.regexes import compile_expression
from hullmark.policy.anchore.trigger import Answer, Fault, Scope, Trigger, TriggerMatch
from hullmark.policy.gate import Need
from hullmark.versions import InvalidVersion, scheme_for

_ATTRIBUTES = ("size", "architecture", "os_type", "distro", "distro_version", "like_distro", "layer_count")
_CHECKS = ("=", "!=", ">", "<", ">=", "<=", "exists", "not_exists", "like", "not_like", "in", "not_in")
_NUMBERS = frozenset(("size", "layer_count"))
_SIZE = re.compile(r"([0-9]{1,15})([kmgt]b)?").fullmatch
_COUNT = re.compile(r"\s*[0-9]{1,18}\s*").fullmatch
_UNITS = {"kb": 2**10, "mb": 2**20, "gb": 2**30, "tb": 2**40}
_WITHOUT_VALUE = ("exists", "not_exists")
_ORDERS: dict[str, Callable[[int], bool]] = {
    "=": lambda order: order == 0,
    "!=": lambda order: order != 0,
    ">": lambda order: order > 0,
    "<": lambda order: order < 0,
    ">=": lambda order: order >= 0,
    "<=": lambda order: order <= 0,
}


def attribute(values: Values, facts: AnchoreFacts) -> Iterator[Answer]:
    """Compare one attribute."""
    name, check = values.text("attribute"), values.text("check")
    actual = _actual(name, facts)
    wanted = _convert_value(name, values.text("value"), is_strict=facts.keeps("Q13"))
    if _holds(check, actual, wanted, name, facts):
        message = f"Attribute check for attribute: '{name}' check: '{check}' check_value: '{wanted}' matched image value: '{actual}'"
        yield TriggerMatch(message=message, subject=f"{name} {check} {values.text('value')}".rstrip())


def _actual(name: str, facts: AnchoreFacts) -> int | str:
    if name in _NUMBERS:
        layers = facts.facts.inventory.source.layers
        return sum(max(layer.size, 0) for layer in layers) if name == "size" else len(layers)
    distro, version = facts.distro
    texts = {
        "architecture": facts.config.architecture,
        "os_type": facts.config.os,
        "distro": distro,
        "distro_version": version,
        "like_distro": ",".join(facts.likes),
    }
    return texts[name]


def _convert_value(name: str, text: str, *, is_strict: bool) -> int | str:
    """The value in the form of the attribute: bytes, a number, or the text."""
    if name not in _NUMBERS:
        return text
    found = _SIZE(text if is_strict else text.strip().lower())
    if name == "size" and found is not None:
        return int(found[1]) * _UNITS.get(found[2] or "", 1)
    return int(text) if _COUNT(text) else ""


def _holds(check: str, actual: int | str, wanted: int | str, name: str, facts: AnchoreFacts) -> bool:
    if check in _WITHOUT_VALUE:
        return bool(actual) is (check == "exists")
    if wanted == "":
        return False
    if check in _ORDERS:
        return _ORDERS[check](_order(actual, wanted, name, facts))
    if not isinstance(actual, str) and facts.keeps("Q13"):
        raise RuleFailed(f"{name} is a number, for which there is no check {check!r}")
    if check in ("like", "not_like"):
        return compile_expression(str(wanted)).matches(str(actual), facts.work) is (check == "like")
    return (str(actual) in [part.strip() for part in str(wanted).split(",")]) is (check == "in")


def _order(actual: int | str, wanted: int | str, name: str, facts: AnchoreFacts) -> int:
    if isinstance(actual, int) and isinstance(wanted, int):
        return (actual > wanted) - (actual < wanted)
    left, right = str(actual), str(wanted)
    if name == "distro_version" and not facts.keeps("Q13"):
        try:
            return scheme_for("generic").compare(left, right)
        except InvalidVersion as error:
            raise RuleFailed(f"the versions {left[:60]!r} and {right[:60]!r} cannot be compared") from error
    return (left > right) - (left < right)


def _verify(values: Values) -> Iterator[Fault]:
    name, text = values.text("attribute"), values.text("value")
    if not values.has("value"):
        objection = BadValue(f"expected a value to compare {name} with")
        if values.text("check") in _WITHOUT_VALUE:
            objection = BadValue("expected a value, if only an empty one", "Q13")
        yield "value", objection
        return
    if name == "layer_count" and _COUNT(text) is None:
        yield "value", _unless_needless(values, f"expected a whole number of digits, not {text[:60]!r}")
    elif name == "size" and _SIZE(text) is None:
        reason = f"expected a size such as 500mb, not {text[:60]!r}"
        is_size = _SIZE(text.strip().lower()) is not None
        yield "value", BadValue(reason, "Q13") if is_size else _unless_needless(values, reason)


def _unless_needless(values: Values, reason: str) -> BadValue:
    return BadValue(reason, "Q13" if values.text("check") in _WITHOUT_VALUE else "")


def _looked_at(values: Values) -> Scope:
    """The facts that the attribute depends on: none for size and number of layers. Those come from the manifest, without which nothing at
    all is known.
    """
    name = values.text("attribute")
    return Scope(frozenset() if name in _NUMBERS else frozenset(("distro" if "distro" in name else "settings",)))


TRIGGERS = (
    Trigger(
        gate="metadata",
        name="attribute",
        check=attribute,
        scope=_looked_at,
        needs=frozenset((Need.CONFIG,)),
        verify=_verify,
        about="Fires if an attribute of the image meets the condition.",
        parameters=(
            Parameter(name="attribute", kind=Kind.CHOICE, choices=_ATTRIBUTES, is_required=True),
            Parameter(name="check", kind=Kind.CHOICE, choices=_CHECKS, is_required=True),
            Parameter(name="value"),
        ),
    ),
)
