"""One HTTP request to a silo: judged addresses, redirects followed by hand, one deadline, bounded size."""

from __future__ import annotations

import ssl
import threading
import time
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote, urljoin, urlsplit

import httpx

from nabe.errors import SourceRefused, SourceUnavailable
from nabe.outbound.addresses import Resolve, checked_address, resolve

_REDIRECTS = 5
_CONNECT_S = 5.0
_READ_S = 10.0
_PIECE = 1 << 16


@dataclass(slots=True)
class Answer:
    """What a server answers. `url` is the address after redirects. Close it, or read it to the end."""

    url: str
    status: int
    headers: httpx.Headers
    _response: httpx.Response
    _client: Client
    _asked: str
    _deadline: float

    def judge(self, fine: int = 200) -> Answer:
        """Itself if the status is `fine`. Raises `SourceUnavailable` (429, 5xx) or `SourceRefused` (all others)."""
        status, name, where = self.status, named(self._asked), short(self._asked)
        if status == 429 or status >= 500:
            raise self._client.unavailable(self._asked, f"it answers with {status}")
        if status in (401, 403, 407):
            hint = "Set headers of the system, or ask its operator."
            raise SourceRefused(self._client.system, f"{name} wants a log-in ({status}).", hint=hint, where=where)
        if status != fine:
            hint = "Correct the address."
            raise SourceRefused(self._client.system, f"{name} answers with {status}.", hint=hint, where=where)
        length = self.headers.get("content-length", "")
        if length.isdigit() and int(length) > self._client.most_bytes:
            raise self._client.too_large(self._asked)
        return self

    def chunks(self) -> Iterator[bytes]:
        """The body as it comes, unpacked if it was asked for packed.

        Raises `SourceUnavailable` when it breaks off or takes longer than the deadline, `SourceRefused` when it grows
        beyond the client's `most_bytes` (counted unpacked: a bomb ends there) or comes in a packing nobody asked for.
        """
        unpack = self._unpacking()
        received = 0
        try:
            for raw in self._response.iter_raw():  # as it comes: a dripping server must not hide in a buffer
                for chunk in unpack(raw):
                    received += len(chunk)
                    if received > self._client.most_bytes:
                        raise self._client.too_large(self._asked)
                    yield chunk
                if time.monotonic() > self._deadline:
                    seconds = f"{self._client.timeout_s:g}"
                    raise self._client.unavailable(self._asked, f"it takes longer than {seconds} seconds")
        except httpx.TimeoutException:
            raise self._client.unavailable(self._asked, "it stopped in the middle") from None
        except httpx.HTTPError:
            raise self._client.unavailable(self._asked, "the connection broke in the middle") from None
        except zlib.error:
            raise self._client.unavailable(self._asked, "its packed answer is damaged") from None
        finally:
            self.close()

    def read(self) -> bytes:
        """The whole body; as `chunks`."""
        return b"".join(self.chunks())

    def renew(self) -> None:
        """What came so far was of use: the time for the rest runs anew (a long stream, delivered piece by piece)."""
        self._deadline = time.monotonic() + self._client.timeout_s

    def close(self) -> None:
        """Give the connection back."""
        self._response.close()

    def _unpacking(self) -> Callable[[bytes], Iterator[bytes]]:
        encoding = self.headers.get("content-encoding", "identity").strip().lower()
        if encoding in ("identity", ""):
            return lambda raw: iter((raw,))
        if encoding == "gzip" and self._client.packed:
            return _gunzip()
        self.close()
        raise SourceRefused(
            self._client.system, f"{named(self._asked)} sends unasked {encoding} packing.", hint="Ask its operator."
        )


class Client:
    """HTTP to one system, used by several threads. Follows no proxy of the environment and no rule but these:

    each address, that of a redirect too, is judged (`checked_address`) and the connection goes to the judged one;
    `headers` (they hold secrets; a function is asked anew for each request) are sent to `headers_host` (host or
    host:port) alone; a request with its body is over after `timeout_s` seconds, however slowly it drips, unless
    `Answer.renew` is called; `most_bytes` bounds the body. `packed`: ask for gzip.
    """

    def __init__(
        self,
        system: str,
        *,
        allow_hosts: Collection[str] = (),
        headers: Mapping[str, str] | Callable[[], Mapping[str, str]] | None = None,
        headers_host: str = "",
        most_bytes: int,
        timeout_s: float,
        packed: bool = False,
        resolve: Resolve = resolve,
    ) -> None:
        self.system, self.most_bytes, self.timeout_s, self.packed = system, most_bytes, timeout_s, packed
        self._allow, self._resolve = allow_hosts, resolve
        self._headers, self._headers_host = headers if callable(headers) else dict(headers or {}), headers_host
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None

    def ask(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        timeout_s: float | None = None,
        follow: bool = True,
    ) -> Answer:
        """The answer after redirects, its body not yet read. Raises `SourceUnavailable` or `SourceRefused`.

        `follow`: without it a redirect is an answer like others (a signed request holds for its own address only).
        """
        deadline = time.monotonic() + (self.timeout_s if timeout_s is None else timeout_s)
        target = url
        for _ in range(_REDIRECTS + 1):
            response = self._once(target, method, headers or {}, content, deadline)
            moving = follow and response.status_code in (301, 302, 303, 307, 308)
            if not moving or "location" not in response.headers:
                return Answer(target, response.status_code, response.headers, response, self, url, deadline)
            response.close()
            following = urljoin(target, response.headers["location"])
            if urlsplit(target).scheme == "https" and urlsplit(following).scheme != "https":
                raise SourceRefused(
                    self.system,
                    f"{named(url)} redirects from https to http.",
                    hint="Ask its operator.",
                    where=short(url),
                )
            moved = urlsplit(following).netloc != urlsplit(target).netloc
            if moved and content is not None and response.status_code in (307, 308):
                raise SourceRefused(
                    self.system, f"{short(url)} sends what is posted on to another host.", hint="Ask its operator."
                )
            if response.status_code == 303 or (method == "POST" and response.status_code in (301, 302)):
                method, content = "GET", None
            target = following
        raise SourceRefused(
            self.system, f"{named(url)} redirects without end.", hint="Correct the address.", where=short(url)
        )

    def close(self) -> None:
        """Free connections; the next request opens new ones."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def unavailable(self, url: str, why: str) -> SourceUnavailable:
        """The error of a server that fails for now."""
        name = named(url)
        return SourceUnavailable(self.system, f"{name}: {why}.", hint="Try again later.", where=short(url), file=name)

    def too_large(self, url: str) -> SourceRefused:
        """The error of a body beyond `most_bytes`."""
        return SourceRefused(
            self.system,
            f"{named(url)} is larger than {self.most_bytes // 1_000_000} MB.",
            hint="Raise max_mb of the system, or ask for a part of it.",
            where=short(url),
        )

    def _once(
        self, url: str, method: str, headers: Mapping[str, str], content: bytes | None, deadline: float
    ) -> httpx.Response:
        address = checked_address(self.system, url, self._allow, self._resolve)
        parts = urlsplit(url)
        encoding = "gzip" if self.packed else "identity"
        sent = {"Host": parts.netloc, "User-Agent": "nabe", "Accept": "*/*", "Accept-Encoding": encoding, **headers}
        if parts.netloc == self._headers_host:
            sent |= self._headers() if callable(self._headers) else self._headers
        left = max(deadline - time.monotonic(), 0.1)
        timeout = httpx.Timeout(min(_READ_S, left), connect=min(_CONNECT_S, left))
        try:
            client = self._http()
            request = client.build_request(
                method,
                httpx.URL(url).copy_with(host=address),
                headers=sent,
                content=content,
                timeout=timeout,
                extensions={"sni_hostname": parts.hostname or ""},
            )
            return client.send(request, stream=True)
        except httpx.TimeoutException:
            raise self.unavailable(url, "it does not answer in time") from None
        except httpx.HTTPError as error:
            why = "its certificate is not valid" if _is_certificate(error) else "the connection failed"
            raise self.unavailable(url, why) from None

    def _http(self) -> httpx.Client:
        with self._lock:
            if self._client is None:
                # No proxy of the environment: it would resolve names anew, behind our back.
                self._client = httpx.Client(
                    trust_env=False, follow_redirects=False, verify=ssl.create_default_context()
                )
            return self._client


def named(url: str) -> str:
    """What an address leads to, without the machine: the last part of its path."""
    return PurePosixPath(unquote(urlsplit(url).path)).name or "its address"


def short(url: str) -> str:
    """The address without its query, which may hold a key."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"


def _gunzip() -> Callable[[bytes], Iterator[bytes]]:
    """Unpacks gzip in pieces, so that whoever counts them can stop a bomb."""
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)

    def unpack(raw: bytes) -> Iterator[bytes]:
        piece = unpacker.decompress(raw, _PIECE)
        while piece:
            yield piece
            piece = unpacker.decompress(unpacker.unconsumed_tail, _PIECE)

    return unpack


def _is_certificate(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError) or "CERTIFICATE" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False
