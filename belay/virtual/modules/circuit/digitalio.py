# SPDX-License-Identifier: Apache-2.0
"""``digitalio``: a pin that is high or low."""

import _board


class Direction:
    INPUT, OUTPUT = "digitalio.Direction.INPUT", "digitalio.Direction.OUTPUT"


class Pull:
    UP, DOWN = "digitalio.Pull.UP", "digitalio.Pull.DOWN"


class DriveMode:
    PUSH_PULL, OPEN_DRAIN = "digitalio.DriveMode.PUSH_PULL", "digitalio.DriveMode.OPEN_DRAIN"


_PULLS = {None: 0, Pull.UP: 1, Pull.DOWN: 2}
_IN, _OUT, _OPEN_DRAIN = 0, 1, 2


class DigitalInOut:
    def __init__(self, pin):
        pin._claim(self)
        self._pin, self._number = pin, pin._number
        self.switch_to_input()

    def deinit(self):
        if self._pin is not None:
            _board.pin_setup(self._number, _IN, 0, -1)
            self._pin._user = self._pin = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.deinit()

    def _check(self):
        if self._pin is None:
            raise ValueError("Object has been deinitialized and can no longer be used.")

    def switch_to_input(self, pull=None):
        self._check()
        self._direction, self._pull, self._mode = Direction.INPUT, pull, None
        _board.pin_setup(self._number, _IN, _PULLS[pull], -1)

    def switch_to_output(self, value=False, drive_mode=DriveMode.PUSH_PULL):
        self._check()
        self._direction, self._pull, self._mode = Direction.OUTPUT, None, drive_mode
        mode = _OUT if drive_mode == DriveMode.PUSH_PULL else _OPEN_DRAIN
        _board.pin_setup(self._number, mode, 0, int(bool(value)))

    @property
    def direction(self):
        return self._direction

    @direction.setter
    def direction(self, value):
        if value == Direction.INPUT:
            self.switch_to_input()
        elif value == Direction.OUTPUT:
            self.switch_to_output()
        else:
            raise ValueError("Invalid direction.")

    @property
    def value(self):
        self._check()
        return bool(_board.pin_get(self._number))

    @value.setter
    def value(self, value):
        self._check()
        if self._direction == Direction.INPUT:
            raise AttributeError("Cannot set value when direction is input.")
        _board.pin_set(self._number, int(bool(value)))

    @property
    def pull(self):
        if self._direction == Direction.OUTPUT:
            raise AttributeError("Pull not used when direction is output.")
        return self._pull

    @pull.setter
    def pull(self, pull):
        if self._direction == Direction.OUTPUT:
            raise AttributeError("Pull not used when direction is output.")
        self.switch_to_input(pull)

    @property
    def drive_mode(self):
        return self._mode
