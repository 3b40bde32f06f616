"""``python -m composegen``."""

from composegen.cli import main

if __name__ == "__main__":
    main()
