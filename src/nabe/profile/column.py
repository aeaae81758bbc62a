"""One column seen as a stream of Arrow batches: counters, range, a sample of its distinct values."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nabe.model.dataset import FieldType
from nabe.ports.source import Column
from nabe.profile.distinct import Budget, Counts, Exact, Sample
from nabe.profile.hashing import Hashes, hash_values
from nabe.profile.sketch import K
from nabe.profile.wkb import first_point

#: Above this share of different values a dictionary costs more than it saves.
_DICTIONARY_SHARE = 0.3
#: Texts longer than this on average may hold anything, so all of them are searched, not only the sample.
_FREE_TEXT_LENGTH = 24
#: Up to so many rows distinct values are counted exactly; beyond, only where the column may be a key.
_SMALL = 131_072
#: So many geometries are looked at to see where they lie.
_POINTS = 256
#: What must not lie in free text: an e-mail address, an IBAN, a telephone number.
_CONTACT = (
    r"[A-Za-z0-9._-]@[A-Za-z0-9-]+\.[A-Za-z]{2}|\b[A-Z]{2}\d{2} ?\d{4} ?\d{4} ?\d{4}|"
    r"(?:\+49|\b0[1-9]\d{1,4}) ?[/ -] ?\d{3,}[ \d-]{2,}"
)
_REMEMBERED = ("_counted", "values", "texts", "whole", "width", "leading_zeros")
_DIGITS = re.compile(r"\d+")
_NUMBER = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+)?([.,]\d+)?([eE][+-]?\d+)?%?")


class ColumnProfile:
    """Feed it batches with `add`, then ask. Memory: the sample, and hashes of all rows while it may be unique."""

    def __init__(self, column: Column, kind: pa.DataType, budget: Budget, k: int = K) -> None:
        self.column = column
        self.name = column.name
        self.type = column.type
        self.rows = 0
        self.nulls = 0
        self.low: Any = None
        self.high: Any = None
        self.max_length = 0
        self.contacts = 0
        self.points: list[tuple[float, float]] = []
        self._length = 0
        self._dictionary = True
        self.sample = Sample(kind, k)
        self.exact = Exact(budget)
        if self.type in (FieldType.NUMBER, FieldType.BOOLEAN, FieldType.GEOMETRY):
            self.exact.drop()

    def add(self, values: pa.Array) -> Hashes:
        """Take in a batch; gives the hash of each row for whoever combines columns."""
        for name in _REMEMBERED:  # may have been asked between batches
            self.__dict__.pop(name, None)
        self.rows += len(values)
        if pa.types.is_string(values.type):
            values = _blank_is_missing(values)
        self.nulls += values.null_count
        if self.type is FieldType.GEOMETRY:
            self._look_where(values)
            return hash_values(values)
        distinct, counts, hashes, row_hashes = self._hashed(values)
        self.sample.add(hashes, distinct, counts)
        self._range(distinct, counts)
        if self.rows > _SMALL and self.exact.alive and (self.nulls or counts is not None or self.sample.repeated):
            self.exact.drop()  # too many to count, and no key any more
        if self.exact.alive:
            there = np.asarray(pc.is_valid(values)) if values.null_count else slice(None)
            self.exact.add(row_hashes[there])
        return row_hashes

    def _look_where(self, geometries: pa.Array) -> None:
        """Keep the first points of some geometries."""
        for wkb in geometries.slice(0, 4 * _POINTS).drop_null()[: _POINTS - len(self.points)].to_pylist():
            if point := first_point(wkb):
                self.points.append(point)

    def _hashed(self, values: pa.Array) -> tuple[pa.Array, Counts | None, Hashes, Hashes]:
        """Values to look at (all, or the distinct ones with their counts), their hashes, and those of all rows."""
        if self._dictionary and len(values) > 1:
            encoded = values.dictionary_encode()
            distinct = encoded.dictionary
            self._dictionary = len(distinct) <= _DICTIONARY_SHARE * len(values)
            if len(distinct) + values.null_count < len(values):
                hashes = hash_values(distinct)
                codes = pc.fill_null(encoded.indices, len(distinct)).to_numpy(zero_copy_only=False)
                counts = np.bincount(codes, minlength=len(distinct) + 1)[: len(distinct)].astype(np.int64)
                return distinct, counts, hashes, np.append(hashes, np.uint64(0))[codes]
        row_hashes = hash_values(values)
        if not values.null_count:
            return values, None, row_hashes, row_hashes
        there = pc.is_valid(values)
        return values.filter(there), None, row_hashes[there.to_numpy(zero_copy_only=False)], row_hashes

    def _range(self, values: pa.Array, counts: Counts | None) -> None:
        if not len(values):
            return
        if pa.types.is_string(values.type):
            lengths = pc.binary_length(values)
            self.max_length = max(self.max_length, pc.max(lengths).as_py())
            weights = lengths.to_numpy(zero_copy_only=False)
            self._length += int((weights if counts is None else weights * counts).sum())
            if self._length > _FREE_TEXT_LENGTH * (self.rows - self.nulls):
                hits = pc.match_substring_regex(values, _CONTACT).to_numpy(zero_copy_only=False)
                self.contacts += int(hits.sum() if counts is None else counts[hits].sum())
            return
        found = pc.min_max(values)
        low, high = found["min"].as_py(), found["max"].as_py()
        self.low = low if self.low is None else min(self.low, low)
        self.high = high if self.high is None else max(self.high, high)

    @property
    def filled(self) -> int:
        """Values that are not missing."""
        return self.rows - self.nulls

    @property
    def mean_length(self) -> float:
        return self._length / self.filled if self.filled else 0.0

    @property
    def free_text(self) -> bool:
        return self.type is FieldType.STRING and self.mean_length > _FREE_TEXT_LENGTH

    @cached_property
    def _counted(self) -> tuple[int, bool]:
        if self.sample.complete:
            return self.sample.distinct, True
        exact = self.exact.distinct()
        return (self.sample.distinct, False) if exact is None else (exact, True)

    @property
    def distinct(self) -> int:
        """Distinct values; `distinct_exact` says whether counted or estimated."""
        return self._counted[0]

    @property
    def distinct_so_far(self) -> int:
        """As `distinct`, perhaps estimated; may be asked while batches still come."""
        return self.sample.distinct

    @property
    def distinct_exact(self) -> bool:
        return self._counted[1]

    @property
    def unique(self) -> bool:
        """No value missing, none twice; certain."""
        return self.rows > 0 and not self.nulls and self.distinct_exact and self.distinct == self.rows

    @property
    def seems_unique(self) -> bool:
        """No value missing, none of the sample twice; not certain where there were too many to count."""
        return self.unique or (
            self.rows > 0 and not self.nulls and not self.distinct_exact and not self.sample.repeated
        )

    @cached_property
    def values(self) -> list[Any]:
        """The sampled distinct values."""
        found: list[Any] = self.sample.values.to_pylist()
        return found

    @cached_property
    def texts(self) -> list[str]:
        """The sampled distinct values as text, without blanks around them; whole numbers without point."""
        if self.type is FieldType.NUMBER:
            return [str(int(value)) if float(value).is_integer() else str(value) for value in self.values]
        return [str(value).strip() for value in self.values]

    def share(self, test: Callable[[str], Any]) -> float:
        """The share of sampled distinct values that pass `test`."""
        return sum(1 for text in self.texts if test(text)) / len(self.texts) if self.texts else 0.0

    @cached_property
    def whole(self) -> bool:
        """Are all sampled values whole numbers, in whatever type?"""
        return (
            bool(self.texts)
            and self.type is not FieldType.BOOLEAN
            and all(_DIGITS.fullmatch(text) for text in self.texts)
        )

    @cached_property
    def width(self) -> int:
        """The number of digits if all sampled values are digits and equally many, else 0."""
        widths = {len(text) for text in self.texts} if self.whole else set()
        return widths.pop() if len(widths) == 1 else 0

    @cached_property
    def leading_zeros(self) -> bool:
        return (
            self.type is FieldType.STRING
            and self.whole
            and any(len(text) > 1 and text[0] == "0" for text in self.texts)
        )

    def examples(self, test: Callable[[str], Any], count: int = 3) -> list[str]:
        """Up to `count` sampled values that pass, the most frequent first, cut to 40 characters."""
        order = np.argsort(-self.sample.counts, kind="stable")
        passing = (self.texts[at] for at in order if test(self.texts[at]))
        return [text[:40] for text, _ in zip(passing, range(count), strict=False)]

    def matching_rows(self, test: Callable[[str], Any]) -> int:
        """Rows whose value is in the sample and passes."""
        return int(sum(count for text, count in zip(self.texts, self.sample.counts, strict=True) if test(text)))


def is_number(text: str) -> bool:
    """Is this a number in German or English writing?"""
    return bool(text) and text[-1:] not in "+-.," and bool(_NUMBER.fullmatch(text))


def _blank_is_missing(values: pa.Array) -> pa.Array:
    trimmed = pc.utf8_trim_whitespace(values)
    empty = pc.equal(pc.binary_length(trimmed), 0)
    return pc.if_else(empty, pa.scalar(None, pa.string()), trimmed) if pc.any(empty).as_py() else trimmed
