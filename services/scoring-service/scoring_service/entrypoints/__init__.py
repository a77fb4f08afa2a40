"""How scoring talks: HTTP and the event log."""
