"""What is asked of Cloud Run's Admin API v2 (https://cloud.google.com/run/docs/reference/rest/v2): services and their revisions,
jobs and their executions.

Two things only version 1 tells: the locations of a project, and the digest to which a revision's tag was resolved when it was made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TypeVar
from urllib.parse import quote, urlencode

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.net.errors import NetError
from hullmark.net.google import GoogleTokens
from hullmark.net.http import Client, Request
from hullmark.net.wait import RETRY_STATUS

ENDPOINT = "https://run.googleapis.com"
_PAGE = 100
_MOST_PAGES = Limit(1_000, "pages of one list of Cloud Run, of 100 each", "refused")
_ANSWER = Limit(64 << 20, "bytes of one answer of Cloud Run", "refused")
_SEGMENT = re.compile(r"[a-z0-9](?:[a-z0-9:.-]{0,98}[a-z0-9])?").fullmatch

T = TypeVar("T")


class CloudRunRefused(HullmarkError):
    """Cloud Run refuses the request; `status` is HTTP's."""

    def __init__(self, message: str, *, advice: str = "", status: int) -> None:
        super().__init__(message, advice=advice)
        self.status = status


class CloudRunUnwell(NetError):
    """Cloud Run wants fewer requests, or has a fault: the same request may work later."""


class ContainerPort(msgspec.Struct, frozen=True, rename="camel"):
    """A port that a container listens on."""

    container_port: int = 0


class Resources(msgspec.Struct, frozen=True):
    """What a container may use, as Kubernetes writes quantities: `{"cpu": "1000m", "memory": "512Mi"}`."""

    limits: Mapping[str, str] = {}


class RevisionContainer(msgspec.Struct, frozen=True):
    """A container of a revision."""

    image: str
    name: str = ""
    ports: list[ContainerPort] = []
    resources: Resources = Resources()


class Revision(msgspec.Struct, frozen=True, rename="camel"):
    """A revision: code and settings that never change."""

    name: str
    uid: str
    create_time: datetime
    labels: Mapping[str, str] = {}
    execution_environment: str = ""
    containers: list[RevisionContainer] = []


class TrafficStatus(msgspec.Struct, frozen=True):
    """Where a part of the requests goes: to a revision, by its share of all or by a name of its own."""

    type: str = ""
    revision: str = ""
    percent: int = 0
    tag: str = ""


class Service(msgspec.Struct, frozen=True, rename="camel"):
    """A service; names are whole ones, `projects/P/locations/L/services/S`."""

    name: str
    labels: Mapping[str, str] = {}
    latest_ready_revision: str = ""
    traffic_statuses: list[TrafficStatus] = []

    def serving(self) -> set[str]:
        """The revisions, by the last part of their names, that requests reach."""
        reached = [one for one in self.traffic_statuses if one.percent > 0 or one.tag]
        latest = self.latest_ready_revision
        names = {latest if one.type.endswith("_LATEST") and latest else one.revision for one in reached}
        return {name.rpartition("/")[2] for name in names} - {""}


class TaskTemplate(msgspec.Struct, frozen=True, rename="camel"):
    """What each task of an execution runs."""

    containers: list[RevisionContainer] = []


class Execution(msgspec.Struct, frozen=True, rename="camel"):
    """One run of a job. `completion_time`: when it ended (None: it has not)."""

    name: str
    uid: str
    create_time: datetime
    start_time: datetime | None = None
    completion_time: datetime | None = None
    labels: Mapping[str, str] = {}
    template: TaskTemplate = TaskTemplate()


class Job(msgspec.Struct, frozen=True, rename="camel"):
    """A job; its name is `projects/P/locations/L/jobs/J`. `execution_count`: how many runs of it are known."""

    name: str
    labels: Mapping[str, str] = {}
    execution_count: int = 0


class _Jobs(msgspec.Struct, frozen=True, rename="camel"):
    jobs: list[Job] = []
    next_page_token: str = ""


class _Executions(msgspec.Struct, frozen=True, rename="camel"):
    executions: list[Execution] = []
    next_page_token: str = ""


class _Services(msgspec.Struct, frozen=True, rename="camel"):
    services: list[Service] = []
    next_page_token: str = ""


class _Revisions(msgspec.Struct, frozen=True, rename="camel"):
    revisions: list[Revision] = []
    next_page_token: str = ""


class _Location(msgspec.Struct, frozen=True, rename="camel"):
    location_id: str


class _Locations(msgspec.Struct, frozen=True, rename="camel"):
    locations: list[_Location] = []
    next_page_token: str = ""


class _ResolvedStatus(msgspec.Struct, frozen=True, rename="camel"):
    image_digest: str = ""


class _ResolvedRevision(msgspec.Struct, frozen=True):
    status: _ResolvedStatus = _ResolvedStatus()


class CloudRunApi:
    """Cloud Run of one project. `endpoint` is where the API is; regions have addresses of their own below Google's."""

    def __init__(self, project: str, client: Client, tokens: GoogleTokens, endpoint: str = ENDPOINT) -> None:
        if not _SEGMENT(project):
            raise HullmarkError(f"{project[:100]!r} is not the name of a project", advice="give its identifier")
        self.project = project
        self._client = client
        self._tokens = tokens
        self._endpoint = endpoint

    def locations(self) -> list[str]:
        """The regions in which the project may have services."""
        found: list[str] = []
        for answer in self._pages(f"v1/projects/{self.project}/locations", _Locations):
            found += [location.location_id for location in answer.locations]
        return found

    def services(self, location: str) -> Iterator[Service]:
        """The services in a region."""
        for answer in self._pages(f"{self._region(location)}/services", _Services):
            yield from answer.services

    def jobs(self, location: str) -> Iterator[Job]:
        """The jobs in a region."""
        for answer in self._pages(f"{self._region(location)}/jobs", _Jobs):
            yield from answer.jobs

    def executions(self, job: Job) -> Iterator[Execution]:
        """The runs of a job, the newest first."""
        for answer in self._pages(f"v2/{quote(job.name)}/executions", _Executions):
            yield from answer.executions

    def _region(self, location: str) -> str:
        if not _SEGMENT(location):
            raise HullmarkError(
                f"{location[:100]!r} is not a region", advice="give it as Google writes it: europe-west1"
            )
        return f"v2/projects/{self.project}/locations/{location}"

    def revisions(self, service: Service) -> Iterator[Revision]:
        """The revisions of a service, the newest first."""
        for answer in self._pages(f"v2/{quote(service.name)}/revisions", _Revisions):
            yield from answer.revisions

    def resolved_digest(self, location: str, revision: str) -> str:
        """The digest that the image of a revision was resolved to when it was made, perhaps behind the image's name; "" if nobody tells."""
        where = (
            self._endpoint.replace("https://run.", f"https://{location}-run.")
            if self._endpoint == ENDPOINT
            else self._endpoint
        )
        path = f"apis/serving.knative.dev/v1/namespaces/{self.project}/revisions/{quote(revision, safe='')}"
        try:
            return self._get(f"{where}/{path}", _ResolvedRevision).status.image_digest
        except CloudRunRefused:
            return ""

    def _pages(self, path: str, shape: type[T]) -> Iterator[T]:
        token = ""
        for _ in range(_MOST_PAGES):
            query = urlencode({"pageSize": _PAGE, **({"pageToken": token} if token else {})})
            answer = self._get(f"{self._endpoint}/{path}?{query}", shape)
            yield answer
            before, token = token, str(getattr(answer, "next_page_token", ""))
            if not token:
                return
            if token == before:
                break
        raise HullmarkError("Cloud Run lists without end", advice="report it to Google")

    def _get(self, url: str, shape: type[T]) -> T:
        answer = self._client.fetch(Request(url, {"Authorization": f"Bearer {self._tokens.token()}"}), _ANSWER)
        if answer.status in RETRY_STATUS:
            raise CloudRunUnwell(f"Cloud Run answers with status {answer.status}", advice="try again later")
        if answer.status != 200:
            advice = "give the identity the role Cloud Run Viewer (roles/run.viewer), and check the project"
            raise CloudRunRefused(f"Cloud Run refuses (status {answer.status})", advice=advice, status=answer.status)
        try:
            return msgspec.json.decode(answer.body, type=shape)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise HullmarkError(
                f"Cloud Run answers what is not documented: {error}", advice="update hullmark, or report it"
            ) from error
