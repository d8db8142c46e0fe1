"""`python -m facequal`."""

from facequal.cli import main

main()
