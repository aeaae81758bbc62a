"""The example of docs/guides/deliveries.md, executed: these files and commands say what the page says."""

from __future__ import annotations

import re
from pathlib import Path

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "deliveries.md"


def test_the_example_of_the_guide_is_true(dorf, nabe):
    page = GUIDE.read_text("utf-8")
    files = dict(re.findall(r"^```text (\S+)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))
    assert set(files) == {"data/kitas.csv", "neu.csv"}
    for name, body in files.items():
        (Path(dorf) / name).write_text(body, "utf-8")
    nabe("connect", "data/kitas.csv", "--as", "kitas", "--yes", code=0)
    (Path(dorf) / "usecases/planung/usecase.yaml").unlink()
    nabe("apply", "--yes", code=0)
    nabe("user", "add", "kita-amt", "-o", "dorf", "-r", "data_owner", "--no-password", code=0)
    (console,) = re.findall(r"^```console\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    for part in console.split("$ ")[1:]:
        command, _, expected = part.partition("\n")
        ran = nabe(*command.split()[1:], code=0)
        assert [line.rstrip() for line in ran.out.splitlines()] == expected.splitlines()
    assert (Path(dorf) / "data/kitas.csv").read_text("utf-8") == files["neu.csv"]
