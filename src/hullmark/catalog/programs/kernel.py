"""Linux kernels (the setup header of a bzImage, the Linux/x86 Boot Protocol) and modules that are not part of one (modinfo(8)).

Modules below lib/modules/VERSION/kernel came with the kernel and are told with it; those in updates, extra and the like did not.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import msgspec

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.oversize import Body
from hullmark.catalog.presence import presence
from hullmark.catalog.programs.executable import BytesNotKept, find_section
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.limit import Limit
from hullmark.model.package import UNKNOWN_VERSION, Location, Package
from hullmark.model.purl import make_purl
from hullmark.rootfs.reads import MIB, LocatedFact, Read, Report

NAME = "kernel"
_HEAD_BYTES = 64 * 1024  # the version's text is within the setup code, of at most 64 sectors
_MODULE_BYTES = Limit(128 * MIB, "bytes of a kernel module, unpacked")
_MODINFO_BYTES = Limit(MIB, "bytes of a kernel module's description", "shortened")
_BANNER = late(rb"([0-9][0-9A-Za-z.+~_-]{2,127})(?: \(([^)\0]{1,200})\))?(?: ([^\0]{0,200}))?").match
_FILE = late(
    r"(?:(?:.*/)?lib/modules/([0-9][^/]{0,127})/|(?:.*/)?boot/|(?:.*/)?)"
    r"vmlinu[xz](?:-([0-9][0-9A-Za-z.+~_-]{0,127}))?(?:\.(?:gz|xz|zst|efi|img))?"
).fullmatch
_FOLDER = late(r"(?:.*/)?lib/modules/([0-9][^/]{0,127})/").match
_IS_VERSION = late(r"[0-9A-Za-z][0-9A-Za-z.+~_:-]{0,127}").fullmatch
_IS_NAME = late(r"[A-Za-z0-9_-]{1,128}").fullmatch
_CPE = "o:linux:linux_kernel"


class Kernel(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a kernel says of itself ("": it does not): its release, as `uname -r` gives it, and its build (`uname -v`)."""

    release: str
    build: str = ""


class Module(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a module says of itself. `kernel` is the release that it was built for, `is_part`: it is built with the kernel."""

    name: str
    version: str
    kernel: str
    license: str
    is_part: bool


class _KernelSink:
    """Keeps the head of a kernel."""

    def __init__(self) -> None:
        self._head = bytearray()

    def write(self, piece: memoryview, /) -> None:
        """The next bytes of the file."""
        self._head += piece[: max(0, _HEAD_BYTES - len(self._head))]

    def finish(self, report: Report, /) -> Kernel | None:
        """The version in the setup header."""
        return extract_kernel("", memoryview(bytes(self._head)), report)


def extract_kernel(path: str, body: memoryview, report: Report) -> Kernel | None:
    """The version of a bzImage; other kernels are packed as a whole, and only their name tells it."""
    head = bytes(body[:_HEAD_BYTES])
    if head[0x202:0x206] == b"HdrS":
        at = int.from_bytes(head[0x20E:0x210], "little") + 0x200
        banner = _BANNER(head, at)
        if banner:
            build = (banner[3] or b"").decode("utf-8", "replace").strip()
            return Kernel(banner[1].decode("ascii", "replace"), build)
    return Kernel("") if head else None


def extract_module(path: str, body: memoryview, report: Report) -> Module | None:
    """The description in the section .modinfo of a module, which may be packed."""
    unpacked = _decompress_module(body, report)
    if unpacked is None:
        return None
    try:
        reader = Body(memoryview(unpacked))
        section = find_section(reader, b".modinfo")
        data = reader.read(section.offset, min(section.size, _MODINFO_BYTES)) if section else b""
    except BytesNotKept:
        data = b""
    fields: dict[str, str] = {}
    for item in data.split(b"\0"):
        key, equals, value = item.partition(b"=")
        if equals:
            fields.setdefault(key.decode("utf-8", "replace"), value[:512].decode("utf-8", "replace").strip())
    name = fields.get("name", "")
    if not _IS_NAME(name):
        report("the kernel module does not tell its name")
        return None
    version = fields.get("version", "")
    return Module(
        name,
        version if _IS_VERSION(version) else "",
        fields.get("vermagic", "").partition(" ")[0],
        fields.get("license", ""),
        fields.get("intree", "") == "Y",
    )


def _decompress_module(body: memoryview, report: Report) -> bytes | None:
    """The module without its compression: gzip, xz, Zstandard or none."""
    head = bytes(body[:6])
    try:
        if head[:2] == b"\x1f\x8b":
            inflater = zlib.decompressobj(31)
            data = inflater.decompress(body, _MODULE_BYTES)
            return _whole(data, report, is_cut=bool(inflater.unconsumed_tail))
        if head == b"\xfd7zXZ\0":
            return _from_xz(body, report)
        if head[:4] == b"\x28\xb5\x2f\xfd":
            return _from_zstd(body, report)
    except (zlib.error, EOFError, ValueError, MemoryError) as error:
        report(f"the kernel module cannot be unpacked: {str(error)[:100]}")
        return None
    return bytes(body)


def _from_xz(body: memoryview, report: Report) -> bytes | None:
    import lzma  # few images have such modules

    try:
        unpacker = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=256 * MIB)
        data = unpacker.decompress(bytes(body), _MODULE_BYTES)
    except lzma.LZMAError as error:
        raise ValueError(str(error)) from error
    return _whole(data, report, is_cut=not unpacker.eof and len(data) >= _MODULE_BYTES)


def _from_zstd(body: memoryview, report: Report) -> bytes | None:
    import zstandard  # few images have such modules

    try:
        stream = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(bytes(body))
        data = stream.read(_MODULE_BYTES + 1)
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from error
    return _whole(data, report, is_cut=len(data) > _MODULE_BYTES)


def _whole(data: bytes, report: Report, *, is_cut: bool) -> bytes | None:
    if is_cut:
        report(f"the kernel module is larger than {_MODULE_BYTES:,} bytes when it is unpacked")
        return None
    return data


_ENDS = ("ko", "ko.gz", "ko.xz", "ko.zst")
_PLACES = ("updates", "updates/dkms", "extra", "extra/*", "extramodules", "misc")
KERNEL = Read(
    name="kernel-image",
    fact=Kernel,
    globs=("**/boot/vmlinu*", "**/vmlinuz", "**/vmlinux"),
    extract=extract_kernel,
    limit=_HEAD_BYTES,
    oversize=lambda size: _KernelSink(),
)
MODULE = Read(
    name="kernel-module",
    fact=Module,
    globs=tuple(f"**/lib/modules/*/{place}/*.{end}" for place in _PLACES for end in _ENDS),
    extract=extract_module,
    limit=64 * MIB,
)
INDEX = presence("kernel-modules", "**/lib/modules/*/modules.dep", "**/lib/modules/*/modules.builtin")


def _kernel(release: str, build: str, location: Location) -> Package:
    notes = {"build": build, "cpes": _CPE if release else ""}
    return Package(
        type="generic",
        name="linux-kernel",
        version=release or UNKNOWN_VERSION,
        purl=make_purl("generic", "linux-kernel", release),
        cataloger=NAME,
        locations=(location,),
        notes={key: value for key, value in notes.items() if value},
    )


def _release(found: LocatedFact[Kernel]) -> str:
    """The kernel's own word, else that of its file's name, or of its folder's."""
    named = _FILE(found.path)
    return found.fact.release or ((named[2] or named[1] or "") if named else "")


def _kernels(view: View) -> Iterator[Package]:
    """Each kernel, and the modules of one that is elsewhere."""
    known: set[str] = set()
    for found in view.facts(KERNEL):
        # What tells its own release is a kernel, whatever its file is called: Alpine has boot/vmlinuz-lts.
        if found.fact.release or _FILE(found.path):
            release = _release(found)
            known.add(release)
            yield _kernel(release, found.fact.build, Location(f"/{found.path}", found.layer))
    for index in view.facts(INDEX):
        folder = _FOLDER(index.path)
        if folder and folder[1] not in known:
            known.add(folder[1])
            yield _kernel(folder[1], "", Location(f"/{index.path}", index.layer))


def assemble(view: View) -> Iterator[Package]:
    """Kernels, and the modules that came by other ways."""
    yield from _kernels(view)
    for found in view.facts(MODULE):
        fact = found.fact
        if fact.is_part:
            continue
        yield Package(
            type="generic",
            name=fact.name,
            version=fact.version or UNKNOWN_VERSION,
            purl=make_purl("generic", fact.name, fact.version),
            cataloger=NAME,
            licenses=(fact.license,) if fact.license else (),
            locations=(Location(f"/{found.path}", found.layer),),
            notes={"kernel": fact.kernel} if fact.kernel else {},
        )


CATALOGER = Cataloger(name=NAME, types=("generic",), reads=(KERNEL, MODULE, INDEX), assemble=assemble)
