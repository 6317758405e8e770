"""Collects what runs in a project's Cloud Run: the containers of all revisions that requests reach, and of all jobs that are at work.

Cloud Run starts and ends their instances by itself, down to none, and does not tell when; a revision that can be reached is taken as
running. A job that begins and ends between two lists is not seen. Worker pools are not collected.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

from hullmark.isolation.spelling import quantity, whole
from hullmark.model.digest import is_digest
from hullmark.model.isolation import Boundary, Isolation, ResourceLimits
from hullmark.model.place import Place, Platform, RunningContainer, RunningImage
from hullmark.places.runtime.cloudrun.api import CloudRunApi, CloudRunUnwell, Job, Revision, RevisionContainer, Service
from hullmark.places.runtime.collector import Changes, Listing

_RUNTIMES: dict[str, tuple[str, Boundary]] = {
    "EXECUTION_ENVIRONMENT_GEN1": ("gvisor", "sandbox"),
    "EXECUTION_ENVIRONMENT_GEN2": ("microvm", "vm"),
}
_OF_JOBS = "EXECUTION_ENVIRONMENT_GEN2"
# Where none was chosen, Google takes either of the two, and may take the other one tomorrow: so no more is certain than the lesser.
_EITHER: tuple[str, Boundary] = ("", "sandbox")

TagLook = Callable[[str], str]
"""A reference → the digest that its registry has for it now; "" if that cannot be known."""


class CloudRunCollector:
    """Says what serves in a project. Places have the project as cluster and the region as namespace.

    `locations`: only these regions (empty: all). `interval`: seconds between two listings.
    """

    def __init__(self, api: CloudRunApi, look: TagLook, locations: Sequence[str] = (), interval: float = 60.0) -> None:
        self._api = api
        self._look = look
        self._locations = tuple(locations)
        self._interval = interval
        self._inferred: dict[str, str] = {}
        self._resolved: dict[str, str] = {}

    @property
    def platform(self) -> Platform:
        """Google Cloud Run."""
        return "cloudrun"

    @property
    def name(self) -> str:
        """The project, with its regions where not all are collected."""
        return "/".join((self._api.project, *sorted(self._locations)))

    def containers(self) -> Iterator[RunningContainer]:
        """What serves now. Raises CloudRunRefused, NetError, and HullmarkError for answers that are not documented."""
        for location in self._locations or self._api.locations():
            for service in self._api.services(location):
                yield from self._of_service(service, location)
            for job in self._api.jobs(location):
                yield from self._of_job(job, location)

    def follow(self, stop: threading.Event) -> Iterator[Listing | Changes]:
        """All that serves, again and again: Cloud Run has no stream of changes."""
        while not stop.is_set():
            yield Listing(self.containers())
            stop.wait(self._interval)

    def _of_service(self, service: Service, location: str) -> Iterator[RunningContainer]:
        left = service.serving()
        for revision in self._api.revisions(service) if left else ():
            name = revision.name.rpartition("/")[2]
            if name in left:
                left.discard(name)
                yield from self._of_revision(service, revision, location)
            if not left:
                return
        if left:
            raise CloudRunUnwell(
                f"Cloud Run does not tell of the revisions {', '.join(sorted(left))[:200]}", advice="try again later"
            )

    def _of_job(self, job: Job, location: str) -> Iterator[RunningContainer]:
        """The containers of the runs that have not ended, each once however many tasks run it."""
        for execution in self._api.executions(job) if job.execution_count else ():
            if execution.completion_time is not None:
                continue
            template = execution.template
            for number, container in enumerate(template.containers):
                id = f"{execution.uid}/{container.name or number}"
                yield RunningContainer(
                    id=id,
                    place=Place(
                        platform="cloudrun",
                        cluster=self._api.project,
                        namespace=location,
                        workload=f"Job/{job.name.rpartition('/')[2]}",
                        container=container.name,
                    ),
                    image=self._identify_image(id, container),
                    since=execution.start_time or execution.create_time,
                    # Jobs run in the second generation, whatever was chosen.
                    isolation=_isolation(_OF_JOBS, container),
                    labels={**job.labels, **execution.labels},
                )

    def _of_revision(self, service: Service, revision: Revision, location: str) -> Iterator[RunningContainer]:
        for number, container in enumerate(revision.containers):
            id = f"{revision.uid}/{container.name or number}"
            yield RunningContainer(
                id=id,
                place=Place(
                    platform="cloudrun",
                    cluster=self._api.project,
                    namespace=location,
                    workload=f"Service/{service.name.rpartition('/')[2]}",
                    container=container.name,
                ),
                image=self._image(id, revision, container, location),
                since=revision.create_time,
                isolation=_isolation(revision.execution_environment, container),
                labels={**service.labels, **revision.labels},
            )

    def _image(self, id: str, revision: Revision, container: RevisionContainer, location: str) -> RunningImage:
        """The digest that the revision's image has in its name, or that Cloud Run resolved it to; else what the tag named when it was first
        asked for."""
        digest = container.image.partition("@")[2]
        if not is_digest(digest) and len(revision.containers) == 1:
            digest = self._resolved_digest(revision, location)
        if is_digest(digest):
            return RunningImage(reference=container.image, digest=digest, architecture="amd64")
        return self._identify_image(id, container)

    def _identify_image(self, id: str, container: RevisionContainer) -> RunningImage:
        """The digest in the image's name, else what the tag named when it was first asked for."""
        reference = container.image
        digest = reference.partition("@")[2]
        if is_digest(digest):
            return RunningImage(reference=reference, digest=digest, architecture="amd64")
        if id not in self._inferred:
            self._inferred[id] = self._look(reference)
        found = self._inferred[id]
        return RunningImage(reference=reference, digest=found, architecture="amd64", is_inferred=bool(found))

    def _resolved_digest(self, revision: Revision, location: str) -> str:
        if revision.uid not in self._resolved:
            told = self._api.resolved_digest(location, revision.name.rpartition("/")[2])
            self._resolved[revision.uid] = told.rpartition("@")[2]
        return self._resolved[revision.uid]


def _isolation(environment: str, container: RevisionContainer) -> Isolation:
    runtime, boundary = _RUNTIMES.get(environment, _EITHER)
    cpu, memory = (quantity(container.resources.limits.get(name, "")) for name in ("cpu", "memory"))
    return Isolation(
        runtime=runtime,
        boundary=boundary,
        # There is no way to ask Cloud Run for any of these.
        privileged=False,
        host_pid=False,
        host_ipc=False,
        host_network=False,
        limits=ResourceLimits(memory=whole(memory), cpu=whole(cpu * 1000) if cpu is not None else None),
        ports=tuple(sorted(f"{port.container_port}/tcp" for port in container.ports if port.container_port)),
    )
