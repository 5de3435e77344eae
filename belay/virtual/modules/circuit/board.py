# SPDX-License-Identifier: Apache-2.0
"""``board``: the names of a Raspberry Pi Pico's pins."""

from microcontroller import pin as _pins

board_id = "raspberry_pi_pico"

GP0 = _pins.GPIO0
GP1 = _pins.GPIO1
GP2 = _pins.GPIO2
GP3 = _pins.GPIO3
GP4 = _pins.GPIO4
GP5 = _pins.GPIO5
GP6 = _pins.GPIO6
GP7 = _pins.GPIO7
GP8 = _pins.GPIO8
GP9 = _pins.GPIO9
GP10 = _pins.GPIO10
GP11 = _pins.GPIO11
GP12 = _pins.GPIO12
GP13 = _pins.GPIO13
GP14 = _pins.GPIO14
GP15 = _pins.GPIO15
GP16 = _pins.GPIO16
GP17 = _pins.GPIO17
GP18 = _pins.GPIO18
GP19 = _pins.GPIO19
GP20 = _pins.GPIO20
GP21 = _pins.GPIO21
GP22 = _pins.GPIO22
GP23 = _pins.GPIO23
GP24 = _pins.GPIO24
GP25 = _pins.GPIO25
GP26 = _pins.GPIO26
GP27 = _pins.GPIO27
GP28 = _pins.GPIO28
LED = GP25
A0, A1, A2, A3 = GP26, GP27, GP28, _pins.GPIO29
VOLTAGE_MONITOR = A3
SMPS_MODE = GP23
VBUS_SENSE = GP24
