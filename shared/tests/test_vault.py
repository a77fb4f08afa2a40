"""The vault's keys: what is sealed opens in its place and nowhere else, and not without its key."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from onefunnel.errors import DomainError
from onefunnel.ids import new_id
from onefunnel.persistence.database import driver_of
from onefunnel.testing.waiting import until
from onefunnel.vault.keyring import CannotOpen, Keyring
from onefunnel.vault.notes import Notes, Place
from onefunnel.vault.stored import StoredVault, Words
from onefunnel.vault.table import VAULT_DDL

RING = Keyring(b"a master key of this test")
TENANT, ANNA, BEN, DEAL = (new_id() for _ in range(4))
SECRET = b"Anna Example"


def test_what_is_sealed_opens_in_its_place():
    key = RING.made(TENANT, ANNA)
    sealed = key.seal("contact", 1, SECRET)

    again = RING.opened(TENANT, ANNA, key.wrapped)

    assert again.open("contact", 1, sealed) == SECRET
    assert SECRET not in sealed + key.wrapped
    assert key.seal("contact", 1, SECRET) != sealed, "equal words are not seen to be equal"


@pytest.mark.parametrize(
    ("tenant", "subject", "field", "version"),
    [
        (TENANT, ANNA, "contact", 2),
        (TENANT, ANNA, "history:1", 1),
        (TENANT, BEN, "contact", 1),
        (new_id(), ANNA, "contact", 1),
    ],
)
def test_moved_to_another_place_it_does_not_open(tenant, subject, field, version):
    key = RING.made(TENANT, ANNA)
    sealed = key.seal("contact", 1, SECRET)
    key_there = type(key)(tenant, subject, key.wrapped, key._cipher)

    with pytest.raises(CannotOpen):
        key_there.open(field, version, sealed)


def test_a_key_opens_for_its_own_person_tenant_and_master_alone():
    wrapped = RING.made(TENANT, ANNA).wrapped
    for ring, tenant, subject in (
        (RING, TENANT, BEN),
        (RING, new_id(), ANNA),
        (Keyring(b"another master key"), TENANT, ANNA),
    ):
        with pytest.raises(CannotOpen):
            ring.opened(tenant, subject, wrapped)


def test_a_bit_that_changed_is_noticed():
    key = RING.made(TENANT, ANNA)
    sealed = bytearray(key.seal("contact", 1, SECRET))
    sealed[20] ^= 1

    with pytest.raises(CannotOpen):
        key.open("contact", 1, bytes(sealed))


def test_an_address_is_found_however_it_is_written_and_by_each_purpose_apart():
    spelled = ("anna@example.org", "Anna@Example.ORG", " anna@example.org ")
    assert len({RING.tombstone(TENANT, one) for one in spelled}) == 1
    assert len({RING.index(TENANT, one) for one in spelled}) == 1
    address = spelled[0]
    different = {
        RING.index(TENANT, address),
        RING.tombstone(TENANT, address),
        RING.index(new_id(), address),
        Keyring(b"another").index(TENANT, address),
    }
    assert len(different) == 4


@pytest.fixture
async def vault_database(fresh_database, open_database):
    fresh = fresh_database(None)
    async with open_database(fresh.owner_url).driver() as owner:
        for statement in VAULT_DDL:
            await owner.execute(statement)
    return open_database(fresh.app_url)


def contact(subject, version=1, **document):
    return Words(subject, "contact", version, document)


async def test_what_was_written_is_loaded_and_corrected(vault_database):
    async with vault_database.tenant(TENANT) as conn:
        vault = StoredVault(driver_of(conn), TENANT, RING)
        await vault.write([contact(ANNA, name="A"), contact(BEN, name="B")], new=(ANNA, BEN))
    async with vault_database.tenant(TENANT) as conn:
        vault = StoredVault(driver_of(conn), TENANT, RING)
        await vault.write([contact(ANNA, 2, name="Anna")])
    async with vault_database.tenant(TENANT) as conn:
        found = await StoredVault(driver_of(conn), TENANT, RING).load([ANNA, BEN, new_id()])
    assert {id_: known.contact for id_, known in found.items()} == {
        ANNA: {"name": "Anna"},
        BEN: {"name": "B"},
    }
    assert found[ANNA].version == 2


async def test_a_destroyed_key_is_not_made_again(vault_database):
    async with vault_database.tenant(TENANT) as conn:
        vault = StoredVault(driver_of(conn), TENANT, RING)
        await vault.write([contact(ANNA, name="A", email="a@example.org")], new=(ANNA,))
    async with vault_database.tenant(TENANT) as conn:
        await StoredVault(driver_of(conn), TENANT, RING).destroy([ANNA], beside=[])

    async with vault_database.tenant(TENANT) as conn:
        vault = StoredVault(driver_of(conn), TENANT, RING)
        assert (await vault.load([ANNA]))[ANNA].key is None
        assert await vault.erased_addresses(["A@example.org", "b@example.org"]) == {"A@example.org"}
        with pytest.raises(DomainError) as refused:
            await vault.write([contact(ANNA, name="again")])
    assert refused.value.code == "gone"


@pytest.fixture
def noted(vault_database):
    @asynccontextmanager
    async def opened():
        async with vault_database.tenant(TENANT) as conn:
            yield Notes(driver_of(conn), TENANT, RING)

    return opened


async def test_words_about_somebody_of_another_service_are_read_where_they_were_kept(noted):
    here, there = Place(ANNA, "feedback:1"), Place(BEN, "feedback:2")
    async with noted() as notes:
        await notes.keep(here, "Anna said")
        await notes.keep(here, "said again under the same name")
        await notes.keep(there, None)
        assert await notes.read([here, there]) == {here: "Anna said"}


async def test_two_who_write_about_one_person_at_once_use_one_key(vault_database):
    first, second = Place(ANNA, "a"), Place(ANNA, "b")
    async with vault_database.tenant(TENANT) as conn:
        await Notes(driver_of(conn), TENANT, RING).keep(first, "one")
        other = asyncio.create_task(_kept(vault_database, second, "two"))
        await until(lambda: _waiting(conn))
    await other

    async with vault_database.tenant(TENANT) as conn:
        found = await Notes(driver_of(conn), TENANT, RING).read([first, second])
    assert found == {first: "one", second: "two"}


async def test_words_written_while_somebody_is_erased_are_refused_or_go_too(vault_database):
    place = Place(ANNA, "a")
    await _kept(vault_database, Place(ANNA, "earlier"), "one")
    async with vault_database.tenant(TENANT) as conn:
        await StoredVault(driver_of(conn), TENANT, RING).destroy([ANNA], beside=[])
        writing = asyncio.create_task(_kept(vault_database, place, "two"))
        await until(lambda: _waiting(conn))
    with pytest.raises(DomainError) as refused:
        await writing
    assert refused.value.code == "gone"

    async with vault_database.tenant(TENANT) as conn:
        await Notes(driver_of(conn), TENANT, RING).keep(Place(BEN, "a"), "one")
        await Notes(driver_of(conn), TENANT, RING).keep(Place(DEAL, "a"), "one")
        erasing = asyncio.create_task(_destroyed(vault_database, BEN, beside=[DEAL]))
        await until(lambda: _waiting(conn))
    await erasing
    async with vault_database.tenant(TENANT) as conn:
        assert await driver_of(conn).fetchval("SELECT count(*) FROM vault") == 0


async def _kept(database, place, words):
    async with database.tenant(TENANT) as conn:
        await Notes(driver_of(conn), TENANT, RING).keep(place, words)


async def _destroyed(database, subject, *, beside):
    async with database.tenant(TENANT) as conn:
        await StoredVault(driver_of(conn), TENANT, RING).destroy([subject], beside=beside)


async def _waiting(conn) -> bool:
    """Say whether another connection waits for a lock of this transaction."""
    return bool(
        await driver_of(conn).fetchval(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND transactionid IS NOT NULL"
        )
    )
