"""CSAF 2.0 documents, security advisories and VEX (https://docs.oasis-open.org/csaf/csaf/v2.0/csaf-v2.0.html)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from hullmark.advisories.feeds.feed import DamagedDocument, RecordFault
from hullmark.advisories.feeds.formats.names import found_at, names_at
from hullmark.advisories.feeds.formats.wording import line_of, links_of
from hullmark.advisories.feeds.formats.wording import severity_of as severity_named
from hullmark.model.advisory import Cvss, Severity
from hullmark.model.limit import Limit

_MAX_BRANCHES = Limit(1_000_000, "branches of the product tree of a CSAF document", "refused")
_MAX_CHAIN = Limit(8, "products that stand in each other in a CSAF document", "refused")


class Helper(msgspec.Struct, gc=False):
    """How a product can be recognised."""

    cpe: str = ""
    purl: str = ""


class Product(msgspec.Struct):
    """A product of the tree. For one that stands in a relationship, `component` in `platform`, both are ids, "" for others."""

    product_id: str = ""
    name: str = ""
    product_identification_helper: Helper | None = None
    component: str = ""
    platform: str = ""

    @property
    def cpe(self) -> str:
        """Its CPE, "" if it has none."""
        return self.product_identification_helper.cpe if self.product_identification_helper else ""

    @property
    def purl(self) -> str:
        """Its purl, "" if it has none."""
        return self.product_identification_helper.purl if self.product_identification_helper else ""


class Branch(msgspec.Struct):
    """A node of the product tree."""

    category: str = ""
    name: str = ""
    product: Product | None = None
    branches: list[Branch] = []


class Relationship(msgspec.Struct):
    """A product that is a component of another."""

    product_reference: str = ""
    relates_to_product_reference: str = ""
    full_product_name: Product | None = None


class Group(msgspec.Struct):
    """Products under one id."""

    group_id: str = ""
    product_ids: list[str] = []


class Tree(msgspec.Struct):
    """The products that a document speaks of."""

    branches: list[Branch] = []
    relationships: list[Relationship] = []
    full_product_names: list[Product] = []
    product_groups: list[Group] = []


class Note(msgspec.Struct, gc=False):
    """A text; `category` is description, summary, general …"""

    category: str = ""
    text: str = ""


class Remediation(msgspec.Struct):
    """What can be done: `category` is vendor_fix, no_fix_planned, none_available, workaround …"""

    category: str = ""
    details: str = ""
    date: str = ""
    url: str = ""
    product_ids: list[str] = []
    group_ids: list[str] = []


class Threat(msgspec.Struct):
    """`category` is impact, exploit_status or target_set."""

    category: str = ""
    details: str = ""
    product_ids: list[str] = []
    group_ids: list[str] = []


class Flag(msgspec.Struct):
    """Why products are not affected: a justification of VEX."""

    label: str = ""
    product_ids: list[str] = []
    group_ids: list[str] = []


class Rating(msgspec.Struct, gc=False):
    """A CVSS object."""

    version: str = ""
    vectorString: str = ""  # noqa: N815 - the name in the document
    baseScore: float = 0.0  # noqa: N815 - the name in the document


class Score(msgspec.Struct):
    """Ratings of some products."""

    cvss_v2: Rating | None = None
    cvss_v3: Rating | None = None
    cvss_v4: Rating | None = None


class Link(msgspec.Struct, gc=False):
    """A reference."""

    url: str = ""
    category: str = ""


class Cwe(msgspec.Struct, gc=False):
    """A weakness."""

    id: str = ""


class SystemId(msgspec.Struct, gc=False):
    """An id of the vulnerability in another system."""

    system_name: str = ""
    text: str = ""


class Vulnerability(msgspec.Struct):
    """One vulnerability. `product_status` maps fixed, known_affected, known_not_affected, under_investigation … to product ids."""

    cve: str = ""
    title: str = ""
    ids: list[SystemId] = []
    cwe: Cwe | None = None
    release_date: str = ""
    notes: list[Note] = []
    product_status: dict[str, list[str]] = {}
    remediations: list[Remediation] = []
    threats: list[Threat] = []
    flags: list[Flag] = []
    scores: list[Score] = []
    references: list[Link] = []

    @property
    def id(self) -> str:
        """The CVE, or the first other id."""
        return self.cve or next((entry.text for entry in self.ids if entry.text), "")


class Tracking(msgspec.Struct, gc=False):
    """The document's id and history."""

    id: str = ""
    status: str = ""
    initial_release_date: str = ""
    current_release_date: str = ""


class Aggregate(msgspec.Struct, gc=False):
    """The worst severity of a document."""

    text: str = ""


class Head(msgspec.Struct):
    """What a document says of itself."""

    category: str = ""
    title: str = ""
    tracking: Tracking = msgspec.field(default_factory=Tracking)
    aggregate_severity: Aggregate | None = None
    notes: list[Note] = []
    references: list[Link] = []


class Csaf(msgspec.Struct):
    """A document. `products` holds every product of its tree by id once `read` has made it."""

    document: Head = msgspec.field(default_factory=Head)
    product_tree: Tree | None = None
    vulnerabilities: list[Vulnerability] = []

    @property
    def groups(self) -> dict[str, list[str]]:
        """Product ids by group id."""
        tree = self.product_tree
        return {group.group_id: group.product_ids for group in tree.product_groups} if tree else {}


names_of = found_at("vulnerabilities.*.product_status.**", "product_tree.**")
"""The names in a document that cannot be read."""

_DECODER = msgspec.json.Decoder(Csaf)


def read(data: bytes) -> Csaf:
    """Decode a document. Raises ValueError for any other document, DamagedDocument for one that is nested too deeply to be read."""
    try:
        return _DECODER.decode(data)
    except RecursionError as error:
        raise DamagedDocument("a CSAF document", "it is nested too deep") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"it is not a CSAF document: {error}") from error


def without_id(vulnerability: Vulnerability) -> RecordFault:
    """What to report of a vulnerability without an id."""
    return RecordFault("a vulnerability has no id", names_at(vulnerability.product_status, "**"))


def products_of(csaf: Csaf) -> dict[str, Product]:
    """Every product of the tree by its id, those of relationships too. Raises DamagedDocument for more branches than are followed."""
    tree = csaf.product_tree
    if tree is None:
        return {}
    found = {product.product_id: product for product in tree.full_product_names}
    open_branches = list(reversed(tree.branches))
    count = 0
    while open_branches:
        branch = open_branches.pop()
        count += 1
        if count > _MAX_BRANCHES:
            raise DamagedDocument(
                csaf.document.tracking.id, f"its product tree has more than {_MAX_BRANCHES:,} branches"
            )
        if branch.product is not None:
            found[branch.product.product_id] = branch.product
        open_branches.extend(reversed(branch.branches))
    for relation in tree.relationships:
        product = relation.full_product_name
        if product is not None:
            product.component, product.platform = relation.product_reference, relation.relates_to_product_reference
            found[product.product_id] = product
    return found


def parts(product: Product, products: Mapping[str, Product]) -> tuple[Product, Product | None, tuple[Product, ...]]:
    """The innermost component of a product, the outermost platform (None if it is in none), and what stands between.

    Red Hat puts packages into modules and modules into a release: there the module stands between. Raises DamagedDocument for more of it.
    """
    component, between, platform = product, [], None
    for _ in range(_MAX_CHAIN):
        if not component.component:
            break
        platform_of = products.get(component.platform)
        component = products.get(component.component) or Product(component.component, component.component)
        platform = platform_of
    for _ in range(_MAX_CHAIN):
        if platform is None or not platform.component:
            break
        between.append(products.get(platform.component) or Product(platform.component, platform.component))
        platform = products.get(platform.platform)
    is_cut = bool(component.component) or (platform is not None and bool(platform.component))
    if is_cut and not _is_in_itself(product, products):
        raise DamagedDocument(product.product_id[:200], f"more than {_MAX_CHAIN} products stand in each other")
    return component, platform, tuple(between)


def _is_in_itself(product: Product, products: Mapping[str, Product]) -> bool:
    """Whether one follows components, or platforms, for ever: such a product is broken, and nothing of it is left to see."""
    for follows in ("component", "platform"):
        seen: set[str] = set()
        current: Product | None = product
        while current is not None and current.product_id not in seen:
            seen.add(current.product_id)
            current = products.get(getattr(current, follows))
        if current is not None:
            return True
    return False


def severity_of(vulnerability: Vulnerability, csaf: Csaf) -> Severity:
    """The impact that is stated, or the document's severity."""
    stated = (severity_named(threat.details) for threat in vulnerability.threats if threat.category == "impact")
    known = next((word for word in stated if word != "unknown"), None)
    aggregate = csaf.document.aggregate_severity
    return known or severity_named(aggregate.text if aggregate else "")


def ratings_of(vulnerability: Vulnerability) -> tuple[Cvss, ...]:
    """The distinct CVSS ratings, in the document's order."""
    found: dict[Cvss, None] = {}
    for score in vulnerability.scores:
        for rating in (score.cvss_v4, score.cvss_v3, score.cvss_v2):
            if rating is not None and rating.vectorString and 0 <= rating.baseScore <= 10:
                found[Cvss(rating.version, rating.vectorString, rating.baseScore)] = None
    return tuple(found)


def summary_of(vulnerability: Vulnerability, csaf: Csaf) -> str:
    """The title, or the first description, in one line."""
    texts = {note.category: note.text for note in reversed(vulnerability.notes)}
    return line_of(vulnerability.title or texts.get("summary") or texts.get("description") or csaf.document.title)


def references_of(vulnerability: Vulnerability, csaf: Csaf) -> tuple[str, ...]:
    """At most ten web addresses."""
    return links_of(link.url for link in (*vulnerability.references, *csaf.document.references))


def targets(statement: Remediation | Threat | Flag, groups: Mapping[str, list[str]]) -> Iterator[str]:
    """The product ids that something holds for, those of its groups too."""
    yield from statement.product_ids
    for group in statement.group_ids:
        yield from groups.get(group, ())
