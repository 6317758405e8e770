"""What registries send when something is pushed, as their manuals show it, and how each proves itself."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

Json = dict[str, Any]
DIGEST = "sha256:" + "ab" * 32


def dockerhub(repository: str, tag: str) -> Json:
    """A webhook of Docker Hub."""
    namespace, _, name = repository.partition("/")
    return {
        "callback_url": f"https://registry.hub.docker.com/u/{repository}/hook/2141b5bi5i5b02bec211i4eeih0242eg11000a/",
        "push_data": {"images": [], "pushed_at": 1417566161, "pusher": "trustedbuilder", "tag": tag},
        "repository": {
            "comment_count": 0,
            "date_created": 1417494799,
            "description": "",
            "dockerfile": "FROM scratch",
            "is_official": False,
            "is_private": True,
            "is_trusted": True,
            "name": name,
            "namespace": namespace,
            "owner": namespace,
            "repo_name": repository,
            "repo_url": f"https://registry.hub.docker.com/u/{repository}/",
            "star_count": 0,
            "status": "Active",
        },
    }


def harbor(repository: str, tag: str, *, kind: str = "PUSH_ARTIFACT") -> Json:
    """A webhook of Harbor, in its default format."""
    namespace, _, name = repository.partition("/")
    return {
        "type": kind,
        "occur_at": 1680501893,
        "operator": "harbor-jobservice",
        "event_data": {
            "resources": [{"digest": DIGEST, "tag": tag, "resource_url": f"harbor.example.org/{repository}:{tag}"}],
            "repository": {
                "date_created": 1582640688,
                "name": name,
                "namespace": namespace,
                "repo_full_name": repository,
                "repo_type": "private",
            },
        },
    }


def harbor_cloud_event(repository: str, tag: str) -> Json:
    """A webhook of Harbor, as CloudEvents."""
    told = harbor(repository, tag)
    return {
        "specversion": "1.0",
        "id": "4b2f89a6-548d-4c12-9993-a1f5790b97d2",
        "source": "/projects/1/webhook/policies/3",
        "type": "harbor.artifact.pushed",
        "datacontenttype": "application/json",
        "time": "2023-04-03T06:04:53Z",
        "data": told["event_data"],
        "operator": "admin",
    }


def ghcr(repository: str, tag: str, *, event: str = "registry_package") -> Json:
    """A webhook of GitHub about a package."""
    owner, _, name = repository.partition("/")
    return {
        "action": "published",
        event: {
            "id": 2,
            "name": name,
            "namespace": owner,
            "description": "",
            "ecosystem": "CONTAINER",
            "package_type": "CONTAINER",
            "html_url": f"https://github.com/{owner}/packages/2",
            "owner": {"login": owner, "id": 1, "type": "Organization"},
            "package_version": {
                "id": 3,
                "version": DIGEST,
                "name": DIGEST,
                "package_url": f"ghcr.io/{repository}:{tag}",
                "container_metadata": {
                    "tag": {"name": tag, "digest": DIGEST},
                    "labels": {"source": ""},
                    "manifest": {"digest": DIGEST, "media_type": "", "size": 1},
                },
            },
            "registry": None,
        },
        "repository": {"id": 17, "full_name": repository},
        "sender": {"login": owner},
    }


def quay(repository: str, *tags: str, host: str = "quay.io") -> Json:
    """A notification of Quay."""
    namespace, _, name = repository.partition("/")
    return {
        "name": name,
        "repository": repository,
        "namespace": namespace,
        "docker_url": f"{host}/{repository}",
        "homepage": f"https://{host}/repository/{repository}",
        "updated_tags": list(tags),
    }


def ecr(repository: str, tag: str, *, action: str = "PUSH") -> Json:
    """An event of ECR in EventBridge."""
    return {
        "version": "0",
        "id": "13cde686-328b-6117-af20-0e5566167482",
        "detail-type": "ECR Image Action",
        "source": "aws.ecr",
        "account": "123456789012",
        "time": "2019-11-16T01:54:34Z",
        "region": "us-west-2",
        "resources": [],
        "detail": {
            "result": "SUCCESS",
            "repository-name": repository,
            "image-digest": DIGEST,
            "action-type": action,
            "image-tag": tag,
        },
    }


def distribution(repository: str, tag: str, *, host: str = "registry.example.org", action: str = "push") -> Json:
    """An envelope of the distribution project's registry: a layer, a manifest by tag, and one by digest."""
    media = "application/vnd.docker.distribution.manifest.v2+json"
    target = {"mediaType": media, "size": 708, "digest": DIGEST, "length": 708, "repository": repository}
    request = {
        "id": "6df24a34",
        "addr": "192.168.64.11:42961",
        "host": host,
        "method": "PUT",
        "useragent": "curl/7.38.0",
    }
    shared = {
        "timestamp": "2015-03-09T14:44:26.402973972-08:00",
        "request": request,
        "actor": {"name": "test-actor"},
        "source": {"addr": "xtal.local:5003", "instanceID": "a53db899"},
    }
    layer = {**target, "mediaType": "application/octet-stream", "url": f"http://{host}/v2/{repository}/blobs/{DIGEST}"}
    url = f"http://{host}/v2/{repository}/manifests/{DIGEST}"
    return {
        "events": [
            {"id": "asdf-asdf-asdf-asdf-0", "action": action, "target": layer, **shared},
            {"id": "asdf-asdf-asdf-asdf-1", "action": action, "target": {**target, "url": url, "tag": tag}, **shared},
            {
                "id": "asdf-asdf-asdf-asdf-2",
                "action": "pull",
                "target": {**target, "url": url, "tag": "other"},
                **shared,
            },
        ]
    }


def signed(body: bytes, secret: str) -> str:
    """The signature that GitHub sends along."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def to_bytes(document: Json) -> bytes:
    """As it is sent."""
    return json.dumps(document).encode()
