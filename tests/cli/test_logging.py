"""The server's log goes to standard error as it is when something is logged."""

from __future__ import annotations

import io
import logging
import sys

from nabe.cli.serving import log_to_stderr


def test_a_stream_that_was_closed_meanwhile_is_not_written_to(capfd, monkeypatch):
    with monkeypatch.context() as earlier:
        earlier.setattr(sys, "stderr", io.StringIO())
        log_to_stderr("info")
        sys.stderr.close()
    logging.getLogger("nabe.test").info("hallo %s", 1)
    said = capfd.readouterr().err
    assert "hallo 1" in said and "Traceback" not in said
