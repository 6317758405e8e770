"""The services that somebody writes: in Python, JavaScript, Ruby, Java, Go and Rust."""

from __future__ import annotations

from bench.services.asking import http_answers
from bench.services.service import Service

_ASKED = ("GET /", "GET /json", "GET /none", "POST /form name=me", "HEAD /")

FLASK = Service(
    name="flask",
    packages=("python3-flask",),
    files={
        "/app/app.py": """\
import hashlib
from flask import Flask, jsonify, redirect, render_template, request

app = Flask(__name__)


@app.get("/")
def index():
    return render_template("index.html", names=["a", "b<c"])


@app.get("/json")
def data():
    return jsonify(digest=hashlib.sha256(b"a").hexdigest())


@app.post("/form")
def form():
    return "Hello, " + request.form["name"].encode("idna").decode()


@app.get("/old")
def old():
    return redirect("/")


if __name__ == "__main__":
    app.run("127.0.0.1", 8080)
""",
        "/app/templates/index.html": "{% for name in names %}<b>{{ name|upper }}</b>{% endfor %}\n",
        "/app/static/style.css": "body { color: teal }\n",
    },
    folder="/app",
    command=("python3", "app.py"),
    ask=lambda port, root: http_answers(port, *_ASKED, "GET /old", "GET /static/style.css"),
)

DJANGO = Service(
    name="django",
    packages=("python3-django", "gunicorn"),
    files={
        "/app/shop/__init__.py": "",
        "/app/shop/settings.py": """\
SECRET_KEY = "for a test"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "shop.urls"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions", "django.contrib.messages"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware", "django.contrib.sessions.middleware.SessionMiddleware"]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": ["/app/templates"]}]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "/tmp/shop.sqlite3"}}
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
LANGUAGE_CODE = "de"
TIME_ZONE = "Europe/Berlin"
USE_TZ = True
""",
        "/app/shop/urls.py": """\
import datetime
from django.contrib.auth.hashers import check_password, make_password
from django.db import connection
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt


def index(request):
    when = datetime.datetime(2026, 1, 2, 3, 4, tzinfo=datetime.timezone.utc)
    return render(request, "index.html", {"when": when, "names": ["a", "b<c"]})


def data(request):
    with connection.cursor() as cursor:
        cursor.execute("SELECT upper('x'), sqlite_version() IS NOT NULL")
        return JsonResponse({"row": list(cursor.fetchone()), "password": check_password("a", make_password("a"))})


@csrf_exempt
def form(request):
    return HttpResponse("Hello, " + request.POST["name"])


urlpatterns = [path("", index), path("json", data), path("form", form)]
""",
        "/app/shop/wsgi.py": "import os\nfrom django.core.wsgi import get_wsgi_application\n"
        'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\napplication = get_wsgi_application()\n',
        "/app/templates/index.html": "{% load i18n %}{{ when|date:'l, j. F Y H:i' }} {% for n in names %}{{ n|capfirst }}{% endfor %}\n",
    },
    folder="/app",
    command=("gunicorn", "--bind", "127.0.0.1:8080", "--workers", "2", "shop.wsgi"),
    ask=lambda port, root: http_answers(port, *_ASKED),
)

EXPRESS = Service(
    name="express",
    packages=("nodejs", "node-express"),
    files={
        "/app/package.json": '{"name": "shop", "version": "1.0.0", "main": "server.js"}\n',
        "/app/server.js": """\
const express = require("express");
const path = require("path");
const { rates } = require("./lib/rates");

const app = express();
app.use(express.json());
app.use(express.urlencoded({ extended: true }));
app.use("/static", express.static(path.join(__dirname, "static")));
app.get("/", (request, response) => response.send("<h1>shop</h1>"));
app.get("/json", (request, response) => response.json({ rates }));
app.post("/form", (request, response) => response.send("Hello, " + request.body.name));
app.get("/old", (request, response) => response.redirect("/"));
app.listen(8080, "127.0.0.1");
""",
        "/app/lib/rates.js": "exports.rates = require('./rates.json');\n",
        "/app/lib/rates.json": '{"EUR": 1}\n',
        "/app/static/style.css": "body { color: teal }\n",
    },
    folder="/app",
    command=("node", "server.js"),
    ask=lambda port, root: http_answers(port, *_ASKED, "GET /old", "GET /static/style.css"),
)

RACK = Service(
    name="rack",
    packages=("ruby-rack", "puma"),
    files={
        "/app/config.ru": """\
require "json"
require "rack/deflater"
require_relative "shop"

use Rack::Deflater
use Rack::ContentLength
run Shop.new
""",
        "/app/shop.rb": """\
require "digest"
require "erb"

class Shop
  def call(env)
    request = Rack::Request.new(env)
    case request.path
    when "/" then [200, { "content-type" => "text/html" }, [ERB.new("<b><%= 6 * 7 %></b>").result]]
    when "/json" then [200, { "content-type" => "application/json" }, [JSON.dump(digest: Digest::SHA256.hexdigest("a"))]]
    when "/form" then [200, { "content-type" => "text/plain" }, ["Hello, " + request.params["name"]]]
    else [404, { "content-type" => "text/plain" }, ["nothing here"]]
    end
  end
end
""",
    },
    folder="/app",
    command=("puma", "-b", "tcp://127.0.0.1:8080", "config.ru"),
    ask=lambda port, root: http_answers(port, *_ASKED),
)

TOMCAT = Service(
    name="tomcat",
    packages=("tomcat10", "default-jre-headless"),
    files={
        "/var/lib/tomcat10/webapps/ROOT/index.jsp": "<%@ page contentType='text/html; charset=UTF-8' %><b><%= 6 * 7 %></b>\n",
        "/var/lib/tomcat10/webapps/ROOT/json": "{}\n",
        "/var/lib/tomcat10/webapps/ROOT/form.jsp": '<%= request.getParameter("name") %>\n',
    },
    setup="rm -f /var/lib/tomcat10/webapps/ROOT/index.html && chown -R tomcat /var/lib/tomcat10/webapps"
    " /var/log/tomcat10 /var/cache/tomcat10",
    env=(
        "JAVA_HOME=/usr/lib/jvm/default-java",
        "CATALINA_HOME=/usr/share/tomcat10",
        "CATALINA_BASE=/var/lib/tomcat10",
        "CATALINA_TMPDIR=/tmp",
    ),
    command=("/usr/share/tomcat10/bin/catalina.sh", "run"),
    user="tomcat",
    ask=lambda port, root: http_answers(port, "GET /", "GET /json", "GET /none", "POST /form.jsp name=me", "HEAD /"),
)

GO = Service(
    name="go",
    sources={
        "main.go": """\
package main

import (
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"time"
)

func main() {
	page := template.Must(template.New("page").Parse("<b>{{.}}</b>"))
	http.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) { page.Execute(w, "a<b") })
	http.HandleFunc("/json", func(w http.ResponseWriter, r *http.Request) {
		place, err := time.LoadLocation("Europe/Berlin")
		if err != nil {
			place = time.UTC
		}
		json.NewEncoder(w).Encode(map[string]string{"at": time.Unix(0, 0).In(place).String()})
	})
	http.HandleFunc("/form", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "Hello, ", r.FormValue("name")) })
	if err := http.ListenAndServe("127.0.0.1:8080", nil); err != nil {
		panic(err)
	}
}
""",
        "go.mod": "module shop\n\ngo 1.22\n",
    },
    programs={"/usr/local/bin/shop": ("go", "build", "-o", "{out}", ".")},
    packages=("ca-certificates", "tzdata"),
    command=("/usr/local/bin/shop",),
    ask=lambda port, root: http_answers(port, *_ASKED),
)

RUST = Service(
    name="rust",
    sources={
        "main.rs": """\
use std::io::{Read, Write};
use std::net::TcpListener;

fn main() {
    let listener = TcpListener::bind("127.0.0.1:8080").unwrap();
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        let mut buffer = [0u8; 4096];
        let length = stream.read(&mut buffer).unwrap_or(0);
        let request = String::from_utf8_lossy(&buffer[..length]).into_owned();
        let path = request.split(' ').nth(1).unwrap_or("/").to_string();
        let (status, body) = match path.as_str() {
            "/" => ("200 OK", "<b>shop</b>".to_string()),
            "/json" => ("200 OK", format!("{{\\"hosts\\": {}}}", std::fs::read_to_string("/etc/hosts").is_ok())),
            "/form" => ("200 OK", "Hello".to_string()),
            _ => ("404 Not Found", "nothing here".to_string()),
        };
        let shown = if request.starts_with("HEAD") { "" } else { body.as_str() };
        let _ = write!(stream, "HTTP/1.0 {}\\r\\nContent-Length: {}\\r\\n\\r\\n{}", status, body.len(), shown);
    }
}
"""
    },
    programs={"/usr/local/bin/shop": ("rustc", "-O", "-o", "{out}", "main.rs")},
    command=("/usr/local/bin/shop",),
    ask=lambda port, root: http_answers(port, "GET /", "GET /json", "GET /none", "HEAD /"),
)

APPLICATIONS = (FLASK, DJANGO, EXPRESS, RACK, TOMCAT, GO, RUST)
