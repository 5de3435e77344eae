# SPDX-License-Identifier: Apache-2.0
"""The grammar of addresses, as tables."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from belay.errors import AddressError
from belay.transports.address import (
    FORMS,
    Address,
    BoardName,
    ExecAddress,
    SerialAddress,
    SocketAddress,
    TelnetAddress,
    UrlAddress,
    UsbAddress,
    VirtualAddress,
    WebReplAddress,
    list_forms,
    parse_address,
)
from belay.transports.usb import UsbSpecifier

GOOD: dict[str, Address] = {
    "/dev/ttyACM0": SerialAddress("/dev/ttyACM0"),
    "  /dev/ttyUSB1\n": SerialAddress("/dev/ttyUSB1"),
    "/dev/serial/by-id/usb-MicroPython_Board_in_FS_mode_e6614-if00": SerialAddress(
        "/dev/serial/by-id/usb-MicroPython_Board_in_FS_mode_e6614-if00"
    ),
    "/dev/serial/by-path/pci-0000:00:14.0-usb-0:2:1.0": SerialAddress(
        "/dev/serial/by-path/pci-0000:00:14.0-usb-0:2:1.0"
    ),
    "/dev/cu.usbmodem1101": SerialAddress("/dev/cu.usbmodem1101"),
    "/dev/tty.SLAB_USBtoUART": SerialAddress("/dev/tty.SLAB_USBtoUART"),
    "/dev/pts/3": SerialAddress("/dev/pts/3"),
    "./board": SerialAddress("./board"),
    "COM5": SerialAddress("COM5"),
    "com12": SerialAddress("COM12"),
    r"\\.\COM10": SerialAddress(r"\\.\COM10"),
    r"\\.\com10?baud=9600": SerialAddress(r"\\.\COM10", 9600),
    "/dev/ttyUSB0?baud=9600&dtr=0&rts=1": SerialAddress("/dev/ttyUSB0", 9600, False, True),
    "/dev/ttyUSB0?": SerialAddress("/dev/ttyUSB0"),
    "/dev/ttyUSB0?dtr=off": SerialAddress("/dev/ttyUSB0", None, False),
    "socket://192.168.4.1:8023": SocketAddress("192.168.4.1", 8023),
    "socket://[fe80::1%eth0]:8023": SocketAddress("fe80::1%eth0", 8023),
    "socket://pi.local:4000/": SocketAddress("pi.local", 4000),
    "SOCKET://pi:4000?logging=debug": SocketAddress("pi", 4000),
    "rfc2217://lab:2217?ign_set_control": UrlAddress("rfc2217", "lab:2217?ign_set_control"),
    "usb:2E8A:0005": UsbAddress(UsbSpecifier(0x2E8A, 5)),
    "usb:2e8a": UsbAddress(UsbSpecifier(0x2E8A)),
    "USB:0x2e8a:0x5?baud=9600&rts=0": UsbAddress(UsbSpecifier(0x2E8A, 5), 9600, None, False),
    "usb:serial=70:04:1D:A8:12:34": UsbAddress(UsbSpecifier(serial_number="70:04:1D:A8:12:34")),
    "usb:serial=E66?1&dtr=1": UsbAddress(UsbSpecifier(serial_number="E66?1"), None, True),
    "usb:2e8a?location=1-1.2": UsbAddress(UsbSpecifier(0x2E8A, location="1-1.2")),
    "usb:vid=2e8a&pid=5": UsbAddress(UsbSpecifier(0x2E8A, 5)),
    "usb:product=Board in FS mode": UsbAddress(UsbSpecifier(product="Board in FS mode")),
    "usb:": UsbAddress(UsbSpecifier()),
    "usb:?baud=9600": UsbAddress(UsbSpecifier(), 9600),
    "192.168.4.1": TelnetAddress("192.168.4.1", 23),
    "192.168.4.1:2323": TelnetAddress("192.168.4.1", 2323),
    "telnet://wipy.local": TelnetAddress("wipy.local", 23),
    "telnet://[fe80::1]": TelnetAddress("fe80::1", 23),
    "telnet://[fe80::1]:24": TelnetAddress("fe80::1", 24),
    "ws://192.168.4.1": WebReplAddress("192.168.4.1", 8266),
    "ws://esp32.local:8267/": WebReplAddress("esp32.local", 8267),
    "WSS://lab.example/board/3": WebReplAddress("lab.example", 443, True, "/board/3"),
    "ws://[fe80::1%eth0]:99": WebReplAddress("fe80::1%eth0", 99),
    "board": BoardName("board"),
    "esp32.local": BoardName("esp32.local"),
    "loop://": UrlAddress("loop", ""),
    "loop://?logging=debug": UrlAddress("loop", "?logging=debug"),
    "hwgrep://2E8A:0005": UrlAddress("hwgrep", "2E8A:0005"),
    "spy:///dev/ttyACM0": UrlAddress("spy", "/dev/ttyACM0"),
    "alt:///dev/ttyACM0?class=PosixPollSerial": UrlAddress(
        "alt", "/dev/ttyACM0?class=PosixPollSerial"
    ),
    "exec:micropython": ExecAddress("micropython"),
    "exec: micropython -X heapsize=1M -c 'print(1)' ": ExecAddress(
        "micropython -X heapsize=1M -c 'print(1)'"
    ),
    "exec:ssh lab@pi micropython?x": ExecAddress("ssh lab@pi micropython?x"),
    "execpty:qemu-system-arm -serial pty": ExecAddress("qemu-system-arm -serial pty", True),
    "virtual:": VirtualAddress(),
    "Virtual:": VirtualAddress(),
    "virtual:bench": VirtualAddress("bench"),
    "virtual:bench?cooked=1": VirtualAddress("bench", cooked=True),
    "virtual:?files=/tmp/a b&flash=2M&seed=7": VirtualAddress(
        "", "/tmp/a b", 2 * 1024 * 1024, False, 7
    ),
    "virtual:?flash=512K": VirtualAddress(flash=512 * 1024),
    "virtual:?flash=512KiB": VirtualAddress(flash=512 * 1024),
    "virtual:?flash=1000000": VirtualAddress(flash=1_000_000),
    r"virtual:?files=C:\boards\one": VirtualAddress(files=r"C:\boards\one"),
    "virtual:?files=50%25%26more+": VirtualAddress(files="50%&more+"),
    "virtual:?cooked=0": VirtualAddress(),
    "virtual:?bench=lab/bench.toml": VirtualAddress(bench="lab/bench.toml"),
    "virtual:net?net=loopback": VirtualAddress("net", net="loopback"),
}

BAD = {
    "": "it is empty",
    "   ": "it is empty",
    "ttyACM0": "Did you mean '/dev/ttyACM0'",
    "cu.usbmodem1101": "Did you mean '/dev/cu.usbmodem1101'",
    "my board": "it is no name of a port or a board. A path here is './my board'",
    "board?baud=9600": "it is no name of a port or a board",
    "192.168.4.1:x": "'x' is no port number",
    "192.168.4.256": "'192.168.4.256' is no IP address",
    "telnet:wipy": "'//' is missing behind 'telnet:'",
    "telnet://": "the host is missing",
    "telnet://wipy?x=1": "unknown option 'x'",
    "foo://bar": "'foo' is no known kind",
    "usb:pico": "'pico' is no USB vid of four hexadecimal digits. Write 'usb:2e8a:0005'",
    "usb:2e8a:0005:1": "'0005:1' is no USB pid",
    "usb:2e8a:": "'' is no USB pid",
    "usb:2e8a?vid=1": "'vid' is there twice",
    "usb:serial_number=1": "unknown option 'serial_number'. Known here: vid, pid, serial,",
    "usb:pid=٣": "'٣' is no USB pid",
    "ws://": "the host is missing",
    "ws:192.168.4.1": "'//' is missing behind 'ws:'",
    "ws://192.168.4.1:": "'' is no port number",
    "ws://host/a b": "it has more than a host, a port and a path",
    "C:\\boards": "'C' is no known kind",
    "/dev/ttyACM0?speed=9600": "unknown option 'speed'. Known here: baud, dtr, rts",
    "/dev/ttyACM0?baud=fast": "'baud' must be a whole number, not 'fast'",
    "/dev/ttyACM0?baud=0": "'baud' must be 1 or more, not 0",
    "/dev/ttyACM0?baud=٣": "'baud' must be a whole number",
    "/dev/ttyACM0?dtr=maybe": "'dtr' must be 1 or 0, not 'maybe'",
    "/dev/ttyACM0?baud=1&baud=2": "'baud' is there twice",
    "/dev/ttyACM0?=1": "the option '=1' has no name",
    "socket:host:1": "'//' is missing behind 'socket:'",
    "socket://": "the port number is missing",
    "socket://host": "the port number is missing",
    "socket://fe80::1": "the port number is missing",
    "socket://:80": "the host is missing",
    "socket://host:": "'' is no port number",
    "socket://host:http": "'http' is no port number",
    "socket://host:0": "'0' is no port number",
    "socket://host:65536": "'65536' is no port number",
    "socket://ho st:80": "'ho st' is no host name",
    "socket://host:80?x=1": "unknown option 'x'",
    "rfc2217://host": "the port number is missing",
    "hwgrep://": "nothing follows 'hwgrep://'",
    "spy://": "nothing follows 'spy://'",
    "exec:": "the command is missing",
    "exec:  ": "the command is missing",
    "execpty:": "the command is missing",
    "exec:sh -c 'x": "no closing quotation",
    "virtual:my board": "the name 'my board' has more than letters",
    "virtual:cooked=1": "For options write 'virtual:?cooked=1'",
    "virtual:?net=all": "net=all: the only network of virtual boards is 'loopback'",
    "virtual:?bench=": "the option 'bench' names no file",
    "virtual:?flsh=2M": "unknown option 'flsh'. Known here: files, flash, cooked, seed,",
    "virtual:?flash=big": "'flash' must be a size such as 512K or 2M, not 'big'",
    "virtual:?seed=x": "'seed' must be a whole number, not 'x'",
    "virtual:?files=": "'files' names no folder",
}


@pytest.mark.parametrize("text", GOOD)
def test_what_an_address_means(text: str) -> None:
    parsed = parse_address(text)
    assert parsed == GOOD[text]
    assert type(parsed) is type(GOOD[text])


@pytest.mark.parametrize("text", BAD)
def test_a_wrong_address_says_what_is_wrong_and_what_there_is(text: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_address(text)
    assert BAD[text] in str(caught.value)
    assert list_forms() in str(caught.value)


def test_an_address_is_text() -> None:
    with pytest.raises(AddressError, match="an address is text, not int"):
        parse_address(5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "socket://me:secret@host:80",
        "telnet://me:secret@host",
        "ws://me:secret@host",
        "ws://:secret@host/",
        "ws://host#secret",
        "ws://host/#secret",
        "ws://host/?password=secret",
        "rfc2217://me:secret@host:99",
    ],
)
def test_a_password_is_not_repeated(text: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_address(text)
    assert "secret" not in str(caught.value)


def test_every_example_of_the_table_parses() -> None:
    for form in FORMS:
        example = form.example.replace("host:port", "host:80").replace("FOLDER", "folder")
        assert parse_address(example)


names = st.text(string.ascii_letters + string.digits + "_", min_size=1)
words = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters="?"), min_size=1
)
flags = st.none() | st.booleans()
numbers = st.none() | st.integers(min_value=1, max_value=10**9)
hosts = names | st.ip_addresses().map(str)
ports = st.integers(min_value=1, max_value=65535)
ids = st.none() | st.integers(0, 0xFFFF)
marks = st.none() | words
specifiers = st.builds(UsbSpecifier, ids, ids, marks, marks, marks, marks)
addresses: st.SearchStrategy[Address] = st.one_of(
    st.builds(SerialAddress, words.map("/dev/{}".format), numbers, flags, flags),
    st.builds(SerialAddress, st.integers(1, 300).map("COM{}".format), numbers, flags, flags),
    st.builds(SocketAddress, hosts, ports),
    st.builds(TelnetAddress, hosts, ports),
    st.builds(WebReplAddress, hosts, ports, st.booleans(), names.map("/{}".format)),
    st.builds(UsbAddress, specifiers, numbers, flags, flags),
    st.builds(ExecAddress, words.filter(lambda word: not set("'\"\\") & set(word)), st.booleans()),
    st.builds(UrlAddress, st.sampled_from(["spy", "alt", "hwgrep", "loop"]), words),
    st.builds(
        VirtualAddress,
        st.just("") | names,
        st.none() | words,
        numbers,
        st.booleans(),
        numbers,
        bench=st.none() | words,
        net=st.sampled_from(["", "loopback"]),
    ),
)


@settings(deadline=None)
@given(addresses)
def test_the_normal_form_means_the_same(address: Address) -> None:
    assert parse_address(str(address)) == address


@settings(deadline=None)
@given(
    st.text()
    | st.text(":/?&=%@[]0Aa. ").map("socket:{}".format)
    | st.text().map("virtual:{}".format)
    | st.text(":?&=%0aserialvdp. ").map("usb:{}".format)
    | st.text(":/?#[]0Aa. ").map("ws:{}".format)
)
def test_any_text_parses_or_is_refused(text: str) -> None:
    try:
        parsed = parse_address(text)
    except AddressError:
        return
    assert parse_address(str(parsed)) == parsed
