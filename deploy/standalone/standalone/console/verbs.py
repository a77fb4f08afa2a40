"""Groups of commands."""

import click

from standalone.console.failure import USAGE, Failure


class Verbs(click.Group):
    """A group that names the nearest verb when it does not know one."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command, or say which one was probably meant."""
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            import difflib

            meant = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1)
            path = ctx.command_path.split()[-1] if ctx.parent else "onefunnel"
            raise Failure(
                f"{path} has no command {args[0]}",
                help=f"did you mean  {ctx.command_path} {meant[0]} ?"
                if meant
                else f"{ctx.command_path} --help  lists them",
                code="no-such-command",
                exit_code=USAGE,
            )
        return super().resolve_command(ctx, args)
