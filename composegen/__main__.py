"""``python -m composegen``."""

import os
import sys

# Python looks for modules in the folder one stands in first, which may be a stranger's:
# a `json.py` there must not run.
if not sys.flags.safe_path and sys.path and sys.path[0] in {"", os.getcwd()}:  # noqa: PTH109
    del sys.path[0]

from composegen.cli import main

if __name__ == "__main__":
    main()
