"""One SOAP service: its WSDL loaded once, operations called, answers read as they come. Every request goes through
`nabe.outbound`: those for imported WSDLs and schemas, too."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from nabe.adapters.soap.settings import SystemSettings, TableSettings
from nabe.adapters.soap.shapes import Shape, shape
from nabe.adapters.soap.translate import Answer as SoapAnswer
from nabe.adapters.soap.translate import arguments
from nabe.adapting.json_http.auth import Login
from nabe.adapting.json_http.interface import Body, Page
from nabe.adapting.json_http.paths import Row
from nabe.adapting.json_http.reading import PlainReader
from nabe.adapting.json_http.settings import TableSettings as HttpTable
from nabe.adapting.json_http.source import HttpJsonSource
from nabe.adapting.json_http.stream import Envelope
from nabe.adapting.places import Folder
from nabe.adapting.xml.markup import XmlStream
from nabe.adapting.xml.web import xml_only
from nabe.errors import NabeError, SourceRefused
from nabe.outbound import Answer, Client, Resolve, named, resolve, short
from nabe.ports.source import AdapterContext

#: Bytes of one WSDL or schema, and how many of them a service may be described by.
_MOST_WSDL, _MOST_DOCUMENTS = 16_000_000, 200
_TOKEN_BYTES = 1_000_000
_MOST_FAULT = 1_000_000
#: Statuses with which a service answers in SOAP: an answer, or a Fault.
_SPOKEN = (200, 202, 400, 500)


class Transport:
    """What zeep asks for documents and answers; knows the rules that zeep does not."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.loaded = 0
        self.refused: NabeError | None = None

    def load(self, url: str) -> bytes:
        """A WSDL or schema: from the web by the rules for addresses, or, of a WSDL in the workspace, from beside it."""
        self.loaded += 1
        try:
            if self.loaded > _MOST_DOCUMENTS:
                raise SourceRefused(
                    self._service.system,
                    f"its WSDL consists of over {_MOST_DOCUMENTS} documents.",
                    hint="Ask its operator.",
                )
            return self._service.document(str(url))
        except NabeError as error:
            self.refused = error  # zeep swallows some errors of imports and goes on
            raise

    def post_xml(self, address: str, envelope: Any, headers: Mapping[str, str]) -> Answer:
        """The question sent; the answer is not yet read."""
        from lxml import etree

        content = etree.tostring(envelope, encoding="utf-8", xml_declaration=True)
        return self._service.post(address, content, headers)

    @contextlib.contextmanager
    def settings(self, timeout: float | None = None) -> Iterator[None]:
        """Times are kept by the outbound client."""
        yield


@dataclass(frozen=True, slots=True)
class _Port:
    """A port that is ready to be asked."""

    proxy: Any
    operations: Mapping[str, Any]
    address: str
    shapes: dict[str, Shape]


class Service:
    """The service of one system, used by several threads; its WSDL is loaded at the first question."""

    def __init__(
        self,
        system: str,
        settings: SystemSettings,
        context: AdapterContext,
        secrets: Callable[[str], str],
        timeout_s: float,
        resolve: Resolve = resolve,
    ) -> None:
        self._system, self.settings = system, settings
        self._context, self._secrets, self._timeout_s, self._resolve = context, secrets, timeout_s, resolve
        self._login = Login(
            system, settings.auth, secrets, lambda host, headers: self._client(host, headers, _TOKEN_BYTES)
        )
        self._port: _Port | None = None
        self._clients: dict[str, Client] = {}
        self._lock = threading.RLock()

    @property
    def system(self) -> str:
        return self._system

    def check(self) -> None:
        """Can the WSDL be read, and does the port's host answer at all?"""
        port = self.port()
        with contextlib.closing(self._connected(port.address).ask(port.address)) as answer:
            if answer.status >= 502:
                answer.judge()

    def start(self, settings: HttpTable, pushed: list[tuple[str, str]]) -> str:
        """Where the WSDL is: known without asking."""
        return self.settings.wsdl

    def pages(self, settings: HttpTable, pushed: list[tuple[str, str]], size: int = 0) -> Iterator[Page]:
        """The answer to one call is one page."""
        assert isinstance(settings, TableSettings)
        port, known = self.port(), self.shape(settings.operation)
        if not known.has(settings.rows_path):
            ways = ", ".join(item.path for item in known.rows) or "none"
            raise SourceRefused(
                self.system,
                f"the answer of {settings.operation!r} has no elements {settings.rows_path!r}.",
                hint=f"Elements that repeat: {ways}.",
                field="rows_path",
            )
        answer = self._call(port, known, arguments(settings.parameters, pushed))
        body = self._body(port.address, answer)
        try:
            document = XmlStream(body.chunks(), f"{settings.operation}")
            rows = SoapAnswer(self.system, document, settings.operation, settings.rows_path).rows()
            yield Page(body, (Row(value, number) for number, value in enumerate(rows)), Envelope(None, found=True))
            if answer.status != 200 and answer.status != 202:
                answer.judge()
        finally:
            body.close()

    def shape(self, operation: str) -> Shape:
        """What the WSDL says of an operation. `SourceRefused` names those that there are."""
        port = self.port()
        if operation not in port.operations:
            there = ", ".join(sorted(port.operations)[:40])
            raise SourceRefused(
                self.system, f"it has no operation {operation!r}.", hint=f"Operations: {there}.", field="operation"
            )
        with self._lock:
            if operation not in port.shapes:
                port.shapes[operation] = shape(operation, port.operations[operation])
            return port.shapes[operation]

    def operations(self) -> list[str]:
        """Names of the operations."""
        return sorted(self.port().operations)

    def port(self) -> _Port:
        """The port, its WSDL loaded once."""
        with self._lock:
            if self._port is None:
                self._port = self._opened()
            return self._port

    def close(self) -> None:
        """Free connections; the next question opens new ones. The WSDL is loaded anew then."""
        self._login.close()
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._port = None

    def document(self, url: str) -> bytes:
        """A WSDL or schema by its address or (of a WSDL in the workspace) its path."""
        if url.startswith(("http://", "https://")):
            answer = self._connected(url, _MOST_WSDL).ask(url)
            with contextlib.closing(answer):
                return b"".join(xml_only(self._connected(url, _MOST_WSDL), url, answer.judge()))
        folder = Folder(self.system, self._context.root, "")
        path = unquote(urlsplit(url).path) if url.startswith("file:") else url
        base = folder.base.as_posix().rstrip("/") + "/"
        if not self.settings.is_file:
            raise SourceRefused(
                self.system, "its WSDL, which is from the web, leads to a file.", hint="Ask its operator."
            )
        if path.startswith("/") and not path.startswith(base):
            raise SourceRefused(
                self.system, "its WSDL leads to a file outside the workspace.", hint="Ask its operator."
            )
        (place,) = folder.find(path.removeprefix(base))
        if place.path.stat().st_size > _MOST_WSDL:
            raise SourceRefused(self.system, f"{place.shown!r} is too large for a WSDL.", hint="Check connection.wsdl.")
        return place.path.read_bytes()

    def post(self, address: str, content: bytes, headers: Mapping[str, str]) -> Answer:
        """The answer to a message, not yet read."""
        sent = {str(name): str(value) for name, value in headers.items()}
        client = self._connected(address)
        answer = client.ask(address, method="POST", headers={**sent, "Accept": "text/xml, */*;q=0.5"}, content=content)
        if answer.status not in _SPOKEN:
            with contextlib.closing(answer):
                answer.judge()
        return answer

    def _call(self, port: _Port, known: Shape, values: dict[str, Any]) -> Answer:
        from zeep.exceptions import Error

        missing = [item.name for item in known.parameters if item.needed and item.name not in values]
        unknown = [name for name in values if name not in {item.name for item in known.parameters}]
        if missing or unknown:
            wrong = f"{', '.join(missing)} must be given" if missing else f"there is no {', '.join(unknown)}"
            raise self._unfit(known, wrong)
        try:
            answer: Answer = port.proxy[known.name](**values)
        except NabeError:
            raise
        except (Error, TypeError, ValueError, AttributeError, LookupError):
            raise self._unfit(known, "their values or nested members do not fit its schema") from None
        return answer

    def _unfit(self, known: Shape, wrong: str) -> SourceRefused:
        return SourceRefused(
            self.system,
            f"the parameters of operation {known.name!r}: {wrong}.",
            hint=f"It takes: {known.told() or 'nothing'}.",
            field="parameters",
        )

    def _body(self, address: str, answer: Answer) -> Body:
        media = answer.headers.get("content-type", "").lower()
        if media.startswith("multipart/"):
            answer.close()
            raise SourceRefused(self.system, "it answers with attachments (MTOM).", hint="Ask for plain answers.")
        if answer.status >= 400:  # a Fault, whatever it calls itself, or a server that fails
            with contextlib.closing(answer):
                said = _beginning(answer)
                if b"Envelope" not in said[:1000]:
                    answer.judge()
            return Body(address, answer.headers, iter((said,)), None)
        return Body(address, answer.headers, xml_only(self._connected(address), address, answer), answer)

    def _opened(self) -> _Port:
        """Loads the WSDL. Raises `SourceRefused` for one that cannot be read, never zeep's own error."""
        from zeep import Client as Zeep
        from zeep import Settings
        from zeep.exceptions import Error
        from zeep.wsse.username import UsernameToken

        logging.getLogger("zeep").setLevel(logging.ERROR)  # its debug log would hold messages with all they say
        auth, transport = self.settings.auth, Transport(self)
        wsse = None
        if auth.type == "wsse":
            make: Any = UsernameToken
            wsse = make(self._secrets(auth.user), self._secrets(auth.password), use_digest=auth.digest)
        # Documents may be imported, but only through the transport, which judges each address.
        rules = Settings(strict=True, raw_response=True, forbid_dtd=True, forbid_entities=True, xml_huge_tree=False)
        try:
            connect: Any = Zeep
            zeep = connect(self._location(), transport=transport, settings=rules, wsse=wsse)
            proxy = zeep.bind(self.settings.service or None, self.settings.port or None)
        except NabeError:
            raise
        except (
            Error,
            ValueError,
            LookupError,
            AttributeError,
            TypeError,
            NotImplementedError,
            OSError,
            RecursionError,
        ) as error:
            raise self._unread(error) from None
        if transport.refused is not None:
            raise transport.refused
        if proxy is None:
            raise SourceRefused(
                self.system, "its WSDL has no service that is asked by SOAP.", hint="Check connection.wsdl."
            )
        address = self.settings.address or str(proxy._binding_options.get("address") or "")
        self._may_ask(address)
        proxy._binding_options["address"] = address
        return _Port(proxy, dict(proxy._binding._operations), address, {})

    def _location(self) -> str:
        """The WSDL's address, or its full path: zeep would seek it where the process runs."""
        wsdl = self.settings.wsdl
        return (Folder(self.system, self._context.root, "").base / wsdl).as_posix() if self.settings.is_file else wsdl

    def _unread(self, error: Exception) -> SourceRefused:
        """What is wrong with a WSDL, by the kind of error; its words may hold what was read."""
        name = type(error).__name__
        what = {
            "DTDForbidden": "it has a DTD, which may be a bomb or lead to other files",
            "EntitiesForbidden": "it declares entities of its own, which may be a bomb or lead to other files",
            "XMLSyntaxError": "it is not valid XML",
            "RecursionError": "it is nested too deep",
        }.get(name, "it does not describe a service as WSDL 1.1 does")
        if name == "ValueError" and (self.settings.service or self.settings.port):
            what = "it has no such service or port"
        return SourceRefused(
            self.system,
            f"the WSDL {named(self.settings.wsdl)!r} cannot be used: {what}.",
            hint="Check connection.wsdl.",
        )

    def _may_ask(self, address: str) -> None:
        """A WSDL from the web may not send what is asked, log-in included, to another host than its own."""
        host = (urlsplit(address).hostname or "").lower()
        own = (urlsplit(self.settings.wsdl).hostname or "").lower()
        if not address.startswith(("http://", "https://")) or not host:
            raise SourceRefused(
                self.system, "its WSDL names no address to ask.", hint="Set connection.address.", field="address"
            )
        if not self.settings.address and not self.settings.is_file and host != own:
            raise SourceRefused(
                self.system,
                f"its WSDL sends questions to another host ({short(address)}).",
                hint="If that is right, set connection.address to it.",
                field="address",
            )

    def _connected(self, url: str, most_bytes: int = 0) -> Client:
        """The client for a host; the log-in goes to the WSDL's and the port's own host only."""
        host = urlsplit(url).netloc
        most = most_bytes or self.settings.max_mb * 1_000_000
        key = f"{host} {most}"
        with self._lock:
            if key not in self._clients:
                own = {urlsplit(self.settings.wsdl).netloc, urlsplit(self.settings.address).netloc}
                if self._port is not None:
                    own.add(urlsplit(self._port.address).netloc)
                self._clients[key] = self._client(host, self._headers if host in own else {}, most)
            return self._clients[key]

    def _headers(self) -> dict[str, str]:
        return {
            **{name: self._secrets(value) for name, value in self.settings.headers.items()},
            **self._login.headers(),
        }

    def _client(self, host: str, headers: Any, most: int) -> Client:
        return Client(
            self.system,
            allow_hosts=self._context.allow_hosts,
            headers=headers,
            headers_host=host,
            most_bytes=most,
            timeout_s=self._timeout_s,
            packed=True,
            resolve=self._resolve,
        )


def _beginning(answer: Answer) -> bytes:
    """The first bytes of a body; a Fault has no more."""
    said = b""
    for chunk in answer.chunks():
        said += chunk
        if len(said) > _MOST_FAULT:
            break
    return said


class SoapReader(PlainReader):
    """An operation's rows."""

    kind = TableSettings


class SoapSource(HttpJsonSource):
    """A service as a source. It promises nothing: what parameters narrow, the hub narrows again."""

    def explain(self, scan: Any) -> str:
        """The call, without secrets."""
        settings = self._reader_of(scan.dataset).settings
        assert isinstance(settings, TableSettings)
        return f"{settings.operation} of {short(self._interface.start(settings, []))}"
