"""Add an image: by its reference, an archive, or an SBOM; and what becomes of it until the first verdict."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from hullmark.server.api.problems import Refusal, not_found
from hullmark.server.api.resources import advisories, images, policies, scan, uploads, verdicts
from hullmark.server.api.resources.advisories import AdvisoriesView
from hullmark.server.api.resources.images import AddedView, ImageBody, ImageView
from hullmark.server.api.resources.policies import ActivationBody, ActivationView, PolicyBody
from hullmark.server.api.resources.uploads import ArchiveStream
from hullmark.server.api.resources.verdicts import VerdictView
from hullmark.server.console.example_policies import example_policies
from hullmark.server.console.forms import Fields, fields_of
from hullmark.server.console.multipart_form import FileForm
from hullmark.server.console.navigation import Entry
from hullmark.server.console.views import rights, segment
from hullmark.server.console.visit import Visit, catch_refusal
from hullmark.server.stories.images.register import ImageRegistration
from hullmark.server.stories.images.uploads import parse_tag

ENTRY = Entry(title="Add an image", path="add", icon="add", group="inventory", permission="images:write", order=90)

_DONE = {
    "policy": "The policy is in force: images are judged by it.",
    "added": "The image is on its way.",
}
_STREAMED: dict[str, Any] = {**rights("images:write"), "streamed": True}


class ProgressView(msgspec.Struct, frozen=True, kw_only=True):
    """An image on its way to a verdict. `is_over`: nothing more comes by itself."""

    image: ImageView
    verdicts: list[VerdictView]
    lacks_policy: bool
    is_over: bool


@get("/{account:str}/add", opt=rights("images:write"))
async def add_page(visit: NamedDependency[Visit]) -> Response[Any]:
    """The ways to add an image; for an account that has none yet, the way to its first verdict."""
    return await _add(visit)


@post("/{account:str}/add", opt=rights("images:write"))
async def add_by_reference(visit: NamedDependency[Visit]) -> Response[Any]:
    """Its registry is asked what it is, now."""
    given = await fields_of(visit.request)
    wanted = {
        "reference": given.word("reference") or None,
        "platform": given.word("platform"),
        "watch": None if given.is_set("watch") else False,
    }
    added: list[AddedView] = []

    async def add() -> None:
        answer = await visit.do(images.add_image, (ImageBody, wanted))
        added.append(answer.content)

    wrong = await catch_refusal(add())
    return await _add(visit, "reference", wrong, given) if wrong else _to(visit, added[0].digest)


@post("/{account:str}/add/archive", opt=_STREAMED, request_max_body_size=None)
async def add_archive(visit: NamedDependency[Visit]) -> Response[Any]:
    """An archive as `docker save` and its like write it, stored as it comes."""
    body = uploads.archive_body(visit.request, visit.services)
    form = FileForm(visit.request.headers.get("content-type", ""), body.chunks())
    given = Fields([])
    added: list[str] = []

    async def add() -> None:
        nonlocal given
        given = await form.fields()
        wanted = ImageRegistration(reference=str(parse_tag(given.word("reference"))))
        stream = ArchiveStream(form.file(), body.is_gone)
        view = await uploads.take_archive(visit.request.app, visit.services, visit.caller, wanted, stream)
        added.append(view.digest)

    wrong = await catch_refusal(add())
    return await _add(visit, "archive", wrong, given) if wrong else _to(visit, added[0])


@post("/{account:str}/add/sbom", opt=_STREAMED, request_max_body_size=None)
async def add_sbom(visit: NamedDependency[Visit]) -> Response[Any]:
    """An SBOM of any format that is read, judged as far as it tells."""
    body = scan.scan_body(visit.request, visit.services)
    form = FileForm(visit.request.headers.get("content-type", ""), body.chunks())
    given = Fields([])
    added: list[str] = []

    async def add() -> None:
        nonlocal given
        given = await form.fields()
        reference = str(parse_tag(given.word("reference")))
        view = await scan.take_sbom(visit.request.app, visit.services, visit.caller, reference, form.file())
        added.append(view.digest)

    wrong = await catch_refusal(add())
    return await _add(visit, "sbom", wrong, given) if wrong else _to(visit, added[0])


@post("/{account:str}/add/policy", opt=rights("policies:write"))
async def use_policy(visit: NamedDependency[Visit]) -> Response[Any]:
    """Keep a policy that comes with the program, and put it in force for all images."""
    given = await fields_of(visit.request)
    wanted = given.word("policy")
    example = next((policy for policy in example_policies() if policy.name == wanted), None)
    if example is None:
        raise not_found("policy of this name that comes with the program", "choose one of those that are offered")
    await visit.do(policies.keep_policy, (PolicyBody, {"text": example.text}))
    await visit.do(policies.activate, (ActivationBody, {"policy": example.name}))
    digest = given.word("image")
    return visit.back(f"add/{segment(digest)}" if digest.startswith("sha256:") else "add", "policy")


@get("/{account:str}/add/{digest:str}", opt=rights("images:read"))
async def progress_page(visit: NamedDependency[Visit], digest: FromPath[str]) -> Response[Any]:
    """What becomes of an image that was added."""
    image: ImageView = await visit.do(images.get_image, digest=digest)
    found: list[VerdictView] = await visit.do(verdicts.of_image, digest=digest) if image.state == "analysed" else []
    lacks_policy = await _lacks_policy(visit)
    is_over = image.state == "failed" or bool(found) or (image.state == "analysed" and lacks_policy)
    view = ProgressView(image=image, verdicts=found, lacks_policy=lacks_policy, is_over=is_over)
    return visit.show("pages/progress.html", view=view, done=_DONE, examples=example_policies())


def _to(visit: Visit, digest: str) -> Response[bytes]:
    return visit.back(f"add/{segment(digest)}", "added")


async def _lacks_policy(visit: Visit) -> bool:
    """Whether no policy is in force, as far as the visitor may know: roles that add images need not read policies."""
    if not visit.caller.may("policies:read"):
        return False
    found: list[ActivationView] = await visit.do(policies.list_activations)
    return all(policy.shadow for policy in found)


async def _add(visit: Visit, way: str = "", wrong: Refusal | None = None, given: Fields | None = None) -> Response[Any]:
    held = await visit.do(images.list_images, limit=1)
    known: AdvisoriesView | None = await visit.do(advisories.show) if visit.caller.may("system:read") else None
    values: dict[str, Any] = {
        "way": way or visit.request.query_params.get("way", "reference"),
        "is_first": not held.items,
        "lacks_policy": await _lacks_policy(visit),
        "examples": example_policies(),
        "advisories": known,
    }
    return visit.show("pages/add.html", wrong=wrong, given=given, done=_DONE, **values)


ROUTES = [add_page, add_by_reference, add_archive, add_sbom, use_policy, progress_page]
