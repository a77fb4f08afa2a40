"""The outbox: events leave a service in the transaction that made them true."""
