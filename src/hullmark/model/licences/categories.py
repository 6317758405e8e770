"""The categories of licences: SPDX identifiers (https://spdx.org/licenses/, list 3.27) by what they ask for.

`permissive` asks for notices only. `weak-copyleft` asks for the source of the licensed files or library, `strong-copyleft` for that of the
whole program, `network-copyleft` also if it is only used over a network. `proprietary` restricts use, change or sale. Identifiers that are
not listed here are `unknown`.
"""

from __future__ import annotations

from typing import Literal

Category = Literal[
    "network-copyleft", "permissive", "proprietary", "public-domain", "strong-copyleft", "unknown", "weak-copyleft"
]

_PERMISSIVE = """
0BSD AAL Abstyles AFL-1.1 AFL-1.2 AFL-2.0 AFL-2.1 AFL-3.0 Afmparse AMDPLPA AML AMPAS Apache-1.0 Apache-1.1 Apache-2.0
Bahyph Barr bcrypt-Solar-Designer Beerware Bitstream-Charter Bitstream-Vera BlueOak-1.0.0 Boehm-GC Borceux BSD-1-Clause
BSD-2-Clause BSD-2-Clause-Darwin BSD-2-Clause-FreeBSD BSD-2-Clause-NetBSD BSD-2-Clause-Patent BSD-2-Clause-Views
BSD-3-Clause BSD-3-Clause-acpica BSD-3-Clause-Attribution BSD-3-Clause-Clear BSD-3-Clause-HP BSD-3-Clause-LBNL
BSD-3-Clause-Modification BSD-3-Clause-Open-MPI BSD-3-Clause-Sun BSD-4-Clause BSD-4-Clause-Shortened BSD-4-Clause-UC
BSD-4.3RENO BSD-4.3TAHOE BSD-Source-Code BSL-1.0 bzip2-1.0.5 bzip2-1.0.6 CC-BY-1.0 CC-BY-2.0 CC-BY-2.5 CC-BY-3.0
CC-BY-4.0 CDLA-Permissive-1.0 CDLA-Permissive-2.0 CECILL-B CERN-OHL-P-2.0 CMU-Mach CNRI-Jython CNRI-Python
CNRI-Python-GPL-Compatible Cronyx curl DOC ECL-1.0 ECL-2.0 EFL-1.0 EFL-2.0 Entessa ErlPL-1.1 Fair FSFAP FSFUL FSFULLR
FSFULLRWD FTL gnuplot GD GLWTPL HaskellReport HDF5 HPND HPND-DEC HPND-doc HPND-export-US HPND-Markus-Kuhn HPND-Pbmplus
HPND-sell-variant HPND-UC HTMLTIDY ICU IJG IJG-short ImageMagick Info-ZIP Intel ISC ISC-Veillard JasPer-2.0 JPNIC
Latex2e Leptonica Libpng libpng-2.0 libtiff Linux-OpenIB LPL-1.0 LPL-1.02 LPPL-1.3a lsof Lucida-Bitmap-Fonts
MakeIndex Martin-Birgmeier metamail MIT MIT-0 MIT-advertising MIT-CMU MIT-enna MIT-feh MIT-Festival MIT-Khronos-old
MIT-Modern-Variant MIT-open-group MIT-testregex MIT-Wu MITNFA mpi-permissive mpich2 MS-PL mplus MTLL MulanPSL-1.0
MulanPSL-2.0 Multics Naumen NCSA NetCDF NIST-Software NTP NTP-0 OFFIS OFL-1.0 OFL-1.1 OGC-1.0 OLDAP-2.0.1
OLDAP-2.3 OLDAP-2.4 OLDAP-2.5 OLDAP-2.6 OLDAP-2.7 OLDAP-2.8 OpenSSL OpenSSL-standalone OpenVision PADL PHP-3.0 PHP-3.01
Plexus PostgreSQL PSF-2.0 psutils Python-2.0 Python-2.0.1 Qhull RSA-MD Sendmail SGI-B-2.0 SISSL SMLNJ SSH-OpenSSH
SSH-short SSLeay-standalone StandardML-NJ Spencer-86 Spencer-94 Spencer-99 SunPro SWL TCL TCP-wrappers TMate TU-Berlin-1.0
TU-Berlin-2.0 UCAR ulem Unicode-3.0 Unicode-DFS-2015 Unicode-DFS-2016 Unicode-TOU UnixCrypt UPL-1.0 Vim VSL-1.0 W3C
W3C-19980720 W3C-20150513 WTFPL X11 X11-distribute-modifications-variant Xerox XFree86-1.1 xinetd Xnet xpp Zend-2.0 Zlib
zlib-acknowledgement ZPL-1.1 ZPL-2.0 ZPL-2.1
"""

_PUBLIC_DOMAIN = """
ANTLR-PD ANTLR-PD-fallback blessing CC-PDDC CC-PDM-1.0 CC0-1.0 libselinux-1.0 NIST-PD NIST-PD-fallback NTIA-PD PDDL-1.0
SAX-PD SAX-PD-2.0 Unlicense
"""

_WEAK_COPYLEFT = """
APSL-1.0 APSL-1.1 APSL-1.2 APSL-2.0 Artistic-1.0 Artistic-1.0-cl8 Artistic-1.0-Perl Artistic-2.0 BitTorrent-1.0
BitTorrent-1.1 CC-BY-SA-1.0 CC-BY-SA-2.0 CC-BY-SA-2.5 CC-BY-SA-3.0 CC-BY-SA-4.0 CDDL-1.0 CDDL-1.1 CDLA-Sharing-1.0
CECILL-C CERN-OHL-W-2.0 ClArtistic CPL-1.0 CUA-OPL-1.0 eCos-2.0 EPL-1.0 EPL-2.0 Frameworx-1.0 GFDL-1.1-only
GFDL-1.1-or-later GFDL-1.2-only GFDL-1.2-or-later GFDL-1.3-only GFDL-1.3-or-later GFDL-1.1-no-invariants-only
GFDL-1.1-no-invariants-or-later GFDL-1.2-no-invariants-only GFDL-1.2-no-invariants-or-later GFDL-1.3-no-invariants-only
GFDL-1.3-no-invariants-or-later Imlib2 Interbase-1.0 IPL-1.0 LGPL-2.0-only LGPL-2.0-or-later LGPL-2.1-only
LGPL-2.1-or-later LGPL-3.0-only LGPL-3.0-or-later LGPLLR LPPL-1.0 LPPL-1.1 LPPL-1.2 LPPL-1.3c MPL-1.0 MPL-1.1 MPL-2.0
MPL-2.0-no-copyleft-exception MS-RL Nokia NPL-1.0 NPL-1.1 ODbL-1.0 OGTSL OPL-1.0 RPSL-1.0 Ruby SCEA SGI-B-1.0
SGI-B-1.1 SPL-1.0 SugarCRM-1.1.3 wxWindows YPL-1.0 YPL-1.1 Zimbra-1.3 Zimbra-1.4
"""

_STRONG_COPYLEFT = """
CECILL-1.0 CECILL-1.1 CECILL-2.0 CECILL-2.1 CERN-OHL-S-2.0 copyleft-next-0.3.0 copyleft-next-0.3.1
GPL-1.0-only GPL-1.0-or-later GPL-2.0-only GPL-2.0-or-later GPL-3.0-only GPL-3.0-or-later QPL-1.0 SimPL-2.0 Sleepycat
"""

_NETWORK_COPYLEFT = """
AGPL-1.0-only AGPL-1.0-or-later AGPL-3.0-only AGPL-3.0-or-later CAL-1.0 CAL-1.0-Combined-Work-Exception CPAL-1.0 EUPL-1.0
EUPL-1.1 EUPL-1.2 NPOSL-3.0 OSL-1.0 OSL-1.1 OSL-2.0 OSL-2.1 OSL-3.0 Parity-6.0.0 Parity-7.0.0 RPL-1.1 RPL-1.5 SSPL-1.0
"""

_PROPRIETARY = """
Aladdin BUSL-1.1 CC-BY-NC-1.0 CC-BY-NC-2.0 CC-BY-NC-2.5 CC-BY-NC-3.0 CC-BY-NC-4.0 CC-BY-NC-ND-1.0 CC-BY-NC-ND-2.0
CC-BY-NC-ND-2.5 CC-BY-NC-ND-3.0 CC-BY-NC-ND-4.0 CC-BY-NC-SA-1.0 CC-BY-NC-SA-2.0 CC-BY-NC-SA-2.5 CC-BY-NC-SA-3.0
CC-BY-NC-SA-4.0 CC-BY-ND-1.0 CC-BY-ND-2.0 CC-BY-ND-2.5 CC-BY-ND-3.0 CC-BY-ND-4.0 Elastic-2.0 FSL-1.1-ALv2 FSL-1.1-MIT
Hippocratic-2.1 JSON MS-LPL PolyForm-Noncommercial-1.0.0 PolyForm-Small-Business-1.0.0 SUL-1.0
"""

_TABLES: tuple[tuple[Category, str], ...] = (
    ("permissive", _PERMISSIVE),
    ("public-domain", _PUBLIC_DOMAIN),
    ("weak-copyleft", _WEAK_COPYLEFT),
    ("strong-copyleft", _STRONG_COPYLEFT),
    ("network-copyleft", _NETWORK_COPYLEFT),
    ("proprietary", _PROPRIETARY),
)
CATEGORIES: dict[str, Category] = {name: category for category, names in _TABLES for name in names.split()}
"""Identifier to category."""

_LINKING = """
389-exception Autoconf-exception-2.0 Autoconf-exception-3.0 Autoconf-exception-generic Bison-exception-1.24
Bison-exception-2.2 Bootloader-exception Classpath-exception-2.0 eCos-exception-2.0 FLTK-exception Font-exception-2.0
freertos-exception-2.0 GCC-exception-2.0 GCC-exception-2.0-note GCC-exception-3.1 GNAT-exception GNU-compiler-exception
Libtool-exception Linux-syscall-note OCaml-LGPL-linking-exception OpenJDK-assembly-exception-1.0 Qt-GPL-exception-1.0
Swift-exception Texinfo-exception Universal-FOSS-exception-1.0 WxWindows-exception-3.1
"""
LINKING_EXCEPTIONS = frozenset(_LINKING.split())
"""Exceptions that let works under other licences be combined with what is licensed: then the copyleft is weak."""
