"""The root of the command tree: subcommands by name, loaded when they are asked for."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from plugcharge.errors import PlugchargeError

__all__ = ["root"]

# name -> "module:attribute" of the click command
_COMMANDS = {
    "demo": "plugcharge.cli.demo:demo",
    "exi": "plugcharge.cli.exi:exi",
    "pki": "plugcharge.cli.pki:pki",
    "sessions": "plugcharge.cli.sessions:sessions",
}


class _LazyGroup(click.Group):
    """Imports a subcommand's file when it is called; a package error becomes one sentence and exit code 1."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        target = _COMMANDS.get(cmd_name)
        if target is None:
            return None
        module, _, attribute = target.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)  # noqa: S101
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except PlugchargeError as error:
            click.echo(f"plugcharge: {error}", err=True)
            sys.exit(1)


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="plugcharge")
def root() -> None:
    """ISO 15118 Plug and Charge: from the plug to the bill."""
