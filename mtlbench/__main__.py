"""Run the command line as ``python -m mtlbench``."""

from mtlbench.cli import main

if __name__ == "__main__":
    main(prog_name="mtlbench")
