"""Whom a certificate of Fulcio's names, and whom somebody expects (sigstore/fulcio, docs/oid-info.md)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from hullmark.proof.sigstore.chain import extensions_of
from hullmark.proof.sigstore.der import UTF8_STRING, DamagedDer, parts_of
from hullmark.proof.sigstore.refusal import NotTrusted, NotVerified

if TYPE_CHECKING:
    from cryptography.x509 import Certificate, GeneralName

_FULCIO = "1.3.6.1.4.1.57264.1."
_USERNAME = f"{_FULCIO}7"
# Of each field the extensions that may hold it, the newest first. Those up to 6 hold plain text, the others a UTF8String in DER.
_FIELDS = {
    "issuer": (8, 1),
    "trigger": (20, 2),
    "commit": (13, 3),
    "workflow": (4,),
    "repository": (12, 5),
    "ref": (14, 6),
    "build_signer": (9,),
}
_LAST_PLAIN = 6


class CertificateIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a certificate names: `subjects` (a mail address, or a workflow as a URI) by the word of `issuer`, an OpenID provider.

    Of a workflow also the repository (`repositories`: as a URI, and as older certificates have it, `owner/name`), the ref, the workflow's
    name, what triggered it, the commit, and the build instructions; "" for what it does not say.
    """

    subjects: tuple[str, ...]
    issuer: str = ""
    repositories: tuple[str, ...] = ()
    ref: str = ""
    workflow: str = ""
    trigger: str = ""
    commit: str = ""
    build_signer: str = ""

    @property
    def name(self) -> str:
        """As it is shown: the first subject, and who vouches for it. Nothing in it moves a terminal's cursor."""
        text = f"{self.subjects[0] if self.subjects else 'nobody'} ({self.issuer or 'no issuer'})"
        return "".join(c if c.isprintable() else "\ufffd" for c in text)


class ExpectedIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """Whom somebody trusts to sign: each is asked whether a text fits; None: any."""

    subject: Callable[[str], bool]
    issuer: Callable[[str], bool]
    repository: Callable[[str], bool] | None = None
    ref: Callable[[str], bool] | None = None
    workflow: Callable[[str], bool] | None = None

    def fits(self, identity: CertificateIdentity) -> bool:
        """Whether it is the one."""
        return (
            any(map(self.subject, identity.subjects))
            and bool(identity.issuer)
            and self.issuer(identity.issuer)
            and (self.repository is None or any(map(self.repository, identity.repositories)))
            and (self.ref is None or self.ref(identity.ref))
            and (self.workflow is None or self.workflow(identity.workflow))
        )


def identity_of(certificate: Certificate) -> CertificateIdentity:
    """Whom a certificate names. Raises NotVerified where that cannot be read."""
    from cryptography.x509 import SubjectAlternativeName, UnrecognizedExtension

    subjects: tuple[str, ...] = ()
    said: dict[int, str] = {}
    for extension in extensions_of(certificate):
        value, name = extension.value, extension.oid.dotted_string
        if isinstance(value, SubjectAlternativeName):
            subjects = tuple(filter(None, map(_subject, value)))
        elif isinstance(value, UnrecognizedExtension) and name.startswith(_FULCIO):
            number = int(name.removeprefix(_FULCIO).partition(".")[0])
            said[number] = _text(value.value, is_plain=number <= _LAST_PLAIN)
    fields = {
        name: next((said[number] for number in numbers if said.get(number)), "") for name, numbers in _FIELDS.items()
    }
    repositories = tuple(said[each] for each in _FIELDS["repository"] if said.get(each))
    del fields["repository"]
    return CertificateIdentity(subjects=subjects, repositories=repositories, **fields)


def check_identity(identity: CertificateIdentity, expected: tuple[ExpectedIdentity, ...]) -> None:
    """Raises NotTrusted unless it is one of those that are expected."""
    if not any(each.fits(identity) for each in expected):
        raise NotTrusted(f"it is signed by {identity.name[:300]}, who is not one of those that are trusted")


def _subject(name: GeneralName) -> str:
    from cryptography.x509 import OtherName, RFC822Name, UniformResourceIdentifier

    if isinstance(name, RFC822Name | UniformResourceIdentifier):
        return name.value
    if isinstance(name, OtherName) and name.type_id.dotted_string == _USERNAME:
        return _text(name.value, is_plain=False)
    return ""


def _text(value: bytes, *, is_plain: bool) -> str:
    try:
        if is_plain:
            return value.decode()
        (element,) = parts_of(value)
        if element.tag != UTF8_STRING:
            raise NotVerified("an extension of its certificate is not a text")
        return element.content.decode()
    except (DamagedDer, UnicodeError, ValueError) as error:
        raise NotVerified("an extension of its certificate is not a text") from error
