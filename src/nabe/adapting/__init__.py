"""What adapters share: settings with messages a person can act on, times as silos write them, geometry into OGC:CRS84,
and `json_http`, which reads JSON interfaces of all dialects.

Adapters do not know each other; what two of them need stands here (and in `nabe.outbound`, if it speaks HTTP).
"""
