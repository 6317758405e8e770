"""Values are masked by the names, arguments and addresses that say they are secrets, whatever they look like; nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.secrets.mask import mask_secrets, masked_dockerfile, masked_text, masked_value, masked_words
from hullmark.facets.secrets.names import is_secret_name

VALUE = "tulip-canoe-4711"
MASKED = (
    ("password = §", "a.ini"),
    ("db.password: § # c", "a.yml"),
    ('"token": "§",', "a.json"),
    ("<password>§</password>", "a.xml"),
    ('<property name="password" value="§"/>', "a.xml"),
    ('<entry key="db.password">§</entry>', "a.xml"),
    ("- name: DB_PASSWORD\n  value: §\n", "a.yaml"),
    ('{"name":"DB_PASSWORD","value":"§"}', ""),
    ("password: |\n  §\n  §\nx: y", "a.yaml"),
    ("passwords:\n  - §\n  - §\nx: y", "a.yml"),
    ("password: |\n  §\n\n  §\nx: y", "a.yaml"),
    ("passwords:\n  - §\n\n  - §\nx: y", "a.yml"),
    ("passwords: [\"§\", '§']", ""),
    ("mysql -u root -p§ db", ""),
    ("mysqladmin -p § ping", ""),
    ("curl -u bob:§ http://x", ""),
    ("curl -H 'Authorization: Bearer §' http://x", ""),
    ("redis-cli -a § ping", ""),
    ("sshpass -p § ssh x", ""),
    ("docker login -u x -p § r.io", ""),
    ("htpasswd -cb /etc/x bob §", ""),
    ("smbclient -U bob%§ //x", ""),
    ("openssl rsa -passin pass:§ -in x", ""),
    ("https://§@host/x", ""),
    ("https://bob:§@host/x", ""),
    ("git+https://§@host/x", ""),
    ('CMD ["mysql" "--password" "§"]', ""),
    ('["mysql", "-p§"]', ""),
    ("//reg/:_authToken=§", ".npmrc"),
    ("_auth=§", ".npmrc"),
    ("requirepass §", "redis.conf"),
    ("bindpw §", "ldap.conf"),
    ("define('DB_PASSWORD', '§');", "c.php"),
    ("'password' => '§',", "c.php"),
    ("$db_password = '§';", "c.php"),
    ("${DB_PASSWORD:-§}", "x.sh"),
    ("PASSWORD=§ cmd args", "x.sh"),
    ("Environment=DB_PASSWORD=§", "x.service"),
    ('Environment="A=b" "SECRET=§ x"', "x.service"),
    ("ENV DB_PASSWORD §", "Dockerfile"),
    ("IDENTIFIED BY '§'", "x.sql"),
    ("ALTER USER a PASSWORD '§'", "x.sql"),
    ("[h]:587 bob:§", "sasl_passwd"),
    ("machine h login b password §", "netrc"),
    ("h:1:d:u:§", ".pgpass"),
    ("§\n", "db_password"),
    ("user default on >§ ~* +@all", "users.acl"),
    ("echo 'root:§' | chpasswd", ""),
    ("echo § | docker login --password-stdin", ""),
    ('proxy_set_header Authorization "Basic §";', "n.conf"),
    ("X-Api-Key: §", ""),
    ('{"auths":{"r.io":{"auth":"§"}}}', "config.json"),
    ("--token=§", ""),
    ("--api-key §", ""),
    ("password=§&x=y", ""),
    ("http://x/?token=§&y=1", ""),
    ('"{\\"password\\":\\"§\\"}"', ""),
    ("mail.smtp.password=§", "a.properties"),
    ("conninfo = 'host=x password=§ user=y'", "postgresql.conf"),
    ("jdbc:oracle:thin:scott/§@h", ""),
    ("smtp_sasl_password_maps = static:bob:§", "main.cf"),
    ("SetCredential=x:§", "x.service"),
    ('secret_token => "§"', "x.rb"),
    ("password=`§`", ""),
    ("PGPASSWORD=§ psql", ""),
    ("wget --password=§ x", ""),
    ("keytool -storepass §", ""),
    ("PASSWORD='§ §'", ""),
    ("password:§", ""),
    ("master_password=§\r\nx=y", "my.cnf"),
    ("ldapsearch -x -w § -D x", ""),
    ('  password:    "§"', ""),
    ("SECRET_KEY_BASE=§", ""),
    ('wireless psk="§"', ""),
    ("export TOKEN=§", ""),
    ("set -e TOKEN=§", ""),
)
"""(text with a value at each paragraph sign, the file's name)."""

SAME = (
    ("password = other", "c.py"),
    ("password required pam_unix.so", "common-password"),
    ("passwd: files systemd", "nsswitch.conf"),
    ("auth_basic on;", ""),
    ("password_file=/x", ""),
    ("token_ttl=300", ""),
    ("PASSWORD=$X", ""),
    ("password = ${X}", ""),
    ("require_password=true", ""),
    ("%wheel ALL=(ALL) NOPASSWD: ALL", "sudoers"),
    ("x ALL = PASSWD: ALL", "sudoers"),
    ("proxy_pass http://x;", ""),
    ("fastcgi_pass php:9000;", "n.conf"),
    ("Token::new(x)", "x.rs"),
    ("password: str", "x.py"),
    ("auth: basic", ""),
    ("auth=true", ""),
    ("PASS_MAX_DAYS 99999", "login.defs"),
    ("docker run -p 80:80 x", ""),
    ("mkdir -p foo", ""),
    ("mysql x && mkdir -p data", ""),
    ("ServerTokens Prod", "a.conf"),
    ("server_tokens off;", ""),
    ("password_encryption = scram-sha-256", ""),
    ("auth include x", ""),
    ("https://git@github.com/x", ""),
    ("mail user@example.com", ""),
    ("validate_password.policy=MEDIUM", ""),
    ("auth requisite pam_deny.so", ""),
    ("ssl_password_file /x", ""),
    ("keystore.type=pkcs12", "java.security"),
    ("login.config=x", ""),
    ("ssh-rsa AAAAB3 a@b", ""),
    ("Author: x", ""),
    ("author=bob", ""),
    ('authors = ["bob"]', ""),
    ("access_tokens = 500", ""),
    ("token = u['name']", "a.py"),
    ("mysql --password -h db", ""),
    ("x --token | y", ""),
    ("x = '//password:8080'", ""),
    ("token = '#ff00aa'", "a.css"),
    ("password = '[^x]+'", "a.py"),
    ("password = (\n    first,\n)", "a.py"),
)
_PIECES = st.sampled_from(
    ["password", "token=", "api_key: ", "--password ", "mysql -p", "curl -u a:", "https://a:", "@b", '"', "'", "[", "]", "{", "}", "|\n",
     "\n", " ", "  - ", "value: ", "$", "${", "****", VALUE, "a", "=", ":", ",", "<password>", "</x>", "\x1f", "\\", "echo "]
)  # fmt: skip
_NAMES = st.sampled_from(["", "a.yaml", "x.py", "run.sh", "htpasswd", "redis.conf", "db_password", "main.cf"])


@pytest.mark.parametrize(("text", "name"), MASKED)
def test_no_value_is_left(text: str, name: str) -> None:
    body = text.replace("§", VALUE)
    hidden = mask_secrets(body.encode(), name).decode()
    assert VALUE not in hidden
    assert "****" in hidden
    assert hidden.count("\n") == body.count("\n")
    assert mask_secrets(hidden.encode(), name).decode() == hidden


@pytest.mark.parametrize(("text", "name"), SAME)
def test_what_is_no_secret_stays(text: str, name: str) -> None:
    assert mask_secrets(text.encode(), name) == text.encode()


@given(st.lists(_PIECES, max_size=14).map("".join), _NAMES)
def test_masking_twice_is_masking_once_and_lines_keep_their_numbers(text: str, name: str) -> None:
    hidden = mask_secrets(text.encode(), name)
    assert mask_secrets(hidden, name) == hidden
    assert hidden.count(b"\n") == text.count("\n")


@given(st.text("bdfgjmqvxz0123456789 =:\n\"'{}[]<>|&;,.-", max_size=80))
def test_text_without_a_name_an_argument_or_an_address_stays(text: str) -> None:
    assert mask_secrets(text.encode()) == text.encode()


@given(st.lists(_PIECES, max_size=6))
def test_a_command_has_as_many_words_as_before(words: list[str]) -> None:
    assert len(masked_words(words)) == len(words)


@pytest.mark.parametrize(
    "piece", ["key=", "password: ", "://a:", "mysql -p", "curl -u ", "token=\"", "<password>", "x-key-", "secret:\n - ", "user a >b ",
              "tokens: [", "tokens: ['a', "]
)  # fmt: skip
def test_hostile_text_costs_its_length(piece: str) -> None:
    assert isinstance(mask_secrets((piece * (200_000 // len(piece))).encode(), "redis.conf"), bytes)


def test_words_of_commands_and_variables() -> None:
    assert masked_words(("mysqld", "--password", "two words")) == ("mysqld", "--password", "****")
    assert masked_words(("sh", "-c", f"curl -u a:{VALUE} https://b")) == ("sh", "-c", "curl -u a:**** https://b")
    assert (masked_value("DB_PASSWORD", VALUE), masked_value("MODE", "fast")) == ("****", "fast")
    assert masked_text(f"RUN curl -H 'Authorization: Bearer {VALUE}' x") == "RUN curl -H 'Authorization: Bearer ****' x"
    assert masked_dockerfile(f"FROM x\nENV A=1 TOKEN={VALUE} B=2\n") == "FROM x\nENV A=1 TOKEN=**** B=2\n"
    wide = f"password = {VALUE}\n".encode("utf-16")
    assert mask_secrets(wide).decode("utf-16") == "password = ****\n"


@pytest.mark.parametrize(
    ("name", "is_one"),
    [("dbPassword", True), ("DB_PASSWORD", True), ("token_ttl", False), ("password_file", False), ("X-Api-Key", True), ("keyboard", False),
     ("PermitEmptyPasswords", True), ("authors", False), ("compass", False), ("secret_key_base", True), ("public_key", False)],
)  # fmt: skip
def test_names(name: str, is_one: bool) -> None:
    assert is_secret_name(name) is is_one


def test_a_long_block_and_a_long_lone_value_are_masked_to_their_ends() -> None:
    block = "secret: |\n" + "".join(f"  line-{number:04}-{VALUE}\n" for number in range(1000))
    assert VALUE.encode() not in mask_secrets(block.encode(), "a.yaml")
    assert mask_secrets((VALUE * 500).encode(), "token") == b"****"


@pytest.mark.parametrize("size", [450, 1990, 2100, 15_000])
@pytest.mark.parametrize(
    "form",
    [
        *("password={}", 'password="{}"', "password: {}", '{{"password": "{}"}}', "<password>{}</password>"),
        *(
            "tokens: ['{}', 'b-1']",
            "password {}",
            "run --password {} x",
            "run --password={}",
            "https://me:{}@a.example/",
        ),
        *("run --password '{}'", "Authorization: Bearer {}", "PASSWORD='{}' run", "curl -u me:{} https://a.example"),
    ],
)
def test_a_value_is_masked_to_its_end_however_long_it_is(form: str, size: int) -> None:
    value = (VALUE * (size // len(VALUE) + 1))[:size]
    hidden = mask_secrets(form.format(value).encode() + b"\n", "a.conf")
    assert VALUE.encode() not in hidden
    assert len(hidden) < 200
