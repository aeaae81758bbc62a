"""`apply` with the power cut: the old state or the new one, never a mixture."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

from nabe.stores.relational import RelationalStore

ORGANISATIONS = 400


def declare(root, title):
    """Every document of the workspace carries the same title, so that a mixture shows."""
    (root / "nabe.yaml").write_text(f"kind: city\nid: dorf\ntitle: {title}\n")
    (root / "organisations").mkdir(exist_ok=True)
    (root / "organisations/alle.yaml").write_text(
        "".join(f"- {{id: o{number}, title: {title}}}\n" for number in range(ORGANISATIONS))
    )


def state(root):
    store = RelationalStore(f"sqlite:///{root / '.nabe/nabe.sqlite'}")
    try:
        snapshot = store.catalogue.snapshot()
        assert store.ledger.verify().broken_at is None
        return {noun.title.de for noun in snapshot.nouns()}, len(snapshot.organisations)
    finally:
        store.close()


def start(root):
    return subprocess.Popen(
        [sys.executable, "-c", "from nabe.cli import main; main()", "apply", "-y", "-w", str(root)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def test_apply_killed_at_any_moment_leaves_the_old_or_the_new_state(tmp_path, nabe):
    """Killed while it starts, at moments all over the commit, and when it has said that it is done."""
    declare(tmp_path, "v0")
    nabe("apply", "-y", "-w", tmp_path, code=0)
    declare(tmp_path, "v1")
    process = start(tmp_path)
    process.stdout.readline()  # the plan is being shown: what follows is the commit
    begun = time.monotonic()
    process.communicate(timeout=60)
    commit = time.monotonic() - begun

    outcomes = []
    for number in range(2, 14):
        old = state(tmp_path)[0]
        declare(tmp_path, f"v{number}")
        process = start(tmp_path)
        if number == 2:
            time.sleep(0.05)
        elif number == 13:
            assert any(line.startswith("✓") for line in process.stdout)
        else:
            process.stdout.readline()
            time.sleep(commit * (number - 3) / 9)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=20)
        titles, organisations = state(tmp_path)
        assert titles in (old, {f"v{number}"}) and organisations == ORGANISATIONS
        outcomes.append(titles == {f"v{number}"})
    assert not outcomes[0] and outcomes[-1]
    nabe("apply", "-y", "-w", tmp_path, code=0)
    assert state(tmp_path) == ({"v13"}, ORGANISATIONS)
    nabe("doctor", "-w", tmp_path, code=0)
