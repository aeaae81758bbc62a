"""The command line from `init` to `doctor`, as an operator uses it."""

from __future__ import annotations

import json
import re
import socket
import stat

import pytest
from typer.main import get_command

from nabe.cli import app
from nabe.demo.running import House  # noqa: F401  (the demo command needs it)


def test_every_command_says_what_it_is_for_and_shows_an_example_and_speaks_json():
    def walk(group, path):
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                yield from walk(command, (*path, name))
            else:
                yield " ".join((*path, name)), command

    for name, command in walk(get_command(app), ("nabe",)):
        assert command.help and name.split()[-1] in command.help, f"{name}: example"
        options = {option for parameter in command.params for option in parameter.opts}
        if name not in ("nabe serve", "nabe demo"):
            assert "--json" in options, name
        if name not in ("nabe demo", "nabe init", "nabe schema"):
            assert {"--workspace", "-w"} <= options, name


def test_from_an_empty_folder_to_an_answer(dorf, nabe):
    assert nabe("check", code=0).out.startswith("6 documents, 0 errors, 1 warnings")
    assert "nabe approve planung kitas" in nabe("check").err
    planned = nabe("plan", "--json", code=0).json
    assert planned["version"] == 0 and {"what": "add", "kind": "dataset"}.items() <= planned["changes"][3].items()
    assert nabe("apply", "--yes", "--json", code=0).json == {"version": 1, "changes": 6}
    assert "Nothing to change" in nabe("plan", code=0).out
    denied = nabe("query", "select * from kitas", "--as", "anonymous", code=2)
    assert denied.out == "" and denied.err.startswith("✗ ")

    text = (dorf / "datasets/kitas.yaml").read_text()
    (dorf / "datasets/kitas.yaml").write_text(text.replace("access: internal", "access: open"))
    assert "~ dataset kitas (access)" in nabe("plan", code=0).out
    nabe("apply", "-y", code=0)
    rows = nabe("query", "select nr, plaetze from kitas order by nr", "--format", "json", code=0).json
    assert rows[0] == {"nr": "01", "plaetze": 12}
    assert nabe("query", "select nr from kitas order by 1", "-f", "csv").out.split() == ["nr", "01", "02", "03"]
    assert len(nabe("query", "select * from kitas", "--json", "--limit", "2").json) == 2
    assert "3 rows" in nabe("query", "-", given="select * from kitas", code=0).out


def test_an_answer_goes_into_a_file_whole_or_not_at_all(dorf, nabe):
    open_up(dorf)
    nabe("apply", "-y", code=0)
    nabe("query", "select * from kitas", "-o", dorf / "x.csv", code=0)
    before = (dorf / "x.csv").read_text()
    assert before.count("\n") == 4
    nabe("query", "select 1 / 0, nosuch from kitas", "-o", dorf / "x.csv", code=2)
    assert (dorf / "x.csv").read_text() == before
    assert not [path for path in dorf.iterdir() if path.name.endswith(".part")]
    assert "no format" in nabe("query", "select 1", "-o", dorf / "x.docx", code=2).err
    assert nabe("query", "select nr from kitas", "-o", dorf / "no/such/folder.csv", code=1).err.count("\n") == 1


def open_up(dorf):
    path = dorf / "datasets/kitas.yaml"
    path.write_text(path.read_text().replace("access: internal", "access: open"))


def test_what_silos_hold_never_speaks_to_the_terminal(dorf, nabe):
    hostile = "[/red][bold]x\x1b]0;owned\x07"
    (dorf / "data/orte.json").write_text(json.dumps([{"nr": "1", "name": hostile}, {"nr": "2", "name": "Ort"}]))
    nabe("connect", "data/orte.json", "--as", "orte", code=0)
    path = dorf / "datasets/orte.yaml"
    path.write_text(re.sub("access: .*", "access: open", path.read_text()))
    nabe("apply", "-y", code=0)
    shown = nabe("query", "select * from orte", code=0).out
    assert "[/red][bold]x" in shown and "\x1b" not in shown and "\x07" not in shown
    assert "[/nonsense]" in nabe("explain", "[/nonsense]", code=2).err


def test_explain_gives_reasons_in_german_and_english(dorf, nabe):
    nabe("apply", "-y", code=0)
    nabe("user", "add", "erika", "-o", "dorf", "-r", "employee", "--no-password", code=0)
    german = nabe("explain", "kitas", "--as", "erika", "--use-case", "planung", code=2).out
    english = nabe("explain", "kitas", "--as", "erika", "-u", "planung", "--lang", "en", code=2).out
    assert german.startswith("✗") and english.startswith("✗") and german != english
    told = nabe("explain", "kitas", "--as", "erika", "-u", "planung", "--json", code=2).json
    assert told["permit"] is False and told["decisions"][0]["reasons"]


def test_consent_given_by_command_is_exported_into_the_file_and_its_comments_stay(dorf, nabe):
    nabe("apply", "-y", code=0)
    nabe("user", "add", "otto", "-o", "dorf", "-r", "data_owner", "--no-password", code=0)
    nabe("user", "add", "erika", "-o", "dorf", "-r", "employee", "--no-password", code=0)
    assert nabe("approve", "planung", "kitas", "--as", "erika", code=2).err.startswith("✗")
    assert nabe("approve", "planung", "kitas", "--as", "otto", "--json", code=0).json == {"version": 2}
    rows = nabe("query", "select * from kitas", "--as", "erika", "-u", "planung", "-f", "json", code=0).json
    assert rows[0] == {"bezirk": "03", "plaetze": 12}
    assert "Nothing to change" in nabe("plan").out  # the file says nothing of a consent: the owner's word stands
    before = {path: path.read_text() for path in dorf.rglob("*.yaml")}
    assert nabe("export", ".", "--json", code=0).json["files"] == 1
    after = {path: path.read_text() for path in dorf.rglob("*.yaml")}
    changed = [path for path in after if after[path] != before.get(path)]
    assert [path.parent.name for path in changed] == ["planung"]
    assert "# wer plant" in after[changed[0]] and "# nur diese" in after[changed[0]] and "by: otto" in after[changed[0]]
    assert "Nothing to change" in nabe("plan", code=0).out


def test_a_consent_stands_until_the_owner_takes_it_back_or_its_terms_change(dorf, nabe):
    nabe("apply", "-y", code=0)
    for name, role in (("otto", "data_owner"), ("erika", "employee")):
        nabe("user", "add", name, "-o", "dorf", "-r", role, "--no-password", code=0)
    ask = ("query", "select * from kitas", "--as", "erika", "-u", "planung")
    assert nabe("approve", "planung", "kitas", "--as", "otto", "--withdraw", code=2).err.startswith("✗")
    nabe("approve", "planung", "kitas", "--as", "otto", code=0)
    path = dorf / "usecases/planung/usecase.yaml"
    path.write_text(path.read_text().replace("title: Planung", "title: Kita-Planung"))
    nabe("apply", "-y", code=0)
    nabe(*ask, code=0)

    path.write_text(path.read_text().replace("purpose: Plätze planen", "purpose: Beiträge erheben"))
    assert "ends the consent of otto to kitas" in nabe("plan").out
    nabe("apply", "-y", code=0)
    nabe(*ask, code=2)

    nabe("approve", "planung", "kitas", "--as", "otto", code=0)
    nabe(*ask, code=0)
    assert nabe("approve", "planung", "kitas", "--as", "erika", "--withdraw", code=2).err.startswith("✗")
    nabe("approve", "planung", "kitas", "--as", "otto", "--withdraw", code=0)
    nabe(*ask, code=2)
    nabe("apply", "-y", code=0)
    nabe(*ask, code=2)


def test_export_elsewhere_is_a_workspace_with_the_same_declarations(dorf, nabe, tmp_path):
    nabe("apply", "-y", code=0)
    nabe("export", tmp_path / "copy", code=0)
    nabe("export", tmp_path / "copy", "-w", dorf, code=0)
    assert nabe("apply", "-y", "-w", tmp_path / "copy", "--json", code=0).json["changes"] == 6
    nabe("export", tmp_path / "again", "-w", tmp_path / "copy", code=0)
    read = [
        {path.relative_to(root): path.read_bytes() for path in root.rglob("*.yaml")}
        for root in (tmp_path / "copy", tmp_path / "again")
    ]
    assert read[0] == read[1]


def test_what_is_wrong_stops_apply_and_the_old_state_stays(dorf, nabe):
    nabe("apply", "-y", code=0)
    (dorf / "organisations/neu.yaml").write_text("id: neu\ntitle: Neu\nparent: drof\n")
    (dorf / "systems/neu.yaml").write_text("id: neu\ntitle: [N\n")
    failed = nabe("apply", "-y", code=2)
    assert "organisations/neu.yaml:3: parent" in failed.err and "did you mean 'dorf'" in failed.err
    assert "systems/neu.yaml" in failed.err
    told = nabe("check", "--json", code=2).json
    assert {item["file"] for item in told["problems"]} >= {"organisations/neu.yaml", "systems/neu.yaml"}
    assert nabe("plan", "--json", code=2).json["version"] == 1


def test_apply_asks_first_and_takes_no_for_an_answer(dorf, nabe):
    assert nabe("apply", given="n\n").code == 1
    assert nabe("plan", "--json").json["version"] == 0
    assert nabe("apply", given="y\n").code == 0


def test_connect_never_replaces_unasked_and_never_writes_a_password(dorf, nabe):
    path = dorf / "datasets/kitas.yaml"
    path.write_text("# meins\n" + path.read_text())
    refused = nabe("connect", "data/kitas.csv", "--as", "kitas", code=2)
    assert "--yes" in refused.err and path.read_text().startswith("# meins")
    assert "no id for a dataset" in nabe("connect", "data/kitas.csv", "--as", "../x", code=2).err
    assert "No adapter" in nabe("connect", "nosuch.csv", "--as", "x", code=2).err
    secret = nabe("connect", "postgresql://reader:hunter2@127.0.0.1:1/x", "--as", "x", code=2)
    assert "hunter2" not in secret.out + secret.err
    assert not list((dorf / "systems").glob("x.yaml"))


def test_connect_to_a_database_and_join_it_with_a_file(dorf, nabe):
    told = nabe("connect", "sqlite:///data/amt.sqlite", "--as", "faelle", "--table", "faelle", "--json", code=0).json
    assert "datasets/faelle.yaml" in told["files"]
    open_up(dorf)
    path = dorf / "datasets/faelle.yaml"
    path.write_text(re.sub("access: .*", "access: open", path.read_text()))
    nabe("apply", "-y", code=0)
    sql = "select k.bezirk, count(*) n from kitas k join faelle f on k.bezirk = f.bezirk group by 1 order by 1"
    assert nabe("query", sql, "-f", "json", code=0).json == [{"bezirk": "03", "n": 20}, {"bezirk": "04", "n": 10}]
    assert {item["id"]: item["state"] for item in nabe("systems", "list", "--json", code=0).json} == {
        "kitas": "ok",
        "faelle": "ok",
    }
    (dorf / "data/amt.sqlite").unlink()
    found = {item["id"]: item["state"] for item in nabe("systems", "list", "--json", code=0).json}
    assert found["kitas"] == "ok" and found["faelle"] != "ok"


def test_accounts_and_tokens(dorf, nabe):
    nabe("apply", "-y", code=0)
    assert "no password" in nabe("user", "add", "erika", "-o", "dorf", code=2).err.lower()
    nabe("user", "add", "erika", "-o", "dorf", "-r", "employee", given="lang genug 1\n", code=0)
    assert "organisation" in nabe("user", "add", "x", "-o", "drof", "--no-password", code=2).err
    assert "role" in nabe("user", "add", "x", "-r", "boss", "--no-password", code=2).err
    for name in ("anonymous", "operator", "operator:root", "../x"):
        nabe("user", "add", name, "--no-password", code=2)
    nabe("user", "password", "erika", given="noch laenger 2\n", code=0)
    nabe("user", "password", "erik", given="noch laenger 2\n", code=2)
    assert nabe("user", "list", "--json").json[0]["roles"] == ["employee"]
    made = nabe("token", "create", "--user", "erika", "--json", code=0).json
    assert made["token"].startswith("nabe_") and made["actor"] == "erika" and "T" in made["expires"]
    assert "no role" in nabe("token", "create", "--user", "erika", "--role", "it", code=2).err
    assert set(nabe("token", "create", "--role", "data_owner", "--json", code=0).json) >= {"token"}
    assert made["token"] not in nabe("token", "list", "erika", "--json", code=0).out
    nabe("token", "revoke", made["id"], code=0)
    nabe("token", "revoke", made["id"], code=2)
    nabe("user", "remove", "erika", "--json", code=0)
    assert "erika" not in nabe("user", "list").out


def test_the_operator_may_ask_as_anybody_but_the_ledger_says_so(dorf, nabe):
    nabe("apply", "-y", code=0)
    nabe("query", "select * from kitas", "--as", "erika", "-u", "planung", code=2)
    assert "Did you mean 'operator'" in nabe("query", "select 1", "--as", "operatr", code=2).err
    nabe("user", "add", "doris", "-o", "dorf", "-r", "data_protection_officer", "--no-password", code=0)
    assert "not permitted" in nabe("ledger", "list", code=2).err
    entries = nabe("ledger", "list", "--as", "doris", "--json", code=0).json
    denied = next(item for item in entries if item["action"] == "denied")
    assert denied["actor"] == "erika" and denied["interface"].startswith("cli by ")


def test_the_ledger_is_walked_and_compared_with_a_noted_head(dorf, nabe):
    nabe("apply", "-y", code=0)
    head = nabe("ledger", "head", code=0).out.strip()
    assert re.fullmatch(r"\d+:[0-9a-f]{64}", head)
    nabe("user", "add", "doris", "--no-password", code=0)
    nabe("ledger", "verify", "--noted", head, code=0)
    number = head.partition(":")[0]
    assert "noted" in nabe("ledger", "verify", "--noted", f"{number}:{'0' * 64}", code=2).out
    nabe("ledger", "verify", "--noted", "nonsense", code=2)


def test_doctor_points_at_what_is_ill(dorf, nabe):
    import sqlite3

    nabe("apply", "-y", code=0)
    assert all(row["ok"] for row in nabe("doctor", "--json", code=0).json)
    with sqlite3.connect(dorf / ".nabe/nabe.sqlite") as connection:
        connection.execute("UPDATE ledger SET body = replace(body, 'declared', 'read') WHERE number = 1")
    connection.close()
    (dorf / "data/kitas.csv").unlink()
    path = dorf / "usecases/planung/usecase.yaml"
    path.write_text(path.read_text() + "    expires: 2020-01-01\n")
    ill = {row["check"]: row for row in nabe("doctor", "--json", code=2).json if not row["ok"]}
    assert "broken at entry 1" in ill["ledger"]["detail"] and "in force" in ill


def test_the_state_folder_is_its_owners_alone(dorf, nabe):
    nabe("apply", "-y", code=0)
    assert stat.S_IMODE((dorf / ".nabe").stat().st_mode) & 0o077 == 0
    assert ".nabe/" in (dorf / ".gitignore").read_text()


def test_a_busy_port_is_said_to_be_busy(dorf, nabe):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refused = nabe("serve", "--port", taken.getsockname()[1], code=2)
    assert "cannot be used" in refused.err and "--port" in refused.err


def test_without_a_workspace_one_is_told_how_to_make_one(tmp_path, nabe, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NABE_WORKSPACE", raising=False)
    for command in (("check",), ("plan",), ("query", "select 1"), ("doctor",)):
        assert "nabe init" in nabe(*command, code=2).err
    assert "nabe.yaml" in nabe("check", "-w", tmp_path, code=2).err
    assert nabe("plan", "-w", tmp_path / "none", code=2).err.startswith("✗")


def test_the_storage_setting_may_hold_a_reference_and_is_never_shown(dorf, nabe, monkeypatch):
    (dorf / "nabe.yaml").write_text(
        (dorf / "nabe.yaml").read_text() + "server:\n  storage: postgresql://n:${DB_PW}@127.0.0.1:1/x\n"
    )
    assert "DB_PW" in nabe("plan", code=2).err
    monkeypatch.setenv("DB_PW", "hunter2")
    refused = nabe("plan", code=2)
    assert "does not answer" in refused.err and "hunter2" not in refused.err


def test_an_unexpected_error_is_one_line_and_exit_code_one(dorf, nabe, monkeypatch):
    from nabe.cli import workspace

    def boom(*_):
        raise RuntimeError("secret of a silo")

    monkeypatch.setattr(workspace, "load", boom)
    failed = nabe("check", code=1)
    assert failed.err.count("\n") == 1 and "RuntimeError" in failed.err and "secret" not in failed.err


@pytest.mark.parametrize("kind", ["", "city", "dataset", "usecase"])
def test_schemas_are_json_schemas(nabe, kind):
    found = nabe("schema", *([kind] if kind else []), code=0).json
    assert "$schema" in json.dumps(found)


def test_an_unknown_kind_of_schema_is_refused(nabe):
    assert "Kinds:" in nabe("schema", "datset", code=2).err


def test_a_folder_with_umlauts_and_blanks_becomes_a_workspace(tmp_path, nabe):
    nabe("init", tmp_path / "Groß Köris 2026", code=0)
    assert nabe("check", "-w", tmp_path / "Groß Köris 2026", code=0).out.startswith("3 documents, 0 errors")
    assert "id: gross-koeris-2026" in (tmp_path / "Groß Köris 2026/nabe.yaml").read_text()
