"""How brokers are talked to: in the clear, over TLS, with a name and a password."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


@dataclass(frozen=True, slots=True)
class Access:
    """What the brokers ask of their clients. A user means SASL; both are independent of TLS."""

    tls: bool = False
    ca_file: str | None = (
        None  # who signed the brokers' certificates; None: whom this machine trusts
    )
    certificate_file: str | None = None  # our own, key included, where brokers ask for one
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    mechanism: Mechanism = "SCRAM-SHA-512"

    @property
    def settings(self) -> Mapping[str, Any]:
        """Return it in the client's words. Raises `OSError` where a file cannot be read."""
        name = ("SASL_" if self.user else "") + ("SSL" if self.tls else "PLAINTEXT")
        found: dict[str, Any] = {"security_protocol": name}
        if self.tls:
            context = ssl.create_default_context(cafile=self.ca_file)
            if self.certificate_file:
                context.load_cert_chain(self.certificate_file)
            found["ssl_context"] = context
        if self.user:
            found |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.user,
                "sasl_plain_password": self.password,
            }
        return found


IN_THE_CLEAR = Access()


@dataclass(frozen=True, slots=True)
class Brokers:
    """Where the brokers are, and how they are talked to."""

    bootstrap: str
    access: Access = IN_THE_CLEAR
