"""Services as they are: shapes told by the WSDL, log-ins, faults, hostile descriptions, and answers that are none."""

from __future__ import annotations

import base64
import hashlib
import logging
import resource
import sys
import time
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nabe.adapters.file import FileAdapter
from nabe.adapters.soap import SoapAdapter
from nabe.adapters.soap.translate import Answer, arguments
from nabe.adapting.xml.markup import XmlStream
from nabe.errors import NabeError, SourceRefused, SourceUnavailable
from nabe.model.dataset import Field, FieldType
from nabe.model.expr import And, Compare, In, Op
from nabe.model.query import Scan

from .support import (
    SCHEMA,
    SOAP,
    SOAP12,
    SPACE,
    Reply,
    Request,
    Server,
    Trees,
    context,
    dataset,
    envelope,
    opened,
    probe,
    rows,
    serving,
    system,
    wsdl,
)  # fmt: skip

FIELDS = (Field("key", FieldType.STRING), Field("quarter", FieldType.STRING, column="where.quarter"))
SOURCE = {"operation": "listTrees", "rows_path": "tree"}
TREES = dataset(SOURCE, FIELDS)
LINDEN = [
    {"key": str(n), "name": f"Linde {n}", "quarter": "Nord" if n % 2 else "Süd", "household": None, "note": None,
     "count": n, "share": 0.5, "open": True, "opened": None, "seen": None, "care": ["Schnitt"] * n}
    for n in range(4)
]  # fmt: skip
TYPE = {"Content_Type": "text/xml; charset=utf-8"}


@pytest.fixture
def server() -> Iterator[Server]:
    yield from serving()


def test_conditions_become_parameters_and_what_is_fixed_stays(tmp_path, server):
    trees = Trees(server, LINDEN)
    filters = {"quarter": {"eq": "filter.quarter"}, "key": {"in": "filter.keys"}}
    source = opened(tmp_path, trees.wsdl)
    narrowed = dataset({**SOURCE, "filters": filters}, FIELDS)
    where = And((Compare("quarter", Op.EQ, "Nord"), In("key", ("1", "2"))))
    assert rows(source, narrowed, Scan("inhalt", where=where)) == [{"key": "1", "quarter": "Nord"}]
    assert trees.said("quarter") == ["Nord"] and trees.said("keys") == ["1", "2"]
    fixed = dataset({**SOURCE, "parameters": {"filter": {"quarter": "Süd"}, "most": 1}}, FIELDS, "fest")
    assert rows(source, fixed) == [{"key": "0", "quarter": "Süd"}] and trees.said("most") == ["1"]


def test_elements_that_repeat_are_a_list_or_joined(tmp_path, server):
    fields = (Field("key", FieldType.STRING), Field("care", FieldType.STRING))
    columns = {"care": {"join": ", ", "optional": True}}
    found = rows(opened(tmp_path, Trees(server, LINDEN).wsdl), dataset({**SOURCE, "columns": columns}, fields))
    assert [row["care"] for row in found] == [None, "Schnitt", "Schnitt, Schnitt", "Schnitt, Schnitt, Schnitt"]


def test_operations_are_proposed_with_what_they_take_and_give(tmp_path, server):
    trees = Trees(server, LINDEN)
    looking = probe(tmp_path, trees.wsdl)
    assert looking.discover() == ["listTrees", "deleteTree"]
    table = looking.describe("listTrees")
    assert table.source["rows_path"] == "trees/tree"
    types = {column.name: column.type for column in table.columns}
    assert types["key"] is FieldType.STRING and types["where.quarter"] is FieldType.STRING
    assert types["count"] is FieldType.INTEGER, "a restriction of xs:long"
    assert (types["share"], types["open"], types["opened"], types["seen"]) == (
        FieldType.NUMBER, FieldType.BOOLEAN, FieldType.DATE, FieldType.DATETIME,
    )  # fmt: skip
    assert any("filter" in note and "most (int)" in note for note in table.notes)
    assert trees.last is None, "nothing was called to describe it"
    batches = looking.sample(table)
    found = pa.Table.from_batches(list(batches.batches), batches.schema).to_pylist()
    assert [row["name"] for row in found] == [f"Linde {n}" for n in range(4)] and found[2]["count"] == 2


def test_an_operation_that_may_write_is_not_called_to_look_at_it(tmp_path, server):
    trees = Trees(server, LINDEN)
    looking = probe(tmp_path, trees.wsdl)
    table = looking.describe("deleteTree")
    assert any("not called" in note and "needs key" in note for note in table.notes)
    assert list(looking.sample(table).batches) == [] and trees.last is None


def test_a_wsdl_is_told_by_its_name_without_a_request(tmp_path, server):
    assert SoapAdapter().sniff("http://127.0.0.1:9/x?WSDL", context(tmp_path)) == {"wsdl": "http://127.0.0.1:9/x?WSDL"}
    for other in ("http://127.0.0.1:9/x?wsdl=1", "http://127.0.0.1:9/x.xml", "data.xml", "postgresql://x/y.wsdl"):
        assert SoapAdapter().sniff(other, context(tmp_path)) is None
    (tmp_path / "a.wsdl").write_text("x")
    assert SoapAdapter().sniff(str(tmp_path / "a.wsdl"), context(tmp_path)) == {"wsdl": "a.wsdl"}
    assert FileAdapter().sniff(str(tmp_path / "a.wsdl"), context(tmp_path)) is None
    assert server.seen == []


def test_the_password_of_a_user_name_token_is_sent_and_in_no_error_or_log(tmp_path, server, caplog):
    caplog.set_level(logging.DEBUG)
    trees = Trees(server, LINDEN)
    auth = {"type": "wsse", "user": "amt", "password": "${PASSWORD}"}
    source = opened(tmp_path, trees.wsdl, secrets=lambda text: "geheim1" if "$" in text else text, auth=auth)
    assert len(rows(source, TREES)) == 4
    assert (trees.said("Username"), trees.said("Password")) == (["amt"], ["geheim1"])
    digested = opened(
        tmp_path, trees.wsdl, secrets=lambda text: "geheim1" if "$" in text else text, auth={**auth, "digest": True}
    )
    assert len(rows(digested, TREES)) == 4
    nonce, made = base64.b64decode(trees.said("Nonce")[0]), trees.said("Created")[0]
    assert trees.said("Password") == [
        base64.b64encode(hashlib.sha1(nonce + made.encode() + b"geheim1").digest()).decode()
    ]
    trees.answer = Reply(envelope(fault("s:Client")), 500, **TYPE)
    with pytest.raises(SourceRefused) as caught:
        rows(source, TREES)
    assert "geheim1" not in str(caught.value) + caplog.text


def test_basic_log_in_goes_to_the_wsdl_and_the_service(tmp_path, server):
    trees = Trees(server, LINDEN)

    def answer(request: Request) -> Reply:
        return trees(request) if request.headers.get("authorization") == "Basic YW10OmdlaGVpbQ==" else Reply(b"", 401)

    server.answer = answer
    auth = {"type": "basic", "user": "amt", "password": "${PASSWORD}"}
    source = opened(tmp_path, trees.wsdl, secrets=lambda text: "geheim" if "$" in text else text, auth=auth)
    assert len(rows(source, TREES)) == 4
    with pytest.raises(SourceRefused, match="wants a log-in"):
        rows(opened(tmp_path, trees.wsdl), TREES)


def fault(code: str, detail: str = "") -> str:
    return (
        f"<s:Fault><faultcode>{code}</faultcode><faultstring>Frau Müller gibt es nicht</faultstring>{detail}</s:Fault>"
    )


def fault12(code: str, inner: str) -> str:
    sub = f"<s:Subcode><s:Value>x:{inner}</s:Value></s:Subcode>" if inner else ""
    return f"<s:Fault><s:Code><s:Value>s:{code}</s:Value>{sub}</s:Code><s:Reason><s:Text>Frau Müller</s:Text></s:Reason></s:Fault>"


@pytest.mark.parametrize(
    ("body", "space", "error", "says"),
    [
        (fault("s:Client", "<detail><UnknownKey/></detail>"), SOAP, SourceRefused, r"fault \(Client, UnknownKey\)"),
        (fault("s:Server"), SOAP, SourceUnavailable, r"fault \(Server\)"),
        (fault("wsse:FailedAuthentication"), SOAP, SourceRefused, "FailedAuthentication.*Check auth"),
        (fault("<b>x</b>"), SOAP, SourceRefused, "without a code"),
        (fault12("Sender", "Quota"), SOAP12, SourceRefused, r"fault \(Sender, Quota\)"),
        (fault12("Receiver", ""), SOAP12, SourceUnavailable, r"fault \(Receiver\)"),
    ],
)
@pytest.mark.parametrize(("status", "media"), [(200, "text/xml"), (500, "text/xml"), (500, "text/plain"), (400, "")])
def test_a_fault_is_told_by_its_codes_and_not_its_words(tmp_path, server, body, space, error, says, status, media):
    trees = Trees(server, [])
    trees.answer = Reply(envelope(body, space), status, Content_Type=media)
    with pytest.raises(error, match=says) as caught:
        rows(opened(tmp_path, trees.wsdl), TREES)
    assert "Müller" not in f"{caught.value} {caught.value.hint}"


BOMB = '<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>'
OUTSIDE = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'


@pytest.mark.parametrize(
    ("reply", "error", "says"),
    [
        (Reply(b"<!DOCTYPE html><form>Anmeldung</form>", Content_Type="text/html"), SourceRefused, "log-in page"),
        (Reply({"a": 1}), SourceRefused, "JSON instead of XML"),
        (Reply(b"<trees/>", **TYPE), SourceRefused, "no SOAP"),
        (Reply(BOMB.encode(), **TYPE), SourceRefused, "entities"),
        (Reply(OUTSIDE.encode(), **TYPE), SourceRefused, "entities"),
        (Reply(envelope("<a>")[:-20], **TYPE), SourceUnavailable, "ends in the middle"),
        (Reply(b"", 503), SourceUnavailable, "answers with 503"),
        (Reply(b"Fehler", 500, Content_Type="text/plain"), SourceUnavailable, "answers with 500"),
        (Reply(b"<a/>", 404, **TYPE), SourceRefused, "answers with 404"),
        (Reply(b"--x", Content_Type="multipart/related; boundary=x"), SourceRefused, "attachments"),
    ],
    ids=["login", "json", "xml", "bomb", "outside", "cut", "down", "error", "away", "mtom"],
)
def test_an_answer_that_is_none_is_refused_by_what_it_is(tmp_path, server, reply, error, says):
    trees = Trees(server, [])
    trees.answer = reply
    with pytest.raises(error, match=says):
        rows(opened(tmp_path, trees.wsdl), TREES)


def test_an_answer_without_end_is_cut_off_in_little_memory(tmp_path, server):
    def endless() -> Iterator[bytes]:
        yield f'<s:Envelope xmlns:s="{SOAP}"><s:Body><listTreesResponse xmlns="{SPACE}"><trees><tree>'.encode()
        for _ in range(16_000):
            yield b"x" * 65_536

    trees = Trees(server, [])
    rows(opened(tmp_path, trees.wsdl), TREES)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    trees.answer = Reply(endless(), **TYPE)
    with pytest.raises(SourceRefused, match="more than 32,000,000 signs"):
        rows(opened(tmp_path, trees.wsdl, timeout_s=60.0), TREES)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000


def described(server: Server, text: str) -> str:
    server.answer = Reply(text.encode(), **TYPE)
    return f"{server.url}/a?wsdl"


@pytest.mark.parametrize(
    ("description", "says"),
    [
        (lambda url: wsdl(url, "http://10.0.0.1/trees.xsd"), "private network"),
        (lambda url: wsdl(url, "http://169.254.169.254/latest/meta-data"), "private network"),
        (lambda url: wsdl(url, "file:///etc/passwd"), "from the web, leads to a file"),
        (lambda url: wsdl(url, "/etc/passwd"), "no SOAP"),
        (lambda url: wsdl("http://10.0.0.1/trees", url), "another host"),
        (lambda url: wsdl("", url), "no address"),
        (lambda url: BOMB, "entities|DTD"),
        (lambda url: OUTSIDE, "entities|DTD"),
        (lambda url: '<!DOCTYPE a SYSTEM "http://10.0.0.1/a.dtd"><a/>', "DTD"),
        (lambda url: "<html>Anmeldung", "log-in page"),
        (lambda url: "<a/>", "does not describe a service|no service"),
        (lambda url: "<a>", "not valid XML"),
        (lambda url: "<a>" * 5_000 + "</a>" * 5_000, "not valid XML|nested"),
    ],
    ids=["import", "metadata", "file", "path", "address", "nowhere", "bomb", "outside", "dtd", "login", "other", "broken", "deep"],
)  # fmt: skip
def test_a_hostile_description_reaches_nothing(tmp_path, server, description, says):
    asked = f"{server.url}/trees"
    text = description(asked)

    def answer(request: Request) -> Reply:
        return Reply((text if "wsdl" in request.params else SCHEMA).encode(), **TYPE)

    server.answer = answer
    with pytest.raises(NabeError, match=says) as caught:
        rows(opened(tmp_path, f"{server.url}/a?wsdl"), TREES)
    assert "root:" not in f"{caught.value} {caught.value.hint}"


def test_a_description_that_imports_itself_ends(tmp_path, server):
    trees = Trees(server, [])
    number = iter(range(100_000))

    def answer(request: Request) -> Reply:
        if request.path.endswith(".xsd"):
            following = f"n{next(number)}.xsd"
            text = f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:include schemaLocation="{following}"/></xs:schema>'
            return Reply(text.encode(), **TYPE)
        return trees(request)

    server.answer = answer
    with pytest.raises(SourceRefused, match="over 200 documents"):
        rows(opened(tmp_path, trees.wsdl, timeout_s=30.0), TREES)


def test_a_service_in_a_private_network_must_be_allowed(tmp_path, server):
    trees = Trees(server, LINDEN)
    with pytest.raises(SourceRefused, match="private network"):
        rows(opened(tmp_path, trees.wsdl, allow=()), TREES)
    assert server.seen == []


def test_a_wsdl_of_the_web_leads_to_no_file_of_the_workspace(tmp_path, server):
    (tmp_path / "geheim.xsd").write_text(SCHEMA)
    text = wsdl(f"{server.url}/trees", f"file://{tmp_path}/geheim.xsd")
    server.answer = lambda request: Reply(text.encode(), **TYPE)
    with pytest.raises(SourceRefused, match="from the web, leads to a file"):
        rows(opened(tmp_path, f"{server.url}/a?wsdl"), TREES)


def test_a_wsdl_in_the_workspace_reads_nothing_outside_it(tmp_path, server):
    root = tmp_path / "workspace"
    root.mkdir()
    (tmp_path / "trees.xsd").write_text(SCHEMA)
    (root / "a.wsdl").write_text(wsdl(server.url, "../trees.xsd"))
    with pytest.raises(SourceRefused, match="outside the workspace"):
        rows(opened(root, "a.wsdl"), TREES)


@pytest.mark.parametrize(
    ("source", "says", "hint"),
    [
        ({"operation": "listBushes"}, "no operation 'listBushes'", "deleteTree, listTrees"),
        ({**SOURCE, "rows_path": "bush"}, "no elements 'bush'", "listTreesResponse/trees/tree"),
        ({**SOURCE, "parameters": {"quarter": "Nord"}}, "there is no quarter", "filter"),
        ({**SOURCE, "parameters": {"filter": {"colour": "green"}}}, "do not fit its schema", "filter"),
        ({"operation": "deleteTree"}, "key must be given", "key \\(string, needed\\)"),
    ],
)
def test_what_the_description_does_not_know_is_told_with_what_it_knows(tmp_path, server, source, says, hint):
    trees = Trees(server, LINDEN)
    with pytest.raises(SourceRefused, match=says) as caught:
        rows(opened(tmp_path, trees.wsdl), dataset(source, FIELDS))
    import re

    assert re.search(hint, caught.value.hint)
    assert trees.last is None, "nothing was sent"


def test_wrong_settings_are_told_with_what_would_be_right(tmp_path):
    adapter = SoapAdapter()
    assert "wsse needs user and password" in adapter.check_system(system("http://x/?wsdl", auth={"type": "wsse"}))[0]
    assert "auth: {type: basic" in adapter.check_system(system("http://a:b@x/?wsdl"))[0]
    said = adapter.check_dataset(system("http://x/?wsdl"), dataset({"operation": "a", "rows": "b"}, FIELDS))
    assert "here it is rows_path" in said[0]
    said = adapter.check_dataset(system("http://x/?wsdl"), dataset({**SOURCE, "filters": {"no": {"eq": "a"}}}, FIELDS))
    assert "no field of this name" in said[0]


def test_the_library_is_loaded_only_when_a_service_is_asked(tmp_path):
    import subprocess

    code = "import sys, nabe.app; nabe.app.adapters(); print('zeep' in sys.modules, 'requests' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split() == [
        "False",
        "False",
    ]


def test_a_service_that_drips_is_cut_off_within_the_time_out(tmp_path, server):
    def drip() -> Iterator[bytes]:
        for byte in envelope("<a/>" * 100):
            yield bytes([byte])
            time.sleep(0.05)

    trees = Trees(server, [])
    source = opened(tmp_path, trees.wsdl, timeout_s=1.0)
    source.check()
    trees.answer = Reply(drip(), **TYPE)
    with pytest.raises(SourceUnavailable, match="takes longer than 1 seconds"):
        rows(source, TREES)


NAMES = st.sampled_from(
    ["Envelope", "Body", "Fault", "tree", "faultcode", "detail", "Code", "Value", "Subcode", "Point", "pos"]
)
TREE = st.recursive(
    st.text("aß1 <>&", max_size=4),
    lambda inner: st.lists(
        st.tuples(NAMES, st.sampled_from(["", ' nil="1"', ' type="a:b"', ' value="x"']), inner), max_size=4
    ),
    max_leaves=15,
)


@settings(max_examples=150, deadline=None)
@given(TREE, st.sampled_from(["", "tree", "Body/tree", "Envelope/Body/tree"]))
def test_any_answer_is_rows_or_refused(tree, path):
    def write(item: Any) -> str:
        if isinstance(item, str):
            return item.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return "".join(f"<{name}{said}>{write(inner)}</{name}>" for name, said, inner in item)

    text = f'<Envelope xmlns="{SOAP}"><Body>{write(tree)}</Body></Envelope>'
    try:
        for row in Answer("s", XmlStream(iter([text.encode()]), "answer"), "op", path).rows():
            assert row is None or isinstance(row, (str, dict))
    except NabeError:
        pass


VALUES = st.recursive(
    st.integers() | st.text(max_size=3), lambda i: st.dictionaries(st.sampled_from("ab"), i), max_leaves=5
)


@given(
    st.dictionaries(st.sampled_from(["a", "b", "a.b", "a.b.a"]), VALUES),
    st.lists(st.tuples(st.sampled_from(["a", "a.b", "b"]), st.text(max_size=2))),
)
def test_fixed_parameters_are_never_replaced(fixed, pushed):
    found = arguments(fixed, pushed)
    again = arguments(fixed, [])

    def kept(inner: Any, outer: Any) -> None:
        if isinstance(inner, dict):
            for name, value in inner.items():
                kept(value, outer[name])
        else:
            assert inner == outer

    kept(again, found)
