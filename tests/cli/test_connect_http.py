"""`nabe connect` of web addresses: interfaces are told from files, their paging is found, and the proposal answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

HOUSES = [
    {"id": n, "name": f"Haus {n}", "ort": {"plz": f"{50000 + n}", "lat": 50.9 + n / 1000, "lon": 6.9 + n / 1000}}
    for n in range(250)
]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        url = urlsplit(self.path)
        body: Any = HOUSES
        headers = {"Content-Type": "application/json"}
        here = f"http://127.0.0.1:{self.server.server_address[1]}{url.path}"
        page = int(parse_qs(url.query).get("page", ["1"])[0])
        part, more = HOUSES[(page - 1) * 100 : page * 100], page * 100 < len(HOUSES)
        match url.path:
            case "/api/body":
                body = {"total": 250, "items": part, "next": f"{here}?page={page + 1}" if more else None}
            case "/api/link":
                body = part
                if more:
                    headers["Link"] = f'<{here}?page={page + 1}>; rel="next"'
            case "/anmeldung":
                body, headers = "<!doctype html><title>Anmeldung</title>", {"Content-Type": "text/html"}
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(200)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    do_HEAD = do_GET

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def web(dorf) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    path = dorf / "nabe.yaml"
    path.write_text(path.read_text().replace("# allow_hosts: [intern.example]", "allow_hosts: [127.0.0.1]"))
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("path", "adapter"), [("/api/body", "http_json"), ("/api/link", "http_json"), ("/liste.json", "file")]
)
def test_a_web_address_is_connected_by_what_it_delivers(dorf, nabe, web, path, adapter):
    nabe("connect", web + path, "--as", "haeuser", "-y", code=0)
    assert f"adapter: {adapter}" in (dorf / "systems/haeuser.yaml").read_text()
    document = dorf / "datasets/haeuser.yaml"
    document.write_text(document.read_text().replace("access: internal", "access: open"))
    nabe("apply", "-y", code=0)
    if adapter == "http_json":
        (row,) = nabe("query", "select count(*) n, max(ort_plz) plz from haeuser", "-f", "json", code=0).json
        assert row == {"n": 250, "plz": "50249"}, "all pages, nested values"
        assert "type: geometry" in document.read_text()
    else:
        assert nabe("query", "select count(*) n from haeuser", "-f", "json", code=0).json == [{"n": 250}]


def test_a_log_in_page_is_called_one(dorf, nabe, web):
    refused = nabe("connect", web + "/anmeldung", "--as", "nichts", code=2)
    assert "web page" in refused.err and not (dorf / "datasets/nichts.yaml").exists()
