"""The tables of the PostgreSQL log. Only the worker role reads or writes them."""

from typing import Final

from onefunnel.persistence.urls import WORKER_ROLE

LOG_DDL: Final = (
    "CREATE TABLE meta (log_id UUID NOT NULL)",
    "INSERT INTO meta (log_id) VALUES (gen_random_uuid())",
    """CREATE TABLE topic (
        id INT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        partitions INT NOT NULL CHECK (partitions > 0),
        retention_days INT CHECK (retention_days > 0)
    )""",
    # Updated by every append: room on the page keeps the updates off the index.
    """CREATE TABLE head (
        topic_id INT NOT NULL REFERENCES topic,
        partition SMALLINT NOT NULL,
        next_position BIGINT NOT NULL DEFAULT 0,
        log_start BIGINT NOT NULL DEFAULT 0,
        PRIMARY KEY (topic_id, partition)
    ) WITH (fillfactor = 20)""",
    "CREATE TABLE fence (source TEXT PRIMARY KEY, epoch BIGINT NOT NULL)",
    """CREATE TABLE record_batch (
        topic_id INT NOT NULL,
        partition SMALLINT NOT NULL,
        n SMALLINT NOT NULL CHECK (n > 0),
        base BIGINT NOT NULL,
        appended_at TIMESTAMPTZ NOT NULL DEFAULT now(),
        size INT NOT NULL,
        crc BIGINT NOT NULL,
        data BYTEA NOT NULL,
        PRIMARY KEY (topic_id, partition, base)
    )""",
    "ALTER TABLE record_batch ALTER COLUMN data SET STORAGE EXTERNAL",  # it is zstd already
    f"GRANT SELECT ON meta, topic TO {WORKER_ROLE}",
    f"GRANT SELECT, UPDATE ON head TO {WORKER_ROLE}",
    f"GRANT SELECT, INSERT, UPDATE ON fence TO {WORKER_ROLE}",
    f"GRANT SELECT, INSERT, DELETE ON record_batch TO {WORKER_ROLE}",
)
