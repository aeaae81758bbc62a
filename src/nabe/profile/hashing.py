"""Stable 64-bit hashes of Arrow columns, vectorised: the same value has the same hash on every machine and in every run.

Sketches are kept in files and compared later, so Python's own salted hash would not do. Not cryptographic: hashes of
few possible values can be guessed, which is why fields suspected as personal are never kept as sketches.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Hashes = npt.NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_NULL = np.uint64(0x6E756C6C6E756C6C)
#: Longer values are told apart by these first bytes, their last eight and their length.
_HEAD_BYTES = 512


def mix(words: Hashes) -> Hashes:
    """The finaliser of splitmix64 (Steele et al. 2014): spreads every bit of the input over the whole word."""
    words = (words ^ (words >> np.uint64(30))) * _MIX_1
    words = (words ^ (words >> np.uint64(27))) * _MIX_2
    return words ^ (words >> np.uint64(31))


def combine(columns: list[Hashes]) -> Hashes:
    """One hash per row of several columns, in their order."""
    state = columns[0]
    for column in columns[1:]:
        state = mix(state * _GOLDEN + column)
    return state


def hash_values(values: pa.Array) -> Hashes:
    """A hash per value; a missing value has one of its own.

    Whole numbers hash as their decimal text, so that `101`, `"101"` and `101.0` are the same key.
    """
    kind = values.type
    if pa.types.is_floating(kind):
        hashes = _hash_floats(values)
    elif pa.types.is_temporal(kind):
        width = pa.int32() if kind.bit_width == 32 else pa.int64()
        raw = pc.fill_null(values.view(width), 0).to_numpy(zero_copy_only=False)
        hashes = mix(raw.astype(np.int64).view(np.uint64) * _GOLDEN + np.uint64(kind.bit_width))
    elif pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        hashes = _hash_bytes(values.cast(pa.binary()))
    else:
        text = values if pa.types.is_string(kind) else values.cast(pa.string())
        hashes = _hash_bytes(text)
    if values.null_count:
        hashes = np.where(pc.is_null(values).to_numpy(zero_copy_only=False), _NULL, hashes)
    return hashes


def _hash_floats(values: pa.Array) -> Hashes:
    numbers = pc.fill_null(values, 0.0).to_numpy(zero_copy_only=False).astype(np.float64)
    hashes = mix((numbers + 0.0).view(np.uint64) ^ _GOLDEN)
    whole = (np.abs(numbers) < 2**53) & (numbers == np.floor(numbers))
    if whole.any():
        as_text = pa.array(numbers[whole].astype(np.int64)).cast(pa.string())
        hashes[whole] = _hash_bytes(as_text)
    return hashes


def _hash_bytes(values: pa.Array) -> Hashes:
    """Eight bytes at a time over all values at once."""
    count = len(values)
    if count == 0:
        return np.empty(0, np.uint64)
    _, offset_buffer, data_buffer = values.buffers()
    offsets = np.frombuffer(offset_buffer, np.int32)[values.offset : values.offset + count + 1].astype(np.int64)
    begin, end = int(offsets[0]), int(offsets[-1])
    padded = np.zeros(end - begin + 8, np.uint8)
    if end > begin:
        padded[:-8] = np.frombuffer(data_buffer, np.uint8)[begin:end]
    words = np.ndarray((len(padded) - 7,), "<u8", padded, strides=(1,))
    starts, lengths = offsets[:-1] - begin, offsets[1:] - offsets[:-1]
    state = mix(lengths.astype(np.uint64) * _GOLDEN + np.uint64(1))
    rows = np.flatnonzero(lengths > 0)
    for done in range(0, _HEAD_BYTES, 8):
        if not len(rows):
            return state
        left = lengths[rows] - done
        state[rows] = mix(state[rows] ^ (words[starts[rows] + done] & _mask(left))) + _GOLDEN
        rows = rows[left > 8]
    if len(rows):
        state[rows] = mix(state[rows] ^ words[starts[rows] + lengths[rows] - 8]) + _GOLDEN
    return state


def _mask(left: npt.NDArray[np.int64]) -> Hashes:
    """Keeps the first `left` bytes of a little-endian word."""
    bits = np.minimum(left, 8).astype(np.uint64) * np.uint64(8)
    full = np.uint64(0xFFFFFFFFFFFFFFFF)
    return np.where(bits >= 64, full, (np.uint64(1) << np.minimum(bits, np.uint64(63))) - np.uint64(1))
