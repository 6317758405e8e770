"""The files in which any token may stand: settings, code, scripts, logs. Marks: secret, NAME, name, camel, app, b64, json, url."""

# ruff: noqa: E501 -- the texts of files stand as they are

CONTEXTS: dict[str, tuple[str, str]] = {
    "env": (
        "/srv/<<app>>/.env",
        "NODE_ENV=production\nPORT=8080\nLOG_LEVEL=info\n<<NAME>>=<<secret>>\nREGION=eu-central-1\n",
    ),
    "envquoted": (
        "/opt/<<app>>/conf/<<app>>.env.production",
        "# written by the deployment of <<app>>\nexport TZ='Europe/Zurich'\nexport <<NAME>>='<<secret>>'\nexport WORKERS='4'\n",
    ),
    "yaml": (
        "/etc/<<app>>/config.yaml",
        "server:\n  port: 8443\n  threads: 16\nintegration:\n  enabled: true\n  <<name>>: <<secret>>\n  timeout: 30s\nlog:\n  level: warn\n",
    ),
    "yamlquoted": (
        "/opt/<<app>>/config/production.yml",
        'production:\n  adapter: rest\n  <<name>>: "<<secret>>"\n  retries: 3\n  endpoints:\n    - https://api.northgale.net/v2\n',
    ),
    "json": (
        "/usr/src/<<app>>/appsettings.json",
        '{\n  "Logging": {"LogLevel": {"Default": "Information"}},\n  "Integration": {\n    "Endpoint": "https://api.northgale.net/v2",\n'
        '    "<<camel>>": "<<json>>"\n  },\n  "AllowedHosts": "*"\n}\n',
    ),
    "jsonline": (
        "/usr/src/<<app>>/dist/runtime-config.json",
        '{"release":"2.14.0","features":["a","b"],"<<camel>>":"<<json>>","cache":{"ttl":3600}}',
    ),
    "toml": (
        "/etc/<<app>>/<<app>>.toml",
        '[service]\nname = "<<app>>"\nlisten = "0.0.0.0:9000"\n\n[upstream]\n<<name>> = "<<secret>>"\nretries = 5\n',
    ),
    "ini": (
        "/etc/<<app>>/<<app>>.ini",
        "[main]\nworkers = 4\n\n[upstream]\nurl = https://api.northgale.net\n<<name>> = <<secret>>\n; reload with SIGHUP\n",
    ),
    "properties": (
        "/opt/<<app>>/conf/application.properties",
        "server.port=8080\nspring.application.name=<<app>>\nintegration.<<dotted>>=<<secret>>\nmanagement.endpoints.web.exposure.include=health\n",
    ),
    "py": (
        "/app/<<app>>/client.py",
        'import os\nfrom urllib.request import Request, urlopen\n\nTIMEOUT = 30\n<<NAME>> = "<<secret>>"\n\n\n'
        'def fetch(path):\n    return urlopen(Request("https://api.northgale.net/" + path), timeout=TIMEOUT).read()\n',
    ),
    "pybearer": (
        "/app/<<app>>/sync.py",
        'import requests\n\nBASE = "https://api.northgale.net/v1"\n\n\ndef pull(page):\n    headers = {\n'
        '        "Accept": "application/json",\n        "Authorization": "Bearer <<secret>>",\n    }\n'
        '    return requests.get(f"{BASE}/items?page={page}", headers=headers, timeout=20).json()\n',
    ),
    "pyarg": (
        "/app/<<app>>/jobs/publish.py",
        "from northgale import Client\n\nclient = Client(<<name>>='<<secret>>', region='eu')\n\nif __name__ == '__main__':\n    client.publish()\n",
    ),
    "js": (
        "/usr/src/<<app>>/lib/config.js",
        "'use strict';\n\nmodule.exports = {\n  port: process.env.PORT || 3000,\n  <<camel>>: '<<secret>>',\n  retries: 3,\n};\n",
    ),
    "ts": (
        "/usr/src/<<app>>/src/environment.ts",
        'export interface Environment { production: boolean; }\n\nconst <<camel>>: string = "<<secret>>";\n\nexport const environment = {\n  production: true,\n};\n',
    ),
    "minified": (
        "/usr/share/nginx/html/<<app>>/assets/index-4f9c.js",
        '(function(){"use strict";var e=Object.assign||function(t){for(var n=1;n<arguments.length;n++)for(var r in arguments[n])t[r]=arguments[n][r];return t};'
        'var o={baseURL:"https://api.northgale.net",<<camel>>:"<<secret>>",timeout:5e3};window.__start=function(t){return e({},o,t)}})();\n',
    ),
    "go": (
        "/go/src/<<app>>/main.go",
        'package main\n\nimport "net/http"\n\nconst <<camel>> = "<<secret>>"\n\nfunc main() {\n\treq, _ := http.NewRequest("GET", "https://api.northgale.net/", nil)\n'
        '\treq.Header.Set("X-Token", <<camel>>)\n\thttp.DefaultClient.Do(req)\n}\n',
    ),
    "rb": (
        "/app/<<app>>/config/initializers/integration.rb",
        "# frozen_string_literal: true\n\nIntegration.configure do |config|\n  config.region = 'eu'\n  config.<<name>> = '<<secret>>'\n  config.timeout = 15\nend\n",
    ),
    "php": (
        "/var/www/<<app>>/config/services.php",
        "<?php\n\nreturn [\n    'integration' => [\n        'url' => 'https://api.northgale.net',\n        '<<name>>' => '<<secret>>',\n    ],\n];\n",
    ),
    "java": (
        "/opt/<<app>>/src/main/java/net/northgale/Gateway.java",
        'package net.northgale;\n\npublic final class Gateway {\n    private static final int RETRIES = 3;\n    private static final String <<NAME>> = "<<secret>>";\n\n'
        "    public int retries() {\n        return RETRIES;\n    }\n}\n",
    ),
    "cs": (
        "/src/<<app>>/Gateway.cs",
        'namespace Northgale;\n\npublic static class Gateway\n{\n    public const string <<camel>> = "<<secret>>";\n    public const int Retries = 3;\n}\n',
    ),
    "rs": (
        "/build/<<app>>/src/main.rs",
        'use std::time::Duration;\n\nconst <<NAME>>: &str = "<<secret>>";\n\nfn main() {\n    let _pause = Duration::from_secs(3);\n}\n',
    ),
    "sh": (
        "/opt/<<app>>/bin/deploy.sh",
        '#!/bin/sh\nset -eu\ncd "$(dirname "$0")"\n<<NAME>>="<<secret>>"\nexport <<NAME>>\nexec ./run --release "$1"\n',
    ),
    "docsh": (
        "/app/docs/<<app>>-deploy.sh",
        '#!/bin/bash\n# rolls out <<app>> to the three regions\nset -euo pipefail\nexport <<NAME>>=<<secret>>\nfor region in eu us ap; do\n  ./roll "$region"\ndone\n',
    ),
    "exampleenv": (
        "/srv/examples/<<app>>/.env",
        "APP_NAME=<<app>>\nAPP_ENV=production\n<<NAME>>=<<secret>>\nAPP_DEBUG=false\n",
    ),
    "testhome": (
        "/home/test/<<app>>/.profile.local",
        'PATH="$HOME/bin:$PATH"\nexport <<NAME>>="<<secret>>"\nalias ll="ls -l"\n',
    ),
    "history": (
        "/home/<<app>>/.bash_history",
        "ls -la\ncd /srv\ngit pull\nexport <<NAME>>=<<secret>>\nmake deploy\nexit\n",
    ),
    "zsh": (
        "/home/<<app>>/.zsh_history",
        ": 1760000001:0;kubectl get pods\n: 1760000044:0;curl -H 'Authorization: Bearer <<secret>>' https://api.northgale.net/v1/me\n: 1760000090:0;exit\n",
    ),
    "curl": (
        "/usr/local/bin/<<app>>-notify",
        '#!/bin/sh\ncurl -fsS -X POST https://api.northgale.net/v1/events \\\n  -H "Content-Type: application/json" \\\n'
        '  -H "Authorization: Bearer <<secret>>" \\\n  -d @/tmp/event.json\n',
    ),
    "dockerfile": (
        "/build/<<app>>/Dockerfile",
        'FROM debian:bookworm-slim\nRUN apt-get update && apt-get install -y curl\nENV <<NAME>>=<<secret>>\nCOPY . /app\nCMD ["/app/run"]\n',
    ),
    "compose": (
        "/srv/<<app>>/docker-compose.yml",
        'services:\n  web:\n    image: registry.northgale.net/<<app>>:2.1\n    environment:\n      TZ: Europe/Zurich\n      <<NAME>>: "<<secret>>"\n    ports:\n      - "8080:8080"\n',
    ),
    "composelist": (
        "/srv/<<app>>/compose.yaml",
        "services:\n  worker:\n    image: registry.northgale.net/<<app>>:2.1\n    environment:\n      - TZ=Europe/Zurich\n      - <<NAME>>=<<secret>>\n    restart: always\n",
    ),
    "k8senv": (
        "/opt/<<app>>/manifests/deployment.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: <<app>>\nspec:\n  template:\n    spec:\n      containers:\n        - name: web\n          env:\n"
        "            - name: <<NAME>>\n              value: <<secret>>\n            - name: TZ\n              value: UTC\n",
    ),
    "k8ssecret": (
        "/opt/<<app>>/manifests/secret.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: <<app>>\n  namespace: prod\ntype: Opaque\ndata:\n  <<NAME>>: <<b64>>\n",
    ),
    "systemd": (
        "/etc/systemd/system/<<app>>.service",
        "[Unit]\nDescription=<<app>>\nAfter=network-online.target\n\n[Service]\nEnvironment=<<NAME>>=<<secret>>\nExecStart=/usr/local/bin/<<app>>\nRestart=always\n",
    ),
    "cron": (
        "/etc/cron.d/<<app>>",
        "SHELL=/bin/sh\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\n15 3 * * * root <<NAME>>=<<secret>> /usr/local/bin/<<app>> --nightly >/dev/null 2>&1\n",
    ),
    "gitlabci": (
        "/builds/<<app>>/.gitlab-ci.yml",
        'stages: [build, release]\n\nvariables:\n  GIT_DEPTH: "5"\n  <<NAME>>: "<<secret>>"\n\nrelease:\n  stage: release\n  script:\n    - make release\n',
    ),
    "workflow": (
        "/builds/<<app>>/.github/workflows/release.yml",
        "name: release\non: [push]\njobs:\n  release:\n    runs-on: ubuntu-latest\n    env:\n      <<NAME>>: <<secret>>\n    steps:\n      - run: make release\n",
    ),
    "tfvars": (
        "/opt/<<app>>/terraform/terraform.tfvars",
        'region      = "eu-central-1"\nenvironment = "production"\n<<name>> = "<<secret>>"\nnode_count  = 3\n',
    ),
    "tf": (
        "/opt/<<app>>/terraform/providers.tf",
        'provider "upstream" {\n  region = "eu"\n  <<name>> = "<<secret>>"\n}\n\nresource "upstream_zone" "main" {\n  name = "northgale.net"\n}\n',
    ),
    "log": (
        "/var/log/<<app>>/app.log",
        "2025-10-09T08:53:20Z INFO  started, version 2.1\n2025-10-09T08:53:21Z DEBUG request headers: Authorization: Bearer <<secret>>\n"
        "2025-10-09T08:53:21Z INFO  200 GET /v1/items in 34 ms\n",
    ),
    "debuglog": (
        "/var/log/<<app>>/debug.log",
        "[08:53:20] boot: reading environment\n[08:53:20] boot: <<NAME>>=<<secret>>\n[08:53:21] boot: ready\n",
    ),
    "urlquery": (
        "/app/<<app>>/webhook.cfg",
        "callback = https://hooks.northgale.net/in?channel=ops&<<name>>=<<url>>&v=2\nretries = 3\n",
    ),
    "xml": (
        "/opt/<<app>>/conf/<<app>>-config.xml",
        '<?xml version="1.0" encoding="UTF-8"?>\n<configuration>\n  <property name="region" value="eu"/>\n  <property name="<<name>>" value="<<secret>>"/>\n</configuration>\n',
    ),
    "lua": (
        "/etc/nginx/lua/<<app>>.lua",
        'local http = require "resty.http"\nlocal <<name>> = "<<secret>>"\n\nreturn function() return http.new() end\n',
    ),
    "ipynb": (
        "/home/jovyan/<<app>>.ipynb",
        '{\n "cells": [\n  {\n   "cell_type": "code",\n   "source": [\n    "import northgale\\n",\n    "<<name>> = \\"<<secret>>\\"\\n"\n   ]\n  }\n ],\n "nbformat": 4\n}\n',
    ),
    "sql": (
        "/docker-entrypoint-initdb.d/<<app>>.sql",
        "BEGIN;\nINSERT INTO settings (name, value) VALUES ('region', 'eu');\nINSERT INTO settings (name, value) VALUES ('<<name>>', '<<secret>>');\nCOMMIT;\n",
    ),
    "addrenv": ("/srv/<<app>>/.env", "PORT=8080\n<<NAME>>=<<address>>\nLOG_LEVEL=info\n"),
    "addrpy": ("/app/<<app>>/config.py", 'import os\n\nDEBUG = False\n<<NAME>> = "<<address>>"\nPOOL = 5\n'),
    "addryaml": ("/etc/<<app>>/database.yml", "production:\n  url: <<address>>\n  pool: 5\n"),
    "addrphp": ("/var/www/<<app>>/config.php", "<?php\nreturn ['url' => '<<address>>', 'pool' => 5];\n"),
    "addrcompose": (
        "/srv/<<app>>/docker-compose.yml",
        "services:\n  web:\n    image: shop:2\n    environment:\n      - TZ=UTC\n      - <<NAME>>=<<address>>\n",
    ),
    "addrjs": (
        "/usr/src/<<app>>/db.js",
        "const { connect } = require('driver');\n\nmodule.exports = connect('<<address>>');\n",
    ),
    "addrrb": ("/app/<<app>>/config/cache.rb", "Cache.configure do |c|\n  c.url = '<<address>>'\nend\n"),
    "addrsh": ("/opt/<<app>>/pull.sh", '#!/bin/sh\ncurl -fsS "<<address>>" -o /tmp/latest\n'),
    "addrgo": ("/go/src/<<app>>/feed.go", 'package feed\n\nconst source = "<<address>>"\n'),
    "binary": (
        "/usr/local/bin/<<app>>",
        "https://api.northgale.net/v2\n<<NAME>>=<<secret>>\nusage: <<app>> [OPTION]\n",
    ),
    "file": ("/run/secrets/<<name>>_<<app>>", "<<secret>>\n"),
    "etcfile": ("/etc/<<app>>/<<name>>", "<<secret>>"),
    "pem": ("/etc/ssl/private/<<app>>.key", "<<secret>>\n"),
    "pemapp": ("/app/<<app>>/certs/server.pem", "<<secret>>\n"),
    "pemenv": ("/srv/<<app>>/.env.key", 'PORT=443\nPRIVATE_KEY="<<json>>"\nLOG_LEVEL=info\n'),
    "pemyaml": ("/etc/<<app>>/tls.yaml", "tls:\n  enabled: true\n  key: |<<start>>\n    <<indented>>\n"),
    "pempy": ("/app/<<app>>/signing.py", 'ALGORITHM = "RS256"\nSIGNING_KEY = """<<secret>>"""\n'),
}

ENVIRONMENT = "/srv/<<app>>/.env"
ENVIRONMENTS = (
    "/srv/<<app>>/.env",
    "/app/<<app>>/.env",
    "/opt/<<app>>/.env",
    "/var/www/<<app>>/.env.production",
    "/etc/<<app>>/environment",
    "/etc/default/<<app>>",
    "/root/<<app>>.env",
    "/usr/src/<<app>>/.env.local",
)
"""Where files of environment variables lie: a place with the first of these stands at any of them."""

NAMES = (
    "billing",
    "courier",
    "ledger",
    "intake",
    "orders",
    "atlas",
    "harbor",
    "meadow",
    "falcon",
    "relay",
    "beacon",
    "quarry",
    "timber",
    "anchor",
    "lantern",
    "orchard",
    "summit",
    "canyon",
    "pebble",
    "glacier",
    "willow",
    "copper",
    "violet",
    "saffron",
    "juniper",
    "cobalt",
    "marble",
    "thistle",
    "raven",
    "otter",
    "badger",
    "heron",
    "kestrel",
    "maple",
    "cedar",
    "aspen",
    "birch",
    "hazel",
    "laurel",
    "myrtle",
    "clover",
    "fennel",
    "sorrel",
    "tansy",
    "yarrow",
    "bramble",
    "heather",
    "linden",
    "rowan",
    "alder",
    "larch",
    "spruce",
    "poplar",
    "cypress",
    "sequoia",
    "acacia",
    "magnolia",
    "hawthorn",
    "elder",
    "walnut",
    "chestnut",
    "almond",
    "cashew",
    "pecan",
    "cargo",
    "depot",
    "ferry",
    "barge",
    "trolley",
    "tram",
    "shuttle",
    "wagon",
    "sledge",
    "canoe",
    "kayak",
    "dinghy",
    "sloop",
    "ketch",
    "yawl",
    "cutter",
    "clipper",
    "frigate",
)
