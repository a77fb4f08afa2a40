"""The public API: keys, rights, one address for all services."""
