"""How well the packages of an image are kept up to date: what newer packages its distribution has."""

from __future__ import annotations

import msgspec

from hullmark.model.advisory import Lifecycle
from hullmark.model.inventory import Distro, InventorySource
from hullmark.model.package import Package
from hullmark.model.problem import Problem


class RepositoryIndex(msgspec.Struct, frozen=True, kw_only=True):
    """One list of packages that was read, or should have been.

    `url` is its address, as the image names the repository. `name` is the repository's own name (`trixie-security/main`), `date` the day
    (ISO 8601) on which it was made, "" if it does not give one. `packages`: how many of the image's packages it has. `reason` is why it
    could not be read, "" if it was.
    """

    url: str
    name: str
    date: str = ""
    packages: int = 0
    is_security: bool = False
    reason: str = ""


class PackageFile(msgspec.Struct, frozen=True, kw_only=True):
    """The address of a package's file (`url`, as the image names the repository), and the SHA-256 (hex) that its list gives."""

    url: str
    sha256: str


class PackageUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """A package of the image, and what its package manager would install instead. `index` is the URL of the list that has it.

    `since` is the first day (ISO 8601) on which a vulnerability of the installed version could be fixed, "" if that is not known. `depends`
    is what the candidate needs, `breaks` what it cannot be installed beside, as deb-control(5) writes them. `file` is the candidate's file,
    None if the list does not give it.
    """

    installed: Package
    candidate: Package
    index: str
    is_security: bool = False
    since: str = ""
    depends: str = ""
    breaks: str = ""
    file: PackageFile | None = None


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """The vulnerabilities of an image now, and of the same image with all updates: the ids of those that count, each once, sorted.

    `uncovered` are the reasons why there may be more: namespaces that no complete and recent feed covers.
    """

    now: tuple[str, ...]
    updated: tuple[str, ...]
    uncovered: tuple[str, ...] = ()

    @property
    def gone(self) -> tuple[str, ...]:
        """The vulnerabilities that the updates fix."""
        return tuple(sorted(set(self.now) - set(self.updated)))

    @property
    def come(self) -> tuple[str, ...]:
        """The vulnerabilities that only the updated packages have."""
        return tuple(sorted(set(self.updated) - set(self.now)))


class NewerTags(msgspec.Struct, frozen=True, kw_only=True):
    """How far a tag is behind others of the same form that differ only in their numbers: `count` have higher numbers, `newest` is the last
    of these, and `of_line` the last that differs only in its last number ("": there is none).

    `is_moved`: whether the tag now names a different image from the one that was built on; None if that is not known.
    """

    count: int = 0
    newest: str = ""
    of_line: str = ""
    is_moved: bool | None = None


class BaseImage(msgspec.Struct, frozen=True, kw_only=True):
    """The image that another one is built on.

    `layers` is how many of the other image's first layers come from it; 0 if only a label of the image names it. `created` is the day on
    which it was made (ISO 8601), "" if that is not known. `packages` and `vulnerabilities` count what of the image came with it; the latter
    is None if there are no advisories.

    `tags` is how far its tag is behind others of its repository; None if that was not requested, or cannot be determined.
    """

    reference: str
    digest: str = ""
    created: str = ""
    layers: int = 0
    packages: int = 0
    vulnerabilities: int | None = None
    tags: NewerTags | None = None


class Upkeep(msgspec.Struct, frozen=True, kw_only=True):
    """What is newer than the packages of an image. `updates` are sorted by name.

    `packages` is how many packages the distribution's package manager installed; `unlisted` are those that no list has, so that nobody
    updates them. `forecast` is None if there are no advisories, `base` if no base image is known. `problems` say why this may be
    incomplete.
    """

    source: InventorySource
    distro: Distro | None
    packages: int
    indexes: tuple[RepositoryIndex, ...]
    updates: tuple[PackageUpdate, ...]
    unlisted: tuple[Package, ...]
    lifecycles: tuple[Lifecycle, ...] = ()
    forecast: Forecast | None = None
    base: BaseImage | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether there may be updates that are not listed here."""
        return any(problem.is_open for problem in self.problems)
