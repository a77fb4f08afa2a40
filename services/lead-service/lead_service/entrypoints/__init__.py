"""How others talk to the lead service: HTTP and events."""
