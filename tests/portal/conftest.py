"""A small city that is served on loopback, and a browser to look at it."""

from __future__ import annotations

import importlib.util
import itertools
import shutil
import socket
import sys
import threading
import time
from pathlib import Path

import pytest
import uvicorn
from starlette.testclient import TestClient

from nabe.app import asgi, open_workspace
from nabe.portal.rendering import STATIC
from nabe.testing.needs import need


def _city():
    spec = importlib.util.spec_from_file_location("portal_city", Path(__file__).with_name("city.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules["portal_city"] = module
    spec.loader.exec_module(module)
    return module


CITY = _city()
ADDRESSES = itertools.count(1)


@pytest.fixture(scope="session")
def city():
    return CITY


@pytest.fixture(scope="session")
def nabe(tmp_path_factory):
    root = tmp_path_factory.mktemp("portal")
    CITY.write_silos(root)
    opened = open_workspace(root)
    CITY.declare(opened)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def app(nabe):
    return asgi(nabe)


@pytest.fixture
def client(app):
    """A browser without JavaScript, as far as the server can tell; each from an address of its own."""
    address = (f"10.0.{next(ADDRESSES) // 250}.{next(ADDRESSES) % 250}", 50000)
    headers = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}
    with TestClient(app, headers=headers, client=address) as client:
        yield client


@pytest.fixture
def log_in(client):
    """Log this client in, and name a use case."""

    def go(name, use_case=""):
        answer = client.post("/login", data={"name": name, "password": CITY.PASSWORD})
        assert answer.status_code == 200, answer.text
        if use_case:
            client.post("/preferences", data={"use_case": use_case, "back": "/"})
        return client

    return go


@pytest.fixture(scope="session")
def served(app):
    """The address of the city on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", lifespan="on"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    for _ in range(200):
        if server.started:
            break
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def browser():
    """Chromium, drawing in software. Closed after its module: as long as it runs, its thread can run no other loop."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    need("Chromium", chromium is not None, "apt-get install chromium")
    assets = (STATIC / "vendor" / ".stamp").is_file()
    need("the front-end files", assets, "python scripts/assets.py")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
        opened = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield opened
        opened.close()
