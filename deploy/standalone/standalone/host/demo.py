"""Loading the demo company, once, in a process of its own."""

from pathlib import Path


async def load_demo(data: Path, url: str) -> None:
    """Load the demo company unless it is loaded."""
