"""The clock of a Redis, as this process knows it from the times in its answers."""

_DRIFT = 0.001


class RemoteClock:
    """Reads another machine's clock by this one's steady clock.

    It keeps the sample with the shortest way there and back, which knows the time best,
    until that one is old or the other clock was set.
    """

    def __init__(self) -> None:
        self._offset: float | None = None
        self._error = 0.0
        self._at = 0.0

    def read(self, at: float) -> int:
        """What the other clock shows at a moment here, in ms; 0 while it is unknown."""
        return 0 if self._offset is None else int(1000 * (self._offset + at))

    def learn(self, shown: int, begun: float, ended: float) -> bool:
        """Take a time that was read between two moments; whether it is used from now.

        `shown` is in milliseconds; `begun` and `ended` are seconds of the steady clock.
        """
        error = (ended - begun) / 2 + 0.001
        offset = shown / 1000 - (begun + ended) / 2
        if self._offset is not None:
            known = self._error + _DRIFT * (ended - self._at)
            if error > known and abs(offset - self._offset) <= error + known:
                return False
        self._offset, self._error, self._at = offset, error, ended
        return True
