"""`apply` with the power cut: the old state or the new one, never a mixture."""

from __future__ import annotations

import random
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


def test_apply_killed_at_any_moment_leaves_the_old_or_the_new_state(tmp_path, nabe):
    declare(tmp_path, "v0")
    nabe("apply", "-y", "-w", tmp_path, code=0)
    random.seed(7)
    outcomes = set()
    for number in range(1, 6):
        old = state(tmp_path)[0]
        declare(tmp_path, f"v{number}")
        process = subprocess.Popen(
            [sys.executable, "-c", "from nabe.cli import main; main()", "apply", "-y", "-w", str(tmp_path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        process.stdout.readline()  # the plan is being shown: what follows is the commit
        time.sleep(random.uniform(0, 0.12))
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=20)
        titles, organisations = state(tmp_path)
        assert titles in (old, {f"v{number}"}) and organisations == ORGANISATIONS
        outcomes.add(titles == old)
    nabe("apply", "-y", "-w", tmp_path, code=0)
    assert state(tmp_path) == ({"v5"}, ORGANISATIONS)
