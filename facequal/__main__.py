"""`python -m facequal`."""

from facequal.cli import main

if __name__ == "__main__":
    main()
