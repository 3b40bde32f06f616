"""Calls the API every two seconds; it has no port, so its sign of life is a file."""

import os
import time
from pathlib import Path
from urllib.request import urlopen

while True:
    with urlopen(os.environ["API_URL"]):  # noqa: S310 - the stack wires it
        Path("/tmp/alive").touch()
    time.sleep(2)
