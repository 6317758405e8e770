"""`hullmark watch`: which tags and repositories the server asks registries about."""

from __future__ import annotations

import argparse
from typing import Any

from hullmark.cli.remote.actions import Action, api_of
from hullmark.cli.remote.noun import Noun, add_fields, field, listing, name_field, removing, sending
from hullmark.cli.remote.shown import Column, short, show, time_of
from hullmark.cli.rows import add_output

_WATCH = name_field("the number of the watch, or what it watches", "ID|REFERENCE")
_FILTERS = (
    field("--registry", "only of this registry", metavar="HOST", default=""),
    field("--repository", "only of this repository", metavar="NAME", default=""),
    field("--tag", "only of this tag", metavar="TAG", default=""),
    field("--failing", "only those of which the last look failed", action="store_true"),
)
_EVERY = "seconds between two looks, from 10 to 604800 (default: as the server is set)"


def _adding(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="HOST/REPOSITORY[:TAG]", help="a tag; with --all a repository")
    parser.add_argument("--all", action="store_true", help="all tags of the repository, also new ones")
    parser.add_argument("--pattern", metavar="PATTERN", default="*", help="with --all: only tags that fit (default: *)")
    parser.add_argument(
        "--no-follow", action="store_true", help="with --all: add the images of new tags, without watching the tags"
    )
    parser.add_argument("--platform", metavar="OS/ARCH", default="", help="the image of an index that is meant")
    parser.add_argument("--every", metavar="SECONDS", type=int, help=_EVERY)
    add_output(parser)


def _changing(parser: argparse.ArgumentParser) -> None:
    add_fields(parser, (_WATCH,))
    parser.add_argument("--every", metavar="SECONDS", type=int, help="seconds between two looks, from 10 to 604800")
    parser.add_argument("--pattern", metavar="PATTERN", help="of a repository: only tags that fit")
    switch = parser.add_mutually_exclusive_group()
    switch.add_argument("--on", dest="active", action="store_true", default=None, help="look at it again")
    switch.add_argument("--off", dest="active", action="store_false", default=None, help="do not look at it for now")


def _describe_target(watch: Any) -> str:
    return str(watch["reference"] if watch["tag"] else f"{watch['reference']} (tags {watch['pattern']})")


_COLUMNS: tuple[Column, ...] = (
    ("ID", "id"),
    ("WATCHED", _describe_target),
    ("EVERY", lambda watch: f"{watch['every']} s"),
    ("ACTIVE", "active"),
    ("DIGEST", lambda watch: short(watch["digest"])),
    ("CHECKED", time_of("checked_at")),
    ("REASON", "reason"),
)


def _add(arguments: argparse.Namespace) -> int:
    request = {
        "repository" if arguments.all else "reference": arguments.name,
        "pattern": arguments.pattern,
        "follows": not arguments.no_follow,
        "platform": arguments.platform,
        "every": arguments.every,
    }
    made = api_of(arguments).json("POST", "/watches", document=request)
    return show(
        arguments, made, lambda watch: f"watch {watch['id']}: {_describe_target(watch)}, every {watch['every']} s"
    )


def _change(arguments: argparse.Namespace) -> int:
    from hullmark.model.errors import HullmarkError

    request = {name: getattr(arguments, name) for name in ("every", "pattern", "active")}
    request = {name: value for name, value in request.items() if value is not None}
    if not request:
        raise HullmarkError("nothing is to change", advice="give --every, --pattern, --on or --off")
    made = api_of(arguments).json("PATCH", _path(arguments), document=request)
    state = "on" if made["active"] else "off"
    return show(arguments, made, lambda watch: f"{_describe_target(watch)}: {state}, every {watch['every']} s")


def _path(arguments: argparse.Namespace) -> str:
    """The path of a watch that goes by its number or by what it watches. Raises HullmarkError where there is none."""
    from hullmark.model.errors import HullmarkError
    from hullmark.model.reference import parse_reference

    name = arguments.name
    if name.isascii() and name.isdigit() and len(name) < 19:
        return f"/watches/{int(name)}"
    meant = parse_reference(name)
    query = {"registry": meant.host, "repository": meant.repository, "tag": meant.tag or None}
    found = list(api_of(arguments).pages("/watches", query))
    fitting = [watch for watch in found if watch["tag"] == meant.tag] or [
        watch for watch in found if watch["tag"] == "latest"
    ]
    if not fitting:
        raise HullmarkError(f"{name} is not watched", advice="list what is: hullmark watch list")
    return f"/watches/{int(fitting[0]['id'])}"


VERBS = (
    Noun(
        "watch",
        "list, add, change and remove watched tags or repositories",
        {
            "list": listing("list what is watched", "/watches", _COLUMNS, "nothing is watched", _FILTERS),
            "add": Action("watch a tag, or a repository", _adding, _add),
            "change": Action("change how often, or whether, it is looked at", _changing, _change),
            "delete": removing(
                "watch something no longer; the image stays", _path, _WATCH, "removed", "{removed} is watched no longer"
            ),
            "look": sending(
                "look now",
                "POST",
                lambda arguments: f"{_path(arguments)}/look",
                (_WATCH,),
                lambda watch: f"{_describe_target(watch)} is looked at now",
            ),
        },
        guide="watch-registries",
    ),
)
