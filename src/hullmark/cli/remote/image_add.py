"""`hullmark image add`, `upload`, `wait`, `analyse`, `delete`: what changes which images a server looks after."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hullmark.cli.remote.shown import show, show_list

if TYPE_CHECKING:
    from hullmark.net.api_client import ApiClient

_MOST_DOCKERFILE = 1_000_000


def add(arguments: argparse.Namespace) -> int:
    """Add each reference; with --wait, until all are analysed."""
    from hullmark.cli.remote.connection import connect

    api = connect(arguments)
    request = {
        "tag": arguments.tag,
        "platform": arguments.platform,
        "annotations": notes_of(arguments.annotation),
        "dockerfile": dockerfile(arguments.dockerfile),
        "force": arguments.force,
        **({"watch": False} if arguments.no_watch else {}),
    }
    added = [added_to(api, {"reference": name, **request}) for name in arguments.images]
    return _show_added_images(arguments, api, added)


def added_to(api: ApiClient, request: dict[str, Any]) -> dict[str, Any]:
    """What became of a request for an image."""
    added: dict[str, Any] = api.json("POST", "/images", document=request)
    return added


def notes_of(words: Iterable[str]) -> dict[str, str]:
    """NAME=VALUE words as a mapping. Raises HullmarkError for a word without a name."""
    from hullmark.model.errors import HullmarkError

    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise HullmarkError(f"--annotation {word[:100]!r} has no name and value", advice="write it as NAME=VALUE")
        found[name] = value
    return found


def dockerfile(file: str | None) -> str:
    """A Dockerfile's text, "" for none. Raises HullmarkError if it cannot be read."""
    return text_of(file, _MOST_DOCKERFILE, "Dockerfile") if file else ""


def text_of(file: str, most: int, what: str) -> str:
    """A file's text. Raises HullmarkError if it cannot be read, has more than `most` bytes, or is not text."""
    from hullmark.model.errors import HullmarkError

    try:
        with Path(file).open("rb") as opened:
            content = opened.read(most + 1)
        if len(content) > most:
            raise HullmarkError(f"the {what} {file} has more than {most} bytes", advice="the server takes no more")
        return content.decode("utf-8")
    except OSError as error:
        raise HullmarkError(f"cannot read the {what} {file}: {error.strerror}", advice="check the path") from error
    except UnicodeDecodeError as error:
        raise HullmarkError(f"the {what} {file} is not text", advice="it must be UTF-8") from error


def upload(arguments: argparse.Namespace) -> int:
    """Send an archive."""
    from hullmark.cli.remote.connection import connect

    api = connect(arguments)
    sent = upload_archive(api, arguments.file, arguments.reference, notes_of(arguments.annotation))
    return _show_added_images(arguments, api, [sent])


def upload_archive(api: ApiClient, file: str, reference: str, notes: dict[str, str]) -> dict[str, Any]:
    """What became of an archive. Raises HullmarkError if it cannot be read or is not taken."""
    import json

    from hullmark.cli.remote.sending import send_file

    query = {"reference": reference, "annotations": json.dumps(notes) if notes else ""}
    return send_file(api, "/uploads", query, file, ("application/x-tar", "an archive, as `docker save` writes it"))


def wait(arguments: argparse.Namespace) -> int:
    """Wait for each image."""
    from hullmark.cli.remote.connection import connect
    from hullmark.cli.remote.waiting import digest_of

    api = connect(arguments)
    return _wait_and_show(arguments, api, [digest_of(api, name) for name in arguments.images])


def analyse(arguments: argparse.Namespace) -> int:
    """Have each image read again."""
    from hullmark.cli.remote.connection import connect
    from hullmark.cli.remote.waiting import digest_of
    from hullmark.net.api_client import segment

    api = connect(arguments)
    digests = [digest_of(api, name) for name in arguments.images]
    started = [api.json("POST", f"/images/{segment(digest)}/analysis") for digest in digests]
    return show_list(arguments, started, (("DIGEST", "digest"), ("STATE", "state")), "nothing was asked for")


def delete(arguments: argparse.Namespace) -> int:
    """Let each image go."""
    from hullmark.cli.remote.connection import connect
    from hullmark.cli.remote.waiting import digest_of
    from hullmark.net.api_client import segment

    api = connect(arguments)
    gone = []
    for name in arguments.images:
        digest = digest_of(api, name)
        api.json("DELETE", f"/images/{segment(digest)}")
        gone.append(digest)
    return show(arguments, {"deleted": gone}, lambda answer: f"let go: {', '.join(answer['deleted'])}")


def _show_added_images(arguments: argparse.Namespace, api: ApiClient, added: list[dict[str, Any]]) -> int:
    if arguments.wait:
        return _wait_and_show(arguments, api, [image["digest"] for image in added])
    columns = (("DIGEST", "digest"), ("STATE", "state"), ("NEW", "is_new"), ("TAG", "tag"))
    return show_list(arguments, added, columns, "nothing was added")


def _wait_and_show(arguments: argparse.Namespace, api: ApiClient, digests: list[str]) -> int:
    from hullmark.cli.remote.image_look import IMAGE_COLUMNS
    from hullmark.cli.remote.waiting import wait_for_analysis

    images = [wait_for_analysis(api, digest, arguments.timeout) for digest in digests]
    return show_list(arguments, images, IMAGE_COLUMNS, "there is no image")
