"""Tokens of code hosts, package registries and build services."""

# ruff: noqa: E501 -- the texts of files stand as they are

from bench.planted_secrets.model import Kind, Place
from bench.planted_secrets.values import (
    ALNUM,
    BASE36,
    HEX,
    WORDY,
    b64,
    basic_auth,
    chars,
    crc62,
    crc_hex,
    github,
    gitlab_routable,
    password,
    pypi,
    shaped,
    uuid,
)

KINDS = (
    Kind(
        "GitHub personal access token",
        github("ghp_"),
        "GITHUB_TOKEN",
        "env py docsh history dockerfile env>tgz yaml>sqlite",
        (
            Place("/root/.git-credentials", "https://deploy:<<secret>>@github.com\n"),
            Place(
                "/srv/<<app>>/.git/config",
                '[core]\n\tbare = false\n[remote "origin"]\n\turl = https://x-access-token:<<secret>>@github.com/northgale/<<app>>.git\n',
            ),
            Place(
                "/root/.config/gh/hosts.yml",
                "github.com:\n    user: deploy\n    oauth_token: <<secret>>\n    git_protocol: https\n",
            ),
        ),
    ),
    Kind("GitHub OAuth token", github("gho_"), "GH_TOKEN", "debuglog yaml env>swp"),
    Kind("GitHub server token", github("ghs_"), "GITHUB_TOKEN", "log json"),
    Kind("GitHub refresh token", github("ghr_"), "GITHUB_REFRESH_TOKEN", "jsonline"),
    Kind(
        "GitHub fine-grained token",
        shaped("github_pat_", (ALNUM, 22), "_", (ALNUM, 59)),
        "GITHUB_PAT",
        "envquoted curl exampleenv sh>loose",
    ),
    Kind(
        "GitLab personal access token",
        shaped("glpat-", (WORDY, 20)),
        "GITLAB_TOKEN",
        "gitlabci pybearer zsh",
        (
            Place("/home/<<app>>/.git-credentials", "https://oauth2:<<secret>>@gitlab.com\n"),
            Place(
                "/app/<<app>>/mirror.rb",
                "require 'gitlab'\n\nGitlab.private_token = '<<secret>>'\nputs Gitlab.projects.size\n",
                "base64",
            ),
        ),
    ),
    Kind("GitLab personal access token, newer form", gitlab_routable, "GITLAB_TOKEN", "env composelist"),
    Kind(
        "GitLab runner token",
        shaped("glrt-", (WORDY, 20)),
        "RUNNER_TOKEN",
        "",
        (
            Place(
                "/etc/gitlab-runner/config.toml",
                'concurrent = 4\n\n[[runners]]\n  name = "fra1"\n  url = "https://gitlab.northgale.net"\n  token = "<<secret>>"\n  executor = "docker"\n',
            ),
            Place(
                "/opt/<<app>>/register.sh",
                "#!/bin/sh\ngitlab-runner register --non-interactive --url https://gitlab.northgale.net --token <<secret>> --executor shell\n",
            ),
        ),
    ),
    Kind("GitLab runner registration token", shaped("GR1348941", (WORDY, 20)), "REGISTRATION_TOKEN", "env k8senv"),
    Kind("GitLab deploy token", shaped("gldt-", (WORDY, 20)), "CI_DEPLOY_PASSWORD", "env gitlabci"),
    Kind("GitLab trigger token", shaped("glptt-", (HEX, 40)), "TRIGGER_TOKEN", "sh"),
    Kind(
        "Bitbucket app password",
        crc_hex("ATBB", 24, ""),
        "BITBUCKET_APP_PASSWORD",
        "envquoted",
        (
            Place(
                "/srv/<<app>>/.git/config",
                '[remote "origin"]\n\turl = https://deploy:<<secret>>@bitbucket.org/northgale/<<app>>.git\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n',
            ),
        ),
    ),
    Kind(
        "npm access token",
        lambda r: {"secret": crc62("npm_", chars(r, ALNUM, 30))},
        "NPM_TOKEN",
        "dockerfile workflow",
        (
            Place(
                "/root/.npmrc", "registry=https://registry.npmjs.org/\n//registry.npmjs.org/:_authToken=<<secret>>\n"
            ),
            Place(
                "/usr/src/<<app>>/.npmrc", "save-exact=true\n//registry.npmjs.org/:_authToken=<<secret>>\n", "nested"
            ),
            Place("/usr/src/<<app>>/.yarnrc.yml", "nodeLinker: node-modules\nnpmAuthToken: <<secret>>\n"),
            Place(
                "/usr/src/<<app>>/bunfig.toml",
                '[install]\nproduction = true\nregistry = { url = "https://registry.npmjs.org/", token = "<<secret>>" }\n',
            ),
        ),
    ),
    Kind(
        "npm registry password",
        lambda r: {**(parts := basic_auth(r)), "b64pass": b64(parts["secret"].encode())},
        "NPM_PASSWORD",
        "",
        (
            Place(
                "/usr/src/<<app>>/.npmrc",
                "@northgale:registry=https://npm.northgale.net/\n//npm.northgale.net/:_auth=<<basic>>\nalways-auth=true\n",
            ),
            Place(
                "/home/node/.npmrc",
                "//npm.northgale.net/:username=<<user>>\n//npm.northgale.net/:_password=<<b64pass>>\n",
            ),
        ),
    ),
    Kind(
        "PyPI upload token",
        pypi,
        "TWINE_PASSWORD",
        "gitlabci env",
        (
            Place(
                "/root/.pypirc",
                "[distutils]\nindex-servers = pypi\n\n[pypi]\nusername = __token__\npassword = <<secret>>\n",
            ),
            Place("/home/<<app>>/.pypirc", "[pypi]\nusername = __token__\npassword = <<secret>>\n", "zip"),
        ),
    ),
    Kind(
        "password of a Python package index",
        basic_auth,
        "PIP_INDEX_URL",
        "",
        (
            Place(
                "/etc/pip.conf",
                "[global]\ntimeout = 60\nindex-url = https://<<user>>:<<secret>>@pypi.northgale.net/simple\n",
            ),
            Place(
                "/app/<<app>>/requirements.txt",
                "--extra-index-url https://<<user>>:<<secret>>@pypi.northgale.net/simple/\nflask==3.0.3\ngunicorn==22.0.0\n",
            ),
            Place(
                "/root/.config/pypoetry/auth.toml",
                '[http-basic.northgale]\nusername = "<<user>>"\npassword = "<<secret>>"\n',
            ),
        ),
    ),
    Kind(
        "RubyGems API key",
        shaped("rubygems_", (HEX, 48)),
        "GEM_HOST_API_KEY",
        "workflow",
        (
            Place("/root/.gem/credentials", "---\n:rubygems_api_key: <<secret>>\n"),
            Place("/home/<<app>>/.local/share/gem/credentials", "---\n:rubygems_api_key: <<secret>>\n", "tar"),
        ),
    ),
    Kind("NuGet API key", shaped("oy2", (BASE36, 43)), "NUGET_API_KEY", "sh workflow"),
    Kind(
        "password of a NuGet feed",
        basic_auth,
        "NUGET_PASSWORD",
        "",
        (
            Place(
                "/root/.nuget/NuGet/NuGet.Config",
                '<?xml version="1.0" encoding="utf-8"?>\n<configuration>\n  <packageSourceCredentials>\n    <Northgale>\n'
                '      <add key="Username" value="<<user>>" />\n      <add key="ClearTextPassword" value="<<secret>>" />\n'
                "    </Northgale>\n  </packageSourceCredentials>\n</configuration>\n",
            ),
            Place(
                "/src/<<app>>/NuGet.config",
                '<configuration><packageSourceCredentials><feed><add key="Username" value="<<user>>"/><add key="ClearTextPassword" value="<<secret>>"/></feed></packageSourceCredentials></configuration>\n',
                "utf16be",
            ),
        ),
    ),
    Kind(
        "Docker registry login",
        basic_auth,
        "DOCKER_AUTH",
        "",
        (
            Place(
                "/root/.docker/config.json",
                '{\n  "auths": {\n    "registry.northgale.net": {\n      "auth": "<<basic>>"\n    }\n  }\n}\n',
            ),
            Place("/kaniko/.docker/config.json", '{"auths":{"https://index.docker.io/v1/":{"auth":"<<basic>>"}}}'),
            Place(
                "/home/<<app>>/.dockercfg",
                '{"quay.northgale.net": {"auth": "<<basic>>", "email": "ops@northgale.net"}}\n',
            ),
            Place(
                "/opt/<<app>>/build.sh",
                "#!/bin/sh\ndocker login -u <<user>> -p <<secret>> registry.northgale.net\ndocker push registry.northgale.net/<<app>>\n",
            ),
        ),
    ),
    Kind("Docker Hub token", shaped("dckr_pat_", (WORDY, 26), (ALNUM, 1)), "DOCKERHUB_TOKEN", "gitlabci history"),
    Kind("JFrog API key", shaped("AKC", (ALNUM, 70)), "ARTIFACTORY_API_KEY", "env properties"),
    Kind(
        "JFrog reference token",
        lambda r: {"secret": b64(f"reftkn:01:{r.randrange(17 * 10**8, 19 * 10**8)}:{chars(r, ALNUM, 27)}".encode())},
        "JFROG_ACCESS_TOKEN",
        "env sh",
    ),
    Kind(
        "Maven server password",
        basic_auth,
        "MAVEN_PASSWORD",
        "",
        (
            Place(
                "/root/.m2/settings.xml",
                "<settings>\n  <servers>\n    <server>\n      <id>releases</id>\n      <username><<user>></username>\n      <password><<secret>></password>\n    </server>\n  </servers>\n</settings>\n",
            ),
            Place(
                "/usr/share/maven/conf/<<app>>-settings.xml",
                "<settings><servers><server><id>snap</id><username><<user>></username><password><<secret>></password></server></servers></settings>\n",
            ),
        ),
    ),
    Kind(
        "Gradle credentials",
        basic_auth,
        "GRADLE_PASSWORD",
        "",
        (
            Place(
                "/root/.gradle/gradle.properties",
                "org.gradle.daemon=false\nnexusUsername=<<user>>\nnexusPassword=<<secret>>\n",
            ),
            Place(
                "/build/<<app>>/gradle.properties",
                "org.gradle.jvmargs=-Xmx2g\nsigning.keyId=24875D73\nsigning.password=<<secret>>\n",
            ),
            Place(
                "/build/<<app>>/build.gradle",
                "repositories {\n    maven {\n        url 'https://nexus.northgale.net/repository/releases'\n        credentials {\n            username '<<user>>'\n            password '<<secret>>'\n        }\n    }\n}\n",
            ),
        ),
    ),
    Kind(
        "Composer credentials",
        basic_auth,
        "COMPOSER_AUTH",
        "",
        (
            Place(
                "/root/.composer/auth.json",
                '{\n  "http-basic": {\n    "repo.northgale.net": {\n      "username": "<<user>>",\n      "password": "<<secret>>"\n    }\n  }\n}\n',
            ),
        ),
    ),
    Kind(
        "Cargo registry token",
        shaped("cio", (ALNUM, 32)),
        "CARGO_REGISTRY_TOKEN",
        "",
        (Place("/root/.cargo/credentials.toml", '[registry]\ntoken = "<<secret>>"\n'),),
    ),
    Kind(
        "Bundler credentials",
        basic_auth,
        "BUNDLE_GEMS",
        "",
        (
            Place(
                "/usr/local/bundle/config",
                '---\nBUNDLE_WITHOUT: "development"\nBUNDLE_GEMS__NORTHGALE__NET: "<<user>>:<<secret>>"\n',
            ),
        ),
    ),
    Kind(
        "SonarQube token",
        shaped("sqp_", (HEX, 40)),
        "SONAR_TOKEN",
        "workflow",
        (
            Place(
                "/build/<<app>>/sonar-project.properties",
                "sonar.projectKey=<<app>>\nsonar.host.url=https://sonar.northgale.net\nsonar.token=<<secret>>\n",
            ),
        ),
    ),
    Kind("SonarQube user token", shaped("squ_", (HEX, 40)), "SONAR_TOKEN", "gitlabci"),
    Kind("Buildkite token", shaped("bkua_", (HEX, 40)), "BUILDKITE_API_TOKEN", "env"),
    Kind("CircleCI token", shaped("CCIPAT_", (ALNUM, 22), "_", (HEX, 40)), "CIRCLECI_TOKEN", "sh yaml"),
    Kind("Snyk token", lambda r: {"secret": uuid(r)}, "SNYK_TOKEN", "workflow env"),
    Kind("Codecov token", lambda r: {"secret": uuid(r)}, "CODECOV_TOKEN", "gitlabci"),
    Kind(
        "Jenkins API token",
        shaped("11", (HEX, 32)),
        "JENKINS_TOKEN",
        "",
        (
            Place(
                "/opt/<<app>>/trigger.sh",
                "#!/bin/sh\ncurl -X POST -u deploy:<<secret>> https://ci.northgale.net/job/<<app>>/build\n",
            ),
        ),
    ),
    Kind("Atlassian API token", crc_hex("ATATT3xFfGF0", 172, "="), "JIRA_API_TOKEN", "env pyarg"),
    Kind(
        "password in the address of a Gradle wrapper",
        lambda r: {"user": "ci", "secret": password(r)},
        "X",
        "",
        (
            Place(
                "/build/<<app>>/gradle/wrapper/gradle-wrapper.properties",
                "distributionBase=GRADLE_USER_HOME\ndistributionUrl=https\\://<<user>>:<<secret>>@repo.northgale.net/gradle-8.9-bin.zip\n",
            ),
        ),
    ),
    Kind("Contentful management token", shaped("CFPAT-", (WORDY, 42), (ALNUM, 1)), "CONTENTFUL_MANAGEMENT_TOKEN", "js"),
    Kind("opaque deploy token", shaped((HEX, 40)), "DEPLOY_TOKEN", "curl systemd gitlabci"),
)
