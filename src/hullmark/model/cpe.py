"""Products by their CPE names (NISTIR 7695, Common Platform Enumeration 2.3)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from hullmark.model.late import late
from hullmark.model.purl import unquote

_RED_HAT = re.compile(r"cpe:(?:/|2\.3:)[aoh]:redhat:(?P<product>[^:]+)(?::(?P<version>[^:]*))?").match


def red_hat_product(cpe: str) -> str:
    """A Red Hat product with its version, such as `openshift:4.16`; without a version `openshift`, "" for other products.

    Reads CPE 2.2 and 2.3 names. Parts after the version (update, edition such as `el9`) are ignored.
    """
    found = _RED_HAT(cpe)
    if found is None:
        return ""
    version = found["version"] or ""
    return found["product"] if version in ("", "*", "-") else f"{found['product']}:{version}"


_NAME = late(r"cpe:(?:2\.3:|/)([ao]):((?:[^:\\]|\\.)*):((?:[^:\\]|\\.)*)(?::((?:[^:\\]|\\.)*))?").match
_IS_PRODUCT = late(r"[aoh]:[^\s:*?]+:[^\s:*?]+").fullmatch
_ESCAPED = late(r"\\(.)")


def products(cpes: Iterable[str]) -> list[str]:
    """Part, vendor and product (`a:f5:nginx`) of CPE 2.2 and 2.3 names, without repeats."""
    found = (match for cpe in cpes if (match := _NAME(cpe)) is not None)
    names = dict.fromkeys(
        ":".join(_ESCAPED.sub(r"\1", unquote(part)) for part in match.group(1, 2, 3)).lower() for match in found
    )
    return list(filter(_IS_PRODUCT, names))


def named_application(cpes: Iterable[str]) -> tuple[str, str]:
    """Product and version of the first CPE name for an application; "" for a version that is not given, and for both if there is no such
    name.
    """
    found = next((match for cpe in cpes if (match := _NAME(cpe)) is not None and match[1] == "a"), None)
    if found is None:
        return "", ""
    product, version = (_ESCAPED.sub(r"\1", unquote(text or "")) for text in found.group(3, 4))
    return product, "" if version in ("*", "-") else version


_PLAIN = re.compile(r"[A-Za-z0-9_.-]")
_QUOTED = re.compile(r"""[A-Za-z0-9_.\-\\*?!"#$%&'()+,/:;<=>@\[\]^`{|}~]+""").fullmatch
_PRODUCT_PARTS = 3


def cpe_names(products: str, version: str) -> Iterator[str]:
    """CPE 2.3 names (`cpe:2.3:a:f5:nginx:1.27.0:*:*:*:*:*:*:*`) of one version of products, which are written `part:vendor:product` and
    separated by blanks. Nothing without a version, because such a name would mean every version; nor for characters that the standard
    does not allow.
    """
    for product in dict.fromkeys(products.split()):
        parts = [*product.split(":"), version]
        if len(parts) == _PRODUCT_PARTS + 1 and all(map(_QUOTED, parts)) and parts[0] in ("a", "h", "o"):
            yield f"cpe:2.3:{':'.join(map(_quote, parts))}:*:*:*:*:*:*:*"


def _quote(text: str) -> str:
    """A value in the formatted string binding. A single hyphen is escaped, because it would mean "not applicable"."""
    return r"\-" if text == "-" else "".join(char if _PLAIN.match(char) else f"\\{char}" for char in text)
