"""How well the packages of an image are kept up: what its distribution has that is newer."""

from __future__ import annotations

import msgspec

from hullmark.model.advisory import Lifecycle
from hullmark.model.inventory import Distro, InventorySource
from hullmark.model.package import Package
from hullmark.model.problem import Problem


class RepositoryIndex(msgspec.Struct, frozen=True, kw_only=True):
    """One list of packages that was read, or should have been.

    `url` leads to it, as the image names the repository. `name` is what the repository calls itself (`trixie-security/main`), `date` the
    day (ISO 8601) on which it was made, "" where it does not tell. `packages`: how many of the image's packages it has. `reason` says
    why it could not be read, "" if it was.
    """

    url: str
    name: str
    date: str = ""
    packages: int = 0
    is_security: bool = False
    reason: str = ""


class PackageFile(msgspec.Struct, frozen=True, kw_only=True):
    """Where the file of a package is (`url`, as the image names the repository), and the SHA-256 (hex) that its list gives."""

    url: str
    sha256: str


class PackageUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """A package of the image, and what its package manager would bring instead. `index` is the URL of the list that has it.

    `since` is the first day (ISO 8601) on which a vulnerability of the installed version could be mended, "" where that is not
    known. `depends` is what the candidate needs, `breaks` what it cannot be beside, as deb-control(5) writes them. `file` is the
    candidate itself, None where the list does not tell.
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
    """The vulnerabilities of an image now, and of the same image with all updates: ids, those that count, each once, sorted.

    `uncovered` are the reasons why there may be more: namespaces that no whole and fresh feed speaks of.
    """

    now: tuple[str, ...]
    updated: tuple[str, ...]
    uncovered: tuple[str, ...] = ()

    @property
    def gone(self) -> tuple[str, ...]:
        """Those that the updates mend."""
        return tuple(sorted(set(self.now) - set(self.updated)))

    @property
    def come(self) -> tuple[str, ...]:
        """Those that only the updated packages have."""
        return tuple(sorted(set(self.updated) - set(self.now)))


class NewerTags(msgspec.Struct, frozen=True, kw_only=True):
    """How far a tag is behind others that are written as it is, but for the numbers in it: `count` have higher ones, `newest` is the last
    of these, and `of_line` the last that differs in its last number alone ("": there is none).

    `is_moved`: whether the tag names another image now than the one that was built on; None where that is not known.
    """

    count: int = 0
    newest: str = ""
    of_line: str = ""
    is_moved: bool | None = None


class BaseImage(msgspec.Struct, frozen=True, kw_only=True):
    """The image that another one is built on.

    `layers` is how many of the other's layers are its, the first ones; 0 where only a label of the image tells of it. `created` is the
    day on which it was made (ISO 8601), "" where that is not known. `packages` and `vulnerabilities` count what of the image came with
    it: the latter is None where there are no advisories.

    `tags` says how far its tag is behind others of its repository; None where that was not asked for, or cannot be told.
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

    `packages` is how many packages the distribution's package manager installed; `unlisted` are those that no list has: nobody updates
    them. `forecast` is None where there are no advisories, `base` where nothing tells of one. `problems` say what keeps this from being
    all.
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
        """Whether there may be updates that this does not name."""
        return any(problem.is_open for problem in self.problems)
