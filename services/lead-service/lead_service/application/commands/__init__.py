"""Commands: one frozen dataclass and one function each, the command first, ports by keyword."""
