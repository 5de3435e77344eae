# SPDX-License-Identifier: Apache-2.0
# What views of I2C, SPI and UART want done on the board, each in one message. An extension of the
# agent, on top of looking.py: runs in its dictionary, and comments do not travel.


def look_i2c(o, scan, address, wanted, bits):
    # Who answers, if that is wanted; and registers, (address, bytes) each: bytes, or what was
    # wrong with one. The others are read all the same.
    r = []
    for a, n in wanted:
        try:
            r.append(o.readfrom_mem(address, a, n, addrsize=bits))
        except Exception as e:
            r.append(type(e).__name__ + ": " + str(e))
    return o.scan() if scan else None, r


def write_i2c(o, address, a, n, bits, order, mask, value):
    # The bits of mask; the others stay as they are, and nobody comes between.
    if mask + 1 != 1 << 8 * n:
        value |= int.from_bytes(o.readfrom_mem(address, a, n, addrsize=bits), order) & ~mask
    o.writeto_mem(address, a, value.to_bytes(n, order), addrsize=bits)


def transfer_spi(o, data, select):
    r = bytearray(len(data))
    if select:
        select.value(0)
    try:
        o.write_readinto(data, r)
    finally:
        if select:
            select.value(1)
    return bytes(r)


uart_reads = [0]


def look_uart(o, most):
    # What has arrived, most bytes of it; numbered, for several may look at once.
    n = o.any()
    d = o.read(min(n, most)) if n and most else b""
    uart_reads[0] += 1
    return uart_reads[0], d or b"", o.any()


LOOKS.update(look_i2c=look_i2c, write_i2c=write_i2c, transfer_spi=transfer_spi, look_uart=look_uart)
