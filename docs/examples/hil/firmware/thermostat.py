# SPDX-License-Identifier: Apache-2.0
"""How much to heat. It knows no pins: the same file runs on the board and in host tests."""


class Thermostat:
    """A PI controller whose output is a part of full power, 0 to 1.

    Args:
        target: degrees Celsius.
        gain: power for each degree that is missing.
        seconds: in which the integral part does as much as the proportional one.
        highest: degrees above which nothing heats, whatever the integral says.
    """

    def __init__(self, target, gain=0.2, seconds=60.0, highest=42.0):
        self.target = target
        self.gain = gain
        self.seconds = seconds
        self.highest = highest
        self._sum = 0.0

    def power(self, temperature, step):
        """The power for the next ``step`` seconds. A sensor that fails gives None: no heat."""
        if temperature is None or temperature >= self.highest:
            self._sum = 0.0
            return 0.0
        missing = self.target - temperature
        wanted = self.gain * (missing + self._sum / self.seconds)
        if 0 <= wanted <= 1:  # at the ends the sum would grow for nothing
            self._sum += missing * step
        return min(max(wanted, 0.0), 1.0)
