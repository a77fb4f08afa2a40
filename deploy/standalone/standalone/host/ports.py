"""The one port that is open: on this machine only, and found out early."""

import errno
import socket

import psutil

from standalone.console.failure import FAILED, USAGE, Failure

HOST = "127.0.0.1"
_BACKLOG = 2048
_TRIED = 119
_HANDED_OUT = 32_768  # and above: the system gives them to outgoing connections
_SHOWN = 80  # of the command line of who has the port


def listen(port: int) -> socket.socket:
    """Return a listening socket, or say who has the port and how to choose another.

    The host keeps it, so that requests wait in line while the web process is restarted.
    """
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((HOST, port))
        found.listen(_BACKLOG)
    except OSError as error:
        found.close()
        if error.errno == errno.EADDRINUSE:
            raise _taken(port) from None
        raise Failure(
            f"cannot listen on port {port}",
            because=(error.strerror or str(error),),
            help=f"choose another:  onefunnel up --port {free_port()}",
            code="port-refused",
            exit_code=USAGE,
        ) from None
    return found


def _taken(port: int) -> Failure:
    return Failure(
        f"cannot listen on port {port}",
        because=(f"it is in use{_holder(port)}",),
        help=f"stop that one, or choose another:  onefunnel up --port {free_port()}",
        code="port-in-use",
        exit_code=FAILED,
    )


def _holder(port: int) -> str:
    """Return who listens on a port, where the system tells us."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status != psutil.CONN_LISTEN:
                continue
            if getattr(connection.laddr, "port", None) == port:
                if connection.pid is None:
                    return " by another user's program"
                words = " ".join(psutil.Process(connection.pid).cmdline())
                return f" by process {connection.pid} ({words[:_SHOWN]})"
    except psutil.Error:
        return ""
    return ""


def free_port(first: int = 8081) -> int:
    """Return a free port below the range that the system hands out to outgoing connections."""
    first = first if first < _HANDED_OUT - _TRIED else 8081
    for port in range(first, first + _TRIED):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            if probe.connect_ex((HOST, port)) != 0:
                return port
    return first
