"""The native rules that replace each rule of an Anchore policy, or the reason why a rule has no equivalent."""

from __future__ import annotations

import re
from collections.abc import Callable

from hullmark.policy.anchore.params import Values
from hullmark.policy.anchore.rows import SYSTEM_TYPES
from hullmark.policy.convert_image import attribute, deny_distro
from hullmark.policy.convert_native import (
    FIRE,
    Native,
    NoEqual,
    Params,
    at_start,
    build_version_condition,
    literal_path,
    numbers,
    plain,
)
from hullmark.policy.convert_vulnerabilities import package, stale, translate_blacklist, translate_kev_list

_MAX_MODE = 0o7777
_PURL_TYPES = {"dpkg": "deb", "apkg": "apk", "python": "pypi", "java": "maven", "go": "golang"}
_UNKNOWN = "Unknown"

Translated = tuple[Native, ...]


def _convert_list(values: Values, name: str) -> Params:
    """Parameters for a list that denies or allows. Empty names are dropped, because they match nothing."""
    texts = [plain(text) for text in values.texts(name) if text]
    if not texts:
        raise NoEqual("its list is empty")
    return {"forbidden": texts} if values.text("type") == "blacklist" else {"allowed": texts}


def _only_given(values: Values) -> Params:
    return {"only_given": True} if values.flag("actual_dockerfile_only") else {}


def _exposed_ports(values: Values) -> Translated:
    given = _only_given(values)
    ports = {
        key: ["*" if port == "0" else port for port in ports] for key, ports in _convert_list(values, "ports").items()
    }
    if given and "allowed" in ports:
        raise NoEqual("a port that cannot be read fires there, and a Dockerfile that is not given does not")
    return (Native("dockerfile", "exposed_ports", ports | given, FIRE if "allowed" in ports else "go"),)


def _effective_user(values: Values) -> Translated:
    return (Native("dockerfile", "user", _convert_list(values, "users"), "go"),)


def _instruction(values: Values) -> Translated:
    check, value = values.text("check"), values.text("value")
    params = {"keyword": values.text("instruction")} | _only_given(values)
    if check == "not_exists":
        # If even the history shows no Dockerfile, the original reads an empty one.
        unknown = "go" if "only_given" in params else FIRE
        return (Native("dockerfile", "instruction", params | {"required": True}, unknown),)
    if check == "exists":
        return (Native("dockerfile", "instruction", params | {"forbidden": True}, "go"),)
    if not values.has("value"):
        raise NoEqual("it never fires: there is nothing to compare with")
    texts = [part.strip() for part in value.split(",")] if check in ("in", "not_in") else [value]
    pattern = at_start(value) if "like" in check else f"^({'|'.join(re.escape(text) for text in texts)})$"
    if check in ("=", "in", "like"):
        return (Native("dockerfile", "instruction", params | {"forbidden": True, "pattern": pattern}, "go"),)
    return (Native("dockerfile", "instruction", params | {"must_fit": pattern}, "go"),)


def _named_files(values: Values) -> Translated:
    return (Native("files", "forbidden", {"paths": ["/**"], "pattern": at_start(values.text("regex"))}),)


def _file_attributes(values: Values) -> Translated:
    path = literal_path(values.text("filename"))
    params: Params = {}
    if checksum := values.text("checksum"):
        if not re.fullmatch(r"[0-9a-f]{64}", checksum):
            raise NoEqual(f"{checksum[:70]!r} is not a SHA-256 in small letters")
        key = "sha256" if values.text("checksum_match", "equals") == "equals" else "except_sha256"
        params[key] = [checksum]
    if values.text("mode"):
        key = "modes" if values.text("mode_op", "equals") == "equals" else "except_modes"
        params[key] = [_mode(values.text("mode"))]
    made = [Native("files", "forbidden", {"paths": [path]} | params)] if params else []
    if values.has("skip_missing") and not values.flag("skip_missing"):
        made.append(Native("files", "required", {"paths": [path]}))
    if not made:
        raise NoEqual("it never fires: there is nothing to compare with")
    return tuple(made)


def _mode(text: str) -> str:
    try:
        bits = int(text[:40], 8)
    except ValueError as error:
        raise NoEqual(f"{text[:60]!r} is not a mode in octal") from error
    if not 0 <= bits <= _MAX_MODE:
        raise NoEqual(f"{text[:60]!r} is not a mode of permission bits")
    return f"{bits:04o}"


def _translate_file_content(values: Values) -> Translated:
    """A rule on file content. A file that is not text makes the original's rule fail, and the verdict is then stop. The original does not
    store larger files, so they are skipped.
    """
    params: Params = {
        "paths": [literal_path(values.text("path"))],
        "pattern": at_start(values.text("regex")),
        "words": True,
        "only_utf8": True,
        "skip_large": True,
    }
    if values.text("check") == "match":
        return (Native("contents", "forbidden", params, "stop"),)
    return (Native("contents", "required", params | {"optional": True}, "stop"),)


def _not_retrieved(values: Values) -> Translated:
    return (Native("files", "required", {"paths": [literal_path(values.text("path"))], "types": ["file"]}),)


def _accounts(key: str, parameter: str) -> Callable[[Values], Translated]:
    """A translator for rules on one field of accounts. If there is no passwd(5), or a line is not a valid entry, the original does not
    fire.
    """

    def translate(values: Values) -> Translated:
        texts = values.texts(parameter)
        meant = numbers(texts) if key in ("uids", "gids") else [plain(text) for text in texts]
        return (Native("accounts", "forbidden", {key: meant}, "go"),)

    return translate


def _account_line(values: Values) -> Translated:
    return (Native("accounts", "forbidden", {"entries": [values.text("entry").strip()]}, "go"),)


def _licences(key: str) -> Callable[[Values], Translated]:
    def translate(values: Values) -> Translated:
        texts = list(values.texts("licenses"))
        if any(text == _UNKNOWN if key == "names" else text in _UNKNOWN for text in texts):
            raise NoEqual("a Debian package that names no licence is called Unknown there")
        return (Native("licences", "written", {key: texts}),)

    return translate


def _required_package(values: Values) -> Translated:
    params: Params = {"names": [plain(values.text("name"))]}
    version, is_minimum = values.text("version"), values.text("version_match_type", "exact") == "minimum"
    if version:
        params |= (
            {"version": build_version_condition(">=", version)} if is_minimum else {"exact_versions": [plain(version)]}
        )
    # Versions that cannot be compared make the original's rule fail, and the verdict is then stop.
    return (Native("packages", "required", params, "stop" if version and is_minimum else ""),)


def _denied_package(types: tuple[str, ...] = ()) -> Callable[[Values], Translated]:
    def translate(values: Values) -> Translated:
        params: Params = {"names": [plain(values.text("name"))]} | ({"types": list(types)} if types else {})
        if version := values.text("version"):
            params |= {"exact_versions": [plain(version)]} | ({} if types else {"ignore_release": True})
        return (Native("packages", "forbidden", params),)

    return translate


def _package_metadata(values: Values) -> Translated:
    params: Params = {}
    if values.has("name"):
        key = {"=": "names", "!=": "allow"}.get(values.text("name_comparison", "="))
        if key is None:
            raise NoEqual("names are compared as texts only there")
        params[key] = [plain(values.text("name"))]
    if values.has("type"):
        if values.text("type_comparison", "=") != "=":
            raise NoEqual("all packages but those of a type cannot be chosen")
        params["types"] = [_PURL_TYPES.get(values.text("type"), values.text("type"))]
    if values.has("version"):
        params["version"] = build_version_condition(values.text("version_comparison", "="), values.text("version"))
    if not params.keys() & {"names", "types", "version"}:
        raise NoEqual("it is about all packages, or all but one")
    return (Native("packages", "forbidden", params, "stop" if "version" in params else ""),)


def _translate_verification(values: Values) -> Translated:
    params: Params = {"types": sorted(SYSTEM_TYPES)}
    if packages := values.texts("only_packages"):
        params["packages"] = [plain(name) for name in packages]
    if folders := values.texts("only_directories"):
        params["paths"] = [glob for folder in folders for glob in _beneath(folder)]
    check = values.text("check")
    # If no record has a digest to compare, the original reports nothing as changed.
    kinds = {"changed": "go", "missing": ""}
    return tuple(Native("integrity", kind, dict(params), kinds[kind]) for kind in kinds if check in ("", kind))


def _beneath(folder: str) -> tuple[str, ...]:
    path = literal_path(folder.rstrip("/") or "/x")
    if folder.endswith("/"):
        return (f"{folder.rstrip('/')}/**",)
    return (path, f"{path}/**")


def _build_constant_translator(
    gate: str, trigger: str, params: Params, when_unknown: str = ""
) -> Callable[[Values], Translated]:
    return lambda values: (Native(gate, trigger, dict(params), when_unknown),)


RULES: dict[tuple[str, str], Callable[[Values], Translated]] = {
    ("always", "always"): _build_constant_translator("always", "always", {}),
    ("distro", "deny"): deny_distro,
    ("dockerfile", "effective_user"): _effective_user,
    ("dockerfile", "exposed_ports"): _exposed_ports,
    ("dockerfile", "instruction"): _instruction,
    ("dockerfile", "no_dockerfile_provided"): _build_constant_translator("dockerfile", "not_given", {}),
    ("files", "attribute_match"): _file_attributes,
    ("files", "name_match"): _named_files,
    ("files", "suid_or_guid_set"): _build_constant_translator("files", "mode", {"paths": ["/**"], "forbidden": "6000"}),
    ("licenses", "blacklist_exact_match"): _licences("names"),
    ("licenses", "blacklist_partial_match"): _licences("containing"),
    ("metadata", "attribute"): attribute,
    ("npms", "blacklisted_name_version"): _denied_package(("npm",)),
    ("packages", "blacklist"): _denied_package(),
    ("packages", "metadata"): _package_metadata,
    ("packages", "required_package"): _required_package,
    ("packages", "verify"): _translate_verification,
    ("passwd_file", "blacklist_full_entry"): _account_line,
    ("passwd_file", "blacklist_groupids"): _accounts("gids", "group_ids"),
    ("passwd_file", "blacklist_shells"): _accounts("shells", "shells"),
    ("passwd_file", "blacklist_userids"): _accounts("uids", "user_ids"),
    ("passwd_file", "blacklist_usernames"): _accounts("names", "user_names"),
    ("passwd_file", "content_not_available"): _build_constant_translator("accounts", "required", {}, FIRE),
    ("retrieved_files", "content_not_available"): _not_retrieved,
    ("retrieved_files", "content_regex"): _translate_file_content,
    ("ruby_gems", "blacklist"): _denied_package(("gem",)),
    ("vulnerabilities", "blacklist"): translate_blacklist,
    ("vulnerabilities", "kev_list"): translate_kev_list,
    ("vulnerabilities", "package"): package,
    ("vulnerabilities", "stale_feed_data"): stale,
}
"""By gate and trigger as the original names them: the native rules. They may raise NoEqual."""

_BODIES = "it searches all files for expressions of the analyzer's settings; rules look into named files here, with secrets masked"
_TOLD = "it rests on what the context tells, which no native rule reads"

REASONS = {
    ("files", "content_regex_match"): _BODIES,
    ("malware", "scan_not_run"): "it rests on a scan by others; here the gate malware scans itself",
    ("malware", "scans"): "it rests on a scan by others; here the gate malware scans itself",
    ("secret_scans", "content_regex_checks"): _BODIES,
    (
        "vulnerabilities",
        "vulnerability_data_unavailable",
    ): "no rule knows here which distributions the advisories speak of",
    **{(gate, "feed_data_unavailable"): _TOLD for gate in ("npms", "ruby_gems")},
    **{("npms", name): _TOLD for name in ("newer_version_in_feed", "unknown_in_feeds", "version_not_in_feeds")},
    **{
        ("ruby_gems", name): _TOLD
        for name in ("newer_version_found_in_feed", "not_found_in_feed", "version_not_found_in_feed")
    },
}
"""Why what is not among them has no equal, where more can be said than that."""
