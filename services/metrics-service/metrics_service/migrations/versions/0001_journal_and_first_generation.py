"""The journal, what waits beside it, the book, and an empty first generation."""

from alembic import op

from metrics_service.adapters.generation_schema import generation_ddl, shape
from metrics_service.adapters.schema import TABLES_DDL
from onefunnel.persistence.urls import WORKER_ROLE

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in TABLES_DDL:
        op.execute(statement)
    op.execute(
        f"INSERT INTO projection_generation (live, shape) VALUES (1, '{shape()}')"
    )
    # A rebuild makes and drops generations as the worker, so the first one is the worker's too.
    op.execute(f"SET LOCAL ROLE {WORKER_ROLE}")
    for statement in generation_ddl("g1"):
        op.execute(statement)
    op.execute("RESET ROLE")
