"""VEX: what suppliers say of vulnerabilities in their products, laid upon the matches of one image.

Products are images (references, digests, package URLs of type oci and docker: https://github.com/package-url/purl-spec) or
packages (their package URLs), or the programs that a module is built into. The newest statement about a match decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import msgspec

from hullmark.model.advisory import Statement
from hullmark.model.inventory import InventorySource
from hullmark.model.limit import Limit
from hullmark.model.match import Match, Suppression
from hullmark.model.package import Package

STATUSES = ("affected", "fixed", "not_affected", "under_investigation")
JUSTIFICATIONS = (
    "component_not_present",
    "inline_mitigations_already_exist",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_not_present",
)

_SUPPRESSING = frozenset(("fixed", "not_affected"))
_IN_A_REGISTRY = frozenset(("registry", "docker", "podman"))
_HUBS = frozenset(("docker.io", "index.docker.io", "registry-1.docker.io"))
_ANY_CASE = frozenset(
    ("alpm", "apk", "bitbucket", "bitnami", "composer", "deb", "docker", "github", "gitlab", "golang", "hex", "nuget",
     "oci", "pub", "pypi")
)  # fmt: skip
_IMAGE_TYPES = frozenset(("docker", "oci"))
_LONGEST = Limit(
    4096, "characters of the name of a product in a VEX document (a longer one excuses nothing)", "shortened"
)
_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{64})").fullmatch
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_PYPI_RUNS = re.compile(r"[-_.]+")
_WIDE, _NARROW = 0, 1


class Purl(msgspec.Struct, frozen=True, gc=False):
    """A package URL in parts, decoded; case is folded where the type does not care. `qualifiers` are (key, value)."""

    type: str
    name: str
    version: str
    qualifiers: frozenset[tuple[str, str]]

    def covers(self, other: Purl) -> bool:
        """Whether this one means the other: what it says agrees. Without a version it means any; it may say less."""
        return (
            self.type == other.type
            and self.name == other.name
            and (not self.version or self.version == other.version)
            and self.qualifiers <= other.qualifiers
        )

    def qualifier(self, key: str) -> str:
        """The value of a qualifier, "" where it is not given."""
        return next((value for found, value in self.qualifiers if found == key), "")


class _Reference(msgspec.Struct, frozen=True, gc=False):
    repository: str
    tag: str
    digest: str


class StatementIndex:
    """The statements, ready to be asked about the matches of one image."""

    def __init__(self, statements: Iterable[Statement], source: InventorySource) -> None:
        self._by_vulnerability: dict[str, list[tuple[int, Statement]]] = {}
        for place, statement in enumerate(statements):
            for id in {statement.vulnerability.lower(), *(alias.lower() for alias in statement.aliases)}:
                self._by_vulnerability.setdefault(id, []).append((place, statement))
        self._image = _Image(source)
        self._purls: dict[str, Purl | None] = {}

    def of(self, match: Match) -> Statement | None:
        """The statement that decides: the newest; of equally new ones the most particular, then the most cautious, then the
        last."""
        advisory = match.advisory
        ids = {id.lower() for id in (advisory.id, advisory.cve, *advisory.aliases) if id}
        statements = {place: statement for id in ids for place, statement in self._by_vulnerability.get(id, ())}
        best: tuple[datetime, int, bool, int] | None = None
        decides = None
        for place, statement in statements.items():
            reach = self._reach(statement, match.package)
            if reach is None:
                continue
            key = (_moment(statement.at), reach, statement.status not in _SUPPRESSING, place)
            if best is None or key > best:
                best, decides = key, statement
        return decides

    def _reach(self, statement: Statement, package: Package) -> int | None:
        """How particular a statement is about a package of the image, None if it is about something else."""
        if statement.subcomponents:
            about = self._covers_package(statement.subcomponents, package.purl)
            whole = self._image.is_any_of(statement.products) or (
                package.owned_by is not None and self._covers_package(statement.products, package.owned_by)
            )
            return _NARROW if about and (whole or self._is_built_into(package, statement)) else None
        if self._covers_package(statement.products, package.purl):
            return _NARROW
        is_in_it = self._image.is_any_of(statement.products) or self._is_built_into(package, statement)
        return _WIDE if is_in_it else None

    def _is_built_into(self, package: Package, statement: Statement) -> bool:
        """Whether every program that holds the module is one of the statement's products."""
        return bool(package.mains) and all(self._covers_package(statement.products, main) for main in package.mains)

    def _covers_package(self, products: Iterable[str], purl: str) -> bool:
        package = self._purl(purl)
        if package is None:
            return False
        return any((product := self._purl(text)) is not None and product.covers(package) for text in products)

    def _purl(self, text: str) -> Purl | None:
        if text not in self._purls:
            self._purls[text] = parse_purl(text)
        return self._purls[text]


def apply_statements(matches: Iterable[Match], says: StatementIndex) -> tuple[Match, ...]:
    """The matches; those whose deciding statement says `not_affected` or `fixed` are suppressed.

    Another one lifts what VEX suppressed before. What was suppressed by another word than VEX's stays as it is; a distribution's
    silence is not a word, and gives way to any.
    """
    return tuple(_apply_statement(match, says.of(match)) for match in matches)


def reason_of(statement: Statement) -> str:
    """`SOURCE says STATUS (JUSTIFICATION): IMPACT`, as far as it is said."""
    text = f"{statement.source} says {statement.status}"
    if statement.justification:
        text += f" ({statement.justification})"
    return f"{text}: {statement.impact}" if statement.impact else text


def _apply_statement(match: Match, statement: Statement | None) -> Match:
    if statement is None or (
        match.suppressed is not None and match.suppressed.by != "vex" and not match.suppressed.is_silence
    ):
        return match
    if statement.status in _SUPPRESSING:
        return msgspec.structs.replace(match, suppressed=Suppression(by="vex", reason=reason_of(statement)))
    return match if match.suppressed is None else msgspec.structs.replace(match, suppressed=None)


def parse_purl(text: str) -> Purl | None:
    """The parts of a package URL, None for other text. Namespace and name become one name; a subpath says nothing here."""
    if len(text) > _LONGEST or text[:4].lower() != "pkg:":
        return None
    body, _, query = text[4:].lstrip("/").partition("#")[0].partition("?")
    type, slash, path = body.partition("/")
    head, _, last = path.rstrip("/").rpartition("/")
    name, _, version = last.rpartition("@") if "@" in last[1:] else (last, "", "")
    if not slash or not name:
        return None
    type = type.lower()
    pairs = (pair.partition("=") for pair in query.split("&"))
    return Purl(
        type,
        _name(type, "/".join(filter(None, (head, name)))),
        _version(type, _decode_percent(version)),
        frozenset((key.lower(), _decode_percent(value)) for key, _, value in pairs if value),
    )


def _name(type: str, encoded: str) -> str:
    name = _decode_percent(encoded)
    if type in _ANY_CASE:
        name = name.lower()
    return _PYPI_RUNS.sub("-", name) if type == "pypi" else name


def _version(type: str, version: str) -> str:
    # Go's versions begin with a v that some writers leave out.
    return version.removeprefix("v") if type == "golang" else version


def _decode_percent(text: str) -> str:
    if "%" not in text:
        return text
    raw = _ESCAPE.sub(lambda found: bytes.fromhex(found[1].decode()), text.encode("utf-8", "surrogatepass"))
    return raw.decode("utf-8", "replace")


class _Image:
    """The names and digests of what was inspected."""

    def __init__(self, source: InventorySource) -> None:
        references = [found for text in _list_references(source) if (found := _reference(text)) is not None]
        self._names = {(found.repository, found.tag) for found in references}
        self._repositories = {found.repository for found in references}
        digests = (source.digest, source.config_digest, *(found.digest for found in references))
        self._digests = {digest.removeprefix("sha256:") for digest in digests if digest}
        self._architecture = source.platform.split("/")[1] if "/" in source.platform else ""
        self._known: dict[str, bool] = {}

    def is_any_of(self, products: Iterable[str]) -> bool:
        """Whether any of the products is this image."""
        return any(self._is(product) for product in products)

    def _is(self, product: str) -> bool:
        if product not in self._known:
            purl = parse_purl(product)
            self._known[product] = self._has_name(product) if purl is None else self._has_purl(purl)
        return self._known[product]

    def _has_name(self, text: str) -> bool:
        digest = _DIGEST(text)
        if digest:
            return digest[1] in self._digests
        found = _reference(text)
        if found is None:
            return False
        if found.digest:
            return found.digest in self._digests
        return (found.repository, found.tag) in self._names if found.tag else found.repository in self._repositories

    def _has_purl(self, purl: Purl) -> bool:
        if purl.type not in _IMAGE_TYPES:
            return False
        digest = _DIGEST(purl.version)
        architecture = purl.qualifier("arch")
        if digest and digest[1] not in self._digests:
            return False
        if architecture and self._architecture and architecture != self._architecture:
            return False
        tag = purl.qualifier("tag") or ("" if digest else purl.version)
        url = purl.qualifier("repository_url")
        # A digest is enough: the same image may have other names.
        if digest and not url:
            return True
        return any((not tag or tag == known) and _is_repository(purl, url, name) for name, known in self._names)


def _is_repository(purl: Purl, url: str, repository: str) -> bool:
    if url:
        wanted = _full(url.lower())
        return (
            repository == wanted or repository == f"{wanted}/{purl.name}" or repository == _full(f"{url}/{purl.name}")
        )
    if purl.type == "docker":
        return repository == _full(purl.name)
    return repository.rpartition("/")[2] == purl.name.rpartition("/")[2]


def _list_references(source: InventorySource) -> Iterator[str]:
    if source.kind in _IN_A_REGISTRY:
        yield source.reference.removeprefix(f"{source.kind}:")
    yield from source.tags


def _reference(text: str) -> _Reference | None:
    """`[scheme://][host/]name[:tag][@digest]` with the default host written out; None for other text."""
    for scheme in ("docker://", "oci://"):
        text = text.removeprefix(scheme)
    if not text or len(text) > _LONGEST or "://" in text or any(character.isspace() for character in text):
        return None
    name, _, digest = text.partition("@")
    repository, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        repository, tag = name, ""
    return _Reference(_full(repository.lower()), tag, digest.removeprefix("sha256:"))


def _full(repository: str) -> str:
    host, slash, rest = repository.partition("/")
    if not slash or not ("." in host or ":" in host or host == "localhost"):
        host, rest = "docker.io", repository
    if host in _HUBS:
        return f"docker.io/{rest}" if "/" in rest else f"docker.io/library/{rest}"
    return f"{host}/{rest}"


def _moment(text: str) -> datetime:
    """The moment in UTC; the earliest one for any other text."""
    try:
        when = datetime.fromisoformat(text)
        return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (ValueError, OverflowError):
        return datetime.min.replace(tzinfo=UTC)
