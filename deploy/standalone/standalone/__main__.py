"""`python -m standalone` is the `onefunnel` command."""

from standalone.cli import main

main()
