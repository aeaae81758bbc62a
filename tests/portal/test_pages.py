"""What the pages say, to whom, in which language; without a browser."""

from __future__ import annotations

import re

import pytest

PAGES = (
    "/",
    "/datasets",
    "/datasets/districts",
    "/datasets/districts/preview",
    "/datasets/districts/copies",
    "/datasets/kitas/copies",
    "/usecases",
    "/usecases/assistance",
    "/systems",
    "/systems/geodaten",
    "/transparency",
    "/query",
    "/login",
)


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("lang", ["de", "en"])
def test_every_page_says_everything_in_its_language(client, path, lang):
    answer = client.get(path, params={"lang": lang})
    assert answer.status_code == 200
    assert f'<html lang="{lang}"' in answer.text
    assert not re.search(r"portal\.[a-z_]+\.?[a-z_]*", re.sub(r'"[^"]*portal\.(css|js)[^"]*"', "", answer.text))


def test_german_comes_first_and_a_choice_of_language_is_kept(client):
    assert "Datensätze" in client.get("/").text
    assert "Datasets" in client.get("/", headers={"Accept-Language": "en-GB,en;q=0.9"}).text
    client.get("/", params={"lang": "en"})
    assert "Datasets" in client.get("/datasets").text


def test_strangers_see_open_data_and_what_public_use_cases_make_but_no_closed_dataset(client):
    page = client.get("/datasets").text
    assert "/datasets/districts" in page and "/datasets/assistance_by_district" in page
    assert "/datasets/households" not in page
    assert client.get("/datasets/households").status_code == 404


def test_a_stranger_is_refused_a_product_with_the_reason_and_sees_no_value(client):
    page = client.get("/datasets/assistance_by_district").text
    assert "Sie dürfen diesen Datensatz nicht lesen" in page and "Melden Sie sich an." in page
    assert "Haushalte im Leistungsbezug<" not in page and "LEFT JOIN" not in page
    part = client.get("/datasets/assistance_by_district/preview", headers={"HX-Request": "true"}).text
    assert "Nicht erlaubt" in part and "Altstadt" not in part


def test_a_stranger_is_not_told_whether_a_dataset_exists(client):
    hidden, absent = (client.get(f"/datasets/{name}").text for name in ("households", "gibtsnicht"))
    assert hidden.replace("households", "X") == absent.replace("gibtsnicht", "X")


def test_numbers_and_dates_are_written_as_germans_do(client):
    page = client.get("/datasets/districts/preview").text
    assert ">4.200<" in page and ">2,35<" in page
    assert ">01.08.2010<" in client.get("/datasets/kitas/preview").text
    assert ">4,200<" in client.get("/datasets/districts/preview", params={"lang": "en"}).text


def test_personal_fields_of_open_data_are_not_in_the_preview(client):
    page = client.get("/datasets/kitas/preview").text
    assert "Kita Altstadt 1" in page and "Frau Muster" not in page
    assert "für Sie verborgen" in client.get("/datasets/kitas").text


def test_facets_and_search_narrow_the_list(client):
    assert "3 Datensätze" in client.get("/datasets", params={"spatial": "1"}).text
    assert "1 Datensatz" in client.get("/datasets", params={"q": "kinder"}).text
    assert "Kein Datensatz passt" in client.get("/datasets", params={"q": "gibtsnicht"}).text


def test_htmx_gets_the_results_alone(client):
    part = client.get("/datasets", params={"q": "kita"}, headers={"HX-Request": "true"}).text
    assert 'id="results"' in part and "<html" not in part


def test_a_member_without_a_use_case_is_told_what_to_do(log_in):
    client = log_in("planerin")
    page = client.get("/datasets/households").text
    assert "Sie dürfen diesen Datensatz nicht lesen" in page
    assert "Nennen Sie den Anwendungsfall" in page and "Art. 5 Abs. 1 Buchst. b DSGVO" in page
    assert "Für „Sozialplanung im Stadtteil“ fragen" in page
    assert "soz@stadt.example" in page


def test_a_product_shows_its_rows_its_chart_and_what_is_suppressed(log_in):
    client = log_in("planerin", "assistance")
    assert "Sie fragen für:" in client.get("/").text
    part = client.get("/datasets/assistance_by_district/preview", headers={"HX-Request": "true"}).text
    assert "Altstadt" in part and "chart__bar" in part
    row = re.search(r"Nikolausberg</td>\s*<td[^>]*>([^<]*)<", part)
    assert row and row[1] == "keine Angabe"


def test_personal_rows_are_fetched_on_request_only(log_in):
    client = log_in("owner", "case_work")
    page = client.get("/datasets/households").text
    assert "Vorschau anzeigen" in page and 'hx-trigger="load"' not in page
    assert "Familie Muster" in client.get("/datasets/households/preview").text


def test_lineage_names_the_inputs_and_the_fields(log_in):
    page = log_in("planerin", "assistance").get("/datasets/assistance_by_district").text
    assert "Herkunft der einzelnen Felder" in page and "Haushalte im Leistungsbezug" in page
    assert "LEFT JOIN" in page


def test_examples_carry_this_servers_address_and_the_use_case(log_in):
    page = log_in("planerin", "assistance").get("/datasets/assistance_by_district").text
    assert "http://testserver/download/assistance_by_district.csv" in page
    assert "Nabe-Use-Case: assistance" in page


def test_a_silo_that_is_down_is_named_in_the_place_of_its_rows(client):
    answer = client.get("/datasets/old_maps/preview", headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert "Das Fachverfahren „Altes Archiv“ antwortet gerade nicht" in answer.text
    assert "antwortet gerade nicht" in client.get("/systems/archiv/state", headers={"HX-Request": "true"}).text
    assert "antwortet" in client.get("/systems/geodaten/state", headers={"HX-Request": "true"}).text


def test_sql_is_answered_as_a_table_and_as_a_file(client):
    sql = "SELECT name, residents FROM districts ORDER BY residents DESC LIMIT 3"
    page = client.post("/query", data={"sql": sql}).text
    assert "Nikolausberg" in page and "9.317" in page
    file = client.post("/query/download", data={"sql": sql, "format": "csv"})
    assert file.headers["content-type"].startswith("text/csv") and "Nikolausberg" in file.text


def test_an_error_in_sql_is_shown_with_its_place_and_keeps_what_was_written(client):
    answer = client.post("/query", data={"sql": "SELECT name\nFROM districts WHERE WHERE"})
    assert answer.status_code == 400
    assert "kein gültiges SQL" in answer.text and "Zeile 2" in answer.text
    assert "WHERE WHERE</textarea>" in answer.text


def test_what_is_written_into_forms_comes_back_as_text(client):
    evil = "<script>alert(1)</script>"
    for answer in (
        client.get("/datasets", params={"q": evil}),
        client.post("/query", data={"sql": evil}),
        client.post("/login", data={"name": evil, "password": "x"}),
        client.get("/datasets/" + evil),
    ):
        assert "<script>alert" not in answer.text


def test_strict_headers_are_on_every_page(client):
    policy = client.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert "unsafe" not in client.get("/gibtsnicht").headers["content-security-policy"]
