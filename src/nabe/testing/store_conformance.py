"""What every catalogue, ledger and identity must do; a store's tests subclass these with a `store` fixture.

The fixture yields an object with `.catalogue`, `.ledger`, `.identity`, and `again()`: a second store on the same data, as
another process would open it.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from typing import Any

import pytest

from nabe.errors import Conflict, Invalid, NabeError, NotAuthenticated, TooManyRequests
from nabe.model.catalogue import Change, City, Noun, kind_of
from nabe.model.dataset import System
from nabe.model.ledger import Entry
from nabe.model.party import Actor, Organisation, Role
from nabe.model.text import Text
from nabe.testing.canary_city import nouns

NOW = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)


def _put(*items: Noun) -> list[Change]:
    return [Change(kind_of(noun), noun.id, noun) for noun in items]


class CatalogueConformance:
    """Declarations: atomic, versioned, equal after a round trip."""

    def test_what_was_committed_is_read_back_equal(self, store: Any) -> None:
        assert store.catalogue.snapshot().version == 0
        version = store.catalogue.commit(_put(*nouns()), author="it", at=NOW, expect=0)
        snapshot = store.catalogue.snapshot()
        assert version == snapshot.version == 1
        assert {(kind_of(n), n.id): n for n in snapshot.nouns()} == {(kind_of(n), n.id): n for n in nouns()}

    def test_the_snapshot_is_the_same_object_until_something_changes_in_any_process(self, store: Any) -> None:
        store.catalogue.commit(_put(City("a", Text("A"))), author="it", at=NOW, expect=0)
        first = store.catalogue.snapshot()
        assert store.catalogue.snapshot() is first
        other = store.again()
        other.catalogue.commit(_put(City("a", Text("B"))), author="it", at=NOW, expect=1)
        assert store.catalogue.snapshot().city.title == Text("B")
        assert store.catalogue.snapshot().version == 2

    def test_a_commit_on_an_old_version_changes_nothing(self, store: Any) -> None:
        store.catalogue.commit(_put(City("a", Text("A"))), author="it", at=NOW, expect=0)
        with pytest.raises(Conflict):
            store.catalogue.commit(_put(City("a", Text("B"))), author="it", at=NOW, expect=0)
        assert store.catalogue.snapshot().city.title == Text("A")

    def test_a_failing_commit_leaves_the_old_state_whole(self, store: Any) -> None:
        store.catalogue.commit(_put(City("a", Text("A"))), author="it", at=NOW, expect=0)
        broken = [*_put(Organisation("x", Text("X"))), Change("organisation", "y", object())]  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            store.catalogue.commit(broken, author="it", at=NOW, expect=1)
        assert store.catalogue.snapshot().version == 1
        assert not store.catalogue.snapshot().organisations
        assert store.catalogue.commit(_put(Organisation("x", Text("X"))), author="it", at=NOW, expect=1) == 2

    def test_history_names_author_time_and_content_newest_first(self, store: Any) -> None:
        store.catalogue.commit(_put(City("a", Text("A"))), author="eva", at=NOW, expect=0)
        store.catalogue.commit([Change("city", "a", None)], author="otto", at=NOW + dt.timedelta(hours=1), expect=1)
        removed, put = store.catalogue.history("city", "a")
        assert (removed.author, removed.noun, removed.version) == ("otto", None, 2)
        assert (put.author, put.noun, put.at) == ("eva", City("a", Text("A")), NOW)
        assert store.catalogue.history("city", "b") == []

    def test_one_commit_may_touch_a_document_twice_and_the_last_word_counts(self, store: Any) -> None:
        changes = [*_put(City("a", Text("A"))), Change("city", "a", None), *_put(City("a", Text("B")))]
        store.catalogue.commit(changes, author="it", at=NOW, expect=0)
        assert store.catalogue.snapshot().city.title == Text("B")
        assert len(store.catalogue.history("city", "a")) == 3

    def test_a_change_that_holds_another_document_is_refused(self, store: Any) -> None:
        for kind, id in (("organisation", "a"), ("city", "b")):
            with pytest.raises(Invalid):
                store.catalogue.commit([Change(kind, id, City("a", Text("A")))], author="it", at=NOW, expect=0)
        assert store.catalogue.snapshot().version == 0

    def test_a_commit_of_nothing_is_no_new_version(self, store: Any) -> None:
        assert store.catalogue.commit([], author="it", at=NOW, expect=0) == 0

    def test_values_that_cannot_be_kept_are_refused(self, store: Any) -> None:
        for hostile in (float("inf"), "half \ud800 character"):
            system = System("s", Text("S"), "file", "o", {"x": hostile})
            with pytest.raises(Invalid):
                store.catalogue.commit(_put(system), author="it", at=NOW, expect=0)
        assert store.catalogue.snapshot().version == 0

    def test_of_many_writers_at_once_exactly_one_wins_each_version(self, store: Any) -> None:
        won: list[int] = []

        def write(number: int) -> None:
            try:
                won.append(store.catalogue.commit(_put(City("a", Text(str(number)))), author="x", at=NOW, expect=0))
            except Conflict:
                pass

        threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert won == [1]


def entry(number: int = 0, **changes: Any) -> Entry:
    """A ledger entry."""
    values: dict[str, Any] = {
        "at": NOW,
        "actor": "eva",
        "use_case": "uc",
        "action": "read",
        "dataset": "d",
        "rows": number,
    }
    return Entry(**(values | changes))


class LedgerConformance:
    """The chain: complete, in order, and broken where somebody touched it (`damage(sql)` is given by the test)."""

    def test_entries_are_chained_and_verified(self, store: Any) -> None:
        store.ledger.append([entry(1), entry(2)])
        store.ledger.append([entry(3)])
        found = store.ledger.entries()
        assert [item.number for item in found] == [1, 2, 3]
        assert found[0].previous == "" and found[1].previous == found[0].hash
        assert found[2].entry == entry(3)
        assert store.ledger.verify().broken_at is None and store.ledger.verify().entries == 3

    def test_what_need_not_be_durable_comes_soon_and_in_order(self, store: Any) -> None:
        for number in range(50):
            store.ledger.append([entry(number)], durable=False)
        store.ledger.append([entry(50)])
        assert [item.entry.rows for item in store.ledger.entries()] == list(range(51))

    def test_several_threads_and_processes_write_one_chain(self, store: Any) -> None:
        stores = [store, store.again()]

        def write(which: int) -> None:
            for number in range(20):
                stores[which % 2].ledger.append([entry(number, actor=f"a{which}")])

        threads = [threading.Thread(target=write, args=(which,)) for which in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert store.ledger.verify().entries == 80 and store.ledger.verify().broken_at is None

    def test_entries_are_found_by_dataset_and_actor(self, store: Any) -> None:
        store.ledger.append([entry(1), entry(2, dataset="e"), entry(3, actor="otto")])
        assert [item.number for item in store.ledger.entries(dataset="e")] == [2]
        assert [item.number for item in store.ledger.entries(actor="otto")] == [3]
        assert [item.number for item in store.ledger.entries(after=1, limit=1)] == [2]

    def test_usage_counts_reads_and_rows(self, store: Any) -> None:
        store.ledger.append(
            [entry(-1), entry(5, action="delivered"), entry(7, use_case="other"), entry(9, action="denied")]
        )
        found = store.ledger.usage(NOW - dt.timedelta(days=1), NOW + dt.timedelta(days=1))
        assert [(item.use_case, item.reads, item.rows) for item in found] == [("other", 1, 7), ("uc", 1, 5)]
        assert store.ledger.usage(NOW + dt.timedelta(days=1), NOW + dt.timedelta(days=2)) == []

    @pytest.mark.parametrize(
        ("sql", "broken_at"),
        [
            ("UPDATE ledger SET body = replace(body, 'eva', 'ada') WHERE number = 2", 2),
            ("UPDATE ledger SET actor = 'ada' WHERE number = 3", 3),
            ("DELETE FROM ledger WHERE number = 2", 2),
            ("DELETE FROM ledger WHERE number > 3", 4),
            ("UPDATE ledger SET previous = 'x' WHERE number = 4", 4),
            ("UPDATE ledger SET number = 9 WHERE number = 5", 5),
            ("UPDATE ledger SET at = '2020-01-01' WHERE number = 2", 2),
            ("UPDATE ledger SET number = 0 WHERE number = 1", 0),
            ("UPDATE ledger SET number = 12 - number WHERE number > 1", 2),
            ("UPDATE ledger_head SET number = 3, hash = (SELECT hash FROM ledger WHERE number = 3)", 4),
            ("UPDATE ledger_head SET hash = 'x'", 5),
        ],
    )
    def test_the_first_entry_that_was_touched_is_named(self, store: Any, damage: Any, sql: str, broken_at: int) -> None:
        store.ledger.append([entry(number) for number in range(5)])
        damage(sql)
        assert store.ledger.verify().broken_at == broken_at

    def test_what_nobody_waits_for_is_on_disk_soon_even_when_more_keeps_coming(self, store: Any) -> None:
        stop = time.monotonic() + 0.5
        number = 0
        while time.monotonic() < stop:
            store.ledger.append([entry(number)], durable=False)
            number += 1
            time.sleep(0.02)
        assert len(store.again().ledger.entries(limit=1000)) >= number // 2

    def test_what_an_asker_wrote_neither_fills_nor_breaks_the_ledger(self, store: Any) -> None:
        hostile = ["x" * 100_000, "nul \0 byte", "half \ud800 character", "'; DROP TABLE ledger; --"]
        for text in hostile:
            store.ledger.append([entry(1, dataset=text, use_case=text, detail=text, fields=(text,))])
        assert len(store.ledger.entries()) == len(hostile)
        assert len(store.ledger.entries(dataset=hostile[1])) == 1
        assert all(len(item.entry.dataset) <= 200 for item in store.ledger.entries())
        assert store.ledger.verify().broken_at is None

    def test_a_chain_that_grows_while_it_is_walked_is_whole(self, store: Any) -> None:
        done = threading.Event()

        def write() -> None:
            while not done.is_set():
                store.ledger.append([entry(number) for number in range(50)], durable=False)
                time.sleep(0.02)

        thread = threading.Thread(target=write)
        thread.start()
        try:
            other = store.again().ledger
            found = [other.verify() for _ in range(8)]
        finally:
            done.set()
            thread.join()
        assert [check.why for check in found if check.broken_at is not None] == []

    def test_nobody_waits_for_ever_for_a_ledger_that_is_being_closed(self, store: Any) -> None:
        other = store.again().ledger
        ended: list[str] = []

        def write() -> None:
            try:
                for number in range(10_000):
                    other.append([entry(number)])
            except NabeError as error:
                ended.append(error.detail)

        threads = [threading.Thread(target=write, daemon=True) for _ in range(6)]
        for thread in threads:
            thread.start()
        time.sleep(0.1)
        other.close()
        for thread in threads:
            thread.join(timeout=10)
        assert ended == ["The ledger is closed."] * 6
        assert store.ledger.verify().broken_at is None


EVA = Actor("eva", "Eva", "amt", frozenset({Role.IT, Role.DATA_OWNER}))


class IdentityConformance:
    """Accounts, tokens, and the wall against guessing."""

    def test_the_right_password_logs_in_and_a_wrong_one_does_not(self, store: Any) -> None:
        store.identity.put_account(EVA, "richtig lang")
        assert store.identity.by_password("eva", "richtig lang", client="c", at=NOW) == EVA
        with pytest.raises(NotAuthenticated) as wrong:
            store.identity.by_password("eva", "falsch", client="c", at=NOW)
        with pytest.raises(NotAuthenticated) as unknown:
            store.identity.by_password("niemand", "falsch", client="c", at=NOW)
        assert str(wrong.value) == str(unknown.value)

    def test_an_account_without_a_password_cannot_log_in(self, store: Any) -> None:
        store.identity.put_account(EVA, None)
        with pytest.raises(NotAuthenticated):
            store.identity.by_password("eva", "", client="c", at=NOW)

    def test_changing_an_account_keeps_its_password(self, store: Any) -> None:
        store.identity.put_account(EVA, "richtig lang")
        changed = Actor("eva", "Eva Neu", "amt2")
        store.identity.put_account(changed, None)
        assert store.identity.by_password("eva", "richtig lang", client="c", at=NOW) == changed
        assert store.identity.accounts() == [changed]

    def test_guessing_is_slowed_down_per_name_and_per_client(self, store: Any) -> None:
        store.identity.put_account(EVA, "richtig lang")
        for _ in range(5):
            with pytest.raises(NotAuthenticated):
                store.identity.by_password("eva", "falsch", client="c", at=NOW)
        with pytest.raises(TooManyRequests) as error:
            store.identity.by_password("eva", "richtig lang", client="other", at=NOW)
        assert 0 < error.value.retry_after <= 2
        with pytest.raises(TooManyRequests):
            store.identity.by_password("otto", "falsch", client="c", at=NOW)
        later = NOW + dt.timedelta(seconds=3)
        assert store.identity.by_password("eva", "richtig lang", client="other", at=later) == EVA

    def test_guesses_sent_all_at_once_are_counted_each(self, store: Any) -> None:
        store.identity.put_account(EVA, "richtig lang")
        found: list[str] = []

        def guess() -> None:
            try:
                store.identity.by_password("eva", "falsch", client="c", at=NOW)
            except (NotAuthenticated, TooManyRequests) as error:
                found.append(error.code)

        threads = [threading.Thread(target=guess) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found.count("not-authenticated") == 5 and found.count("too-many-requests") == 7

    def test_the_wait_doubles_and_is_kept_by_other_processes_and_forgotten_after_an_hour(self, store: Any) -> None:
        store.identity.put_account(EVA, "richtig lang")
        at, waits = NOW, []
        for _ in range(6):
            with pytest.raises(NotAuthenticated):
                store.identity.by_password("eva", "falsch", client="c", at=at)
            try:
                store.again().identity.by_password("eva", "falsch", client="d", at=at)
            except TooManyRequests as error:
                waits.append(round(error.retry_after))
                at += dt.timedelta(seconds=error.retry_after)
            except NotAuthenticated:
                pass
        assert waits == sorted(waits) and waits[-1] >= 2 * waits[0]
        later = at + dt.timedelta(hours=2)
        assert store.identity.by_password("eva", "richtig lang", client="c", at=later) == EVA

    def test_nobody_is_locked_out_by_others_for_more_than_a_minute(self, store: Any) -> None:
        store.identity.put_account(EVA, "richtig lang")
        at = NOW
        for number in range(11):
            at += dt.timedelta(seconds=60)
            with pytest.raises(NotAuthenticated):
                store.identity.by_password("eva", "falsch", client=str(number), at=at)
        with pytest.raises(TooManyRequests) as error:
            store.identity.by_password("eva", "richtig lang", client="home", at=at)
        assert error.value.retry_after <= 60

    def test_a_log_in_that_succeeds_is_no_guess(self, store: Any) -> None:
        store.identity.put_account(EVA, "richtig lang")
        for _ in range(7):
            assert store.identity.by_password("eva", "richtig lang", client="c", at=NOW) == EVA

    @pytest.mark.parametrize("name", ["", "a\0b", "\ud800", "x" * 10_000, "' OR 1=1 --"])
    def test_no_name_is_too_strange_to_be_refused(self, store: Any, name: str) -> None:
        with pytest.raises(NotAuthenticated):
            store.identity.by_password(name, "\ud800" + "x" * 5000, client=name, at=NOW)
        with pytest.raises(NotAuthenticated):
            store.identity.by_token(name, at=NOW)
        store.identity.revoke_secret(name)
        with pytest.raises(Invalid):
            store.identity.put_account(Actor(name), None)

    def test_short_passwords_are_refused(self, store: Any) -> None:
        with pytest.raises(Invalid):
            store.identity.put_account(EVA, "kurz")

    def test_a_token_speaks_for_its_account_with_no_more_than_its_roles(self, store: Any) -> None:
        store.identity.put_account(EVA, None)
        _, all_roles = store.identity.create_token("eva", "x", at=NOW, expires=None)
        _, narrow = store.identity.create_token(
            "eva", "y", at=NOW, expires=None, roles=frozenset({Role.IT, Role.CITIZEN})
        )
        assert store.identity.by_token(all_roles, at=NOW) == EVA
        assert store.identity.by_token(narrow, at=NOW).roles == {Role.IT}

    def test_tokens_end(self, store: Any) -> None:
        store.identity.put_account(EVA, None)
        token, secret = store.identity.create_token("eva", "x", at=NOW, expires=NOW + dt.timedelta(hours=1))
        assert store.identity.by_token(secret, at=NOW) == EVA
        with pytest.raises(NotAuthenticated):
            store.identity.by_token(secret, at=NOW + dt.timedelta(hours=1))
        store.identity.revoke(token.id)
        with pytest.raises(NotAuthenticated):
            store.identity.by_token(secret, at=NOW)
        assert store.identity.tokens("eva") == []

    def test_a_secret_names_its_token_and_another_ending_does_not_fit(self, store: Any) -> None:
        store.identity.put_account(EVA, None)
        token, secret = store.identity.create_token("eva", "x", at=NOW, expires=None)
        assert secret.startswith(f"nabe_{token.id}_")
        wrong = secret[:-1] + ("a" if secret[-1] != "a" else "b")
        with pytest.raises(NotAuthenticated):
            store.identity.by_token(wrong, at=NOW)
        store.identity.revoke_secret(wrong)
        assert store.identity.by_token(secret, at=NOW) == EVA
        store.identity.revoke_secret(secret)
        with pytest.raises(NotAuthenticated):
            store.identity.by_token(secret, at=NOW)

    def test_a_changed_account_counts_at_once_for_its_tokens(self, store: Any) -> None:
        store.identity.put_account(EVA, None)
        _, secret = store.identity.create_token("eva", "x", at=NOW, expires=None)
        assert store.identity.by_token(secret, at=NOW).roles == EVA.roles
        store.identity.put_account(Actor("eva", "Eva", "amt"), None)
        assert store.identity.by_token(secret, at=NOW).roles == frozenset()

    def test_a_new_password_ends_sessions_but_not_tokens(self, store: Any) -> None:
        store.identity.put_account(EVA, "richtig lang")
        _, session = store.identity.create_token("eva", "session", at=NOW, expires=None)
        _, script = store.identity.create_token("eva", "script", at=NOW, expires=None)
        store.identity.put_account(EVA, "ganz anders 1")
        assert store.identity.by_token(script, at=NOW) == EVA
        with pytest.raises(NotAuthenticated):
            store.identity.by_token(session, at=NOW)

    def test_expired_tokens_do_not_pile_up(self, store: Any) -> None:
        store.identity.put_account(EVA, None)
        for day in range(3):
            at = NOW + dt.timedelta(days=day)
            store.identity.create_token("eva", "session", at=at, expires=at + dt.timedelta(hours=12))
        assert len(store.identity.tokens("eva")) == 1

    def test_nobody_has_an_unknown_token(self, store: Any) -> None:
        for secret in ("", "nabe_x", "eva"):
            with pytest.raises(NotAuthenticated):
                store.identity.by_token(secret, at=NOW)

    def test_a_token_needs_an_account(self, store: Any) -> None:
        with pytest.raises(Invalid):
            store.identity.create_token("niemand", "x", at=NOW, expires=None)
