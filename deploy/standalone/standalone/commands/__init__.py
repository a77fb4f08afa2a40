"""The verbs of the `onefunnel` command, one module each or a few that belong together.

These modules import click and the console only; everything else is imported where it is used.
"""

import click

from standalone.commands.about import completion, version
from standalone.commands.access import key
from standalone.commands.archives import backup, restore
from standalone.commands.bring_in import bring_in
from standalone.commands.dead_letters import dead_letters, resume
from standalone.commands.explaining import explain
from standalone.commands.numbers import funnel, performance
from standalone.commands.pay import attainment, period, statement
from standalone.commands.status import status
from standalone.commands.tenants import tenant
from standalone.commands.up import up
from standalone.commands.upkeep import rebuild, verify, verify_audit

VERBS: tuple[click.Command, ...] = (
    attainment, backup, bring_in, completion, dead_letters, explain, funnel, key, performance,
    period, rebuild, restore, resume, statement, status, tenant, up, verify, verify_audit, version,
)  # fmt: skip
