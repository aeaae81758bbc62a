"""One module per page: ask the hub, put the answer into plain values for the template."""
