"""The machine: files, processes, ports, signals; who they are and who has them."""
