"""`python -m content_service [serve|work|migrate]`."""

from onefunnel.service import run

if __name__ == "__main__":
    run("content_service")
