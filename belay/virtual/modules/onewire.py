# SPDX-License-Identifier: Apache-2.0
"""The 1-Wire bus: bytes, bits, and the search for the parts on it."""

import _board


class OneWireError(Exception):
    pass


class OneWire:
    SEARCH_ROM, MATCH_ROM, SKIP_ROM = 0xF0, 0x55, 0xCC

    def __init__(self, pin):
        self.pin = pin
        self.pin.init(pin.OPEN_DRAIN, pin.PULL_UP)

    def reset(self, required=False):
        there = _board.ow_reset(self.pin._id)
        if required and not there:
            raise OneWireError
        return there

    def readbit(self):
        return _board.ow_read_bit(self.pin._id)

    def readbyte(self):
        return _board.ow_read(self.pin._id)

    def readinto(self, buf):
        for index in range(len(buf)):
            buf[index] = self.readbyte()

    def writebit(self, value):
        _board.ow_write_bit(self.pin._id, 1 if value else 0)

    def writebyte(self, value):
        _board.ow_write(self.pin._id, value & 0xFF)

    def write(self, buf):
        for byte in buf:
            self.writebyte(byte)

    def select_rom(self, rom):
        self.reset()
        self.writebyte(self.MATCH_ROM)
        self.write(rom)

    def scan(self):
        # Every pass takes the other branch at the last place where two parts differed.
        found, rom, last = [], bytearray(8), 64
        while last >= 0:
            if not self.reset():
                return found
            self.writebyte(self.SEARCH_ROM)
            branch, last = last, -1
            for place in range(64):
                index, mask = place >> 3, 1 << (place & 7)
                bit, other = self.readbit(), self.readbit()
                if bit and other:
                    return found
                if not bit and not other:
                    if place == branch:
                        bit = 1
                    elif place < branch and branch < 64:
                        bit = 1 if rom[index] & mask else 0
                    if not bit:
                        last = place
                if bit:
                    rom[index] |= mask
                else:
                    rom[index] &= ~mask
                self.writebit(bit)
            found.append(bytearray(rom))
        return found

    def crc8(self, data):
        crc = 0
        for byte in data:
            crc ^= byte
            for _ in range(8):
                crc = crc >> 1 ^ 0x8C if crc & 1 else crc >> 1
        return crc
