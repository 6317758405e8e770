"""A bucket on a server that speaks S3, for a while."""

from __future__ import annotations

import contextlib
import http.client
import io
import logging
from collections.abc import Iterator

from moto.server import ThreadedMotoServer


@contextlib.contextmanager
def s3_bucket(name: str = "marks", host: str = "127.0.0.1") -> Iterator[dict[str, str]]:
    """A server with an empty bucket; the variables that name it to a client."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a line for every request
    server = ThreadedMotoServer(ip_address=host, port=0, verbose=False)
    with contextlib.redirect_stdout(io.StringIO()):
        server.start()
    try:
        host, port = server.get_host_and_port()
        connection = http.client.HTTPConnection(host, port, timeout=20)
        with contextlib.closing(connection):
            connection.request("PUT", f"/{name}")
            assert connection.getresponse().status == 200
        yield {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "somebody",
            "AWS_SECRET_ACCESS_KEY": "something",
            "AWS_REGION": "us-east-1",
        }
    finally:
        server.stop()
