"""Building happens once, refuses foreign folders and copes with a PostgreSQL that does not start."""

from __future__ import annotations

import contextlib
import json

import pytest

from nabe.demo import making
from nabe.demo.building import STAMP, build, read_stamp
from nabe.errors import Invalid


@pytest.fixture(autouse=True)
def quick(monkeypatch, town):
    """The town is made once for all tests."""
    monkeypatch.setattr(making, "make", lambda: town)


def _quiet(step, share):
    pass


def test_a_second_build_is_skipped_and_a_newer_generator_builds_anew(tmp_path):
    written = []
    write = lambda root, nouns: written.append(len(nouns))  # noqa: E731
    assert build(tmp_path / "city", _quiet, write=write).built
    assert not build(tmp_path / "city", _quiet, write=write).built
    stamp = json.loads((tmp_path / "city" / STAMP).read_text())
    (tmp_path / "city" / STAMP).write_text(json.dumps(stamp | {"generator": "older"}))
    assert build(tmp_path / "city", _quiet, write=write).built
    assert len(written) == 2


def test_progress_rises_from_nothing_to_everything(tmp_path):
    shares = []
    build(tmp_path / "city", lambda step, share: shares.append(share), write=lambda root, nouns: None)
    assert shares[0] == 0 and shares[-1] == 1 and shares == sorted(shares)


def test_a_folder_with_something_else_in_it_is_refused(tmp_path):
    (tmp_path / "nabe.yaml").write_text("kind: city")
    with pytest.raises(Invalid, match="not empty and no model city"):
        build(tmp_path, _quiet, write=lambda root, nouns: None)
    assert [path.name for path in tmp_path.iterdir()] == ["nabe.yaml"]


def test_a_build_that_broke_off_is_taken_up_again(tmp_path):
    def write(root, nouns):
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        build(tmp_path / "city", _quiet, write=write)
    assert read_stamp(tmp_path / "city").generator == ""
    assert build(tmp_path / "city", _quiet, write=lambda root, nouns: None).built


def test_a_postgres_that_does_not_start_is_replaced_by_sqlite_and_the_reason_is_kept(tmp_path):
    @contextlib.contextmanager
    def broken(folder):
        raise RuntimeError("initdb failed")
        yield

    demo = build(tmp_path / "city", _quiet, write=lambda root, nouns: None, postgres=broken)
    assert (demo.social, demo.why_sqlite) == ("sqlite", "initdb failed")
    assert (tmp_path / "city" / "silos" / "sozialhilfe" / "sozialhilfe.sqlite").exists()
    assert not build(tmp_path / "city", _quiet, write=lambda root, nouns: None, postgres=broken).built
