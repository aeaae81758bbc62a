"""HTTP manners that all northbound interfaces share: who asks, for which use case, problems, streams, limits."""
