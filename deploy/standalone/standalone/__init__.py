"""The embedded host and the onefunnel command."""
