"""The database of metrics-service, step by step."""
