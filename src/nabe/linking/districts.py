"""Points to the district they lie in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

#: A point so near to a border (degrees, about 5 m) that the district is not sure.
_NEAR = 5e-5


class Districts:
    """Areas (WKB in OGC:CRS84) with their keys, in a tree of their boxes."""

    def __init__(self, keys: Sequence[str], areas: Sequence[bytes | None]) -> None:
        import shapely

        shapes = shapely.from_wkb(np.asarray(areas, dtype=object), on_invalid="ignore")
        there = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
        self.keys = [key for key, ok in zip(keys, there, strict=True) if ok]
        self.unusable = int(len(there) - there.sum())
        self._tree = shapely.STRtree(shapely.make_valid(shapes[there]))

    def of(self, lon: npt.NDArray[np.float64], lat: npt.NDArray[np.float64]) -> list[tuple[str, bool]]:
        """(key, is a border so near that it is not sure) of each point; an empty key outside of all areas."""
        import shapely

        found: list[tuple[str, bool]] = [("", False)] * len(lon)
        known = np.flatnonzero(np.isfinite(lon) & np.isfinite(lat))
        points = shapely.points(lon[known], lat[known])
        for at, area in zip(*self._tree.query(points, predicate="intersects"), strict=True):
            place = int(known[at])
            found[place] = (found[place][0] or self.keys[area], found[place][0] != "" or found[place][1])
        near = self._tree.query(points, predicate="dwithin", distance=_NEAR)
        counts = np.bincount(near[0], minlength=len(points))
        for at in np.flatnonzero(counts > 1):
            place = int(known[at])
            found[place] = (found[place][0], True)
        return found
