"""``composegen`` and ``python -m composegen``: where every command begins."""

import gc
import os
import sys

# With -m, Python looks for modules in the folder one stands in first, which may be a
# stranger's: a `json.py` there must not run.
if (
    __name__ == "__main__"
    and not sys.flags.safe_path
    and sys.path
    and sys.path[0] in {"", os.getcwd()}  # noqa: PTH109 - quick to import
):
    del sys.path[0]


def main() -> None:
    """Run the command line; an interrupt while it is being loaded ends it quietly."""
    try:
        if sys.argv[1:] in (["--version"], ["-V"]):
            from composegen.terminal.version import write_version

            if write_version():
                return
        gc.disable()  # until the command is loaded: see keep_imported
        from composegen.system.imports import import_later, import_quickly

        import_later("base64")
        import_later("inspect")
        import_later("ipaddress")
        import_quickly("click")
        from composegen import commands
    except KeyboardInterrupt:
        os._exit(130)
    commands.main()


if __name__ == "__main__":
    main()
