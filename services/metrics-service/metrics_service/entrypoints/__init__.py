"""How metrics-service talks: HTTP."""
