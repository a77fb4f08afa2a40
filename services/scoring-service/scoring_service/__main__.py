"""`python -m scoring_service [serve|work|migrate]`."""

from onefunnel.service import run

if __name__ == "__main__":
    run("scoring_service")
