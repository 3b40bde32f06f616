"""What people see in a terminal; the only package that writes to a stream."""
