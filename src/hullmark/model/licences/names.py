"""Recognises one licence by any of its names, and gives its SPDX identifier (list 3.27).

Names are those of Debian (copyright-format 1.0: `GPL-2+`, `Expat`), of Fedora before it adopted SPDX (`GPLv2+`, `ASL 2.0`), of PyPI's
classifiers, of Maven's poms (names and addresses), in any case and with or without words such as `the`, `licence`, `version`.
"""

from __future__ import annotations

import re

from hullmark.model.licences.spdx_ids import EXCEPTIONS, LICENSES

_ID = {name.lower(): name for name in LICENSES.split()}
_EXCEPTION = {name.lower(): name for name in EXCEPTIONS.split()}
LATER = {
    "GPL": ("1.0", "2.0", "3.0"),
    "LGPL": ("2.0", "2.1", "3.0"),
    "AGPL": ("1.0", "3.0"),
    "GFDL": ("1.1", "1.2", "1.3"),
}
"""The versions of the families of licences that "or later" speaks of."""

_GNU = re.compile(
    r"(?:gnu[ -])?(a?gpl|lgpl|gfdl|fdl)(-niv)?[ -]?v?\.?([0-9](?:\.[0-9])?)?(?:\.0)*"
    r"\s*(\+|-only|-or-later| only|,? or (?:any )?later)?(-no-invariants?)?"
)
_GNU_NAMES = (
    ("gnu affero general public", "agpl"),
    ("gnu library or lesser general public", "lgpl"),
    ("gnu library general public", "lgpl"),
    ("gnu lesser general public", "lgpl"),
    ("gnu general lesser public", "lgpl"),
    ("lesser general public", "lgpl"),
    ("gnu general public", "gpl"),
    ("gnu free documentation", "gfdl"),
    ("affero general public", "agpl"),
    ("general public", "gpl"),
)
_FILLERS = re.compile(r"\b(?:the|licen[sc]es?|version|ver|revision|public domain dedication)\b|\bv(?=[0-9. ])|[,:;\"]")
_BRACKETED = re.compile(r"(?<=[^\s(])\s*\(([^()]{1,40})\)$")
_ABBREVIATED = re.compile(r"\s*\([A-Za-z0-9 .+-]{2,24}\)\s*$")
_MAJOR = re.compile(r"([a-z][a-z-]*?)[ -]?v?([0-9](?:\.[0-9]{1,2})?)(?:\.0)*").fullmatch

_NAMES = {
    "apache 2": "Apache-2.0", "apache 2.0": "Apache-2.0", "apache2": "Apache-2.0", "apache software 2": "Apache-2.0",
    "apache software 2.0": "Apache-2.0", "apache-2.0 software": "Apache-2.0", "asl 2": "Apache-2.0", "asl 2.0": "Apache-2.0",
    "al 2.0": "Apache-2.0", "apache 1.1": "Apache-1.1", "apache software 1.1": "Apache-1.1", "asl 1.1": "Apache-1.1",
    "artistic 2": "Artistic-2.0", "artistic 2.0": "Artistic-2.0", "boost software 1.0": "BSL-1.0", "boost software - 1.0": "BSL-1.0",
    "bsd-2": "BSD-2-Clause", "bsd-3": "BSD-3-Clause", "3-clause bsd": "BSD-3-Clause", "bsd 3-clause": "BSD-3-Clause",
    "bsd 3 clause": "BSD-3-Clause", "bsd 3-clause new or revised": "BSD-3-Clause", "new bsd": "BSD-3-Clause",
    "revised bsd": "BSD-3-Clause", "modified bsd": "BSD-3-Clause", "bsd new": "BSD-3-Clause", "bsd-3-clause new": "BSD-3-Clause",
    "2-clause bsd": "BSD-2-Clause", "bsd 2-clause": "BSD-2-Clause", "bsd 2 clause": "BSD-2-Clause",
    "simplified bsd": "BSD-2-Clause", "bsd 2-clause simplified": "BSD-2-Clause", "freebsd": "BSD-2-Clause",
    "bsd with advertising": "BSD-4-Clause", "4-clause bsd": "BSD-4-Clause", "bsd-4": "BSD-4-Clause",
    "cc0": "CC0-1.0", "cc0 1.0 universal": "CC0-1.0", "cc0 1.0 universal cc0 1.0": "CC0-1.0",
    "common development and distribution 1.0": "CDDL-1.0", "common development and distribution 1.1": "CDDL-1.1",
    "eclipse public 1.0": "EPL-1.0", "eclipse public - 1.0": "EPL-1.0", "eclipse public - v 1.0": "EPL-1.0",
    "eclipse public 2.0": "EPL-2.0", "eclipse public - 2.0": "EPL-2.0", "eclipse public - v 2.0": "EPL-2.0",
    "eclipse distribution 1.0": "BSD-3-Clause", "eclipse distribution - 1.0": "BSD-3-Clause",
    "eclipse distribution - v 1.0": "BSD-3-Clause", "edl 1.0": "BSD-3-Clause",
    "european union public 1.1": "EUPL-1.1", "european union public 1.2": "EUPL-1.2", "expat": "MIT", "mit": "MIT", "mit x11": "MIT",
    "mit/x11": "MIT", "x11/mit": "MIT", "mit/expat": "MIT", "expat mit": "MIT", "mit expat": "MIT", "isc": "ISC", "iscl": "ISC",
    "mozilla public 1.0": "MPL-1.0", "mozilla public 1.1": "MPL-1.1", "mozilla public 2.0": "MPL-2.0",
    "mozilla public 2": "MPL-2.0", "openssl": "OpenSSL", "postgresql": "PostgreSQL", "psf-2": "PSF-2.0",
    "python software foundation": "PSF-2.0", "ruby": "Ruby", "ruby's": "Ruby", "universal permissive 1.0": "UPL-1.0",
    "unlicense": "Unlicense", "unlicense unlicense": "Unlicense", "w3c software": "W3C", "x11": "X11", "zlib/libpng": "Zlib",
    "zlib": "Zlib", "zope public 2.1": "ZPL-2.1", "libtiff": "libtiff", "json": "JSON", "0bsd": "0BSD", "wtfpl 2": "WTFPL",
    "do what fuck you want to public": "WTFPL", "sil open font 1.1": "OFL-1.1", "sil open font 1.0": "OFL-1.0",
    "sleepycat": "Sleepycat", "vim": "Vim", "curl": "curl", "server side public 1": "SSPL-1.0", "elastic 2.0": "Elastic-2.0",
    "business source 1.1": "BUSL-1.1", "microsoft public": "MS-PL", "microsoft reciprocal": "MS-RL", "ibm public 1.0": "IPL-1.0",
    "common public 1.0": "CPL-1.0", "ntp": "NTP", "ncsa": "NCSA",
    "university of illinois/ncsa open source": "NCSA", "academic free 3.0": "AFL-3.0", "academic free 2.1": "AFL-2.1",
    "open software 3.0": "OSL-3.0", "historical permission notice and disclaimer": "HPND", "blue oak model 1.0.0": "BlueOak-1.0.0",
    "apache-2-llvm-exceptions": "Apache-2.0 WITH LLVM-exception", "mulan permissive software 2": "MulanPSL-2.0",
    "pd": "LicenseRef-public-domain", "public domain": "LicenseRef-public-domain", "public-domain": "LicenseRef-public-domain",
}  # fmt: skip
"""Names without their fillers, in lower case."""

_LOOSE = {
    "apache": "Apache-2.0", "apache software": "Apache-2.0", "artistic": "Artistic-1.0-Perl", "perl": "Artistic-1.0-Perl",
    "boost": "BSL-1.0", "bsd": "BSD-3-Clause", "cddl": "CDDL-1.0", "mit-style": "MIT", "openldap": "OLDAP-2.8", "php": "PHP-3.01",
    "psf": "PSF-2.0", "python": "Python-2.0", "ucd": "Unicode-DFS-2016", "zpl": "ZPL-2.1", "gnu lesser general public": "LGPL-2.1-or-later",
    "unlicensed": "LicenseRef-proprietary", "proprietary": "LicenseRef-proprietary", "commercial": "LicenseRef-proprietary",
}  # fmt: skip
"""Names that leave open which licence or version is meant, and which one they are mostly used for."""

_ADDRESS = re.compile(r"(?:https?://)?(?:www\.)?([a-z0-9.-]+\.[a-z]{2,}(?:/[^\s?#]*)?)(?:[?#]\S*)?").fullmatch
_ENDINGS = (".txt", ".html", ".htm", ".php", ".en.html", ".md")
_ADDRESSES = {
    "apache.org/licenses/license-2.0": "Apache-2.0", "apache.org/licenses/license-1.1": "Apache-1.1",
    "apache.org/license/license-2.0": "Apache-2.0", "apache.org/licenses": None, "aws.amazon.com/apache2.0": "Apache-2.0",
    "repository.jboss.org/licenses/apache-2.0": "Apache-2.0", "repository.jboss.org/licenses/lgpl-2.1": "LGPL-2.1-only",
    "repository.jboss.org/licenses/gpl-2.0-ce": "GPL-2.0-only WITH Classpath-exception-2.0",
    "eclipse.org/legal/epl-v10": "EPL-1.0", "eclipse.org/org/documents/epl-v10": "EPL-1.0", "eclipse.org/legal/epl-2.0": "EPL-2.0",
    "eclipse.org/legal/epl-v20": "EPL-2.0", "eclipse.org/org/documents/epl-2.0": "EPL-2.0",
    "eclipse.org/org/documents/edl-v10": "BSD-3-Clause",
    "eclipse.org/org/documents/epl-2.0/epl-2.0": "EPL-2.0",
    "mozilla.org/mpl/2.0": "MPL-2.0", "mozilla.org/en-us/mpl/2.0": "MPL-2.0", "mozilla.org/mpl/1.1": "MPL-1.1",
    "mozilla.org/mpl/mpl-1.1": "MPL-1.1", "gnu.org/licenses/gpl-3.0": "GPL-3.0-only", "gnu.org/licenses/lgpl-3.0": "LGPL-3.0-only",
    "gnu.org/licenses/agpl-3.0": "AGPL-3.0-only", "gnu.org/licenses/lgpl-2.1": "LGPL-2.1-only",
    "gnu.org/licenses/old-licenses/gpl-2.0": "GPL-2.0-only", "gnu.org/licenses/old-licenses/lgpl-2.1": "LGPL-2.1-only",
    "gnu.org/software/classpath/license": "GPL-2.0-or-later WITH Classpath-exception-2.0",
    "glassfish.java.net/public/cddl+gpl_1_1": "CDDL-1.1 OR GPL-2.0-only WITH Classpath-exception-2.0",
    "glassfish.java.net/nonav/public/cddl+gpl_1_1": "CDDL-1.1 OR GPL-2.0-only WITH Classpath-exception-2.0",
    "javaee.github.io/glassfish/license": "CDDL-1.1 OR GPL-2.0-only WITH Classpath-exception-2.0",
    "glassfish.dev.java.net/nonav/public/cddl+gpl": "CDDL-1.0 OR GPL-2.0-only WITH Classpath-exception-2.0",
    "oss.oracle.com/licenses/cddl+gpl-1.1": "CDDL-1.1 OR GPL-2.0-only WITH Classpath-exception-2.0",
    "glassfish.java.net/public/cddlgpl_1_1": "CDDL-1.1 OR GPL-2.0-only WITH Classpath-exception-2.0",
    "projects.eclipse.org/license/epl-2.0": "EPL-2.0",
    "projects.eclipse.org/license/secondary-gpl-2.0-cp": "GPL-2.0-only WITH Classpath-exception-2.0",
    "creativecommons.org/publicdomain/zero/1.0": "CC0-1.0", "json.org/license": "JSON", "unlicense.org": "Unlicense", "wtfpl.net": "WTFPL",
    "slf4j.org/license": "MIT", "antlr.org/license": "BSD-3-Clause", "go.dev/license": "BSD-3-Clause",
    "golang.org/license": "BSD-3-Clause", "opensource.org/licenses/mit-license": "MIT",
    "opensource.org/licenses/bsd-3-clause": "BSD-3-Clause",
    "opensource.org/licenses/apache2.0": "Apache-2.0", "opensource.org/licenses/apache-2.0": "Apache-2.0",
    "opensource.org/licenses/lgpl-2.1": "LGPL-2.1-only", "opensource.org/licenses/cddl1": "CDDL-1.0",
    "opensource.org/licenses/isc-license": "ISC", "oracle.com/technetwork/java/javase/terms/license": None,
}  # fmt: skip
"""Addresses without scheme, `www.` and ending, in lower case; None: what is there names no single licence."""

_EXCEPTIONS = {
    "bison": "Bison-exception-2.2", "bison-2.2": "Bison-exception-2.2", "classpath": "Classpath-exception-2.0",
    "font": "Font-exception-2.0", "gcc": "GCC-exception-3.1", "gcc-runtime-library": "GCC-exception-3.1",
    "gcc-runtime": "GCC-exception-3.1", "libtool": "Libtool-exception", "linux-syscall-note": "Linux-syscall-note",
    "llvm": "LLVM-exception",
    "ocaml-lgpl-linking": "OCaml-LGPL-linking-exception", "texinfo": "Texinfo-exception",
    "openjdk-assembly": "OpenJDK-assembly-exception-1.0",
    "u-boot": "u-boot-exception-2.0", "wxwindows": "WxWindows-exception-3.1", "wxwidgets": "WxWindows-exception-3.1",
    "universal-foss": "Universal-FOSS-exception-1.0", "swift": "Swift-exception",
}  # fmt: skip
_FORMER = {
    ("gpl-2.0", "autoconf-exception"): "Autoconf-exception-2.0", ("gpl-3.0", "autoconf-exception"): "Autoconf-exception-3.0",
    ("gpl-2.0", "bison-exception"): "Bison-exception-2.2", ("gpl-2.0", "gcc-exception"): "GCC-exception-2.0",
}  # fmt: skip
"""What SPDX's former identifiers mean, where the name of the exception does not tell."""
_SINCE_GPL_3 = frozenset(("bison", "gcc", "gcc-runtime-library", "gcc-runtime"))
"""Exceptions of which there are several wordings: with version 3 of the GPL only the newest is used."""


def licence_named(text: str, *, loosely: bool = False) -> str | None:
    """The SPDX identifier (or expression) of a licence from a name or address; None if it does not identify exactly one.

    `loosely`: if the name leaves the licence's version open, also return the one that is usually meant.
    """
    name = text.rpartition("::")[2].strip()
    lower = name.lower()
    # GNU licences first: identifiers such as `GPL-2.0` are on the list, but SPDX now has more precise ones.
    found = _gnu(lower, loosely=loosely) or _replace_old_identifier(lower) or _ID.get(lower) or _reference(name)
    found = found or _NAMES.get(lower) or _by_address(lower)
    if found is not None:
        return found
    for plain in (_plain(_ABBREVIATED.sub("", lower)), _plain(lower)):
        found = found or _NAMES.get(plain) or _gnu(_short(plain), loosely=loosely) or _find_versioned_licence(plain)
        if loosely:
            found = found or _LOOSE.get(lower) or _LOOSE.get(plain)
    if found is None and lower.endswith("+"):
        base = _ID.get(lower[:-1])
        found = f"{base}+" if base else None
    return found


def exception_named(text: str, licence: str) -> str | None:
    """The SPDX identifier of an exception from its name and the licence it comes with; None if it does not identify exactly one."""
    lower = " ".join(text.lower().split())
    known = _EXCEPTION.get(lower)
    name = re.sub(r"(?:^the )|[ -]?exceptions?$|^exceptions? for ", "", lower).replace(" ", "-")
    if known is None and not (name in _SINCE_GPL_3 and "-3.0" not in licence):
        known = _EXCEPTIONS.get(name) or _EXCEPTION.get(f"{name}-exception")
    return known


def _reference(name: str) -> str | None:
    return name if re.fullmatch(r"LicenseRef-[A-Za-z0-9.-]+", name) else None


def _plain(lower: str) -> str:
    return " ".join(_FILLERS.sub(" ", _BRACKETED.sub(r" \1", lower)).split())


def _short(plain: str) -> str:
    """A GNU licence's long name as its short one."""
    for long, short in _GNU_NAMES:
        if plain.startswith(long):
            return f"{short}{plain[len(long) :]}"
    return plain


def _by_address(lower: str) -> str | None:
    found = _ADDRESS(lower)
    if found is None or "/" not in lower:
        return None
    address = found[1].rstrip("/")
    for ending in _ENDINGS:
        address = address.removesuffix(ending)
    if address in _ADDRESSES:
        return _ADDRESSES[address]
    host, last = address.partition("/")[0], address.rpartition("/")[2]
    if host in ("opensource.org", "spdx.org", "licenses.nuget.org", "choosealicense.com"):
        return _ID.get(last)
    if host == "creativecommons.org":
        kind, _, version = address.removeprefix("creativecommons.org/licenses/").partition("/")
        return _ID.get(f"cc-{kind}-{version.partition('/')[0]}")
    return None


def _gnu(name: str, *, loosely: bool) -> str | None:
    found = _GNU.fullmatch(name)
    if found is None or (not found[3] and not loosely):
        return None
    family = {"gpl": "GPL", "lgpl": "LGPL", "agpl": "AGPL"}.get(found[1], "GFDL")
    versions = LATER[family]
    version = f"{found[3]}.0" if found[3] and "." not in found[3] else found[3] or versions[0]
    if version not in versions:
        return None
    # A name without a version allows any of the versions.
    is_later = not found[3] or (found[4] or "").strip(" ,-+") not in ("", "only") or "+" in (found[4] or "")
    invariants = "-no-invariants" if found[2] or found[5] else ""
    if invariants and family != "GFDL":
        return None
    return f"{family}-{version}{invariants}-{'or-later' if is_later else 'only'}"


def _replace_old_identifier(name: str) -> str | None:
    """The replacement for a former SPDX identifier that includes an exception, such as `GPL-2.0-with-GCC-exception`."""
    base, with_, exception = name.partition("-with-")
    licence = _gnu(base, loosely=False) if with_ else None
    if licence is None:
        return None
    known = exception_named(exception, licence) or _FORMER.get((base, exception))
    return f"{licence} WITH {known}" if known else None


def _find_versioned_licence(plain: str) -> str | None:
    """The licence of a name with a version, such as `EPL-1`, `mpl 2`, `cddl v1.1`."""
    found = _MAJOR(plain)
    if found is None:
        return None
    version = found[2] if "." in found[2] else f"{found[2]}.0"
    return _ID.get(f"{found[1]}-{version}")
