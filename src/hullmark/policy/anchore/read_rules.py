"""One rule of an Anchore policy: its gate, trigger and action, and the values of its parameters."""

from __future__ import annotations

from functools import cache
from typing import Any

from hullmark.model.limit import Limit
from hullmark.model.verdict import Action
from hullmark.policy.anchore.bundle import MistakeCollector, Rule
from hullmark.policy.anchore.gates import RETIRED, triggers_by_gate
from hullmark.policy.anchore.mistake import Mistake
from hullmark.policy.anchore.params import BadValue, Values, read_value
from hullmark.policy.anchore.trigger import Trigger
from hullmark.policy.decode import nearest

MAX_PARAMS = Limit(200, "parameters of a rule in Anchore's language", "refused")

_NEW_WORDS = (("denylist", "blacklist"), ("allowlist", "whitelist"))


@cache
def _load_triggers(*, with_enterprise: bool) -> dict[str, dict[str, Trigger]]:
    return triggers_by_gate(with_enterprise=with_enterprise)


def read_rule(entry: dict[str, Any], path: str, form: str) -> Rule:
    """The rule, with its mistakes."""
    own = MistakeCollector()
    gate, name = _name(entry, "gate", path, own), _name(entry, "trigger", path, own)
    action = _action(entry.get("action"), path, own)
    trigger = _trigger(gate, name, path, form, own) if gate and name else None
    values = _values(entry.get("params"), trigger, path, form, own)
    rule_id, recommendation = entry.get("id"), entry.get("recommendation")
    return Rule(
        id=rule_id if isinstance(rule_id, str) else "",
        gate=gate,
        trigger=name,
        check=trigger,
        values=values,
        action=action,
        recommendation=recommendation if isinstance(recommendation, str) else "",
        mistakes=tuple(own.found),
    )


def _name(entry: dict[str, Any], key: str, path: str, into: MistakeCollector) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not value.strip():
        into.add(f"{path}.{key}", "expected a text that is not empty", "KeyError")
        return ""
    return value.lower()


def _action(value: object, path: str, into: MistakeCollector) -> Action:
    try:
        return Action(value.lower() if isinstance(value, str) else "")
    except ValueError:
        into.add(f"{path}.action", f"expected GO, WARN or STOP, not {str(value)[:60]!r}", "PolicyError")
        return Action.STOP


def _trigger(gate: str, name: str, path: str, form: str, into: MistakeCollector) -> Trigger | None:
    known = _load_triggers(with_enterprise=form == "2")
    if gate in RETIRED:
        if name not in RETIRED[gate]:
            _unknown_trigger(gate, name, RETIRED[gate], path, into)
            return None
        reason = f"the gate {gate} was retired and never fires"
        end = "EndOfLifedError"
        into.found.append(Mistake(path=f"{path}.gate", reason=reason, problem_type=end, quirk="Q21", is_fatal=False))
        into.found.append(Mistake(path=f"{path}.gate", reason=reason, problem_type=end, quirk="!Q21"))
        return None
    triggers = known.get(gate)
    if triggers is None:
        reason = f"there is no gate {gate[:60]!r}{nearest(gate, known)}"
        into.add(f"{path}.gate", reason, "GateNotFoundError")
        return None
    found = triggers.get(name) or (triggers.get(_old_word(name)) if form == "2" else None)
    if found is None:
        _unknown_trigger(gate, name, triggers, path, into)
    return found


def _unknown_trigger(gate: str, name: str, known: Any, path: str, into: MistakeCollector) -> None:
    reason = f"the gate {gate} has no trigger {name[:60]!r}{nearest(name, known)}"
    into.add(f"{path}.trigger", reason, "TriggerNotFoundError")


def _old_word(text: str) -> str:
    """Format "1_0"'s word for a word of format "2", which names the same things differently."""
    for new, old in _NEW_WORDS:
        text = text.replace(new, old)
    return text


def _values(params: object, trigger: Trigger | None, path: str, form: str, into: MistakeCollector) -> Values:
    place = f"{path}.params"
    if params is None:
        into.add(place, "expected a list of parameters", "TypeError", "Q4")
    elif not isinstance(params, list) or not all(isinstance(param, dict) for param in params):
        into.add(place, "expected a list of objects with name and value", "TypeError")
        return Values({})
    if trigger is None:
        return Values({})
    given: dict[str, tuple[int, object]] = {}
    unknown: list[str] = []
    for number, param in enumerate(params[:MAX_PARAMS] if isinstance(params, list) else ()):
        name = str(param.get("name")).lower()
        parameter = trigger.parameter(name)
        if parameter is None:
            unknown.append(f"{place}[{number}].name: there is no parameter {name[:60]!r}")
        else:
            if parameter.is_addition:
                into.add(
                    f"{place}[{number}].name", f"Anchore has no parameter {name!r}", "InvalidParameterError", "Q36"
                )
            if parameter.name == name or parameter.name not in given:
                given[parameter.name] = (number, param.get("value"))
    if unknown:
        names = nearest(unknown[0].split("'")[1] if "'" in unknown[0] else "", (p.name for p in trigger.parameters))
        into.add(place, "; ".join(unknown) + names, "InvalidParameterError")
    return _read_values(given, trigger, place, form, into)


def _read_values(
    given: dict[str, tuple[int, object]], trigger: Trigger, place: str, form: str, into: MistakeCollector
) -> Values:
    found: dict[str, Any] = {}
    before = len(into.found)
    for parameter in trigger.parameters:
        if parameter.name not in given or given[parameter.name][1] is None:
            if parameter.is_required:
                reason = f"expected the parameter {parameter.name}: {parameter.expected()}"
                into.add(place, reason, "ParameterValueInvalidError")
            continue
        number, raw = given[parameter.name]
        where = f"{place}[{number}].value"
        if form == "2" and parameter.choices and isinstance(raw, str):
            raw = _old_word(raw) if _old_word(raw) in parameter.choices else raw
        try:
            found[parameter.name], objection = read_value(parameter, raw)
        except BadValue as error:
            objection = error
        if objection is not None:
            into.add(where, f"{parameter.name}: {objection}", objection.problem_type, objection.quirk)
    values = Values(found, frozenset(name for name, (_, raw) in given.items() if raw is False))
    has_all = all(not parameter.is_required or parameter.name in found for parameter in trigger.parameters)
    if trigger.verify is not None and has_all and all(mistake.quirk for mistake in into.found[before:]):
        for name, fault in trigger.verify(values):
            into.add(place, f"{name}: {fault}", fault.problem_type, fault.quirk)
    return values
