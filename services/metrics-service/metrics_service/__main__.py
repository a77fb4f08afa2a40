"""`python -m metrics_service [serve|work|migrate]`."""

from onefunnel.service import run

if __name__ == "__main__":
    run("metrics_service")
