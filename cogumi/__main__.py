"""`python -m cogumi` is `cogumi`."""

from cogumi.cli import main

main(prog_name="cogumi")
