"""Mails, through the server's relay or a channel's own (RFC 5321, 3207, 4954), bounded in time and size.

A channel's relay is held to the guard; the server's own is the operator's word, and may be on this machine.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
from datetime import datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import BinaryIO, NamedTuple
from urllib.parse import unquote, urlsplit

import msgspec

from hullmark.model.limit import Limit
from hullmark.net.bounded import Connections, connect_to_host, within
from hullmark.net.errors import ForbiddenAddress, NetError
from hullmark.net.guard import Guard
from hullmark.net.trust import Trust, context_for
from hullmark.notify.channel import UNSAID_HOST, Again, Mail, MessageRefused, Reply
from hullmark.server.stories.services import Services

MAX_ANSWER_BYTES = Limit(256 << 10, "bytes that a mail relay says in a conversation", "refused")
"""The most bytes a relay may send in one conversation, counted again for each way it is encrypted."""

_OF_LOGIN = frozenset((530, 534, 535, 538))
_POLICY = policy.SMTP.clone(max_line_length=200)


class MailServer(msgspec.Struct, frozen=True, kw_only=True):
    """Where mails are handed in. `is_secure`: TLS from the first byte."""

    host: str
    port: int
    user: str = ""
    password: str = ""
    is_secure: bool = False

    @property
    def name(self) -> str:
        """What may be shown of it."""
        return f"the mail relay {self.host}:{self.port}"


def mail_server(url: str) -> MailServer:
    """The relay that a URL `smtp[s]://[USER:PASSWORD@]HOST[:PORT]` names. Raises ValueError for any other text, without showing it.

    Without a port it is 465 for smtps, and for smtp 587 where there is a login, else 25.
    """
    parts = urlsplit(url)
    port = parts.port  # raises
    host = parts.hostname or ""
    if parts.scheme not in ("smtp", "smtps") or not host or port == 0 or parts.path.strip("/") or parts.query:
        raise ValueError("it must be written as smtp://USER:PASSWORD@HOST:PORT or smtps://…")
    is_secure = parts.scheme == "smtps"
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    usual = 465 if is_secure else 587 if user else 25
    return MailServer(host=host, port=port or usual, user=user, password=password, is_secure=is_secure)


def send_mail(services: Services, mail: Mail, timeout: float) -> Reply:
    """Hand a mail in. The reply's body names recipients that were rejected while others were not. Raises Again, Refused."""
    server, sender = _server(services, mail), _sender_of(services, mail)
    message = compose_mail(mail, sender, services.clock())
    guard = services.guard if mail.relay else None
    try:
        return within(
            timeout,
            lambda connections: _converse(server, guard, connections, _Envelope(sender, mail.to, message), timeout),
            server.name,
        )
    except ForbiddenAddress as error:
        raise MessageRefused(f"{server.name}: {error} ({error.advice})") from error
    except NetError as error:
        raise Again(str(error)) from error
    except ssl.SSLError as error:
        raise Again(f"no trusted TLS connection to {server.name} can be made ({error.reason})") from error
    except (smtplib.SMTPException, OSError) as error:
        raise _classify_error(error, server) from error


def _sender_of(services: Services, mail: Mail) -> str:
    """Who sends. The server's relay trusts the server: through it nobody can send from another domain."""
    usual = services.settings.mail_from
    if mail.sender and usual and not mail.relay and _domain(mail.sender) != _domain(usual):
        raise MessageRefused(
            f"the server's mail relay sends for {_domain(usual)} alone: leave the sender out, or give the channel a relay of its own"
        )
    if not mail.sender and not usual:
        raise Again("no sender of mails is set: HULLMARK_MAIL_FROM, or the channel's")
    return mail.sender or usual


def _add_domain(name: str, sender: str) -> str:
    return name.replace(UNSAID_HOST, _domain(sender) or UNSAID_HOST)


def _domain(sender: str) -> str:
    return _address(sender).rpartition("@")[2].lower()


def _server(services: Services, mail: Mail) -> MailServer:
    url = mail.relay or services.settings.smtp
    if not url:
        raise Again("no mail relay is set: HULLMARK_SMTP, or the channel's")
    try:
        return mail_server(url)
    except ValueError:  # its text may show the password
        raise Again("the mail relay's URL cannot be read: write smtp://USER:PASSWORD@HOST:PORT or smtps://…") from None


def compose_mail(mail: Mail, sender: str, at: datetime) -> bytes:
    """The mail as it is sent (RFC 5322): plain text, and HTML where there is any. Raises Refused for what no header can hold."""
    message = EmailMessage(policy=_POLICY)
    try:
        message["From"] = _sender(sender)
        message["To"] = ", ".join(mail.to)
        message["Subject"] = " ".join(mail.subject.split())
        message["Date"] = format_datetime(at)
        if mail.message_id:
            message["Message-ID"] = _add_domain(mail.message_id, sender)
        if mail.thread:
            message["In-Reply-To"] = _add_domain(mail.thread, sender)
            message["References"] = _add_domain(mail.thread, sender)
        # So that no holiday message answers it (RFC 3834).
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(mail.text, cte="quoted-printable")
        if mail.html:
            message.add_alternative(mail.html, subtype="html", cte="quoted-printable")
        return message.as_bytes()
    except (ValueError, IndexError) as error:
        raise MessageRefused("the mail cannot be written: a header or an address is not valid") from error


def _sender(sender: str) -> Address | str:
    return Address("Hullmark", addr_spec=sender) if "<" not in sender else sender


class _Envelope(NamedTuple):
    """A mail on its way: who sends it, who gets it, and its bytes."""

    sender: str
    recipients: tuple[str, ...]
    message: bytes


def _converse(
    server: MailServer, guard: Guard | None, connections: Connections, envelope: _Envelope, timeout: float
) -> Reply:
    session = _Session(guard, connections, timeout)
    try:
        session.reach(server)
        _secure_session(session, server)
        if server.user:
            session.login(server.user, server.password)
        rejected = session.sendmail(_address(envelope.sender), envelope.recipients, envelope.message)
    finally:
        session.close()
    for code, _ in rejected.values():
        if code < 500:
            # The others have it already, and know it by its Message-ID when it comes again.
            raise Again(f"{server.name} does not take it for all recipients yet", status=code)
    rejections = "; ".join(f"{to}: {code} {_words(text)}" for to, (code, text) in rejected.items())
    return Reply(status=200, body=rejections.encode()[:4096])


def _secure_session(session: _Session, server: MailServer) -> None:
    session.ehlo_or_helo_if_needed()
    if server.is_secure:
        return
    if session.has_extn("starttls"):
        # Without a login plain text would do, which any certificate is better than.
        trust = Trust(insecure=not server.user)
        session.starttls(context=context_for(trust, server.host, server.port))
        session.ehlo_or_helo_if_needed()
    elif server.user:
        raise smtplib.SMTPNotSupportedError("it offers no STARTTLS, so that no password is sent to it")


def _address(sender: str) -> str:
    return sender.rpartition("<")[2].rstrip("> ") if "<" in sender else sender


def _classify_error(error: smtplib.SMTPException | OSError, server: MailServer) -> Again | MessageRefused:
    """What an error means: what a relay says of this mail with 5xx is for good; of the connection or the login it is not."""
    text: bytes | str
    match error:
        case smtplib.SMTPRecipientsRefused():
            code, text = min(error.recipients.values(), key=lambda answer: answer[0])
        case smtplib.SMTPResponseException():
            code, text = error.smtp_code, error.smtp_error
        case smtplib.SMTPException():
            return Again(f"{server.name}: {_words(str(error))}")
        case _:
            return Again(f"the connection to {server.name} broke ({error.strerror or type(error).__name__})")
    reason = f"{server.name} answered {code}: {_words(text)}"
    of_mail = isinstance(error, smtplib.SMTPRecipientsRefused | smtplib.SMTPSenderRefused | smtplib.SMTPDataError)
    if of_mail and code >= 500 and code not in _OF_LOGIN:
        return MessageRefused(reason, status=code)
    return Again(reason, status=code if code > 0 else None)


def _words(text: bytes | str) -> str:
    decoded = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return " ".join(decoded.split())[:300]


class _Session(smtplib.SMTP):
    """A conversation over connections that the guard has seen, if there is one."""

    def __init__(self, guard: Guard | None, connections: Connections, seconds: float) -> None:
        super().__init__(local_hostname=socket.gethostname() or "localhost", timeout=seconds)
        self._guard = guard
        self._connections = connections
        self._is_secure = False

    def reach(self, server: MailServer) -> None:
        """Connect, and hear the greeting."""
        self._host = server.host  # what TLS checks the certificate for
        self._is_secure = server.is_secure
        code, text = self.connect(server.host, server.port)
        if code != 220:
            raise smtplib.SMTPConnectError(code, text)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        connection = connect_to_host(host, port, self._guard, timeout)
        self._connections.watch(connection)
        if not self._is_secure:
            return connection
        return context_for(Trust(), host, port).wrap_socket(connection, server_hostname=host)

    def getreply(self) -> tuple[int, bytes]:
        """The relay's next answer; OSError once it has said more than it may."""
        if self.file is None and self.sock is not None:
            self.file = _BoundedReader(self.sock.makefile("rb"), MAX_ANSWER_BYTES)
        return super().getreply()


class _BoundedReader:
    """Lines of a stream, up to this many bytes in all."""

    def __init__(self, stream: BinaryIO, limit: int) -> None:
        self._stream = stream
        self._left = limit

    def readline(self, most: int) -> bytes:
        line = self._stream.readline(min(most, self._left + 1))
        self._left -= len(line)
        if self._left < 0:
            raise OSError("it says too much")
        return line

    def close(self) -> None:
        self._stream.close()
