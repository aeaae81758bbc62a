"""The door to what sensors tell: `Sensing`."""

from nabe.hub.sensing.sensing import Sensing, SensorStores
from nabe.hub.sensing.watching import Watch

__all__ = ["Sensing", "SensorStores", "Watch"]
