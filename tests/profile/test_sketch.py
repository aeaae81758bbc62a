"""Sketches compare the values of two silos without reading either again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from nabe.errors import Invalid
from nabe.model.dataset import FieldType
from nabe.profile import KeySketch, read_sketches, write_sketches
from nabe.profile.distinct import Budget, Exact, Sample
from nabe.profile.hashing import hash_values
from nabe.profile.sketch import K, containment


def sample_of(texts: list[str], batch: int = 1000) -> Sample:
    sample = Sample(pa.string())
    for start in range(0, len(texts), batch):
        part = pa.array(texts[start : start + batch], pa.string())
        sample.add(hash_values(part), part)
    return sample


def sketch_of(texts: list[str], **rest: object) -> KeySketch:
    sample = sample_of(texts)
    values = {"distinct": len(set(texts)), "rows": len(texts), "hashes": sample.hashes} | rest
    return KeySketch("known", "key", FieldType.STRING, **values)  # type: ignore[arg-type]


def test_a_sample_counts_its_values_exactly_however_they_are_batched() -> None:
    texts = [f"v{at % 5000}" for at in range(20_000)]
    one, other = sample_of(texts, 20_000), sample_of(texts, 333)
    assert one.hashes.tolist() == other.hashes.tolist()
    assert set(one.counts.tolist()) == {4} == set(other.counts.tolist())
    assert one.values.to_pylist() == other.values.to_pylist()
    assert len(one.hashes) == K and not one.complete


def test_the_number_of_distinct_values_is_estimated_within_ten_percent() -> None:
    sample = sample_of([f"v{at}" for at in range(100_000)], 50_000)
    assert abs(sample.distinct - 100_000) < 10_000


def test_containment_is_exact_while_both_hold_all_values() -> None:
    inner = sample_of([f"v{at}" for at in range(100)])
    found = containment(inner.hashes, True, sketch_of([f"v{at}" for at in range(10, 500)]))
    assert (found.found, found.compared, found.exact) == (90, 100, True)
    assert {inner.values[at].as_py() for at in found.missing} == {f"v{at}" for at in range(10)}


def test_containment_in_a_large_register_is_estimated_from_a_sample() -> None:
    register = [f"v{at}" for at in range(50_000)]
    inner = sample_of([f"v{at}" for at in range(5_000)] + [f"w{at}" for at in range(5_000)])
    found = containment(inner.hashes, inner.complete, sketch_of(register))
    assert not found.exact and found.compared >= 100
    assert abs(found.share - 0.5) < 0.15


def test_exact_counts_give_up_when_the_budget_is_used_up_and_give_it_back() -> None:
    budget = Budget(1000)
    first, second = Exact(budget), Exact(budget)
    first.add(np.arange(900, dtype=np.uint64))
    second.add(np.arange(200, dtype=np.uint64))
    assert second.distinct() is None and first.distinct() == 900
    assert budget.left == 1000


def test_sketches_are_kept_by_dataset_and_survive_writing(tmp_path: Path) -> None:
    texts = [f"{at:05d}" for at in range(5000)]
    kept = sketch_of(texts, title="Straßen", table="strassen", column="NR")
    assert read_sketches(tmp_path / "state") == []
    write_sketches(tmp_path / "state", [kept], dataset="known")
    write_sketches(tmp_path / "state", [], dataset="another")
    (found,) = read_sketches(tmp_path / "state")
    assert found.unique and not found.complete
    assert found.hashes.tolist() == kept.hashes.tolist()
    assert (found.title, found.column) == ("Straßen", "NR")
    write_sketches(tmp_path / "state", [], dataset="known")
    assert read_sketches(tmp_path / "state") == []


def test_a_damaged_file_of_sketches_is_named(tmp_path: Path) -> None:
    (tmp_path / "sketches.json").write_text('{"version": 1, "datasets": {"a": {"b": {}}}}')
    with pytest.raises(Invalid, match=r"sketches\.json"):
        read_sketches(tmp_path)
