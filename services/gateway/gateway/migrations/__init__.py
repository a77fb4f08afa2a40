"""The database of the gateway, step by step."""
