"""Gate `configuration`: how the programs in the image are configured, by its configuration files and by the way it is started.

A setting is identified by its key, as `hullmark config` shows it: `sshd.PermitRootLogin`, `nginx.http.server[*].ssl_protocols`. If nothing
sets it, the program's own default counts, as far as it is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta

from hullmark.model.setting import Setting
from hullmark.model.setting import Value as SettingValue
from hullmark.model.verdict import Evidence
from hullmark.policy.facts import Facts
from hullmark.policy.gate import Answer, CannotTell, Need, Params, Trigger, Violation
from hullmark.policy.globs import PathGlob, PathGlobs
from hullmark.policy.masked import is_masked, may_be, may_fit
from hullmark.policy.setting_values import Amount, SettingGlob, amount_of
from hullmark.policy.unset_settings import untold
from hullmark.policy.values import NameGlob, Pattern

Key = Annotated[NameGlob, Meta(description="The setting's key; * matches any characters, ? one character.")]
Allow = Annotated[tuple[PathGlob, ...], Meta(description="Configuration files that do not count.")]
Default = Annotated[bool, Meta(description="Whether the program's own default counts if nothing sets the value.")]


_IF_UNSET = "What to do if the program is configured, but neither a file nor a known default sets the value."


_OF_POOL = re.compile(r"(?P<php>php(?:\[[^\]]*\])?\.\w+)\.pool\[[^\]]*\]\.(?P<setting>[^\[\]]+)").fullmatch


_SHOWN_PLACES = 20


class _SettingParams(Params, frozen=True, kw_only=True):
    setting: Key

    @property
    def asked_programs(self) -> tuple[NameGlob, ...]:
        """The program named in the key. If its first word contains a star, every program whose name begins with the text before the
        star.
        """
        first = re.split(r"[.\[]", self.setting.text, maxsplit=1)[0]
        begin, star, _ = first.partition("*")
        return (NameGlob(begin + star),)


class MustBe(_SettingParams, frozen=True, kw_only=True):
    """Fires for each setting with this key whose value is not as required.

    Each item of a list must match `values` and `pattern`. In `values` and `containing`, switches may be written yes, on, true or 1, and no,
    off, false or 0; amounts as 8M or 8388608; and capital and small letters count as the same, except in paths.
    """

    values: Annotated[tuple[SettingGlob, ...], Meta(description="The allowed values; none: any.")] = ()
    pattern: Annotated[Pattern | None, Meta(description="A regular expression that the value must match.")] = None
    containing: Annotated[tuple[SettingGlob, ...], Meta(description="Items that must all be in the list.")] = ()
    at_least: Annotated[Amount | None, Meta(description="The smallest value, such as 1024 or 10m.")] = None
    at_most: Annotated[Amount | None, Meta(description="The largest value, such as 1024 or 10m.")] = None
    if_unset: Annotated[Literal["unknown", "fire", "pass"], Meta(description=_IF_UNSET)] = "unknown"
    defaults: Default = True
    allow: Allow = ()

    def __post_init__(self) -> None:
        wants_more = self.pattern is not None or self.at_least is not None or self.at_most is not None
        if not (self.values or self.containing or wants_more or self.if_unset == "fire"):
            raise ValueError("expected values, pattern, containing, at_least or at_most: without one it never fires")


class MustNotBe(_SettingParams, frozen=True, kw_only=True):
    """Fires for each setting with this key whose value, or one of its items, is forbidden.

    Without `values` and `pattern`, the setting must not be set at all. With them, if nothing sets it and no default is known, the rule
    cannot be judged, unless `if_unset` is pass or `defaults` is false.
    """

    values: Annotated[tuple[SettingGlob, ...], Meta(description="Values that are not allowed.")] = ()
    pattern: Annotated[Pattern | None, Meta(description="A pattern that no value may match.")] = None
    if_unset: Annotated[Literal["unknown", "pass"], Meta(description=_IF_UNSET)] = "unknown"
    defaults: Default = True
    allow: Allow = ()


class Unread(Params, frozen=True, kw_only=True):
    """Fires for each configuration file that could not be read or understood completely."""

    allow: Allow = ()


def must_be(params: MustBe, facts: Facts) -> Iterator[Answer]:
    """Compare values with the required ones."""
    found = list(_settings(params, facts))
    for setting in found:
        wrong = _wrong(params, setting.value)
        if wrong and _may_be_right(params, setting.value):
            yield CannotTell(f"the value of {setting.key} is masked", _evidence(setting, facts))
        elif wrong:
            message = f"{setting.key} is {_format_value(setting.value)}{_place(setting)}, {wrong}."
            yield Violation(setting.key, message, _evidence(setting, facts))
    unset = untold(params.setting, facts, has_found=bool(found)) if params.defaults or not found else ()
    for key, reason in unset:
        if params.if_unset == "fire":
            yield Violation(key, f"{key} is not set, and must be.")
        elif params.if_unset == "unknown":
            yield CannotTell(f"{key} is not set, and {reason}")


def must_not_be(params: MustNotBe, facts: Facts) -> Iterator[Answer]:
    """Compare values with the forbidden ones."""
    is_any = not params.values and params.pattern is None
    found = list(_settings(params, facts))
    for setting in found:
        if is_any and not setting.path:
            continue
        if is_any or any(_is_forbidden(params, item) for item in _items(setting.value)):
            message = f"{setting.key} is {_format_value(setting.value)}{_place(setting)}, and must not be."
            yield Violation(setting.key, message, _evidence(setting, facts))
        elif any(_may_fit(params.values, params.pattern, item) for item in _items(setting.value)):
            yield CannotTell(f"the value of {setting.key} is masked", _evidence(setting, facts))
    if params.if_unset == "unknown" and params.defaults and not is_any:
        for key, reason in untold(params.setting, facts, has_found=bool(found)):
            yield CannotTell(f"{key} is not set, and {reason}")


def unread(params: Unread, facts: Facts) -> Iterator[Answer]:
    """Check the problems met while reading configuration."""
    allow = PathGlobs(params.allow)
    for problem in facts.inventory.problems:
        if problem.room in ("configuration", "kept") and not allow.match(problem.path):
            subject = f"{problem.path}: {problem.reason}"
            message = f"Of the configuration {problem.path or 'files'} not all was understood: {problem.reason}."
            yield Violation(subject, message, (facts.at(problem.path, problem.layer),))


def _settings(params: MustBe | MustNotBe, facts: Facts) -> Iterator[Setting]:
    allow = PathGlobs(params.allow)
    configuration = facts.configuration
    for setting in configuration.settings if configuration is not None else ():
        is_named = params.setting.matches(setting.key) or _is_of_pool(params.setting, setting.key)
        is_meant = is_named and (params.defaults or setting.path)
        is_allowed = setting.path and (allow.match(setting.path) or (setting.file and allow.match(setting.file)))
        if is_meant and not is_allowed:
            yield setting


def _is_of_pool(glob: NameGlob, key: str) -> bool:
    """Whether a rule about PHP's settings under php-fpm matches a setting that a pool changes."""
    found = _OF_POOL(key)
    return found is not None and glob.matches(f"{found['php']}.{found['setting']}")


def _wrong(params: MustBe, value: SettingValue) -> str:
    """A clause saying what a value should be; "" if it is right."""
    items = _items(value)
    if params.values and not all(_fits(params.values, item) for item in items):
        return f"and must be {' or '.join(glob.text for glob in params.values)}"
    if params.pattern is not None and not all(params.pattern.is_in(item) for item in items):
        return f"and must fit {params.pattern.text!r}"
    lacking = [glob.text for glob in params.containing if not any(_fits((glob,), item) for item in items)]
    if lacking:
        return f"and must have {', '.join(lacking)}"
    return _out_of_range(params, value)


def _out_of_range(params: MustBe, value: SettingValue) -> str:
    if params.at_least is None and params.at_most is None:
        return ""
    amount = amount_of(value)
    if amount is None:
        return "which is not an amount that could be compared"
    if params.at_least is not None and amount < params.at_least.amount:
        return f"and must be at least {params.at_least}"
    if params.at_most is not None and amount > params.at_most.amount:
        return f"and must be at most {params.at_most}"
    return ""


def _may_be_right(params: MustBe, value: SettingValue) -> bool:
    """Whether a masked value may meet the requirements."""
    items = _items(value)

    def may_be_one(globs: tuple[SettingGlob, ...], item: str) -> bool:
        return _fits(globs, item) or _may_fit(globs, None, item)

    return (
        any(map(is_masked, items))
        and all(not params.values or may_be_one(params.values, item) for item in items)
        and all(params.pattern is None or may_fit(params.pattern, item) for item in items)
        and all(any(may_be_one((glob,), item) for item in items) for glob in params.containing)
    )


def _may_fit(globs: tuple[SettingGlob, ...], pattern: Pattern | None, item: str) -> bool:
    return is_masked(item) and (may_be(globs, item) or (pattern is not None and may_fit(pattern, item)))


def _is_forbidden(params: MustNotBe, item: str) -> bool:
    return _fits(params.values, item) or (params.pattern is not None and params.pattern.is_in(item))


def _fits(globs: tuple[SettingGlob, ...], item: str) -> bool:
    return any(glob.fits(item) for glob in globs)


def _items(value: SettingValue) -> tuple[str, ...]:
    if isinstance(value, tuple):
        return value
    if isinstance(value, bool):
        return ("yes" if value else "no",)
    return ("" if value is None else str(value),)


def _format_value(value: SettingValue) -> str:
    return ", ".join(repr(item) for item in _items(value)) or "empty"


def _place(setting: Setting) -> str:
    if not setting.path:
        return " by default"
    line = f":{setting.line}" if setting.line else ""
    return f" ({setting.path}{line}" + (f", which is {setting.file})" if setting.file else ")")


def _evidence(setting: Setting, facts: Facts) -> tuple[Evidence, ...]:
    if not setting.path:
        return ()
    first = facts.at(setting.path, setting.layer, f"line {setting.line}" if setting.line else "")
    more = (facts.at(place.path, place.layer, f"line {place.line}") for place in setting.more[:_SHOWN_PLACES])
    return (first, *more)


def _set(params: MustBe, subject: str) -> str:
    if params.values:
        return f"set {subject} to {params.values[0]}"
    return f"set {subject} to what it must be"


def _unset(params: MustNotBe, subject: str) -> str:
    return f"take {subject} out of the configuration, or give it another value"


_NEEDS = frozenset((Need.CONFIGURATION,))

TRIGGERS = (
    Trigger(gate="configuration", name="must_be", params=MustBe, check=must_be, needs=_NEEDS, advice=_set),
    Trigger(gate="configuration", name="must_not_be", params=MustNotBe, check=must_not_be, needs=_NEEDS, advice=_unset),
    Trigger(gate="configuration", name="unread", params=Unread, check=unread, looks_at=frozenset(), needs=_NEEDS),
)
