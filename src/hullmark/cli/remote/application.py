"""`hullmark application`: versions of what is deployed together, and the verdict on each."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from hullmark.cli.remote.actions import api_of
from hullmark.cli.remote.noun import Field, Noun, acting, field, listing, name_field, removing, sending, showing
from hullmark.cli.remote.shown import Column, show

_ALL, _ONE = "/applications", "/applications/{name}"
_APPLICATION = name_field("the application")
_VERSION = field("version", "the version", sent="", metavar="VERSION")
_STATES = ("in-progress", "released", "end-of-life")

_COLUMNS: tuple[Column, ...] = (("NAME", "name"), ("VERSIONS", "versions"), ("DESCRIPTION", "description"))
_VERSIONS: tuple[Column, ...] = (
    ("VERSION", "name"),
    ("VERDICT", "verdict"),
    ("STATE", "state"),
    ("IMAGES", "images"),
    ("PLACES", "places"),
    ("SELECTOR", "selector"),
)
_IMAGES: tuple[Column, ...] = (
    ("DIGEST", "digest"),
    ("VERDICT", lambda image: image["verdict"] or "none"),
    ("PLACES", "places"),
    ("REFERENCE", "reference"),
)
_SAID = (
    _APPLICATION,
    _VERSION,
    field("--state", "where it is in its life", choices=_STATES, default="in-progress"),
    field("--selector", "the labels of its places, as app=shop,version=1.2", metavar="LABELS", default=""),
    field("--annotations", "the annotations of its images, as app=shop", metavar="LABELS", default=""),
)


def path_of(*parts: str) -> Callable[[argparse.Namespace], str]:
    """The path of a version, and of what belongs to it; parts are names of arguments, or words behind a slash."""

    def at(arguments: argparse.Namespace) -> str:
        from hullmark.net.api_client import segment

        words = [part[1:] if part.startswith("/") else segment(str(getattr(arguments, part))) for part in parts]
        return "/".join(("/applications", *words))

    return at


_OF_VERSION = path_of("name", "/versions", "version")
_IMAGE_OF_VERSION = path_of("name", "/versions", "version", "/images", "image")
_IMAGE = field("image", "any digest of the image", sent="", metavar="DIGEST")


def _delete_version(arguments: argparse.Namespace) -> int:
    api_of(arguments).json("DELETE", _OF_VERSION(arguments))
    return show(arguments, {"deleted": arguments.version}, "version {deleted} deleted".format_map)


def _add_image(arguments: argparse.Namespace) -> int:
    made = api_of(arguments).json("PUT", _IMAGE_OF_VERSION(arguments))
    return show(arguments, made, _format_images)


def _format_images(version: dict[str, Any]) -> str:
    from hullmark.model.plural import plural

    return f"version {version['name']} has {plural(version['images'], 'image')}: {version['verdict']}"


def _format_version(version: dict[str, Any]) -> str:
    from hullmark.model.plural import plural

    runs = f"{plural(version['images'], 'image')} at {plural(version['places'], 'place')}"
    return f"version {version['name']} is {version['state']}: {version['verdict']}, {runs}"


def _remove_image(arguments: argparse.Namespace) -> int:
    api_of(arguments).json("DELETE", _IMAGE_OF_VERSION(arguments))
    return show(arguments, {"removed": arguments.image}, "image {removed} taken from the version".format_map)


def _positional(*fields: Field) -> tuple[Field, ...]:
    return fields


VERBS = (
    Noun(
        "application",
        "group what is deployed together, with one verdict for all",
        {
            "add": sending(
                "add an application",
                "POST",
                _ALL,
                (
                    field("name", "its name", metavar="NAME"),
                    field("--description", "what it is", metavar="TEXT", default=""),
                ),
                "application {name} added",
            ),
            "list": listing("list applications", _ALL, _COLUMNS, "no application"),
            "show": showing("show an application with its one verdict", _ONE, _APPLICATION),
            "delete": removing(
                "delete an application with its versions",
                _ONE,
                _APPLICATION,
                "deleted",
                "application {deleted} deleted",
            ),
            "versions": listing(
                "list the versions of an application with their verdicts",
                path_of("name", "/versions"),
                _VERSIONS,
                "no version",
                _positional(_APPLICATION),
            ),
            "set-version": sending(
                "add a version, or say something else of it",
                *("PUT", _OF_VERSION, _SAID, _format_version),
            ),
            "delete-version": acting("delete a version", (_APPLICATION, _VERSION), _delete_version),
            "images": listing(
                "list the images of a version with their verdicts",
                path_of("name", "/versions", "version", "/images"),
                _IMAGES,
                "no image",
                _positional(_APPLICATION, _VERSION),
            ),
            "add-image": acting("name an image of a version", (_APPLICATION, _VERSION, _IMAGE), _add_image),
            "remove-image": acting("take a named image away", (_APPLICATION, _VERSION, _IMAGE), _remove_image),
        },
        guide="see-what-runs-where",
    ),
)
