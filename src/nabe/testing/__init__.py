"""The kit with which Nabe and its extensions are tested: fakes of all ports, conformance classes, throw-away servers."""
