"""`hullmark place` and `hullmark collector`: what runs where, and who tells."""

from __future__ import annotations

import argparse
from typing import Any

from hullmark.cli.remote.actions import api_of
from hullmark.cli.remote.noun import Noun, acting, field, listing
from hullmark.cli.remote.shown import Column, show, show_fields, time_of

_GRADES = ("host", "default", "hardened", "sandboxed", "vm")
_VERDICTS = ("go", "warn", "stop", "unknown", "none")


def _name_of(place: Any) -> str:
    named = (place["cluster"], place["namespace"], place["workload"], place["container"])
    return str(place["place"]) or "/".join(filter(None, named))


def _image_of(place: Any) -> str:
    return str(place["reference"] or place["digest"] or place["config_digest"])


_COLUMNS: tuple[Column, ...] = (
    ("PLACE", _name_of),
    ("IMAGE", _image_of),
    ("VERDICT", lambda place: place["verdict"] or "none"),
    ("GRADE", lambda place: place["grade"] or "unknown"),
    ("ENVIRONMENT", "environment"),
    ("COUNT", "containers"),
    ("SINCE", time_of("since")),
    ("LAST HEARD", time_of("last_heard_at")),
)
_FILTERS = (
    field("--image", "only of this one: any digest of it, or HOST/REPOSITORY:TAG", metavar="IMAGE", default=""),
    field("--cluster", "only in this cluster, or on this host", metavar="NAME", default=""),
    field("--namespace", "only in this namespace", metavar="NAME", default=""),
    field("--platform", "only on this, as kubernetes, ecs or docker", metavar="NAME", default=""),
    field("--environment", "only in this environment", metavar="NAME", default=""),
    field("--selector", "only with these labels, as app=web,env in (prod,staging)", metavar="LABELS", default=""),
    field("--grade", "only what is kept apart at most so well", choices=_GRADES),
    field("--verdict", "only of images with this verdict; none: nobody judged them", choices=_VERDICTS),
    field("--at", "what ran at this moment, as 2026-12-31T08:00:00Z", metavar="TIME"),
)


def _set(arguments: argparse.Namespace) -> int:
    api = api_of(arguments)
    request = api.get("/place-settings")
    if arguments.rule is not None:
        request["environments"] = [_rule(text) for text in arguments.rule if text]
    if arguments.analyse_unknown is not None:
        request["analyses_unknown"] = arguments.analyse_unknown == "yes"
    if arguments.silent_after is not None:
        request["silent_after"] = _seconds(arguments.silent_after)
    made = api.json("PUT", "/place-settings", document=request)
    return show(arguments, made, _format_rules)


def _format_rules(settings: dict[str, Any]) -> str:
    from hullmark.model.plural import plural

    named = plural(len(settings["environments"]), "rule names", "rules name")
    return f"{named} environments of places"


def _seconds(text: str) -> int:
    from hullmark.cli.signing import lifetime

    return 0 if text == "0" else round(lifetime(text).total_seconds())


def _rule(text: str) -> dict[str, str]:
    environment, _, selector = text.partition(":")
    return {"environment": environment.strip(), "selector": selector.strip()}


_SETTINGS = (
    field(
        "--rule",
        "places with these labels are in this environment; again for more, the first that fits counts; '' for none",
        metavar="ENVIRONMENT:LABELS",
        action="append",
    ),
    field("--analyse-unknown", "add images that run and that nobody added", choices=("yes", "no")),
    field("--silent-after", "tell of collectors that say nothing for so long, as 2h; 0: of none", metavar="TIME"),
)

_COLLECTOR_COLUMNS: tuple[Column, ...] = (
    ("NAME", "name"),
    ("PLATFORM", "platform"),
    ("PLACES", "places"),
    ("LISTED", time_of("listed_at")),
    ("REPORTED", time_of("reported_at")),
    ("SILENT SINCE", time_of("silent_since")),
    ("ENDED", time_of("ended_at")),
)
_ONE_COLLECTOR = (
    field("name", "the cluster or host", metavar="NAME"),
    field("--platform", "on what, as kubernetes, ecs or docker", metavar="NAME", required=True),
)


def _end(arguments: argparse.Namespace) -> int:
    query = {"name": arguments.name, "platform": arguments.platform}
    api_of(arguments).json("DELETE", "/collectors", query)
    return show(arguments, {"ended": arguments.name}, "nothing runs there any more: {ended}".format_map)


VERBS = (
    Noun(
        "place",
        "list what runs where, as collectors report it",
        {
            "list": listing("list what runs where, now or at a moment", "/places", _COLUMNS, "nothing runs", _FILTERS),
            "settings": acting(
                "show which environments places are",
                (),
                lambda arguments: show_fields(arguments, api_of(arguments).get("/place-settings")),
            ),
            "change": acting("say which environments places are", _SETTINGS, _set),
        },
        guide="see-what-runs-where",
    ),
    Noun(
        "collector",
        "list the clusters and hosts that report what runs",
        {
            "list": listing("list who tells what runs", "/collectors", _COLLECTOR_COLUMNS, "no collector"),
            "end": acting("say that a cluster or host is no more: nothing runs there", _ONE_COLLECTOR, _end),
        },
        guide="see-what-runs-where",
    ),
)
