"""`python -m lead_service [serve|migrate|work]`."""

from onefunnel.service import run

if __name__ == "__main__":
    run("lead_service")
