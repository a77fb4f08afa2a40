"""Everything that ever happened to who owns what, written by the database itself, at its own time."""

import asyncpg

AUDIT = """
CREATE TABLE moved (topic TEXT, partition INT, epoch_before BIGINT, epoch BIGINT, owner_before TEXT,
    owner TEXT, next_before BIGINT, next BIGINT, rested INTERVAL);
GRANT INSERT ON moved TO onefunnel_worker;
CREATE FUNCTION note_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO moved VALUES (OLD.topic, OLD.partition, OLD.epoch, NEW.epoch, OLD.owner, NEW.owner,
        OLD.next_position, NEW.next_position, clock_timestamp() - OLD.lease_until);
    RETURN NEW;
END $$;
CREATE TRIGGER moved AFTER UPDATE ON stream_partition
    FOR EACH ROW WHEN (OLD.epoch <> NEW.epoch OR OLD.next_position <> NEW.next_position)
    EXECUTE FUNCTION note_move()"""


async def one_chain_per_partition(driver: asyncpg.Connection) -> None:
    """Each position was passed once, by the owner of the epoch; each claim raised the epoch by one."""
    passed = "SELECT topic, partition, next_before, next, epoch FROM moved WHERE next > next_before"
    chains: dict[tuple, list[tuple]] = {}
    for topic, number, *move in map(tuple, await driver.fetch(passed)):
        chains.setdefault((topic, number), []).append(tuple(move))
    for chain in chains.values():
        chain.sort()
        assert [begin for begin, _, _ in chain] == [0, *(end for _, end, _ in chain[:-1])]
        assert [epoch for _, _, epoch in chain] == sorted(epoch for _, _, epoch in chain)
    assert not await driver.fetchval(
        "SELECT count(*) FROM moved WHERE epoch NOT IN (epoch_before, epoch_before + 1)"
    )


async def nothing_rested_longer(driver: asyncpg.Connection, seconds: float) -> None:
    """Each claim came soon enough after the lease before it had run out or was given back."""
    rested = "SELECT max(rested) < make_interval(secs => $1) FROM moved WHERE epoch > epoch_before"
    assert await driver.fetchval(rested, seconds)
