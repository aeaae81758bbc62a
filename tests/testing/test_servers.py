"""The throw-away servers are real, can fail on purpose and leave nothing behind."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from nabe.testing.needs import need
from nabe.testing.servers import (
    MariaDbServer,
    PostgresServer,
    available_mariadb,
    available_postgres,
    mariadb,
    postgres,
)

KINDS = [PostgresServer, MariaDbServer]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.scheme)
def kind(request):
    if request.param is PostgresServer:
        need("PostgreSQL", available_postgres(), "apt install postgresql")
    else:
        need("MariaDB", available_mariadb(), "apt install mariadb-server")
    return request.param


def test_a_stopped_server_comes_back_on_its_port_with_its_data_and_is_gone_at_the_end(kind):
    with postgres() if kind is PostgresServer else mariadb() as server:
        url, folder = server.url, server.folder
        assert server.run("create table t (a int); insert into t values (7); select a from t") == [(7,)]
        server.stop()
        with pytest.raises(Exception, match=r"refused|connect"):
            server.connect()
        server.start()
        assert server.url == url
        assert server.run("select a from t") == [(7,)]
    assert not folder.exists()


def test_a_paused_server_answers_nothing_until_it_is_resumed(kind):
    server = kind()
    try:
        server.pause()
        answers = []
        asking = threading.Thread(target=lambda: answers.append(server.run("select 1")), daemon=True)
        asking.start()
        time.sleep(0.4)
        assert not answers
        server.resume()
        asking.join(10)
        assert answers == [[(1,)]]
    finally:
        server.close()


def test_a_kept_server_is_the_same_when_it_is_started_again(kind, tmp_path):
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(0o755)
    first = kind(tmp_path / "kept", keep=True)
    first.run("create table t (a int); insert into t values (7)")
    first.close()
    second = kind(tmp_path / "kept", keep=True)
    try:
        assert second.url == first.url
        assert second.run("select a from t") == [(7,)]
    finally:
        second.close()


def test_a_server_dies_with_a_process_that_was_killed(kind):
    code = f"""if True:
        import os, signal
        from nabe.testing.servers import {kind.__name__}
        server = {kind.__name__}()
        print(server.folder, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)"""
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    from pathlib import Path

    folder, end = Path(made.stdout.strip()), time.monotonic() + 15
    assert folder.is_absolute()
    while folder.exists() and time.monotonic() < end:
        time.sleep(0.1)
    assert not folder.exists()
