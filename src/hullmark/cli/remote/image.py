"""`hullmark image`: the images that a server looks after."""

from __future__ import annotations

import argparse

from hullmark.cli.output import add_output as add_outputs
from hullmark.cli.remote import image_add, image_look
from hullmark.cli.remote.actions import Action, add_limit
from hullmark.cli.remote.noun import Noun
from hullmark.cli.rows import add_output
from hullmark.cli.server_options import add_timeout

_IMAGE = "the image: HOST/REPOSITORY:TAG, or one of its digests"


def _adding(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("images", metavar="REFERENCE", nargs="+", help="HOST/REPOSITORY:TAG or HOST/REPOSITORY@DIGEST")
    parser.add_argument("--tag", metavar="REF", default="", help="the reference that a digest goes by")
    parser.add_argument("--platform", metavar="OS/ARCH", default="", help="which image of an index to take")
    parser.add_argument("--dockerfile", metavar="FILE", help="the Dockerfile that it was built by")
    parser.add_argument("--force", action="store_true", help="analyse it again if it was analysed before")
    parser.add_argument("--no-watch", action="store_true", help="do not ask the registry again where the tag points to")
    _noting(parser)


def _noting(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--annotation", metavar="NAME=VALUE", action="append", default=[], help="a note on it (may be repeated)"
    )
    parser.add_argument("--wait", action="store_true", help="wait until it is analysed")
    add_timeout(parser)
    add_output(parser)


def _uploading(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="an archive, as `docker save` or `skopeo copy` write it")
    parser.add_argument("--reference", metavar="REF", required=True, help="HOST/REPOSITORY:TAG that it is to go by")
    _noting(parser)


def _waiting(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("images", metavar="IMAGE", nargs="+", help=_IMAGE)
    add_timeout(parser)
    add_output(parser)


def _listing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--state", metavar="STATE", default="", help="waiting, analysing, analysed or failed")
    parser.add_argument("--registry", metavar="HOST", default="", help="only of this registry")
    parser.add_argument("--repository", metavar="NAME", default="", help="only of this repository")
    parser.add_argument("--tag", metavar="TAG", default="", help="only with this tag")
    parser.add_argument("--verdict", metavar="VERDICT", default="", help="only with this verdict of a policy in force")
    parser.add_argument("--distro", metavar="NAME", default="", help="only of this distribution")
    parser.add_argument("--advisory", metavar="ID", default="", help="those in which it counts: a CVE, GHSA, DSA …")
    parser.add_argument("--package", metavar="NAME[@VERSION]", default="", help="those that hold this package")
    add_limit(parser)
    add_output(parser)


def _naming(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", metavar="IMAGE", help=_IMAGE)


def _getting(parser: argparse.ArgumentParser) -> None:
    _naming(parser)
    add_output(parser)


def _checking(parser: argparse.ArgumentParser) -> None:
    _naming(parser)
    parser.add_argument("--policy", metavar="NAME", default="", help="the policy (default: the worst verdict counts)")
    parser.add_argument("--environment", metavar="NAME", default="", help="where it is to run")
    parser.add_argument(
        "--fail-on",
        metavar="VERDICT",
        default="stop",
        choices=("stop", "warn"),
        help="from which verdict on the exit status is 1: warn or stop (default: stop)",
    )
    add_outputs(parser, "table, json, sarif, junit, html, markdown, github")


def _packages(parser: argparse.ArgumentParser) -> None:
    _naming(parser)
    parser.add_argument("--type", metavar="TYPE", default="", help="only of this kind, as deb or npm")
    parser.add_argument("--name", metavar="NAME", default="", help="only of this name")
    add_limit(parser)
    add_output(parser)


def _files(parser: argparse.ArgumentParser) -> None:
    _naming(parser)
    parser.add_argument("--state", metavar="STATE", default="", help="ok, changed, unowned, missing or ghost")
    parser.add_argument("--prefix", metavar="PATH", default="", help="only paths that begin with it, as /usr/bin")
    add_limit(parser)
    add_output(parser)


def _vulns(parser: argparse.ArgumentParser) -> None:
    _naming(parser)
    parser.add_argument("--severity", metavar="SEVERITY", default="", help="only of these, with commas")
    parser.add_argument("--package", metavar="NAME", default="", help="only of this package")
    parser.add_argument("--fix", metavar="STATE", default="", help="only these: fixed, not-fixed, wont-fix, unknown")
    parser.add_argument("--kev", action="store_true", help="only what is known to be exploited")
    parser.add_argument("--show-suppressed", action="store_true", help="also what does not count")
    parser.add_argument("--vulnerability", metavar="ID", default="", help="only this one, by its id or an alias")
    add_limit(parser)
    add_output(parser)


def _signatures(parser: argparse.ArgumentParser) -> None:
    _naming(parser)
    parser.add_argument("--look", action="store_true", help="ask its registry again first; what is new is judged")
    add_output(parser)


def _history(parser: argparse.ArgumentParser) -> None:
    _naming(parser)
    add_limit(parser)
    add_output(parser)


def _sbom(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", metavar="IMAGE|FILE", help=f"{_IMAGE}; with --reference a bill of materials")
    parser.add_argument(
        "--reference", metavar="REF", default="", help="add FILE as an image that goes by HOST/REPOSITORY:TAG"
    )
    parser.add_argument("--files", action="store_true", help="also every file with owner and state")
    add_outputs(
        parser,
        "cyclonedx-json, cyclonedx-xml, spdx-json, spdx-tag-value, spdx3-json, syft-json, json, csv, purls, table",
    )


def _naming_some(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("images", metavar="IMAGE", nargs="+", help=_IMAGE)
    add_output(parser)


VERBS = (
    Noun(
        "image",
        "add, list, show, check and delete images on the server",
        {
            "add": Action("add images from registries; the server analyses them soon", _adding, image_add.add),
            "upload": Action("add an image by its archive", _uploading, image_add.upload),
            "wait": Action("wait until images are analysed (exit status 2: one cannot be)", _waiting, image_add.wait),
            "list": Action("list the account's images, the newest first", _listing, image_look.show_images),
            "show": Action("show one image", _getting, image_look.get),
            "check": Action(
                "may it be deployed? Exit status 0, 1 (stop) or 3 (cannot tell)", _checking, image_look.check
            ),
            "packages": Action("list its packages", _packages, image_look.packages),
            "files": Action("list its files", _files, image_look.files),
            "layers": Action("list its layers, with the instructions that made them", _getting, image_look.layers),
            "vulns": Action(
                "list the vulnerabilities of its packages, the most urgent first", _vulns, image_look.vulns
            ),
            "signatures": Action(
                "list what others signed about it, and who is believed", _signatures, image_look.signatures
            ),
            "history": Action("list all verdicts that it ever had", _history, image_look.history),
            "sbom": Action("write its bill of materials, or add an image by one", _sbom, image_look.sbom),
            "analyse": Action("have it read again from where it came from", _naming_some, image_add.analyse),
            "delete": Action("remove it from the account", _naming_some, image_add.delete),
        },
    ),
)
