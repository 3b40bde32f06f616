"""What every test can rely on."""

import signal

# Whoever starts the tests in the background, or with nohup, lets them ignore Ctrl-C and
# hang-ups, and with them every program that they start and end that way.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
