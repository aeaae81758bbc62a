"""A wrong document is named with file, line, field, reason and what would be right; one never hides another."""

from __future__ import annotations

import pytest

from nabe.app import load
from nabe.errors import Invalid
from nabe.manifest import init, json_schemas
from nabe.model.catalogue import KINDS

CITY = "kind: city\nid: dorf\ntitle: Dorf\n"
ORG = "id: dorf\ntitle: Dorf\ntype: municipality\n"
SYSTEM = "id: dateien\ntitle: Dateien\nadapter: file\nowner: dorf\n"
DATASET = """\
id: kitas
title: {de: Kitas, en: Day care}
owner: dorf
system: dateien
access: open
fields:
  - {name: id, type: string}
  - {name: plaetze, type: integer}
source: {path: kitas.csv, format: csv}
"""
USECASE = """\
id: fall
title: Fall
purpose: Zweck
owner: dorf
members:
  - person: eva
grants:
  - dataset: kitas
    columns: [id]
    approval: {by: otto, at: 2026-01-01T00:00:00Z}
"""
WHOLE = {
    "nabe.yaml": CITY,
    "organisations/dorf.yaml": ORG,
    "systems/dateien.yaml": SYSTEM,
    "datasets/kitas.yaml": DATASET,
    "usecases/fall/usecase.yaml": USECASE,
}


@pytest.fixture
def folder(tmp_path):
    def make(**changes):
        for name, text in (
            WHOLE | {key.replace("__", "/").replace("_yaml", ".yaml"): text for key, text in changes.items()}
        ).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return tmp_path

    return make


def problems(root):
    return [str(problem) for problem in load(root).problems]


def test_a_whole_workspace_has_none(folder):
    assert problems(folder()) == []


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ("access: open", "access: opn", "datasets/kitas.yaml:5: access", "did you mean 'open'"),
        ("owner: dorf", "owner: drof", "datasets/kitas.yaml:3: owner", "did you mean 'dorf'"),
        ("system: dateien", "system: datei", "datasets/kitas.yaml:4: system", "did you mean 'dateien'"),
        ("system: dateien", "systm: dateien", "datasets/kitas.yaml:4: systm", "did you mean 'system'"),
        ("type: integer", "type: int", "datasets/kitas.yaml:8: fields[1].type", "'integer'"),
        (
            "name: plaetze, type: integer",
            "name: plaetze, typ: integer",
            "datasets/kitas.yaml:8: fields[1].type",
            "missing",
        ),
        ("name: plaetze", "name: id", "datasets/kitas.yaml:8: fields[1].name", "twice"),
        ("id: kitas", "id: ../kitas", "datasets/kitas.yaml:1: id", "does not fit"),
        ("id: kitas", "id: Kitas", "datasets/kitas.yaml:1: id", "does not fit"),
        ("access: open", "access: open\nkey: [nr]", "datasets/kitas.yaml:6: key", "no field 'nr'"),
        ("access: open", "access: open\nupdate_every: monthly", "datasets/kitas.yaml:6: update_every", "does not fit"),
        (
            "type: integer}",
            "type: integer, vocabulary: codes}",
            "datasets/kitas.yaml:8: fields[1].vocabulary",
            "vocabulary 'codes'",
        ),
        (
            "type: integer}",
            "type: integer, references: {dataset: kitas, field: nr}}",
            "fields[1].references",
            "no field 'nr'",
        ),
        (
            "access: open",
            "access: open\nregister: {of: streets, key: id}",
            "datasets/kitas.yaml:6: register",
            "needs 'name'",
        ),
        ("access: open", "access: open\nregister: {of: addresses, name: nr}", "register", "no field 'nr'"),
        ("access: open", "access: open\nregister: {of: addresses, name: id}", "register", "needs 'number'"),
        ("access: open", "access: open\nregister: {of: houses}", "register.of", "not possible"),
        ("type: integer}", "type: integer, unit: h, source_unit: s}", "fields[1].source_unit", "only numbers"),
        ("type: integer}", "type: number, source_unit: s}", "fields[1].source_unit", "no unit to convert to"),
        ("type: integer}", "type: number, unit: kWh, source_unit: W.h}", "fields[1].source_unit", "no unit that can"),
        ("type: integer}", "type: number, unit: m, source_unit: s}", "fields[1].source_unit", "something else"),
        (
            "title: {de: Kitas, en: Day care}",
            "title: {de: Kitas, fr: x}",
            "datasets/kitas.yaml:2: title.fr",
            "no field here",
        ),
        ("title: {de: Kitas, en: Day care}", "title: a: b", "datasets/kitas.yaml:2", "not YAML"),
        ("access: open", "access: open\naccess: open", "datasets/kitas.yaml:6", "twice"),
        ("access: open", "\taccess: open", "datasets/kitas.yaml:5", "not YAML"),
    ],
)
def test_wrong_datasets(folder, old, new, place, words):
    assert old in DATASET
    found = problems(folder(datasets__kitas_yaml=DATASET.replace(old, new, 1)))
    assert any(place in problem and words in problem for problem in found), found


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("dataset: kitas", "dataset: kita", "did you mean 'kitas'"),
        ("columns: [id]", "columns: [idd]", "no field 'idd'"),
        ("columns: [id]", "columns: [id]\n    rounding: {id: 5}", "not a number"),
        ("columns: [id]", "columns: [id]\n    rounding: {plaetze: 0}", "greater than 0"),
        ("columns: [id]", "columns: [id]\n    measures: [plaetze]", "min_group"),
        ("columns: [id]", "columns: [id]\n    where: 'nr = 1'", "nr"),
        ("columns: [id]", "columns: [id]\n    where: '1 = 1; drop'", "where"),
        ("columns: [id]", "columns: [id]\n    expires: tomorrow", "date"),
        ("  - person: eva", "  - {}", "names nobody"),
        ("  - person: eva", "  - role: chef", "not possible"),
        ("  - person: eva", "  - organisation: amt", "no organisation 'amt'"),
        ("    approval: {by: otto, at: 2026-01-01T00:00:00Z}", "", "nabe approve fall kitas"),
        ("owner: dorf", "owner: dorf\ngoals: [ziel]", "no goal 'ziel'"),
        (
            "owner: dorf",
            "owner: dorf\nproducts:\n  - {id: p, title: P, access: open, sql: products/p.sql}",
            "cannot be read",
        ),
        (
            "owner: dorf",
            "owner: dorf\nproducts:\n  - {id: p, title: P, access: open, sql: ../../../x.sql}",
            "outside the workspace",
        ),
        ("owner: dorf", "owner: dorf\nproducts:\n  - {id: p, title: P, access: open, sql: select nr from kitas}", "nr"),
        ("owner: dorf", "owner: dorf\nproducts:\n  - {id: p, title: P, access: open, sql: select * from kita}", "kita"),
        ("owner: dorf", "owner: dorf\nproducts:\n  - {id: p, title: P, access: open, sql: drop table kitas}", "SELECT"),
    ],
)
def test_wrong_use_cases(folder, old, new, words):
    assert old in USECASE
    found = problems(folder(usecases__fall__usecase_yaml=USECASE.replace(old, new, 1)))
    assert any("usecases/fall/usecase.yaml" in problem and words in problem for problem in found), found


def test_products_that_read_each_other_in_a_circle_are_named_with_the_path(folder):
    products = "products:\n" + "".join(
        f"  - {{id: {name}, title: T, access: open, sql: select id from {other}, fields: [{{name: id, type: string}}]}}\n"
        for name, other in (("eins", "zwei"), ("zwei", "drei"), ("drei", "eins"))
    )
    found = problems(folder(usecases__fall__usecase_yaml=USECASE + products))
    assert any("eins -> zwei -> drei -> eins" in problem for problem in found), found


def test_a_product_may_read_one_that_is_declared_after_it(folder):
    products = (
        "products:\n  - {id: eins, title: T, access: open, sql: select id from zwei}\n"
        "  - {id: zwei, title: T, access: open, sql: select id from kitas}\n"
    )
    assert problems(folder(usecases__fall__usecase_yaml=USECASE + products)) == []


def test_all_problems_of_all_documents_are_told_at_once(folder):
    root = folder(
        datasets__kitas_yaml=DATASET.replace("open", "opn"),
        systems__dateien_yaml=SYSTEM.replace("file", "flie"),
        organisations__kaputt_yaml="{{{",
        goals_yaml="- {id: a}\n- {id: B, title: T}\n",
    )
    files = {problem.split(":", 1)[0] for problem in problems(root)}
    assert files >= {"datasets/kitas.yaml", "systems/dateien.yaml", "organisations/kaputt.yaml", "goals.yaml"}


def test_two_documents_with_one_id_name_both_places(folder):
    found = problems(folder(datasets__zwei_yaml=DATASET))
    assert any("datasets/zwei.yaml:1: id" in problem and "datasets/kitas.yaml:1" in problem for problem in found)


def test_organisations_in_a_circle(folder):
    root = folder(organisations__a_yaml="- {id: a, title: A, parent: b}\n- {id: b, title: B, parent: a}\n")
    assert any("circle: a -> b -> a" in problem for problem in problems(root))


@pytest.mark.parametrize(
    "connection",
    [
        "{password: hunter2}",
        "{api_key: hunter2}",
        "{url: 'postgresql://u:hunter2@db/x'}",
        "{deep: [{secret: hunter2}]}",
    ],
)
def test_secrets_in_clear_are_refused_without_repeating_them(folder, connection):
    found = problems(folder(systems__dateien_yaml=SYSTEM + f"connection: {connection}\n"))
    assert any("secret must not stand" in problem and "${" in problem for problem in found)
    assert not any("hunter2" in problem for problem in found if "secret must not" in problem)


@pytest.mark.parametrize(
    "hostile",
    [
        b"\xff\xfe\x00bad",
        b"a: &a [x, x, x, x, x, x, x, x, x]\n"
        + b"".join(
            b"b%d: &b%d [*%s, *%s, *%s, *%s, *%s, *%s, *%s, *%s]\n"
            % (i, i, *[b"a" if i == 0 else b"b%d" % (i - 1)] * 8)
            for i in range(9)
        ),
        b"[" * 5000,
        b"!!python/object/apply:os.system ['true']",
        b"- 1\n- 2\n",
        b"just text",
        b"a: b: c",
        b"? [a, b]\n: c\n",
        b"",
        b"\x00",
        b"x: " + b"9" * 5000,
        b"[" * 3_000_000,
        b"{a: " * 500_000,
        b"&a {x: *a}",
        b"x: *nothing",
        b'title: "\\ud800"',
        b"a: \x07",
        b"- " * 100_000,
    ],
    ids=[
        "encoding",
        "alias bomb",
        "depth",
        "python tag",
        "list",
        "text",
        "colons",
        "key",
        "empty",
        "null byte",
        "digits",
        "three million brackets",
        "half a million braces",
        "a thing that holds itself",
        "an alias of nothing",
        "half a character",
        "a bell",
        "lists in lists",
    ],
)
def test_hostile_files_end_in_a_problem(folder, hostile):
    root = folder(datasets__boese_yaml=hostile)
    found = problems(root)
    assert hostile == b"" or any(problem.startswith("datasets/boese.yaml") for problem in found)


def test_an_old_version_of_yaml_changes_nothing(folder):
    text = "%YAML 1.1\n---\nid: codes\ntitle: yes\ncodes:\n  - {value: 010, title: !!str 5}\n"
    loaded = load(folder(vocabulary__codes_yaml=text))
    noun = next(noun for noun in loaded.nouns if noun.id == "codes")
    assert (noun.title.de, noun.codes[0].value, noun.codes[0].title.de) == ("yes", "010", "5")


def test_keys_keep_their_leading_zeros_and_words_stay_words(folder):
    root = folder(
        nabe_yaml=CITY + "ags: 05315000\nland: NW\n",
        vocabulary__codes_yaml="id: codes\ntitle: Codes\ncodes:\n  - {value: 08, title: no}\n  - {value: 007, title: 2026-01-01}\n",
    )
    loaded = load(root)
    assert [str(problem) for problem in loaded.problems] == []
    city = next(noun for noun in loaded.nouns if noun.id == "dorf")
    codes = next(noun for noun in loaded.nouns if noun.id == "codes")
    assert city.ags == "05315000"
    assert [(code.value, code.title.de) for code in codes.codes] == [("08", "no"), ("007", "2026-01-01")]


def test_a_folder_that_is_no_workspace_is_said_to_be_none(tmp_path):
    with pytest.raises(Invalid, match="nabe init"):
        load(tmp_path)


def test_a_new_workspace_is_without_problems(tmp_path):
    init(tmp_path / "neu", "neustadt", "Neustadt", "05999000", "NW")
    assert problems(tmp_path / "neu") == []


def test_there_is_a_json_schema_for_every_kind():
    assert set(json_schemas()) == set(KINDS)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "columns: [id]",
            "columns: [id]\n    min_group: 5\n    measures: [plaetze]",
            "'plaetze' is not among the columns",
        ),
        ("columns: [id]", "columns: [id]\n    rounding: {plaetze: 5}", "'plaetze' is not among the columns"),
        ("columns: [id]", "columns: [id]\n    min_group: 1", "protects nobody"),
        ("columns: [id]", "columns: []", "nothing may be read"),
        ("by: otto", "by: eva", "works in this use case"),
        ("by: otto", "by: ''", "nobody is named"),
        ("2026-01-01", "2999-01-01", "yet to come"),
        ("columns: [id]", "columns: [id]\n    expires: 2020-01-01", "expired on 2020-01-01"),
    ],
)
def test_grants_that_will_not_do_what_they_seem_to(folder, old, new, words):
    assert old in USECASE
    found = problems(folder(usecases__fall__usecase_yaml=USECASE.replace(old, new, 1)))
    assert any("usecases/fall/usecase.yaml" in problem and words in problem for problem in found), found


def test_a_minimum_group_that_holds_each_subject_apart_shows_nothing(folder):
    root = folder(
        datasets__kitas_yaml=DATASET + "subject: id\n",
        usecases__fall__usecase_yaml=USECASE.replace("columns: [id]", "columns: [id]\n    min_group: 5"),
    )
    assert any("no row is shown" in problem for problem in problems(root))


def test_products_that_read_each_other_in_thousands_of_ways_but_in_no_circle_are_checked_at_once(folder):
    names = [f"p{number:02}" for number in range(40)]
    products = "products:\n" + "".join(
        f"  - {{id: {name}, title: T, access: open, sql: 'select id from {', '.join([*names[:number], 'kitas'])}', "
        "fields: [{name: id, type: string}]}\n"
        for number, name in enumerate(names)
    )
    found = problems(folder(usecases__fall__usecase_yaml=USECASE + products))
    assert not any("circle" in problem for problem in found)


def test_a_table_of_its_own_and_a_comment_make_no_circle(folder):
    products = (
        "products:\n  - id: eins\n    title: T\n    access: open\n    sql: |\n"
        "      -- not from eins\n      with zwei as (select id from kitas) select id from zwei\n"
        "  - id: zwei\n    title: T\n    access: open\n    sql: select id from eins\n"
    )
    assert problems(folder(usecases__fall__usecase_yaml=USECASE + products)) == []


@pytest.mark.parametrize(
    "connection",
    [
        "{password: 12345}",
        "{url: 'redis://:hunter2@db'}",
        "{url: 'postgresql://u:hunter2/with/slash@db/x'}",
        "{dsn: 'host=db password=hunter2'}",
        "{url: 'https://host/wfs?api_key=hunter2&x=1'}",
        "{headers: {Authorization: 'Bearer hunter2'}}",
        "{key: hunter2}",
    ],
)
def test_secrets_hide_in_more_places_than_passwords(folder, connection):
    found = problems(folder(systems__dateien_yaml=SYSTEM + f"connection: {connection}\n"))
    assert any("systems/dateien.yaml:5: connection" in problem and "secret must not" in problem for problem in found)
    assert not any("hunter2" in problem for problem in found if "secret must not" in problem)


@pytest.mark.parametrize(
    "connection",
    [
        "{password: '${PW}'}",
        "{password: 'file:pw.secret'}",
        "{url: 'postgresql://u:${PW}@db/x'}",
        "{path: 'https://geo.example:8443/wfs?bbox=a@b'}",
        "{author: Eva, encoding: utf-8, primary_key: [id]}",
    ],
)
def test_references_and_harmless_words_are_no_secrets(folder, connection):
    found = problems(folder(systems__dateien_yaml=SYSTEM + f"connection: {connection}\n"))
    assert not any("secret must not" in problem for problem in found)


def test_settings_of_the_server_are_checked_too(folder):
    server = "server:\n  storage: postgresql://n:hunter2@db/x\n  prot: 80\n  query_rows: many\n"
    found = problems(folder(nabe_yaml=CITY + server))
    assert any("nabe.yaml:5: server.storage" in problem and "secret" in problem for problem in found)
    assert any("nabe.yaml:6: server.prot" in problem and "did you mean 'port'" in problem for problem in found)
    assert any("nabe.yaml:7: server.query_rows" in problem for problem in found)
    assert not any("hunter2" in problem for problem in found)


def test_a_folder_whose_name_is_nearly_right_is_not_overlooked_in_silence(folder):
    root = folder(dataset__kita_yaml=DATASET, goal_yaml="- {id: a, title: A}\n")
    found = problems(root)
    assert any("dataset: is not read" in problem and "'datasets'" in problem for problem in found), found
    assert any("goal.yaml: is not read" in problem and "'goals.yaml'" in problem for problem in found), found


def test_a_broken_document_does_not_take_those_before_it_in_its_file(folder):
    root = folder(organisations__viele_yaml="id: a\ntitle: A\n---\nid: b\ntitle: B\nparent: nosuch\n---\nid: [\n")
    found = problems(root)
    assert any("organisations/viele.yaml:6: parent" in problem for problem in found), found
    assert any("viele.yaml" in problem and "not YAML" in problem for problem in found)
    root = folder(organisations__viele_yaml="- {id: a, title: A}\n- nonsense\n- {id: b, title: B, parent: nosuch}\n")
    found = problems(root)
    assert any("viele.yaml:2" in problem for problem in found) and any("'nosuch'" in problem for problem in found)


def test_codes_keep_their_writing_even_if_yaml_takes_them_for_numbers(folder):
    codes = ["1.10", "1_000", "1e3", "+5", "0x1F", "0o17", "12345678901234567890123", ".inf", "1."]
    text = "id: codes\ntitle: 2026\ncodes:\n" + "".join(f"  - {{value: {code}, title: T}}\n" for code in codes)
    loaded = load(folder(vocabulary__codes_yaml=text))
    assert [str(problem) for problem in loaded.problems] == []
    noun = next(noun for noun in loaded.nouns if noun.id == "codes")
    assert [code.value for code in noun.codes] == codes and noun.title.de == "2026"


def test_truth_where_text_is_expected_is_asked_for_in_quotes(folder):
    found = problems(folder(vocabulary__codes_yaml="id: codes\ntitle: Codes\ncodes:\n  - {value: true, title: T}\n"))
    assert any("codes.yaml:4: codes[0].value" in problem and "quotes" in problem for problem in found), found


def test_a_field_with_nothing_behind_its_colon_is_as_good_as_left_out(folder):
    root = folder(usecases__fall__usecase_yaml=USECASE + "goals:\nlegal_basis:\ndescription:\nproducts:\n")
    assert problems(root) == []
    found = problems(folder(organisations__x_yaml="id: x\ntitle:\n"))
    assert any("title" in problem and "missing" in problem for problem in found)


@pytest.mark.parametrize("kind", ["[a]", "{a: b}", "5", "datset"])
def test_a_kind_that_is_none_is_named(folder, kind):
    found = problems(folder(datasets__x_yaml=f"kind: {kind}\nid: x\n"))
    assert any("datasets/x.yaml:1: kind" in problem and "no kind" in problem for problem in found)


def test_bytes_that_are_no_text_are_named_with_their_line(folder):
    found = problems(folder(datasets__x_yaml="id: x\ntitle: Straße\n".encode("latin-1")))
    assert any("datasets/x.yaml:2" in problem and "UTF-8" in problem for problem in found)


def test_an_alias_bomb_over_many_documents_is_stopped(folder):
    bomb = b"- &a {id: a, title: {de: " + b"x" * 100 + b"}, codes: [" + b"{value: 1, title: t}, " * 2000 + b"]}\n"
    found = problems(folder(vocabulary__bombe_yaml=bomb + b"- *a\n" * 5000))
    assert any("vocabulary/bombe.yaml" in problem and "too many" in problem for problem in found)
