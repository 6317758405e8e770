"""A mail server that keeps what it is sent, and can be told to reject it."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from tests.support.registry import Certificates


@dataclass
class Mailbox:
    """What arrived. `answers` are by command, MAIL, RCPT:ADDRESS or DATA; `login` is the only one that may send."""

    answers: dict[str, str] = field(default_factory=dict)
    login: tuple[str, str] | None = None
    port: int = 0
    mails: list[bytes] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    was_encrypted: list[bool] = field(default_factory=list)
    logins: int = 0

    def read(self, number: int = -1) -> EmailMessage:
        """One of the mails, parsed."""
        parsed = message_from_bytes(self.mails[number], policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        if "MAIL" in self.answers:
            return self.answers["MAIL"]
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        if answer := self.answers.get(f"RCPT:{address}"):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if "DATA" in self.answers:
            return self.answers["DATA"]
        self.mails.append(envelope.content)
        self.recipients.append(list(envelope.rcpt_tos))
        self.senders.append(envelope.mail_from)
        self.was_encrypted.append(server.transport.get_extra_info("ssl_object") is not None)
        return "250 taken"

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        """Is this the login?"""
        assert isinstance(data, LoginPassword)
        is_right = (data.login.decode(), data.password.decode()) == self.login
        self.logins += is_right
        return AuthResult(success=is_right, handled=False)


class _AnyPort(Controller):
    """A controller that learns which port it got."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def mailbox(
    *,
    certificates: Certificates | None = None,
    is_secure: bool = False,
    login: tuple[str, str] | None = None,
    answers: dict[str, str] | None = None,
) -> Iterator[Mailbox]:
    """A mail server on 127.0.0.1 that offers STARTTLS where there are certificates, or speaks TLS from the start."""
    box = Mailbox(answers=dict(answers or {}), login=login)
    context: ssl.SSLContext | None = None
    if certificates is not None:
        context = certificates.server_context()
    more: dict[str, Any] = {}
    if login is not None:
        offers_tls = context is not None and not is_secure
        more = {"authenticator": box.authenticate, "auth_required": offers_tls, "auth_require_tls": offers_tls}
    controller = _AnyPort(
        box,
        hostname="127.0.0.1",
        port=0,
        ssl_context=context if is_secure else None,
        tls_context=None if is_secure else context,
        **more,
    )
    controller.start()
    try:
        box.port = controller.port
        yield box
    finally:
        controller.stop()
