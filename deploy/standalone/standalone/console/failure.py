"""What went wrong, in the user's words: what failed, because of what, what to do, which code."""

from typing import Final

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
NOT_READY: Final = 3
REFUSED: Final = 4
INTERRUPTED: Final = 130


class Failure(Exception):
    """An error that a person caused or can cure; anything else is a bug and shows with `--debug`."""

    def __init__(
        self,
        what: str,
        *,
        because: tuple[str, ...] = (),
        help: str | None = None,  # noqa: A002 - the word that is shown
        code: str = "failed",
        exit_code: int = FAILED,
        request_id: str | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.because = because
        self.help = help
        self.code = code
        self.exit_code = exit_code
        self.request_id = request_id

    def __str__(self) -> str:
        """Return the error as it is shown on stderr: error, because, help, code."""
        lines = [f"error: {self.what}"]
        lines += [f"  because {cause}" for cause in self.because]
        if self.help:
            lines.append("  help: " + self.help.replace("\n", "\n        "))
        reference = f"   ·   request {self.request_id}" if self.request_id else ""
        lines.append(f"  code: {self.code}{reference}")
        return "\n".join(lines)
