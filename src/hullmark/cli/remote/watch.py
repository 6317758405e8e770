"""`hullmark watch`: which tags and repositories the server asks registries about."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from hullmark.cli.remote.actions import Action, add_actions, add_limit, api_of
from hullmark.cli.rows import add_output

if TYPE_CHECKING:
    from hullmark.net.api_client import ApiClient

NAME = "watch"
HELP = "list, add, change and remove the tags and repositories that the server watches"
EPILOG = "`hullmark watch ACTION --help` says more of each. docs/how-to/watch-registries.md shows them at work."

_EVERY = "seconds between two looks, from 10 to 604800 (default: as the server is set)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    add_actions(parser, _ACTIONS)


def run(arguments: argparse.Namespace) -> int:
    """Do the action."""
    return _ACTIONS[arguments.action].run(arguments)


def _listing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--registry", metavar="HOST", default="", help="only of this registry")
    parser.add_argument("--repository", metavar="NAME", default="", help="only of this repository")
    parser.add_argument("--tag", metavar="TAG", default="", help="only of this tag")
    parser.add_argument("--failing", action="store_true", help="only those of which the last look failed")
    add_limit(parser)
    add_output(parser)


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
    _naming(parser)
    parser.add_argument("--every", metavar="SECONDS", type=int, help="seconds between two looks, from 10 to 604800")
    parser.add_argument("--pattern", metavar="PATTERN", help="of a repository: only tags that fit")
    switch = parser.add_mutually_exclusive_group()
    switch.add_argument("--on", dest="active", action="store_true", default=None, help="look at it again")
    switch.add_argument("--off", dest="active", action="store_false", default=None, help="do not look at it for now")


def _naming(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="ID|REFERENCE", help="the number of the watch, or what it watches")
    add_output(parser)


def _list(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.shown import short, show_list, time_of

    query = {name: getattr(arguments, name) or None for name in ("registry", "repository", "tag", "failing")}
    columns = (
        ("ID", "id"),
        ("WATCHED", _watched),
        ("EVERY", lambda each: f"{each['every']} s"),
        ("ACTIVE", "active"),
        ("DIGEST", lambda each: short(each["digest"])),
        ("CHECKED", time_of("checked_at")),
        ("REASON", "reason"),
    )
    found = api_of(arguments).pages("/watches", query, arguments.limit)
    return show_list(arguments, found, columns, "nothing is watched")


def _watched(each: Any) -> str:
    return str(each["reference"] if each["tag"] else f"{each['reference']} (tags {each['pattern']})")


def _add(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.shown import show

    wish = {
        "repository" if arguments.all else "reference": arguments.name,
        "pattern": arguments.pattern,
        "follows": not arguments.no_follow,
        "platform": arguments.platform,
        "every": arguments.every,
    }
    made = api_of(arguments).json("POST", "/watches", document=wish)
    return show(arguments, made, lambda each: f"watch {each['id']}: {_watched(each)}, every {each['every']} s")


def _change(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.shown import show
    from hullmark.model.errors import HullmarkError

    wish = {name: getattr(arguments, name) for name in ("every", "pattern", "active")}
    wish = {name: value for name, value in wish.items() if value is not None}
    if not wish:
        raise HullmarkError("nothing is to change", advice="give --every, --pattern, --on or --off")
    api = api_of(arguments)
    made = api.json("PATCH", f"/watches/{_number(api, arguments.name)}", document=wish)
    state = "on" if made["active"] else "off"
    return show(arguments, made, lambda each: f"{_watched(each)}: {state}, every {each['every']} s")


def _remove(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.shown import show

    api = api_of(arguments)
    api.json("DELETE", f"/watches/{_number(api, arguments.name)}")
    return show(arguments, {"removed": arguments.name}, lambda each: f"{each['removed']} is watched no longer")


def _look(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.shown import show

    api = api_of(arguments)
    told = api.json("POST", f"/watches/{_number(api, arguments.name)}/look")
    return show(arguments, told, lambda each: f"{_watched(each)} is looked at now")


def _number(api: ApiClient, name: str) -> int:
    """The number of a watch that goes by its number or by what it watches. Raises HullmarkError where there is none."""
    from hullmark.model.errors import HullmarkError
    from hullmark.source.reference import parse_reference

    if name.isascii() and name.isdigit() and len(name) < 19:
        return int(name)
    named = parse_reference(name)
    found = list(
        api.pages("/watches", {"registry": named.host, "repository": named.repository, "tag": named.tag or None})
    )
    fitting = [each for each in found if each["tag"] == named.tag] or [
        each for each in found if each["tag"] == "latest"
    ]
    if not fitting:
        raise HullmarkError(f"{name} is not watched", advice="list what is: hullmark watch list")
    return int(fitting[0]["id"])


_ACTIONS = {
    "list": Action("list what is watched", _listing, _list),
    "add": Action("watch a tag, or a repository", _adding, _add),
    "change": Action("change how often, or whether, it is looked at", _changing, _change),
    "remove": Action("watch something no longer; the image stays", _naming, _remove),
    "look": Action("look now", _naming, _look),
}
