"""Cuts a connection whose server keeps it open and says nothing: a frozen machine, a firewall that swallows packets.

Drivers wait for such a server for ever; neither its own statement time-out nor TCP ends the wait.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Future, InvalidStateError
from concurrent.futures import TimeoutError as FutureTimeout
from threading import Thread, Timer
from typing import Any


class Guard:
    """Watches waits on one socket: `with guard.waiting(): driver call`. Raises `TimeoutError` if the time is up."""

    def __init__(self, descriptor: int, seconds: float) -> None:
        self._descriptor = descriptor
        self._seconds = seconds
        self._cut = False

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """One wait; the socket is shut down if it takes longer than the guard's seconds."""
        timer = Timer(self._seconds, self._shut)
        timer.daemon = True
        timer.start()
        try:
            yield
        except Exception:
            if self._cut:
                raise TimeoutError from None
            raise
        finally:
            timer.cancel()

    def _shut(self) -> None:
        self._cut = True
        # A duplicate, so that closing it leaves the driver's own descriptor alone.
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(self._descriptor)) as twin:
            twin.shutdown(socket.SHUT_RDWR)


def in_time(connect: Callable[[], Any], seconds: float) -> Any:
    """A new connection, or `TimeoutError`: for a driver whose log-in waits without end and shows no socket to cut.

    The wait goes on in a thread of its own until the network ends it; a connection that comes too late is closed.
    """
    done: Future[Any] = Future()

    def run() -> None:
        try:
            made = connect()
        except BaseException as error:
            with contextlib.suppress(InvalidStateError):
                done.set_exception(error)
            return
        try:
            done.set_result(made)
        except InvalidStateError:
            made.close()

    Thread(target=run, name="nabe-log-in", daemon=True).start()
    try:
        return done.result(seconds)
    except FutureTimeout:
        if done.cancel():
            raise TimeoutError from None
        return done.result()  # it came in this very moment
