"""How the gateway remembers tenants and keys."""
