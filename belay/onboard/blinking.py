# SPDX-License-Identifier: Apache-2.0
# A light that can be turned on and off, by the number or the name of its pin. Runs in __main__.
def _belay_light(pin, pixel):
    try:
        import board
        import digitalio

        p = getattr(board, pin) if type(pin) is str else getattr(board, "GP" + str(pin))
        p = digitalio.DigitalInOut(p)
        p.direction = digitalio.Direction.OUTPUT
        if pixel:
            from neopixel_write import neopixel_write

            def show(on):
                neopixel_write(p, bytearray((30, 30, 30) if on else 3))

        else:

            def show(on):
                p.value = on

        return lambda on: show(on) if on is not None else p.deinit()  # it is free for others
    except ImportError:
        from machine import Pin

        p = Pin(pin, Pin.OUT)
        if not pixel:
            return lambda on: p.value(on)
        from neopixel import NeoPixel

        n = NeoPixel(p, 1)

        def set(on):
            n[0] = (30, 30, 30) if on else (0, 0, 0)
            n.write()

        return set


def _belay_pins():
    try:
        import board
    except ImportError:
        from machine import Pin

        board = getattr(Pin, "board", None)
    return [n for n in dir(board) if n[0] != "_"]
