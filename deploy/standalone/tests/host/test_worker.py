"""The worker process by itself."""

import os
import signal
import subprocess
import sys

from standalone.host.wiring import DATA, PARENT, WAKE


def test_one_that_waits_for_a_database_that_never_comes_ends_when_it_is_told_to(tmp_path):
    hears, tells = os.pipe()
    environment = {
        **os.environ,
        "ONEFUNNEL_DATABASE_URL": f"postgresql://postgres@/postgres?host={tmp_path}",
        "ONEFUNNEL_INTERNAL_KEY": "x" * 32,
        DATA: str(tmp_path),
        PARENT: str(os.getpid()),
        WAKE: str(hears),
    }
    worker = subprocess.Popen(
        [sys.executable, "-m", "standalone.host.worker"],
        env=environment, stderr=subprocess.PIPE, pass_fds=(hears,),
    )  # fmt: skip
    try:
        assert worker.stderr is not None
        assert any(b'"waiting"' in line for line in iter(worker.stderr.readline, b""))
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == -signal.SIGTERM
    finally:
        worker.kill()
        worker.communicate()
        os.close(hears)
        os.close(tells)
