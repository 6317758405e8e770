"""Private keys of every form, signed tokens, and the files that hold them."""

# ruff: noqa: E501 -- the texts of files stand as they are

from random import Random

from cryptography.hazmat.primitives.serialization import PrivateFormat

from bench.planted_secrets.keys import age, ec_pem, jwk, openssh, openvpn_static, pgp, putty, rsa_pem, wireguard
from bench.planted_secrets.model import Fields, Kind, Place
from bench.planted_secrets.values import DIGITS, HEX, b64, chars, jwt

_RSA1, _RSA8 = rsa_pem(PrivateFormat.TraditionalOpenSSL), rsa_pem(PrivateFormat.PKCS8)


def _service_account(r: Random) -> Fields:
    return {**_RSA8(r), "id": chars(r, HEX, 40), "number": chars(r, DIGITS, 21)}


def _wrapped(r: Random) -> Fields:
    key = _RSA1(r)["secret"]
    return {"secret": key, "wrapped": b64(key.encode() + b"\n")}


def _wrapped_ec(r: Random) -> Fields:
    key = ec_pem(r)["secret"]
    return {"secret": key, "wrapped": b64(key.encode() + b"\n")}


_ACCOUNT = (
    '{\n  "type": "service_account",\n  "project_id": "northgale-prod",\n  "private_key_id": "<<id>>",\n  "private_key": "<<json>>\\n",\n'
    '  "client_email": "deploy@northgale-prod.iam.gserviceaccount.com",\n  "client_id": "<<number>>",\n'
    '  "token_uri": "https://oauth2.googleapis.com/token"\n}\n'
)
_OVPN = "client\ndev tun\nproto udp\nremote vpn.northgale.net 1194\ncipher AES-256-GCM\n<key>\n<<secret>>\n</key>\n"
_KUBE = (
    "apiVersion: v1\nkind: Config\nclusters:\n- name: prod\n  cluster:\n    server: https://10.2.0.1:6443\nusers:\n- name: admin\n  user:\n    {}\n"
    "contexts:\n- name: prod\n  context:\n    cluster: prod\n    user: admin\n"
)

KINDS = (
    Kind(
        "Google Cloud service account",
        _service_account,
        "GOOGLE_CREDENTIALS",
        "",
        (
            Place("/app/<<app>>/service-account.json", _ACCOUNT),
            Place("/root/.config/gcloud/application_default_credentials.json", _ACCOUNT),
            Place("/srv/<<app>>/keys/gcp.json", _ACCOUNT, "zip"),
            Place("/opt/<<app>>/credentials.json", _ACCOUNT, "pack"),
        ),
    ),
    Kind(
        "RSA private key",
        _RSA1,
        "PRIVATE_KEY",
        "pem pemyaml pem>jar pemapp>tgz",
        (
            Place("/etc/ssh/ssh_host_rsa_key", "<<secret>>\n"),
            Place("/etc/nginx/tls/<<app>>.pem", "<<secret>>\n", "utf16le"),
            Place("/opt/<<app>>/lib/lib<<app>>.so", "<<secret>>\n", "elf"),
        ),
    ),
    Kind("private key in PKCS#8", _RSA8, "PRIVATE_KEY", "pemapp pemenv pempy pempy>pyc pem>deb"),
    Kind(
        "EC private key",
        ec_pem,
        "PRIVATE_KEY",
        "pem pemenv pemyaml pem>loose",
        (Place("/etc/letsencrypt/live/<<app>>/privkey.pem", "<<secret>>\n"),),
    ),
    Kind(
        "OpenSSH private key",
        openssh,
        "SSH_KEY",
        "",
        (
            Place("/home/test/.ssh/id_ed25519", "<<secret>>\n"),
            Place("/root/.ssh/id_rsa", "<<secret>>\n"),
            Place("/etc/ssh/ssh_host_ed25519_key", "<<secret>>\n"),
            Place("/app/docs/<<app>>_deploy_key", "<<secret>>\n"),
            Place("/home/<<app>>/.ssh/id_ed25519", "<<secret>>\n", "tar"),
            Place(
                "/opt/<<app>>/provision.sh",
                "#!/bin/sh\nmkdir -p ~/.ssh\ncat > ~/.ssh/id_ed25519 <<'KEY'\n<<secret>>\nKEY\nchmod 600 ~/.ssh/id_ed25519\n",
            ),
        ),
    ),
    Kind(
        "OpenPGP private key",
        pgp,
        "PGP_KEY",
        "",
        (
            Place("/root/release-key.asc", "<<secret>>\n"),
            Place("/build/<<app>>/signing/secring.asc", "<<secret>>\n", "nested"),
        ),
    ),
    Kind(
        "PuTTY private key",
        putty,
        "PPK",
        "",
        (
            Place("/home/<<app>>/keys/deploy.ppk", "<<secret>>\n"),
            Place("/mnt/share/<<app>>/server.ppk", "<<secret>>\n"),
        ),
    ),
    Kind(
        "WireGuard private key",
        wireguard,
        "WG_PRIVATE_KEY",
        "",
        (
            Place(
                "/etc/wireguard/wg0.conf",
                "[Interface]\nAddress = 10.8.0.2/24\nPrivateKey = <<secret>>\n\n[Peer]\nPublicKey = <<peer>>\nAllowedIPs = 0.0.0.0/0\nEndpoint = vpn.northgale.net:51820\n",
            ),
            Place(
                "/srv/<<app>>/vpn/wg-fra.conf",
                "[Interface]\nPrivateKey=<<secret>>\nListenPort=51820\n[Peer]\nPublicKey=<<peer>>\nAllowedIPs=10.0.0.0/8\n",
            ),
        ),
    ),
    Kind(
        "OpenVPN key",
        openvpn_static,
        "VPN_KEY",
        "",
        (
            Place("/etc/openvpn/ta.key", "#\n# 2048 bit OpenVPN static key\n#\n<<secret>>\n"),
            Place(
                "/etc/openvpn/client/<<app>>.ovpn",
                "client\nremote vpn.northgale.net 1194\n<tls-auth>\n<<secret>>\n</tls-auth>\nkey-direction 1\n",
            ),
        ),
    ),
    Kind(
        "private key inside an OpenVPN profile",
        _RSA8,
        "VPN_KEY",
        "",
        (Place("/root/<<app>>.ovpn", _OVPN), Place("/home/<<app>>/vpn/office.ovpn", _OVPN, "zip")),
    ),
    Kind(
        "age key",
        age,
        "SOPS_AGE_KEY",
        "env",
        (
            Place(
                "/root/.config/sops/age/keys.txt",
                "# created: 2025-10-09T08:53:20Z\n# public key: <<peer>>\n<<secret>>\n",
            ),
        ),
    ),
    Kind(
        "signed token (JWT)",
        jwt,
        "ACCESS_TOKEN",
        "curl env js log json>sqlite",
        (Place("/var/run/secrets/kubernetes.io/serviceaccount/token", "<<secret>>"),),
    ),
    Kind(
        "private JSON Web Key",
        jwk,
        "JWK",
        "",
        (
            Place("/app/<<app>>/jwks-private.json", "<<jwk>>\n"),
            Place("/etc/<<app>>/signing-key.json", '{"keys": [<<jwk>>]}\n'),
        ),
    ),
    Kind(
        "token of a kubeconfig",
        jwt,
        "KUBE_TOKEN",
        "",
        (
            Place("/root/.kube/config", _KUBE.format("token: <<secret>>")),
            Place("/home/<<app>>/.kube/config", _KUBE.format("token: <<secret>>"), "gz"),
        ),
    ),
    Kind(
        "client key of a kubeconfig",
        _wrapped,
        "KUBE_KEY",
        "",
        (
            Place("/etc/kubernetes/admin.conf", _KUBE.format("client-key-data: <<wrapped>>")),
            Place("/home/<<app>>/.kube/config", _KUBE.format("client-key-data: <<wrapped>>")),
        ),
    ),
    Kind(
        "private key in base64",
        _wrapped_ec,
        "TLS_KEY_B64",
        "",
        (
            Place("/srv/<<app>>/.env", "PORT=8443\nTLS_KEY_B64=<<wrapped>>\n"),
            Place(
                "/opt/<<app>>/manifests/tls.yaml",
                "apiVersion: v1\nkind: Secret\nmetadata:\n  name: tls\ntype: kubernetes.io/tls\ndata:\n  tls.key: <<wrapped>>\n",
            ),
        ),
    ),
)
