"""The ``plugcharge`` command. Each subcommand has a file of its own and is imported only when called."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; says in one sentence what to install when the extra is missing."""
    try:
        import click  # noqa: F401, PLC0415 - it may be missing
        import rich  # noqa: F401, PLC0415
    except ModuleNotFoundError as missing:
        sys.stderr.write(
            f"plugcharge: the command line needs {missing.name}: pip install 'plugcharge[cli]'\n"
        )
        raise SystemExit(3) from None
    from plugcharge.cli.root import root  # noqa: PLC0415 - needs both of them

    root(prog_name="plugcharge")
