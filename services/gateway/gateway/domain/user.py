"""A user of an identity provider, as far as we have a word to say about them."""

from dataclasses import dataclass
from datetime import datetime

from gateway.domain.token import Identity
from onefunnel.reach import Role


@dataclass(frozen=True, slots=True)
class User:
    """What we refuse of a user whose tokens are good: all, those of a role, or those from before."""

    subject: str
    disabled: bool = False
    refused_roles: frozenset[Role] = frozenset()
    valid_from: datetime | None = None

    def admits(self, identity: Identity) -> bool:
        """Say whether a token that speaks for this user lets them in."""
        old = self.valid_from is not None and identity.issued_at < self.valid_from.timestamp()
        return not (self.disabled or old or identity.role in self.refused_roles)
