"""Keys of clouds and of what runs on them."""

# ruff: noqa: E501 -- the texts of files stand as they are

from bench.planted_secrets.model import Kind, Place
from bench.planted_secrets.values import (
    ALNUM,
    BASE36,
    DIGITS,
    HEX,
    LOWER,
    UPPER,
    WORDY,
    aws,
    aws_session,
    azure_sas,
    azure_storage,
    b64,
    jwt,
    shaped,
    uuid,
)

_AWS_ENV = "AWS_REGION=eu-central-1\nAWS_ACCESS_KEY_ID=<<id>>\nAWS_SECRET_ACCESS_KEY=<<secret>>\nPORT=8080\n"
_AWS_INI = "[default]\nregion = eu-central-1\naws_access_key_id = <<id>>\naws_secret_access_key = <<secret>>\n"
_AWS_STATE = (
    '{\n  "version": 4,\n  "terraform_version": "1.9.5",\n  "serial": 41,\n  "resources": [\n    {\n      "mode": "managed",\n'
    '      "type": "aws_iam_access_key",\n      "name": "deploy",\n      "instances": [\n        {\n          "attributes": {\n'
    '            "id": "<<id>>",\n            "secret": "<<secret>>",\n            "status": "Active"\n          }\n        }\n      ]\n    }\n  ]\n}\n'
)
_STORAGE = "DefaultEndpointsProtocol=https;AccountName=<<user>>;AccountKey=<<secret>>;EndpointSuffix=core.windows.net"

KINDS = (
    Kind(
        "AWS access key pair",
        aws(),
        "AWS_SECRET_ACCESS_KEY",
        "",
        (
            Place("/home/test/.aws/credentials", _AWS_INI),
            Place("/root/.aws/credentials", "[prod]\noutput = json\n" + _AWS_INI.partition("\n")[2]),
            Place("/srv/<<app>>/.env", _AWS_ENV),
            Place("/opt/<<app>>/terraform/terraform.tfstate", _AWS_STATE),
            Place("/etc/s3fs/passwd-<<app>>", "<<id>>:<<secret>>\n"),
            Place("/root/.s3cfg", "[default]\naccess_key = <<id>>\nsecret_key = <<secret>>\nuse_https = True\n"),
            Place(
                "/app/<<app>>/upload.py",
                'import boto3\n\ns3 = boto3.client(\n    "s3",\n    aws_access_key_id="<<id>>",\n    aws_secret_access_key="<<secret>>",\n)\n',
                "pyc",
            ),
            Place("/srv/<<app>>/config/aws.env", _AWS_ENV, "tgz"),
            Place("/home/<<app>>/.aws/credentials", _AWS_INI, "utf16le"),
            Place("/build/<<app>>/deploy.env", _AWS_ENV, "loose"),
            Place(
                "/root/.config/rclone/rclone.conf",
                "[s3]\ntype = s3\nprovider = AWS\naccess_key_id = <<id>>\nsecret_access_key = <<secret>>\n",
            ),
        ),
    ),
    Kind(
        "AWS session token",
        aws_session,
        "AWS_SESSION_TOKEN",
        "",
        (
            Place(
                "/root/.aws/credentials-sso",
                "[sso]\naws_access_key_id=<<id>>\naws_secret_access_key=<<key>>\naws_session_token=<<secret>>\n",
            ),
            Place(
                "/root/.aws/cli/cache/<<app>>.json",
                '{"Credentials": {"AccessKeyId": "<<id>>", "SecretAccessKey": "<<key>>", "SessionToken": "<<secret>>", "Expiration": "2025-10-09T20:00:00Z"}}\n',
            ),
        ),
    ),
    Kind(
        "Google Cloud API key",
        shaped("AIza", (WORDY, 34), (ALNUM, 1)),
        "GOOGLE_API_KEY",
        "env js java env>sqlite",
        (
            Place(
                "/usr/share/<<app>>/res/values/google.xml",
                '<?xml version="1.0"?>\n<resources>\n  <string name="google_maps_key" translatable="false"><<secret>></string>\n</resources>\n',
            ),
        ),
    ),
    Kind(
        "Google OAuth client secret",
        shaped("GOCSPX-", (WORDY, 27), (ALNUM, 1)),
        "GOOGLE_CLIENT_SECRET",
        "env json yaml>zip",
    ),
    Kind(
        "Azure storage connection string",
        azure_storage,
        "AZURE_STORAGE_CONNECTION_STRING",
        "",
        (
            Place("/srv/<<app>>/.env", f"TZ=UTC\nAZURE_STORAGE_CONNECTION_STRING={_STORAGE}\n"),
            Place(
                "/usr/src/<<app>>/local.settings.json",
                f'{{\n  "Values": {{\n    "AzureWebJobsStorage": "{_STORAGE}"\n  }}\n}}\n',
            ),
            Place(
                "/usr/src/<<app>>/App.config",
                f'<configuration>\n  <appSettings>\n    <add key="Storage" value="{_STORAGE}" />\n  </appSettings>\n</configuration>\n',
            ),
            Place("/opt/<<app>>/bin/<<app>>", f"Storage={_STORAGE}\nretries\n", "exe"),
        ),
    ),
    Kind(
        "Azure shared access signature",
        azure_sas,
        "SAS_URL",
        "",
        (
            Place(
                "/opt/<<app>>/bin/fetch.sh",
                "#!/bin/sh\nwget -q 'https://<<user>>.blob.core.windows.net/backup/db.bak?sv=2023-11-03&st=2025-10-01T00%3A00%3A00Z"
                "&se=2031-10-01T00%3A00%3A00Z&sr=c&sp=rl&sig=<<secret>>' -O /tmp/db.bak\n",
            ),
            Place(
                "/etc/<<app>>/backup.ini",
                "[backup]\ntarget = https://<<user>>.blob.core.windows.net/dumps?sp=racwdl&se=2031-10-01T00:00:00Z&spr=https&sv=2022-11-02&sr=c&sig=<<secret>>\n",
            ),
        ),
    ),
    Kind(
        "Azure client secret",
        shaped((ALNUM, 3), "8Q~", (ALNUM + "_.-", 33), (ALNUM, 1)),
        "AZURE_CLIENT_SECRET",
        "env tfvars composelist k8ssecret",
    ),
    Kind(
        "DigitalOcean token",
        shaped("dop_v1_", (HEX, 64)),
        "DIGITALOCEAN_TOKEN",
        "tfvars history",
        (Place("/root/.config/doctl/config.yaml", "access-token: <<secret>>\ncontext: default\noutput: text\n"),),
    ),
    Kind(
        "Heroku API key",
        lambda r: {"secret": uuid(r)},
        "HEROKU_API_KEY",
        "env gitlabci",
        (Place("/home/<<app>>/.netrc", "machine api.heroku.com\n  login ops@northgale.net\n  password <<secret>>\n"),),
    ),
    Kind("Heroku API key, newer form", shaped("HRKU-AA", (WORDY, 57), (ALNUM, 1)), "HEROKU_API_KEY", "workflow docsh"),
    Kind(
        "Cloudflare API token",
        shaped((ALNUM, 1), (WORDY, 38), (ALNUM, 1)),
        "CLOUDFLARE_API_TOKEN",
        "env workflow tf composelist",
    ),
    Kind(
        "Cloudflare global API key",
        shaped((HEX, 37)),
        "CLOUDFLARE_API_KEY",
        "systemd",
        (
            Place(
                "/root/.cloudflare/<<app>>.ini",
                "dns_cloudflare_email = ops@northgale.net\ndns_cloudflare_api_key = <<secret>>\n",
            ),
        ),
    ),
    Kind(
        "Cloudflare origin CA key",
        shaped("v1.0-", (HEX, 24), "-", (HEX, 146)),
        "CLOUDFLARE_API_USER_SERVICE_KEY",
        "env yaml",
    ),
    Kind(
        "Alibaba Cloud access key pair",
        lambda r: {"id": shaped("LTAI5t", (ALNUM, 18))(r)["secret"], "secret": shaped((ALNUM, 30))(r)["secret"]},
        "ALIYUN_SECRET",
        "",
        (
            Place(
                "/srv/<<app>>/.env", "ALIBABA_CLOUD_ACCESS_KEY_ID=<<id>>\nALIBABA_CLOUD_ACCESS_KEY_SECRET=<<secret>>\n"
            ),
            Place(
                "/opt/<<app>>/conf/oss.properties",
                "oss.bucket=media\noss.accessKeyId=<<id>>\noss.accessKeySecret=<<secret>>\n",
                "jar",
            ),
        ),
    ),
    Kind("Linode token", shaped((HEX, 64)), "LINODE_TOKEN", "env tfvars"),
    Kind(
        "Fly.io token",
        lambda r: {"secret": "FlyV1 fm2_" + b64(r.randbytes(330))},
        "FLY_API_TOKEN",
        "envquoted",
        (Place("/root/.fly/<<app>>/config.yml", "last_login: 2025-10-09T08:53:20Z\naccess_token: <<secret>>\n"),),
    ),
    Kind("Supabase service role key", lambda r: jwt(r, "supabase"), "SUPABASE_SERVICE_ROLE_KEY", "env ts"),
    Kind("Supabase access token", shaped("sbp_", (HEX, 40)), "SUPABASE_ACCESS_TOKEN", "sh workflow"),
    Kind(
        "PlanetScale token",
        shaped("pscale_tkn_", (WORDY, 42), (ALNUM, 1)),
        "PLANETSCALE_SERVICE_TOKEN",
        "env>pack composelist",
    ),
    Kind("Netlify token", shaped("nfp_", (ALNUM, 36)), "NETLIFY_AUTH_TOKEN", "workflow env"),
    Kind(
        "Tailscale auth key",
        shaped("tskey-auth-k", (ALNUM, 11), "CNTRL-", (ALNUM, 32)),
        "TS_AUTHKEY",
        "compose systemd",
    ),
    Kind(
        "Vault token",
        shaped("hvs.CAESI", (WORDY, 90)),
        "VAULT_TOKEN",
        "systemd history env>nul",
        (Place("/root/.vault-token", "<<secret>>"),),
    ),
    Kind("Vault token, older form", shaped("s.", (ALNUM, 24)), "VAULT_TOKEN", "sh compose"),
    Kind(
        "Consul token",
        lambda r: {"secret": uuid(r)},
        "CONSUL_HTTP_TOKEN",
        "env systemd",
        (
            Place(
                "/etc/consul.d/<<app>>.hcl",
                'datacenter = "fra1"\nacl {\n  enabled = true\n  tokens {\n    agent = "<<secret>>"\n  }\n}\n',
            ),
        ),
    ),
    Kind(
        "Terraform Cloud token",
        shaped((ALNUM, 14), ".atlasv1.", (ALNUM, 67)),
        "TFE_TOKEN",
        "workflow",
        (
            Place(
                "/root/.terraformrc",
                'plugin_cache_dir = "/tmp/p"\n\ncredentials "app.terraform.io" {\n  token = "<<secret>>"\n}\n',
            ),
            Place(
                "/root/.terraform.d/credentials.tfrc.json",
                '{\n  "credentials": {\n    "app.terraform.io": {\n      "token": "<<secret>>"\n    }\n  }\n}\n',
            ),
        ),
    ),
    Kind(
        "Pulumi token",
        shaped("pul-", (HEX, 40)),
        "PULUMI_ACCESS_TOKEN",
        "gitlabci envquoted",
        (
            Place(
                "/root/.pulumi/credentials.json",
                '{\n  "current": "https://api.pulumi.com",\n  "accessTokens": {\n    "https://api.pulumi.com": "<<secret>>"\n  }\n}\n',
            ),
        ),
    ),
    Kind("Doppler token", shaped("dp.pt.", (ALNUM, 43)), "DOPPLER_TOKEN", "cron compose"),
    Kind("Doppler service token", shaped("dp.st.prd.", (ALNUM, 43)), "DOPPLER_TOKEN", "dockerfile k8senv"),
    Kind(
        "Databricks token",
        shaped("dapi", (HEX, 32)),
        "DATABRICKS_TOKEN",
        "ipynb env",
        (
            Place(
                "/root/.databrickscfg", "[DEFAULT]\nhost = https://dbc-3f1c.cloud.databricks.com\ntoken = <<secret>>\n"
            ),
        ),
    ),
    Kind("Okta API token", shaped("00", (WORDY, 39), (ALNUM, 1)), "OKTA_API_TOKEN", "env pyarg"),
    Kind(
        "Auth0 client secret",
        shaped((ALNUM, 1), (WORDY, 62), (ALNUM, 1)),
        "AUTH0_CLIENT_SECRET",
        "env ts>tgz",
        (
            Place(
                "/usr/src/<<app>>/auth_config.json",
                '{\n  "domain": "northgale.eu.auth0.com",\n  "clientId": "web",\n  "clientSecret": "<<secret>>"\n}\n',
            ),
        ),
    ),
    Kind(
        "service password of a cloud database",
        lambda r: {
            "user": "avnadmin",
            "host": f"pg-{shaped((HEX, 7))(r)['secret']}.aivencloud.com",
            "secret": shaped("AVNS_", (ALNUM, 19))(r)["secret"],
        },
        "DATABASE_URL",
        "",
        (
            Place(
                "/srv/<<app>>/.env",
                "DATABASE_URL=postgres://<<user>>:<<secret>>@<<host>>:21699/defaultdb?sslmode=require\n",
            ),
            Place(
                "/etc/<<app>>/service.yml", "database:\n  host: <<host>>\n  user: <<user>>\n  password: <<secret>>\n"
            ),
        ),
    ),
    Kind("Scaleway secret key", lambda r: {"secret": uuid(r)}, "SCW_SECRET_KEY", "env>elf tfvars"),
    Kind("Hetzner Cloud token", shaped((ALNUM, 64)), "HCLOUD_TOKEN", "env systemd"),
    Kind("Yandex Cloud API key", shaped("AQVN", (WORDY, 35), (ALNUM, 1)), "YC_API_KEY", "env"),
    Kind(
        "ngrok auth token",
        shaped("2", (ALNUM, 26), "_", (ALNUM, 21)),
        "NGROK_AUTHTOKEN",
        "",
        (Place("/root/.config/ngrok/ngrok.yml", 'version: "2"\nauthtoken: <<secret>>\n'),),
    ),
    Kind(
        "Confluent Cloud secret",
        lambda r: {"id": shaped((UPPER + DIGITS, 16))(r)["secret"], "secret": b64(r.randbytes(48))},
        "CONFLUENT",
        "",
        (
            Place(
                "/etc/<<app>>/client.properties",
                'security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\nsasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username="<<id>>" password="<<secret>>";\n',
            ),
        ),
    ),
    Kind(
        "Cloudinary address",
        lambda r: {
            "id": shaped((DIGITS, 15))(r)["secret"],
            "user": shaped((LOWER, 9))(r)["secret"],
            "secret": shaped((WORDY, 26), (ALNUM, 1))(r)["secret"],
        },
        "CLOUDINARY_URL",
        "",
        (
            Place("/srv/<<app>>/.env", "CLOUDINARY_URL=cloudinary://<<id>>:<<secret>>@<<user>>\n"),
            Place(
                "/var/www/<<app>>/media.php",
                "<?php\nputenv('CLOUDINARY_URL=cloudinary://<<id>>:<<secret>>@<<user>>');\n",
            ),
        ),
    ),
    Kind("Infracost key", shaped("ico-", (ALNUM, 32)), "INFRACOST_API_KEY", "workflow"),
    Kind(
        "Upstash Redis address",
        lambda r: {
            "host": shaped((LOWER, 7), "-", (LOWER, 6), "-", (DIGITS, 5))(r)["secret"],
            "secret": shaped((BASE36, 32))(r)["secret"],
        },
        "REDIS_URL",
        "",
        (Place("/srv/<<app>>/.env", "REDIS_URL=rediss://default:<<secret>>@<<host>>.upstash.io:6379\n"),),
    ),
)
