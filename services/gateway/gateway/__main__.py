"""`python -m gateway [serve|migrate]`."""

from onefunnel.service import run

if __name__ == "__main__":
    run("gateway")
