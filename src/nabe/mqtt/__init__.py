"""MQTT as an interface of the hub: what devices publish becomes requests, what they subscribe to is watched for them.

No client's message ever reaches another client. The way in is `gate` (who, how much) -> `batches` (durable, then
acknowledged) -> inbox -> `ingest` -> a channel's `take`; the way out is a channel's `watch` -> `sessions`.
"""

from nabe.mqtt.channels import Channel, Channels, Deliver

__all__ = ["Channel", "Channels", "Deliver"]
