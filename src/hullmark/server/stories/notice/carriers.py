"""Carriers: take what a channel sends to where it goes, under the server's guard, bounded in time and size."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from hullmark.model.limit import Limit
from hullmark.net.bounded import Connections, within
from hullmark.net.errors import ForbiddenAddress, NetError
from hullmark.net.http import Client, HttpSettings, Request, origin
from hullmark.notify.channel import Again, Mail, MessageRefused, Outgoing, Post, Relay, Reply
from hullmark.server.stories.notice.mailing import send_mail
from hullmark.server.stories.notice.relaying import relay
from hullmark.server.stories.services import Services, outgoing
from hullmark.source.distribution import http_settings

MAX_ANSWER_BYTES = Limit(4 << 20, "bytes of the answer of a channel's receiver", "refused")


def carry(services: Services, sent: Outgoing, timeout: float = 10.0) -> Reply:
    """Send it, and answer what came back, in `timeout` seconds all in all. Blocks.

    Any status of HTTP is an answer, also one that redirects. Raises Again where nothing came back, Refused where nothing ever will:
    an address that may not be reached, a mail that the relay rejects for good, a URL that means nothing. No reason holds a secret.
    """
    match sent:
        case Post():
            return _post(services, sent, timeout)
        case Mail():
            return send_mail(services, sent, timeout)
        case Relay():
            return relay(services.guard, sent, timeout)


def _post(services: Services, post: Post, timeout: float) -> Reply:
    where = _where(post.url)
    settings = http_settings(outgoing(services))
    try:
        return within(timeout, lambda connections: _exchange(settings, post, connections, timeout), where)
    except ForbiddenAddress as error:
        raise MessageRefused(f"{where}: {error} ({error.advice})") from error
    except NetError as error:
        raise Again(str(error)) from error
    except ValueError as error:  # of the headers: their text may be a secret
        raise MessageRefused(f"{where}: the request has a header that cannot be sent") from error


def _where(url: str) -> str:
    """Scheme and host, all of a URL that may be shown."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isascii() or any(letter <= " " for letter in url):
        raise MessageRefused("the channel's URL is not a web address: it must begin with https:// or http://")
    return origin(url)


def _exchange(settings: HttpSettings, post: Post, connections: Connections, timeout: float) -> Reply:
    client = Client(_patient(settings, connections, timeout))
    streamed = client.open(Request(post.url, post.headers, post.method, post.body or None))
    try:
        body = bytearray()
        # What is longer is not looked at: the receiver has said by the status what it thinks.
        most = min(post.most, MAX_ANSWER_BYTES)
        while len(body) < most and (piece := streamed.read_available(most - len(body))):
            body += piece
        return Reply(status=streamed.status, body=bytes(body), headers=streamed.headers)
    finally:
        streamed.close()


def _patient(settings: HttpSettings, connections: Connections, timeout: float) -> HttpSettings:
    # Messages are tried again by those who keep them, and what is sent may hold a secret: it goes nowhere else.
    return replace(settings, timeout=timeout, retries=0, follow=False, watch=connections.watch)
