"""The event log: its port, its adapters, and the frame of everything that consumes it."""
