"""JSON over HTTP: asked with manners, page by page, records cut out of the stream, filled into the hub's types.

An adapter for a standard that speaks JSON gives its own settings and turns them into these `TableSettings`
(`Reader` in `reading`); the requests, log-in, paging, limits and errors stay the same for all.
"""
