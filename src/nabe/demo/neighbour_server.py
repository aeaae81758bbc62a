"""The neighbour's web server: a small real process that serves one folder over HTTP on loopback.

    python neighbour_server.py FOLDER PORT

It ends when the process that started it does (its standard input closes). Port 0 takes a free one; the address is printed.
"""

from __future__ import annotations

import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Handler(SimpleHTTPRequestHandler):
    """Files with the media types of data, without listing folders and without writing to the screen."""

    extensions_map = {  # noqa: RUF012  # as the library declares it
        ".csv": "text/csv; charset=utf-8",
        ".json": "application/json",
        "": "application/octet-stream",
    }

    def list_directory(self, path: object) -> None:
        """Nothing is listed."""
        self.send_error(404)

    def end_headers(self) -> None:
        """Say with every answer what these data are."""
        self.send_header("X-Synthetic", "true")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""


def serve(folder: Path, port: int) -> None:
    """Serve until standard input closes."""
    server = ThreadingHTTPServer(("127.0.0.1", port), partial(Handler, directory=str(folder)))
    threading.Thread(target=_until_abandoned, args=(server,), daemon=True).start()
    sys.stdout.write(f"http://127.0.0.1:{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever(0.1)
    server.server_close()


def _until_abandoned(server: ThreadingHTTPServer) -> None:
    sys.stdin.buffer.read()
    server.shutdown()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
