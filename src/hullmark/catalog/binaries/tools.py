"""Tools and libraries: shells, archivers, encryption, media, browsers."""

from __future__ import annotations

from hullmark.catalog.binaries.classifier import XY_Z, XYZ, Classifier, Rule, after, alone

_OPENSSL = XYZ + rb"(?:[a-z]{1,2}|-(?:alpha|beta|rc|pre)\d{1,2})?"
_BUSYBOX = b"BusyBox v"

TABLE = (
    Classifier(
        key="busybox",
        name="busybox",
        purl="pkg:generic/busybox",
        files=("busybox",),
        rules=(after(_BUSYBOX),),
        cpes=("busybox:busybox",),
    ),
    Classifier(
        key="bash",
        name="bash",
        purl="pkg:generic/bash",
        files=("bash",),
        rules=(
            Rule(rb"@\(#\)Bash version (" + XYZ + rb")\(\d{1,4}\) [a-z0-9]{1,16} GNU", b"@(#)Bash version "),
        ),
        cpes=("gnu:bash",),
    ),
    Classifier(
        key="util-linux",
        name="util-linux",
        purl="pkg:generic/util-linux",
        files=("getopt",),
        rules=(alone(XY_Z, before=b"util-linux "),),
        cpes=("kernel:util-linux",),
    ),
    Classifier(
        key="gzip",
        name="gzip",
        purl="pkg:generic/gzip",
        files=("gzip",),
        rules=(alone(rb"\d{1,2}\.\d{1,2}"),),
        needs=(b"not in gzip format",),
        without=(_BUSYBOX,),
        cpes=("gnu:gzip",),
    ),
    Classifier(
        key="xz",
        name="xz",
        purl="pkg:generic/xz",
        files=("xz",),
        rules=(alone(XYZ + rb"(?:alpha|beta)?", before=b"xz (XZ Utils) "),),
        cpes=("tukaani:xz",),
    ),
    Classifier(
        key="zstd",
        name="zstd",
        purl="pkg:generic/zstd",
        files=("zstd",),
        rules=(alone(before=b"v"),),
        cpes=("facebook:zstandard",),
    ),
    Classifier(
        key="jq",
        name="jq",
        purl="pkg:generic/jq",
        files=("jq", "jq-linux*"),
        rules=(
            alone(rb"\d{1,3}\.\d{1,3}(?:\.\d{1,3})?", b"jq: error|jq-%s|JQ_COLORS|rawfile", 256),
            alone(rb"\d{1,3}\.\d{1,3}(?:\.\d{1,3})?"),
        ),
        without=(_BUSYBOX,),
        cpes=("jqlang:jq", "stedolan:jq"),
    ),
    Classifier(
        key="curl",
        name="curl",
        purl="pkg:generic/curl",
        files=("curl",),
        rules=(after(b"curl/"),),
        cpes=("haxx:curl",),
    ),
    Classifier(
        key="aws-lc",
        name="aws-lc",
        purl="pkg:generic/aws-lc",
        files=("openssl",),
        family="openssl",
        rules=(after(b"AWS-LC ", XYZ, rb"\)"),),
        cpes=("amazon:aws-lc",),
    ),
    Classifier(
        key="openssl",
        name="openssl",
        purl="pkg:generic/openssl",
        files=("openssl",),
        family="openssl",
        rules=(Rule(rb"\x00OpenSSL (" + _OPENSSL + rb")(?=[ \x00])", b"OpenSSL "),),
        cpes=("openssl:openssl",),
    ),
    Classifier(
        key="openssl-library",
        name="openssl",
        purl="pkg:generic/openssl",
        files=("libcrypto.so*", "libssl.so*"),
        rules=(
            Rule(rb"\x00OpenSSL (" + _OPENSSL + rb")(?:-fips)? {1,2}\d{1,2} [A-Z][a-z]{2} \d{4}\x00", b"OpenSSL "),
        ),
        cpes=("openssl:openssl",),
        aliases=("libssl",),
    ),
    Classifier(
        key="krb5",
        name="krb5",
        purl="pkg:generic/krb5",
        files=("libkrb5.so*",),
        rules=(Rule(rb"KRB5_BRAND: krb5-[\w.-]{1,40} (" + XY_Z + rb")", b"KRB5_BRAND: krb5-"),),
        cpes=("mit:kerberos_5",),
    ),
    Classifier(
        key="heimdal-krb5",
        name="heimdal-krb5",
        purl="pkg:generic/heimdal-krb5",
        files=("libkrb5.so*",),
        rules=(after(b"$Version: Heimdal ", XY_Z),),
        cpes=("heimdal_project:heimdal",),
        aliases=("heimdal",),
    ),
    Classifier(
        key="qtbase",
        name="qtbase",
        purl="pkg:generic/qtbase",
        files=("libQt*Core.so*",),
        rules=(
            Rule(rb"\x00\x00Qt (" + XYZ + rb") \(", b"\0\0Qt "),
            after(b"QtCore library version "),
        ),
        cpes=("qt:qtbase", "qt:qt"),
        aliases=("libqt",),
    ),
    Classifier(
        key="ffmpeg",
        name="ffmpeg",
        purl="pkg:generic/ffmpeg",
        files=("ffmpeg",),
        rules=(after(b"%s version ", rb"\d{1,2}\.\d{1,3}(?:\.\d{1,3})?"),),
        cpes=("ffmpeg:ffmpeg",),
    ),
    Classifier(
        key="ffmpeg-library",
        name="ffmpeg",
        purl="pkg:generic/ffmpeg",
        files=("libav*.so*", "libswresample*.so*", "libav*.dylib", "libav*.dll"),
        rules=(Rule(rb"FFmpeg version n?(\d{1,2}\.\d{1,3}(?:\.\d{1,3})?)", b"FFmpeg version "),),
        cpes=("ffmpeg:ffmpeg",),
    ),
    Classifier(
        key="chrome",
        name="chrome",
        purl="pkg:generic/chrome",
        files=("chrome",),
        rules=(Rule(rb"\x00(\d{1,4}\.\d{1,4}\.\d{1,6}\.\d{1,6})\x00Default", b"\0Default"),),
        cpes=("google:chrome",),
    ),
    Classifier(
        key="firefox",
        name="firefox",
        purl="pkg:generic/firefox",
        files=("application.ini",),
        rules=(
            Rule(
                rb"\nName=Firefox\r?\n(?:[A-Za-z]{1,40}=[^\n]{0,60}\n){0,8}Version=(\d{1,4}(?:\.\d{1,4}){1,3}(?:[ab]\d{1,3}|esr)?)",
                b"Name=Firefox",
            ),
        ),
        cpes=("mozilla:firefox",),
        any_form=True,
    ),
)
