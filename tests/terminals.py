"""Commands in a terminal of their own: what they show, and what is typed there."""

import os
import pty
import select
import signal
import time

SECONDS = 60


class Terminal:
    """A command that has a terminal; leaving the block ends it."""

    def __init__(self, command, folder, **env):
        self.shown = ""
        self.code = None
        self._pid, self._handle = pty.fork()
        if self._pid == 0:
            os.chdir(folder)
            os.execvpe(command[0], command, {**os.environ, **env})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.code is None:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        os.close(self._handle)

    def type(self, text):
        os.write(self._handle, text.encode())

    def wait_for(self, text):
        """Read until a text is shown."""
        end = time.monotonic() + SECONDS
        while text not in self.shown:
            assert self._read(end), f"{text!r} was not shown: {self.shown!r}"

    def wait(self):
        """Read until the command has ended; its exit code as a shell has it."""
        end = time.monotonic() + SECONDS
        while self._read(end):
            pass
        code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        self.code = code if code >= 0 else 128 - code
        return self.code

    def _read(self, end):
        ready, _, _ = select.select([self._handle], [], [], end - time.monotonic())
        assert ready, f"nothing came in time: {self.shown!r}"
        try:
            data = os.read(self._handle, 4096)
        except OSError:  # so Linux says that the command has closed its end
            return False
        self.shown += data.decode("utf-8", "replace").replace("\r\n", "\n")
        return bool(data)
