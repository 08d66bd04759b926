"""Offer every command of the bench as ``mtlbench <command>``."""

import click

from mtlbench import __version__
from mtlbench.cli.lazy import LazyCommand, LazyGroup

COMMANDS = {
    "run": LazyCommand("mtlbench.cli.run:run", "Train an experiment, evaluate it, and write its record."),
    "sweep": LazyCommand("mtlbench.cli.sweep:sweep", "Run a grid of experiments as one job."),
    "params": LazyCommand(
        "mtlbench.cli.params:params", "Count the parameters of a config by group, without data or weights."
    ),
    "report": LazyCommand("mtlbench.cli.report:report", "Write one HTML page about a run."),
    "export": LazyCommand(
        "mtlbench.cli.export:export", "Write a trained model as weights and as a program without the bench."
    ),
    "data": LazyCommand(
        "mtlbench.cli.data:data", "Fetch, make, check and show datasets, convert pickles, draw labels."
    ),
    "board": LazyCommand(
        "mtlbench.cli.board:board", "Render a board, submit a record to it, check it, run it again."
    ),
    "reproduce": LazyCommand(
        "mtlbench.cli.reproduce:reproduce", "Make the run of a record again, and say whether it comes out."
    ),
    "compare": LazyCommand(
        "mtlbench.cli.compare:compare", "Say whether B is better than A, or noise explains the gap."
    ),
    "group": LazyCommand(
        "mtlbench.cli.group:group", "Measure which tasks help each other, and group them within a budget."
    ),
    "list": LazyCommand("mtlbench.cli.list:list_command", "List the components that experiments can name."),
    "new": LazyCommand("mtlbench.cli.new:new", "Write a plugin that works, to begin with."),
    "doctor": LazyCommand("mtlbench.cli.doctor:doctor", "Say what is broken here, and how to mend it."),
    "plugins": LazyCommand("mtlbench.cli.plugins:plugins", "List the installed plugins and what is broken."),
}


@click.group(cls=LazyGroup, commands=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mtlbench")
def main() -> None:
    """Compare parameter-efficient multi-task dense prediction on equal terms.

    Example: mtlbench list adapter
    """
