"""Questions about sensors over two stores: entities in one, observations in the other."""

from nabe.query.sensing.extents import Areas
from nabe.query.sensing.limits import Meter
from nabe.query.sensing.reading import Reading, nowhere
from nabe.query.sensing.table import StreamTables
from nabe.query.sensing.view import DatasetView, Sight, View, dataset_view

__all__ = ["Areas", "DatasetView", "Meter", "Reading", "Sight", "StreamTables", "View", "dataset_view", "nowhere"]
