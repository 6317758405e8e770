"""The parts of a CycloneDX document that are read, in whatever it is written (https://cyclonedx.org)."""

from __future__ import annotations

import msgspec


class Property(msgspec.Struct, gc=False):
    """A named value."""

    name: str = ""
    value: str | None = None


class Text(msgspec.Struct, gc=False):
    """A text, as it is or encoded."""

    content: str = ""
    encoding: str = ""


class License(msgspec.Struct):
    """A licence: an id of SPDX's, or a name, perhaps with its text."""

    id: str | None = None
    name: str | None = None
    text: Text | None = None
    acknowledgement: str | None = None


class LicenseChoice(msgspec.Struct):
    """A licence, or an expression."""

    license: License | None = None
    expression: str | None = None
    acknowledgement: str | None = None

    @property
    def told(self) -> str:
        """The licence; where a text goes on from its name, that text. Of a whole licence's text the name says which."""
        license = self.license or License()
        begins = license.name and license.text is not None and not license.text.encoding
        whole = license.text.content if begins and license.text is not None else ""
        is_longer = bool(license.name) and " ".join(whole.split()).startswith(license.name or "")
        return self.expression or license.id or (whole if is_longer else license.name) or ""

    @property
    def is_concluded(self) -> bool:
        """Whether the document's maker concluded it."""
        return "concluded" in (self.acknowledgement, self.license and self.license.acknowledgement)


class Occurrence(msgspec.Struct, gc=False):
    """A place where a component was found."""

    location: str = ""


class Evidence(msgspec.Struct):
    """Where a component was found, and the licences that were met there."""

    occurrences: list[Occurrence] | None = None
    licenses: list[LicenseChoice] | None = None


class Contact(msgspec.Struct, gc=False):
    """A person."""

    name: str | None = None
    email: str | None = None


class Entity(msgspec.Struct):
    """An organization."""

    name: str | None = None
    url: list[str] | None = None
    contact: list[Contact] | None = None


class Hash(msgspec.Struct, gc=False):
    """A digest; only its algorithm is read."""

    alg: str = ""


class ExternalReference(msgspec.Struct):
    """An address that has to do with a component."""

    type: str = ""
    url: str | None = None
    hashes: list[Hash] | None = None


class Swid(msgspec.Struct, gc=False, rename="camel"):
    """A tag as ISO/IEC 19770-2 has them."""

    tag_id: str = ""


class Component(msgspec.Struct, kw_only=True):
    """The fields of a component that are read."""

    ref: str | None = msgspec.field(name="bom-ref", default=None)
    type: str | None = None
    group: str | None = None
    name: str | None = None
    version: str | None = None
    description: str | None = None
    publisher: str | None = None
    supplier: Entity | None = None
    manufacturer: Entity | None = None
    author: str | None = None
    authors: list[Contact] | None = None
    hashes: list[Hash] | None = None
    swid: Swid | None = None
    references: list[ExternalReference] | None = msgspec.field(name="externalReferences", default=None)
    purl: str | None = None
    cpe: str | None = None
    licenses: list[LicenseChoice] | None = None
    properties: list[Property] | None = None
    evidence: Evidence | None = None
    components: list[msgspec.Raw] | None = None


class Dependency(msgspec.Struct, gc=False, rename="camel"):
    """What the component of this `bom-ref` needs."""

    ref: str = ""
    depends_on: list[str] | None = None


class Metadata(msgspec.Struct, kw_only=True):
    """The document's metadata: what it is about."""

    component: Component | None = None
    properties: list[Property] | None = None
    timestamp: str | None = None
    authors: list[Contact] | None = None
    supplier: Entity | None = None
    manufacturer: Entity | None = None
    manufacture: Entity | None = None
