"""What an operator may do: see, switch, be forgotten. For the command line and for the product's own.

`Operator` gives answers as dictionaries (`spec/commands.md`); `add_arguments` and `run` put the commands into a
product's argparse. For click and typer: `windrow.integrations.click` and `windrow.integrations.typer`.
"""

from windrow.operator._commands import COMMANDS, EXIT_DONE, EXIT_FAILED, EXIT_STATE, EXIT_USAGE, add_arguments
from windrow.operator._operator import Failed, Operator
from windrow.operator._run import run

__all__ = [
    "COMMANDS",
    "EXIT_DONE",
    "EXIT_FAILED",
    "EXIT_STATE",
    "EXIT_USAGE",
    "Failed",
    "Operator",
    "add_arguments",
    "run",
]
