"""Which server flows take for Prefect's."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows import server
from hourglass.errors import HourglassError


@pytest.fixture
def answering():
    """Serve one status whatever is asked; give a function that starts it and tells the API's URL."""
    started = []

    def serve(status):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_error(status)

            def log_message(self, *_):
                pass

        found = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=found.serve_forever, args=(0.01,), daemon=True).start()
        started.append(found)
        return f"http://127.0.0.1:{found.server_port}/api"

    yield serve
    for found in started:
        found.shutdown()
        found.server_close()


def test_web_server_that_knows_no_prefect_is_told_from_one(answering):
    api = answering(404)
    with (
        temporary_settings({PREFECT_API_URL: api}),
        pytest.raises(HourglassError, match=f"Prefect's API at {api} can't be reached \\(Not Found\\); start it"),
    ):
        server.require(lambda: None)


def test_prefect_that_wants_a_password_first_is_there(answering):
    with temporary_settings({PREFECT_API_URL: answering(401)}):
        server.require(lambda: None)
