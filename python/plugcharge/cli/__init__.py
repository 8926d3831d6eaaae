"""The ``plugcharge`` command. Each subcommand lives in its own file and is imported only when it is called."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; says in one sentence what to install when the extra is missing."""
    try:
        import click  # noqa: F401
        import rich  # noqa: F401
    except ModuleNotFoundError as missing:
        sys.stderr.write(f"plugcharge: the command line needs {missing.name}: pip install 'plugcharge[cli]'\n")
        raise SystemExit(3) from None
    from plugcharge.cli.root import root

    root(prog_name="plugcharge")
