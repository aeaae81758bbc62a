"""What sensors tell about, in the relational store: tables made from the entity model, questions as one statement each."""
