"""The one door. Everything that asks for data, APIs, portal, CLI and products alike, asks a `Hub`.

find · read · explain · check quality · declare · deliver · snapshot · audit; each names who asks and for which use case, and
leaves a line in the ledger.
"""

from nabe.hub.checking import Counts
from nabe.hub.explaining import Explanation
from nabe.hub.finding import Found, Lineage, SystemView
from nabe.hub.hub import Hub
from nabe.hub.keeping import Due, Kept
from nabe.hub.sensing import Sensing, SensorStores, Watch

__all__ = [
    "Counts",
    "Due",
    "Explanation",
    "Found",
    "Hub",
    "Kept",
    "Lineage",
    "Sensing",
    "SensorStores",
    "SystemView",
    "Watch",
]
