"""The database of content-service, step by step."""
