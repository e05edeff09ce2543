"""Run the command line with `python -m aggressors`."""

from aggressors.cli import main

main()
