"""A connection to a silo that does not speak HTTP: to a judged address, within a time."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Collection

from nabe.errors import SourceUnavailable
from nabe.outbound.addresses import Resolve, checked_host, resolve

_CONNECT_S = 5.0
_READ_S = 10.0


def dial(
    system: str, host: str, port: int, *, allow_hosts: Collection[str], timeout_s: float, resolve: Resolve = resolve
) -> socket.socket:
    """A TCP connection to the judged address of `host`; each wait for bytes on it ends after ten seconds.

    Raises `SourceRefused` for a private network that is not allowed, `SourceUnavailable` when nobody answers.
    """
    address = checked_host(system, host, port, allow_hosts, resolve)
    try:
        made = socket.create_connection((address, port), timeout=min(_CONNECT_S, timeout_s))
    except TimeoutError:
        raise SourceUnavailable(
            system, "it does not answer in time.", hint="Try again later.", where=f"{host}:{port}"
        ) from None
    except OSError:
        raise SourceUnavailable(
            system, "the connection failed.", hint="Try again later.", where=f"{host}:{port}"
        ) from None
    made.settimeout(min(_READ_S, timeout_s))
    return made


class Watch:
    """Ends a connection when one task on it takes longer than `seconds`, however busily the other side drips.

    What waits for bytes then sees the connection break. `renew` when a task is done; a context manager.
    """

    def __init__(self, connection: socket.socket, seconds: float) -> None:
        self._connection, self._seconds = connection, seconds
        self._timer: threading.Timer | None = None
        self.renew()

    def renew(self) -> None:
        """The time runs anew."""
        self.close()
        self._timer = threading.Timer(self._seconds, self._end)
        self._timer.daemon = True
        self._timer.start()

    def close(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _end(self) -> None:
        with contextlib.suppress(OSError):  # of a TLS connection its plain one: nothing is to be said any more
            socket.socket.shutdown(self._connection, socket.SHUT_RDWR)
