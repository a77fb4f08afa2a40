"""`onefunnel backup` and `onefunnel restore`: all databases of a stack in one file.

Consistency in one sentence: while the log cannot be appended to, each database is dumped from a
snapshot of its own, and any order of the dumps is right. A consumer's position cannot be beyond
the log's end, because the end does not move. An event is in its producer's outbox (dumped in the
same snapshot as the state it tells of) or was acknowledged by the log before. Writes go on
meanwhile and wait in the outboxes.
"""
