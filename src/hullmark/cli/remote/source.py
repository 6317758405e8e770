"""`hullmark scan`, `vulns` and `check` by a server: the image is added to it and waited for, and the answer is the server's."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hullmark.cli.fail_on import condition, worst
from hullmark.cli.output import wanted_outputs
from hullmark.cli.remote.connection import connect
from hullmark.cli.remote.image_add import added_to, dockerfile, upload_archive
from hullmark.cli.remote.image_look import MOST_DOCUMENT, put_documents, put_verdict, status_of
from hullmark.cli.remote.waiting import WaitedLongEnough, wait_for_analysis, wait_until
from hullmark.model.errors import HullmarkError
from hullmark.net.api_client import ApiClient, ApiRefused, segment

if TYPE_CHECKING:
    from hullmark.cli.output import Output
    from hullmark.cli.settings import Settings
    from hullmark.report.format import Kind

_LOCAL_ONLY = {
    "scan": (
        "for_policies",
        "author",
        "all_layers",
        "catalogers",
        "secret_rules",
        "secret_salt",
        "clamd",
        "clamav_database",
        "yara_rules",
        "corrections",
        "jar_index",
    ),
    "vulns": (
        *(
            "only_fixed",
            "only_notfixed",
            "ignore_states",
            "by_cve",
            "reach",
            "only_reachable",
            "ssvc",
            "why",
            "show_suppressed",
            "channel",
            "template",
        ),
        *("ignore", "vex", "vex_key", "vex_unsigned", "snapshot", "advisories", "db_dir", "corrections", "jar_index"),
        *("trusted_root", "certificate_identity", "certificate_identity_regexp", "certificate_oidc_issuer"),
        *(
            "certificate_oidc_issuer_regexp",
            "certificate_github_workflow_repository",
            "certificate_github_workflow_ref",
        ),
        *("certificate_github_workflow_name", "insecure_ignore_tlog", "insecure_ignore_sct"),
    ),
    "check": (
        *("at", "known_at", "explain", "context", "digest", "without_quirk", "policy_dir", "snapshot", "advisories"),
        *(
            "db_dir",
            "secret_rules",
            "secret_salt",
            "clamd",
            "clamav_database",
            "yara_rules",
            "corrections",
            "jar_index",
        ),
    ),
}
_LOCAL_VALUES = {"sort": "risk", "profile": "native", "unmapped": "stop"}
_BLIND = 60.0
"""Seconds that are waited for a verdict where policies cannot be looked at, so that there may be none to come."""

_ARCHIVES = ("docker-archive:", "oci-archive:")
_ELSEWHERE = ("docker:", "podman:", "oci-dir:", "dir:", "sbom:")
_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")


def scan(arguments: argparse.Namespace, settings: Settings) -> int:
    """The inventory of each source."""
    outputs = _outputs("inventory", arguments)
    _refuse_local("scan", arguments)
    api = connect(arguments, settings)
    for source in arguments.source:
        path = _image(api, source, arguments, settings)
        put_documents(api, f"{path}/inventory", {"files": arguments.files or None}, outputs)
    return 0


def _outputs(kind: Kind, arguments: argparse.Namespace) -> list[Output]:
    """What -o asks for. The server answers for each source by itself, so several fit into nothing that holds one document."""
    outputs = wanted_outputs(kind, arguments.output, len(arguments.source))
    for output in outputs:
        if len(arguments.source) > 1 and (output.file or output.format.render_all is not None):
            what = output.file or f"a document of the format {output.format.name}"
            raise HullmarkError(
                f"a server's answers about several images cannot share {what}", advice="ask for one after another"
            )
    return outputs


def vulns(arguments: argparse.Namespace, settings: Settings) -> int:
    """The matches of each source; status 1 if --fail-on is met by any, 3 if that cannot be told of any."""
    import msgspec

    from hullmark.cli.settings import known_moment, moment
    from hullmark.report.matches_json import MatchesJson

    outputs = _outputs("matches", arguments)
    status_of = condition(arguments)
    _refuse_local("vulns", arguments)
    api = connect(arguments, settings)
    known_at = known_moment(arguments.known_at)
    query = {
        "as_of": moment(arguments.at).isoformat() if arguments.at else None,
        "known_at": known_at.isoformat() if known_at else None,
    }
    status = 0
    for source in arguments.source:
        path = f"{_image(api, source, arguments, settings)}/vulnerabilities"
        put_documents(api, path, query, outputs)
        if arguments.fail_on:
            answer = api.raw(path, {**query, "format": "json"}, MOST_DOCUMENT)
            status = worst((status, status_of(msgspec.json.decode(answer.body, type=MatchesJson))))
    return status


def check(arguments: argparse.Namespace, settings: Settings) -> int:
    """The verdict on each source; the exit status is that of the worst: a stop, then what cannot be told."""
    outputs = _outputs("verdict", arguments)
    _refuse_local("check", arguments)
    api = connect(arguments, settings)
    query = {"policy": arguments.policy or "", "environment": arguments.environment}
    statuses = []
    for source in arguments.source:
        path = _image(api, source, arguments, settings)
        _await_verdict(api, path, query, arguments.timeout)
        statuses.append(status_of(put_verdict(api, path, query, outputs), arguments.fail_on))
    return 1 if 1 in statuses else max(statuses)


def _await_verdict(api: ApiClient, path: str, query: Mapping[str, str], timeout: float) -> None:
    """Wait for the first verdict, which comes soon after the analysis; not where no policy is in force that will give one.

    Raises HullmarkError if one was named and is not in force for the image.
    """
    if _is_judged(api, path, query):
        return
    try:
        active = api.get("/activations")
    except ApiRefused as error:
        if error.status != 403:
            raise
        active, timeout = None, min(timeout, _BLIND)
    if active is not None and not _judging(active, api.get(path), query):
        if query["policy"]:
            raise HullmarkError(
                f"the policy {query['policy']} is not in force for this image on the server",
                advice="a server judges by its own policies: hullmark policy add FILE, hullmark policy activate NAME",
            )
        return
    # What then is missing is said by whoever asks for the verdict.
    with suppress(WaitedLongEnough):
        wait_until(lambda: _is_judged(api, path, query) or None, timeout, "there is no verdict")


def _is_judged(api: ApiClient, path: str, query: Mapping[str, str]) -> bool:
    try:
        api.raw(f"{path}/check", query, MOST_DOCUMENT)
    except ApiRefused as error:
        if error.status != 409:
            raise
        return False
    return True


def _judging(active: list[dict[str, Any]], image: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    """Is any of these activations about the image, as it is asked about?"""
    from hullmark.policy.values import NameGlob

    def fits(activation: Mapping[str, Any]) -> bool:
        return (
            not activation["shadow"]
            and query["policy"] in ("", activation["policy"])
            and activation["environment"] in ("", query["environment"])
            and (activation["selector"] == "*" or any(map(NameGlob(activation["selector"]).matches, image["tags"])))
        )

    return any(map(fits, active))


def _image(api: ApiClient, source: str, arguments: argparse.Namespace, settings: Settings) -> str:
    """The path of a source on the server, once it is analysed there."""
    tag = getattr(arguments, "tag", None) or ""
    archive = _archive(source)
    if archive is not None:
        file, name = archive
        added = upload_archive(api, file, tag or name, {})
    else:
        request = {
            "reference": source.removeprefix("registry:"),
            "tag": tag,
            "platform": settings.get("platform") or "",
            "dockerfile": dockerfile(getattr(arguments, "dockerfile", None)),
        }
        added = added_to(api, request)
    wait_for_analysis(api, added["digest"], arguments.timeout)
    return f"/images/{segment(added['digest'])}"


def _archive(source: str) -> tuple[str, str] | None:
    """An archive's file and the reference that it goes by; None for an image in a registry. Raises HullmarkError for what stays here."""
    kind = next((kind for kind in _ARCHIVES if source.startswith(kind)), "")
    rest = source.removeprefix(kind)
    if kind and not Path(rest).is_file():
        file, _, name = rest.partition(":")
        return file, name if ":" in name else f"{name or _name_of(file)}:latest"
    if kind or Path(source).is_file():
        return rest, f"{_name_of(rest)}:latest"
    if source.startswith(_ELSEWHERE) or Path(source).is_dir():
        raise HullmarkError(
            f"{source} is on this machine, and a server cannot read it",
            advice="give an image in a registry or an archive of it, or work here: --server ''",
        )
    return None


def _name_of(file: str) -> str:
    """A reference for an archive that names none."""
    words = _NOT_IN_NAMES.sub("-", Path(file).name.lower().removesuffix(".tar")).strip("-")
    return f"localhost/{words or 'image'}"


def _refuse_local(verb: str, arguments: argparse.Namespace) -> None:
    """Say so where an option asks for what only this machine does."""
    given = [name for name in _LOCAL_ONLY[verb] if getattr(arguments, name, None)]
    given += [name for name, usual in _LOCAL_VALUES.items() if getattr(arguments, name, usual) != usual]
    if given:
        option = "--" + given[0].replace("_", "-")
        raise HullmarkError(f"a server knows nothing of {option}", advice="leave it out, or work here: --server ''")
