"""Hashes are the same everywhere and for the same value in whatever type."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from nabe.profile.hashing import combine, hash_values


def test_hashes_never_change_because_sketches_are_kept_in_files() -> None:
    found = hash_values(pa.array(["", "Köln", "01100101", "x" * 600]))
    assert [f"{item:016x}" for item in found.tolist()] == [
        "5692161d100b05e5",
        "d571b5e022a13bc1",
        "9d7f69655df5e248",
        "bed609969e8e8738",
    ]


@settings(deadline=None)
@given(st.lists(st.text(max_size=40), min_size=1, max_size=30))
def test_equal_texts_have_equal_hashes_and_different_ones_different(texts: list[str]) -> None:
    hashes = hash_values(pa.array(texts, pa.string())).tolist()
    assert len(set(hashes)) == len(set(texts))
    assert dict(zip(texts, hashes, strict=True)) == {text: hashes[at] for at, text in enumerate(texts)}


@settings(deadline=None)
@given(st.lists(st.text(max_size=20), min_size=3, max_size=30), st.integers(0, 2))
def test_a_slice_hashes_like_the_whole(texts: list[str], start: int) -> None:
    whole = pa.array(texts, pa.string())
    assert hash_values(whole)[start:].tolist() == hash_values(whole.slice(start)).tolist()


@settings(deadline=None)
@given(st.lists(st.integers(-(2**53) + 1, 2**53 - 1), min_size=1, max_size=20))
def test_whole_numbers_hash_alike_as_text_integer_and_decimal(numbers: list[int]) -> None:
    as_text = hash_values(pa.array([str(number) for number in numbers]))
    assert as_text.tolist() == hash_values(pa.array(numbers, pa.int64())).tolist()
    assert as_text.tolist() == hash_values(pa.array([float(number) for number in numbers])).tolist()


def test_leading_zeros_make_another_key() -> None:
    one, other = hash_values(pa.array(["0101", "101"]))
    assert one != other


def test_order_counts_when_columns_are_combined() -> None:
    one, other = hash_values(pa.array(["a"])), hash_values(pa.array(["b"]))
    assert combine([one, other])[0] != combine([other, one])[0]


def test_missing_values_share_a_hash_of_their_own() -> None:
    hashes = hash_values(pa.array([None, "", None]))
    assert hashes[0] == hashes[2] != hashes[1]
    assert hashes.dtype == np.uint64
