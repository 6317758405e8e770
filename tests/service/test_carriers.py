"""What is sent arrives, and what must not be reached, or takes too long, is not: HTTP, mail and apprise, against real servers."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from hullmark.notify.apprise import LOCAL_SCHEMES
from hullmark.notify.channel import Again, Mail, MessageRefused, Post, Relay, Reply
from hullmark.server.stories.notice import relaying
from hullmark.server.stories.notice.carriers import MAX_ANSWER_BYTES, carry
from hullmark.server.stories.notice.mailing import mail_server
from hullmark.server.stories.notice.relay_child import without_secrets
from hullmark.server.stories.services import Services, services_for
from hullmark.server.stories.settings import Settings
from tests.support.mailbox import mailbox
from tests.support.receivers import receiver, talker
from tests.support.registry import Certificates, make_certificates

LOOPBACK = "127.0.0.0/8"
TOKEN = "T0KEN-that-nobody-may-see"  # noqa: S105


def services(folder: Path, **settings: Any) -> Services:
    """Services that reach this machine unless told otherwise."""
    given = {"allow_addresses": LOOPBACK, "mail_from": "notice@hullmark.test", **settings}
    return services_for(Settings(data=folder, **given), {})


@pytest.fixture
def at(tmp_path: Path) -> Services:
    return services(tmp_path)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


def within_a_minute(act: Callable[[], object]) -> None:
    """Does it end at all? What it would wait for goes on for ever."""
    done: Future[object] = Future()

    def acting() -> None:
        try:
            done.set_result(act())
        except BaseException as error:  # noqa: BLE001 - pytest's failures are no Exception
            done.set_exception(error)

    threading.Thread(target=acting, daemon=True).start()
    done.result(60)


class TestPosts:
    def test_a_request_arrives_as_it_is_and_its_answer_comes_back(self, at: Services) -> None:
        with receiver((202, {"Retry-After": "3", "X-Some": "a"}, b'{"id": 1}')) as server:
            post = Post(url=f"{server.url}/a?b=c", body=b"{}", headers={"X-Key": "k"}, method="PUT")
            reply = carry(at, post)
        (request,) = server.requests
        assert (request.method, request.path, request.body) == ("PUT", "/a?b=c", b"{}")
        assert request.headers["x-key"] == "k"
        assert request.headers["user-agent"].startswith("hullmark/")
        assert (reply.status, reply.body, reply.headers["retry-after"]) == (202, b'{"id": 1}', "3")

    @pytest.mark.parametrize("status", [204, 400, 404, 429, 500, 503])
    def test_every_status_is_an_answer_and_nothing_is_repeated(self, at: Services, status: int) -> None:
        with receiver((status, {}, b"")) as server:
            assert carry(at, Post(url=server.url, body=b"x")).status == status
        assert len(server.requests) == 1

    @pytest.mark.parametrize("target", ["http://169.254.169.254/latest/meta-data/", "/other"])
    def test_a_redirect_is_an_answer_too_and_not_followed(self, at: Services, target: str) -> None:
        with receiver((307, {"Location": target}, b"")) as server:
            assert carry(at, Post(url=f"{server.url}/here", body=b"x")).status == 307
        assert [request.path for request in server.requests] == ["/here"]

    @pytest.mark.parametrize(("most", "read"), [(1000, 1000), (1 << 40, MAX_ANSWER_BYTES)])
    def test_no_more_is_read_of_an_answer_than_anybody_looks_at(self, at: Services, most: int, read: int) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"
        with talker([head], 0, then=b"x" * 65536, repeats=1000) as port:
            post = Post(url=f"http://127.0.0.1:{port}/", most=most)
            reply = carry(at, post, timeout=20)
        assert (post.most, reply.status, len(reply.body)) == (most, 200, read)

    @pytest.mark.parametrize(
        ("pieces", "then"),
        [
            ([], b""),
            ([b"HTTP/1.1 200 OK\r\n"], b"X: 1\r\n"),
            ([b"H"], b"T"),
            ([b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"], b"."),
            ([], b"HTTP/1.1 100 Continue\r\n\r\n"),
        ],
        ids=["silent", "headers", "first line", "body", "continue"],
    )
    def test_a_receiver_that_never_comes_to_an_end_is_left(
        self, at: Services, pieces: list[bytes], then: bytes
    ) -> None:
        def send(port: int) -> None:
            with pytest.raises(Again, match=f"http://127.0.0.1:{port}"):
                carry(at, Post(url=f"http://127.0.0.1:{port}/{TOKEN}", body=b"x"), timeout=0.4)

        with talker(pieces, 0.05, then=then) as port:
            within_a_minute(lambda: send(port))
        # The thread that waited for it has ended as well.
        deadline = time.monotonic() + 5
        while any(each.name.startswith("conversation") for each in threading.enumerate()):
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def test_where_nobody_listens_it_is_tried_again(self, at: Services) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        with pytest.raises(Again, match="refuses connections") as error:
            carry(at, Post(url=f"http://127.0.0.1:{port}/{TOKEN}"))
        assert TOKEN not in str(error.value)
        with pytest.raises(Again, match=r"the host of .* is not known"):
            carry(at, Post(url=f"http://no-such-host.invalid/{TOKEN}"))

    @pytest.mark.parametrize(
        "host",
        [
            "127.0.0.1",
            "localhost",
            "127.1",
            "2130706433",
            "0x7f.1",
            "169.254.169.254",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "0.0.0.0",  # noqa: S104
        ],
    )
    def test_what_is_not_allowed_is_refused_with_the_reason(self, tmp_path: Path, host: str) -> None:
        with receiver() as server, pytest.raises(MessageRefused, match="no connection may lead to") as error:
            carry(services(tmp_path, allow_addresses=""), Post(url=f"http://{host}:{server.port}/{TOKEN}", body=b"x"))
        assert server.requests == []
        assert TOKEN not in str(error.value)
        assert "HULLMARK_ALLOW_ADDRESSES" in str(error.value)

    def test_a_name_is_checked_by_the_address_that_is_connected_to(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real, asked = socket.getaddrinfo, []

        def rebinding(host: Any, port: Any, *more: Any, **named: Any) -> Any:
            asked.append(host)
            return real("192.0.2.1" if len(asked) > 1 else "127.0.0.1", port, *more, **named)

        monkeypatch.setattr(socket, "getaddrinfo", rebinding)
        with receiver() as server, pytest.raises(MessageRefused, match="this machine"):
            carry(services(tmp_path, allow_addresses=""), Post(url=f"http://rebinding.test:{server.port}/", body=b"x"))
        assert server.requests == []
        assert asked == ["rebinding.test"]  # looked up once: no other answer can slip in between

    def test_proxies_of_the_environment_are_not_used(self, at: Services, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        with receiver() as server:
            assert carry(at, Post(url=server.url)).status == 200

    def test_a_certificate_is_checked(
        self, at: Services, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with receiver(certificates=certificates) as server:
            post = Post(url=f"https://127.0.0.1:{server.port}/{TOKEN}", body=b"x")
            with pytest.raises(Again, match="certificate") as error:
                carry(at, post)
            assert TOKEN not in str(error.value)
            assert server.requests == []
            monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca))
            assert carry(at, post).status == 200

    @pytest.mark.parametrize(
        "url", ["ftp://a/", "file:///etc/passwd", "http://", "http://a b/", "x", "http://[::1", "http://h:99999/"]
    )
    def test_what_is_no_web_address_is_refused_without_showing_it(self, at: Services, url: str) -> None:
        with pytest.raises(MessageRefused, match="not a web address") as error:
            carry(at, Post(url=f"{url}?{TOKEN}"))
        assert TOKEN not in str(error.value)

    @pytest.mark.parametrize("value", ["a\r\nX-Other: 1", "\u20ac"])
    def test_a_header_cannot_bring_another_one(self, at: Services, value: str) -> None:
        with receiver() as server, pytest.raises(MessageRefused, match="cannot be sent") as error:
            carry(at, Post(url=server.url, headers={"X-Key": f"{TOKEN}{value}"}))
        assert server.requests == []
        assert TOKEN not in str(error.value)


def mail(**more: Any) -> Mail:
    """A mail to two."""
    given: dict[str, Any] = {
        "to": ("a@example.test", "b@example.test"),
        "subject": "Öl läuft aus",
        "text": "Text.\n.\nEnde\n",
        "html": "<p>Text</p>",
        "message_id": "<one@hullmark.test>",
        "thread": "<cause@hullmark.test>",
    }
    return Mail(**{**given, **more})


class TestMails:
    def test_a_mail_arrives_whole(self, tmp_path: Path) -> None:
        with mailbox() as box:
            reply = carry(services(tmp_path, smtp=f"smtp://127.0.0.1:{box.port}"), mail())
        assert reply == Reply(status=200)
        read = box.read()
        assert box.recipients == [["a@example.test", "b@example.test"]]
        assert box.senders == ["notice@hullmark.test"]
        assert (read["Subject"], read["To"]) == ("Öl läuft aus", "a@example.test, b@example.test")
        assert read["From"] == "Hullmark <notice@hullmark.test>"
        assert (read["Message-ID"], read["References"]) == ("<one@hullmark.test>", "<cause@hullmark.test>")
        assert read["In-Reply-To"] == "<cause@hullmark.test>"
        assert read["Auto-Submitted"] == "auto-generated"
        text, html = read.get_body(("plain",)), read.get_body(("html",))
        assert text is not None
        assert html is not None
        assert text.get_content().splitlines() == ["Text.", ".", "Ende"]
        assert html.get_content().strip() == "<p>Text</p>"

    def test_the_channels_relay_and_sender_are_used_before_the_servers(self, tmp_path: Path) -> None:
        with mailbox() as box:
            own = mail(relay=f"smtp://127.0.0.1:{box.port}", sender="own@example.test")
            carry(services(tmp_path, smtp="smtp://127.0.0.1:9"), own)
        assert box.senders == ["own@example.test"]

    def test_through_the_servers_relay_nobody_speaks_for_another_domain(self, tmp_path: Path) -> None:
        with mailbox() as box:
            at = services(tmp_path, smtp=f"smtp://127.0.0.1:{box.port}", mail_from="Hafen <n@hafen.test>")
            for sender in ("chef@example.test", "n@hafen.test.example", "hafen.test@example.test"):
                with pytest.raises(MessageRefused, match=r"sends for hafen\.test alone"):
                    carry(at, mail(sender=sender))
            carry(at, mail(sender="lotse@Hafen.test"))
        assert box.senders == ["lotse@Hafen.test"]

    def test_a_sender_may_have_a_name(self, tmp_path: Path) -> None:
        with mailbox() as box:
            at = services(tmp_path, smtp=f"smtp://127.0.0.1:{box.port}", mail_from="Hafenmeisterei Köln <n@hafen.test>")
            carry(at, mail())
        assert box.senders == ["n@hafen.test"]
        assert box.read()["From"] == "Hafenmeisterei Köln <n@hafen.test>"

    def test_starttls_is_used_where_it_is_offered(self, tmp_path: Path, certificates: Certificates) -> None:
        with mailbox(certificates=certificates) as box:
            carry(services(tmp_path, smtp=f"smtp://127.0.0.1:{box.port}"), mail())
        assert box.was_encrypted == [True]

    def test_a_login_goes_over_trusted_tls_only(
        self, tmp_path: Path, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with mailbox(certificates=certificates, login=("me@x", "pass word")) as box:
            at = services(tmp_path, smtp=f"smtp://me%40x:pass%20word@127.0.0.1:{box.port}")
            with pytest.raises(Again, match="no trusted TLS"):
                carry(at, mail())
            assert (box.mails, box.logins) == ([], 0)
            monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca))
            carry(at, mail())
        assert (box.was_encrypted, box.logins) == ([True], 1)

    def test_no_password_is_sent_without_encryption(self, tmp_path: Path) -> None:
        with mailbox(login=("me", TOKEN)) as box:
            with pytest.raises(Again, match="STARTTLS") as error:
                carry(services(tmp_path, smtp=f"smtp://me:{TOKEN}@127.0.0.1:{box.port}"), mail())
            assert (box.mails, box.logins) == ([], 0)
        assert TOKEN not in str(error.value)

    def test_a_wrong_password_is_tried_again_since_it_can_be_corrected(
        self, tmp_path: Path, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca))
        with mailbox(certificates=certificates, login=("me", "right")) as box:
            with pytest.raises(Again, match="535") as error:
                carry(services(tmp_path, smtp=f"smtp://me:{TOKEN}@127.0.0.1:{box.port}"), mail())
            assert TOKEN not in str(error.value)
            with pytest.raises(Again, match="530"):  # none at all
                carry(services(tmp_path, smtp=f"smtp://127.0.0.1:{box.port}"), mail())

    def test_smtps_is_encrypted_from_the_start(
        self, tmp_path: Path, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with mailbox(certificates=certificates, is_secure=True, login=("me", "right")) as box:
            at = services(tmp_path, smtp=f"smtps://me:right@127.0.0.1:{box.port}")
            with pytest.raises(Again, match="no trusted TLS"):
                carry(at, mail())
            monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca))
            carry(at, mail())
        assert (box.was_encrypted, box.logins) == ([True], 1)

    @pytest.mark.parametrize(
        ("answers", "kind", "status"),
        [
            ({"MAIL": "550 not you"}, MessageRefused, 550),
            ({"MAIL": "451 later"}, Again, 451),
            ({"DATA": "554 this is spam"}, MessageRefused, 554),
            ({"DATA": "452 no room"}, Again, 452),
            ({"RCPT:a@example.test": "550 who?", "RCPT:b@example.test": "550 who?"}, MessageRefused, 550),
            ({"RCPT:a@example.test": "550 who?", "RCPT:b@example.test": "450 grey"}, Again, 450),
            ({"RCPT:b@example.test": "450 grey"}, Again, 450),
        ],
    )
    def test_what_the_relay_says_for_good_is_for_good(
        self, tmp_path: Path, answers: dict[str, str], kind: type[Again | MessageRefused], status: int
    ) -> None:
        with mailbox(answers=answers) as box, pytest.raises(kind) as error:
            carry(services(tmp_path, smtp=f"smtp://127.0.0.1:{box.port}"), mail())
        assert getattr(error.value, "status", None) == status

    def test_one_bad_address_does_not_keep_it_from_the_others(self, tmp_path: Path) -> None:
        with mailbox(answers={"RCPT:b@example.test": "550 no such user"}) as box:
            reply = carry(services(tmp_path, smtp=f"smtp://127.0.0.1:{box.port}"), mail())
        assert box.recipients == [["a@example.test"]]
        assert (reply.status, reply.body) == (200, b"b@example.test: 550 no such user")

    @pytest.mark.parametrize(
        ("pieces", "then"),
        [([], b""), ([], b"2"), ([b"220-hello\r\n"], b"220-and\r\n"), ([b"220 hello\r\n"], b"250-X\r\n")],
        ids=["silent", "byte by byte", "greeting", "features"],
    )
    def test_a_relay_that_never_comes_to_an_end_is_left(self, tmp_path: Path, pieces: list[bytes], then: bytes) -> None:
        def send(port: int) -> None:
            with pytest.raises(Again, match="the mail relay"):
                carry(services(tmp_path, smtp=f"smtp://127.0.0.1:{port}"), mail(), timeout=1.0)

        with talker(pieces, 0.05, then=then) as port:
            within_a_minute(lambda: send(port))

    def test_a_relay_that_says_too_much_is_left(self, tmp_path: Path) -> None:
        with talker([], 0, then=b"220-" + b"x" * 1000 + b"\r\n") as port, pytest.raises(Again, match="too much"):
            carry(services(tmp_path, smtp=f"smtp://127.0.0.1:{port}"), mail(), timeout=30.0)

    def test_a_channels_relay_is_guarded_and_the_servers_own_is_the_operators_word(self, tmp_path: Path) -> None:
        with mailbox() as box:
            at = services(tmp_path, allow_addresses="", smtp=f"smtp://localhost:{box.port}")
            with pytest.raises(MessageRefused, match="no connection may lead to"):
                carry(at, mail(relay=f"smtp://127.0.0.1:{box.port}"))
            assert box.mails == []
            carry(at, mail())
            assert len(box.mails) == 1

    def test_without_a_relay_or_a_sender_it_waits_for_one(self, tmp_path: Path) -> None:
        with pytest.raises(Again, match="HULLMARK_SMTP"):
            carry(services(tmp_path), mail())
        with pytest.raises(Again, match="HULLMARK_MAIL_FROM"):
            carry(services(tmp_path, smtp="smtp://127.0.0.1:1", mail_from=""), mail())

    @pytest.mark.parametrize(
        "url", ["http://a", "smtp://", "smtp://h:0x", "smtp://u:p@h:99999", "smtp://h/path", "h:25"]
    )
    def test_what_names_no_relay_is_not_shown(self, tmp_path: Path, url: str) -> None:
        with pytest.raises(Again, match="cannot be read") as error:
            carry(services(tmp_path, smtp=f"{url}?{TOKEN}"), mail())
        assert TOKEN not in str(error.value)

    @pytest.mark.parametrize(
        ("url", "port"),
        [("smtp://h", 25), ("smtp://u:p@h", 587), ("smtps://h", 465), ("smtp://h:2525", 2525), ("smtps://u:p@h:1", 1)],
    )
    def test_ports_are_the_usual_ones(self, url: str, port: int) -> None:
        assert mail_server(url).port == port

    def test_a_header_cannot_bring_another_one(self, tmp_path: Path) -> None:
        with mailbox() as box:
            at = services(tmp_path, smtp=f"smtp://127.0.0.1:{box.port}")
            carry(at, mail(subject="a\r\nBcc: evil@example.test\r\n\r\nbody"))
            for more in (
                {"message_id": "<a@b>\r\nBcc: evil@example.test"},
                {"thread": "<a>\nX: y"},
                {"to": ("a@b\r\nBcc: c@d",)},
            ):
                with pytest.raises(MessageRefused, match="cannot be written"):
                    carry(at, mail(**more))
        assert len(box.mails) == 1
        assert box.read()["Bcc"] is None
        assert box.recipients == [["a@example.test", "b@example.test"]]


def message(url: str) -> Relay:
    return Relay(url=url, title="Title <b>", body="Body & more", level="failure")


class TestRelays:
    def test_a_message_goes_where_apprise_sends_it(self, at: Services) -> None:
        with receiver() as server:
            assert carry(at, message(f"json://127.0.0.1:{server.port}/hook"), timeout=30).status == 200
        (request,) = server.requests
        said = json.loads(request.body)
        assert (request.path, said["title"], said["message"], said["type"]) == (
            "/hook",
            "Title <b>",
            "Body & more",
            "failure",
        )

    def test_a_service_that_does_not_take_it_is_tried_again(self, at: Services) -> None:
        with receiver((500, {}, b"no")) as server, pytest.raises(Again, match="json: ") as error:
            carry(at, message(f"json://user:{TOKEN}@127.0.0.1:{server.port}/{TOKEN}"), timeout=30)
        assert TOKEN not in str(error.value)

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "169.254.169.254", "2130706433"])
    def test_what_is_not_allowed_is_refused(self, tmp_path: Path, host: str) -> None:
        with receiver() as server, pytest.raises(MessageRefused, match="no connection may lead to") as error:
            carry(services(tmp_path, allow_addresses=""), message(f"json://{host}:{server.port}/{TOKEN}"), timeout=30)
        assert server.requests == []
        assert TOKEN not in str(error.value)

    def test_a_redirect_leads_nowhere(self, at: Services) -> None:
        answer = (302, {"Location": "http://169.254.169.254/"}, b"")
        with receiver(answer) as server, pytest.raises((Again, MessageRefused)):
            carry(at, message(f"json://127.0.0.1:{server.port}/?redirect=yes"), timeout=30)
        assert len(server.requests) == 1

    @pytest.mark.parametrize("scheme", sorted(LOCAL_SCHEMES))
    def test_this_machine_is_no_service(self, at: Services, scheme: str) -> None:
        with pytest.raises(MessageRefused, match="this machine only"):
            carry(at, message(f"{scheme}://x"))

    @pytest.mark.parametrize(
        "url", ["nothing://x/y", "https://example.test/", "json://", "tgram://bad", "json://127.0.0.1:1, json://b"]
    )
    def test_a_url_that_means_nothing_is_refused_without_showing_it(self, at: Services, url: str) -> None:
        with pytest.raises((MessageRefused, Again)) as error:
            carry(at, message(f"{url}?{TOKEN}"), timeout=30)
        assert TOKEN not in str(error.value)

    def test_it_reads_no_file_of_this_machine(self, at: Services, tmp_path: Path) -> None:
        (tmp_path / "secret.txt").write_text("{}")
        body = f"template={tmp_path}/secret.txt"
        with receiver((200, {}, b"ok")) as server, pytest.raises((Again, MessageRefused)):
            carry(at, message(f"workflows://127.0.0.1:{server.port}/workflow/signature/?{body}"), timeout=30)
        assert server.requests == []

    def test_a_service_that_never_answers_is_left(self, at: Services) -> None:
        def send(port: int) -> None:
            with pytest.raises(Again, match="not done within 2 seconds"):
                carry(at, message(f"json://127.0.0.1:{port}/"), timeout=2.0)

        with talker([b"HTTP/1.1 200 OK\r\n"], 0.05, then=b"X: 1\r\n") as port:
            within_a_minute(lambda: send(port))

    def test_where_it_is_not_installed_people_are_told(self, at: Services, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(relaying, "_CHILD", "tests.support.no_such_module")
        with pytest.raises(Again, match="ended with status"):
            carry(at, message("json://127.0.0.1/"), timeout=30)
        program = "import sys; sys.modules['apprise'] = None; from hullmark.server.stories.notice.relay_child import main; main()"
        order = {
            "url": "json://a",
            "title": "",
            "body": "",
            "level": "info",
            "allowed": "",
            "strict": False,
            "ca_file": "",
        }
        done = subprocess.run(
            [sys.executable, "-c", program], input=json.dumps(order).encode(), capture_output=True, check=True
        )
        assert json.loads(done.stdout)["kind"] == "missing"
        assert "hullmark[notice]" in relaying.MISSING

    def test_reasons_hold_no_part_of_a_url(self) -> None:
        url = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/?x=s%20cret"
        said = "Failed with TIiajkdnlazkcOXrIdevi7FQ at T1JJ3T3L2 and s cret"
        assert without_secrets(said, url) == "Failed with … at … and …"


def child(code: str, allowed: str = "") -> subprocess.CompletedProcess[str]:
    """What comes of some code behind the wall."""
    program = f"""
import sys, os, socket, subprocess, ctypes, tempfile
from hullmark.server.stories.notice.relay_child import AuditHook
from hullmark.net.guard import Guard, parse_networks
sys.addaudithook(AuditHook(Guard(parse_networks({allowed!r})), ("/usr/share/zoneinfo/", *(path + "/" for path in sys.path if path))))
try:
    {code}
except PermissionError as error:
    print("stopped", error)
else:
    print("passed")
"""
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)


@pytest.mark.parametrize(
    "code",
    [
        "socket.socket().connect(('127.0.0.1', 9))",
        "socket.socket().connect(('localhost', 9))",
        "socket.create_connection(('localhost', 9))",
        "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))",
        "socket.socket(type=socket.SOCK_DGRAM).sendmsg([b'x'], [], 0, ('127.0.0.1', 9))",
        "socket.socket(socket.AF_UNIX).connect('/run/some.sock')",
        "subprocess.run(['true'])",
        "os.system('true')",
        "os.execv('/bin/true', ['true'])",
        "os.fork()",
        "ctypes.CDLL('libc.so.6')",
        "open('/etc/passwd')",
        "open('/tmp/x', 'w')",
        "os.open('/etc/passwd', os.O_RDONLY)",
        "open('/usr/share/zoneinfo/../../../etc/passwd')",
        "open('/usr/share/zoneinfo/x', 'wb')",
        "tempfile.mkdtemp(dir='/tmp')",
        "os.remove('/tmp/nothing')",
    ],
)
def test_the_wall_stops(code: str) -> None:
    assert child(code).stdout.startswith("stopped"), code


def test_the_wall_lets_pass_what_is_allowed() -> None:
    with receiver() as server:
        assert child(f"socket.create_connection(('127.0.0.1', {server.port}))", LOOPBACK).stdout == "passed\n"
