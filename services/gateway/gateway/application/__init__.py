"""What the gateway does for people: tenants, keys, status, names."""
