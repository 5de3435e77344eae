# SPDX-License-Identifier: Apache-2.0
"""The grammar of board addresses: text in, a typed address out. Nothing is opened here.

Every form is one row of :data:`FORMS`; a new kind of link is a new row and its parser. ``str()``
of a parsed address is its normal form, which parses to the same address again.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import unquote

from belay.errors import AddressError
from belay.transports.usb import UsbSpecifier

__all__ = [
    "FORMS",
    "Address",
    "ExecAddress",
    "Form",
    "SerialAddress",
    "SocketAddress",
    "UrlAddress",
    "VirtualAddress",
    "list_forms",
    "parse_address",
]

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_WINDOWS_PORT = re.compile(r"(\\\\\.\\)?(COM\d+)", re.IGNORECASE)
_BOARD_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_SIZE = re.compile(r"(\d+)([KM]?)(?:i?B)?", re.IGNORECASE)
_UNITS = {"": 1, "K": 1024, "M": 1024 * 1024}
_FLAGS = {"1": True, "true": True, "yes": True, "on": True}
_FLAGS |= {"0": False, "false": False, "no": False, "off": False}


class SerialAddress(NamedTuple):
    """A serial port of this machine.

    Attributes:
        port: path or name, such as ``/dev/ttyACM0``, ``/dev/cu.usbmodem1101`` or ``COM5``.
        baudrate: line rate in bit/s; None for the caller's.
        dtr: level of DTR while open; None leaves it to pyserial (on).
        rts: level of RTS while open; None leaves it to pyserial (on).
    """

    port: str
    baudrate: int | None = None
    dtr: bool | None = None
    rts: bool | None = None

    def __str__(self) -> str:
        levels = {"dtr": self.dtr, "rts": self.rts}
        options = {key: str(int(value)) for key, value in levels.items() if value is not None}
        if self.baudrate is not None:
            options = {"baud": str(self.baudrate)} | options
        return self.port + _join_options(options)


class SocketAddress(NamedTuple):
    """A raw TCP port that carries the board's bytes.

    Attributes:
        host: name or IP address, an IPv6 address without its brackets.
        port: 1 to 65535.
    """

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"socket://{host}:{self.port}"


class UrlAddress(NamedTuple):
    """Any other URL that pyserial's handlers understand, handed to them as it is.

    Attributes:
        scheme: the handler's name, lower case.
        rest: what follows ``scheme://``.
    """

    scheme: str
    rest: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.rest}"


class ExecAddress(NamedTuple):
    """A program whose stdin and stdout are the board's.

    Attributes:
        command: command line; split as a shell would, but no shell runs it.
    """

    command: str

    def __str__(self) -> str:
        return f"exec:{self.command}"


class VirtualAddress(NamedTuple):
    """A virtual board: a MicroPython in a process of its own.

    Attributes:
        name: boards with a name are shared within this process; ``""`` is a private one.
        files: folder of this machine that is the board's file system; None keeps it in memory.
        flash: size of the file system in bytes; None for the board's default.
        cooked: ``\\n`` leaves the board as ``\\r\\n``, as on most real boards.
        seed: makes what is random on the board repeatable.
        circuitpython: the board behaves as one that runs CircuitPython.
    """

    name: str = ""
    files: str | None = None
    flash: int | None = None
    cooked: bool = False
    seed: int | None = None
    circuitpython: bool = False

    def __str__(self) -> str:
        options: dict[str, str] = {}
        if self.files is not None:
            options["files"] = self.files
        if self.flash is not None:
            options["flash"] = str(self.flash)
        if self.cooked:
            options["cooked"] = "1"
        if self.seed is not None:
            options["seed"] = str(self.seed)
        if self.circuitpython:
            options["circuitpython"] = "1"
        return f"virtual:{self.name}" + _join_options(options)


Address = SerialAddress | SocketAddress | UrlAddress | ExecAddress | VirtualAddress | UsbSpecifier


class Form(NamedTuple):
    """One row of the grammar.

    Attributes:
        example: what a user could type.
        meaning: a few words for the list that error messages and the docs show.
        schemes: what stands before the first colon; empty for serial ports, which have none.
        parse: takes the scheme (lower case) and all that follows its colon.
    """

    example: str
    meaning: str
    schemes: tuple[str, ...]
    parse: Callable[[str, str], Address]


def parse_address(text: str) -> Address:
    """Understand a board address.

    Args:
        text: what the user typed; blanks around it do not count.

    Raises:
        AddressError: naming the part that is wrong, and the forms that exist.
    """
    if not isinstance(text, str):
        raise _wrong(repr(text), f"an address is text, not {type(text).__name__}")
    text = text.strip()
    if not text:
        raise _wrong(text, "it is empty")
    if text.startswith("{"):
        return _parse_specifier("", text)
    if _WINDOWS_PORT.fullmatch(text.partition("?")[0]):
        return _parse_serial("", text)
    found = _SCHEME.match(text)
    if found is None or "/" in found[1] or "\\" in found[1]:
        return _parse_serial("", text)
    scheme = found[1].lower()
    for form in FORMS:
        if scheme in form.schemes:
            return form.parse(scheme, text[found.end() :])
    raise _wrong(text, f"{found[1]!r} is no known kind of address")


def list_forms() -> str:
    """The table of address forms as text, one form a line."""
    width = max(len(form.example) for form in FORMS)
    return "\n".join(f"  {form.example:<{width}}  {form.meaning}" for form in FORMS)


def _wrong(text: str, what: str, hint: str = "") -> AddressError:
    parts = [f"{text!r} is not a board address: {what}."]
    if hint:
        parts.append(hint)
    parts.append("Addresses are:")
    return AddressError(" ".join(parts) + "\n" + list_forms())


def _parse_serial(scheme: str, text: str) -> SerialAddress:
    port, options = _split_options(text)
    windows = _WINDOWS_PORT.fullmatch(port)
    if windows:
        port = (windows[1] or "") + windows[2].upper()
    elif re.fullmatch(r"(tty|cu\.)[\w.-]+", port):
        raise _wrong(text, "it has no folder", f"Did you mean '/dev/{port}'?")
    elif re.fullmatch(r"\d+(\.\d+){3}(:\d+)?", port):
        raise _wrong(text, "an IP address alone does not say how to connect to it")
    elif "/" not in port and "\\" not in port:
        raise _wrong(text, "it is no port name", f"A path in this folder is './{port}'.")
    _known_options(text, options, ("baud", "dtr", "rts"))
    baudrate = _number(text, options, "baud")
    if baudrate == 0:
        raise _wrong(text, "the option 'baud' must be more than 0")
    return SerialAddress(port, baudrate, _flag(text, options, "dtr"), _flag(text, options, "rts"))


def _parse_specifier(scheme: str, text: str) -> UsbSpecifier:
    try:
        return UsbSpecifier.from_json(text)
    except AddressError as error:
        what = str(error).partition(" is no USB specifier: ")[2]
        raise _wrong(text, what) from None


def _parse_socket(scheme: str, rest: str) -> SocketAddress:
    text = f"{scheme}:{rest}"
    place, options = _split_options(_after_slashes(text, rest))
    _known_options(text, options, ("logging",))  # pyserial's own, which has no meaning here
    host, port = _host_and_port(text, place)
    return SocketAddress(host, port)


def _parse_url(scheme: str, rest: str) -> UrlAddress:
    text = f"{scheme}:{rest}"
    rest = _after_slashes(text, rest)
    if scheme == "rfc2217":
        _host_and_port(text, _split_options(rest)[0])
    elif scheme != "loop" and not rest:
        raise _wrong(text, f"nothing follows '{scheme}://'")
    return UrlAddress(scheme, rest)


def _parse_exec(scheme: str, rest: str) -> ExecAddress:
    command = rest.strip()
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise _wrong(f"exec:{command}", f"the command line has {str(error).lower()}") from None
    if not words:
        raise _wrong("exec:", "the command is missing")
    return ExecAddress(command)


def _parse_virtual(scheme: str, rest: str) -> VirtualAddress:
    text = f"virtual:{rest}"
    name, options = _split_options(rest)
    if name and not _BOARD_NAME.fullmatch(name):
        hint = f"For options write 'virtual:?{name}'." if "=" in name else ""
        raise _wrong(text, f"the name {name!r} has more than letters, digits, '_', '.', '-'", hint)
    if "net" in options:
        raise _wrong(text, "the option 'net' is not there yet: virtual boards have no network")
    _known_options(text, options, ("files", "flash", "cooked", "seed", "circuitpython"))
    if options.get("files") == "":
        raise _wrong(text, "the option 'files' names no folder")
    return VirtualAddress(
        name,
        options.get("files"),
        _size(text, options, "flash"),
        bool(_flag(text, options, "cooked")),
        _number(text, options, "seed"),
        bool(_flag(text, options, "circuitpython")),
    )


FORMS: tuple[Form, ...] = (
    Form("/dev/ttyACM0", "a serial port; options ?baud=115200&dtr=0&rts=0", (), _parse_serial),
    Form("COM5", "a serial port on Windows", (), _parse_serial),
    Form('{"vid": "2e8a"}', "the serial port of a USB device, by its marks", (), _parse_specifier),
    Form("virtual:", "a new virtual board, no hardware needed", ("virtual",), _parse_virtual),
    Form(
        "virtual:NAME?files=FOLDER",
        "a shared one; options files, flash=2M, cooked=1, seed=N, circuitpython=1",
        ("virtual",),
        _parse_virtual,
    ),
    Form("exec:command line", "a program's stdin and stdout", ("exec",), _parse_exec),
    Form("socket://host:port", "a raw TCP port", ("socket",), _parse_socket),
    Form("rfc2217://host:port", "a remote serial port", ("rfc2217",), _parse_url),
    Form("hwgrep://text", "the serial port whose name or USB id fits", ("hwgrep",), _parse_url),
    Form("loop://", "pyserial's loop back, spy:// and alt://", ("loop", "spy", "alt"), _parse_url),
)
"""The grammar. The first row that knows a scheme parses it."""


def _after_slashes(text: str, rest: str) -> str:
    if not rest.startswith("//"):
        raise _wrong(text, f"'//' is missing behind '{text.partition(':')[0]}:'")
    return rest[2:]


def _host_and_port(text: str, place: str) -> tuple[str, int]:
    place = place.rstrip("/")
    if "@" in place:
        raise _wrong(text.rpartition("@")[2], "a user or password has no place in this address")
    host, colon, port = place.rpartition(":")
    if not colon or (":" in host and not host.startswith("[")):
        raise _wrong(text, "the port number is missing")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if not host:
        raise _wrong(text, "the host is missing")
    if re.search(r"[\s/?#\[\]]", host):
        raise _wrong(text, f"{host!r} is no host name")
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise _wrong(text, f"{port!r} is no port number (1 to 65535)")
    return host, int(port)


def _split_options(text: str) -> tuple[str, dict[str, str]]:
    head, question, tail = text.partition("?")
    options: dict[str, str] = {}
    for item in tail.split("&") if question else ():
        key, _, value = item.partition("=")
        if not key:
            if item:
                raise _wrong(text, f"the option {item!r} has no name")
            continue
        if key in options:
            raise _wrong(text, f"the option {key!r} is there twice")
        options[key] = unquote(value)
    return head, options


def _join_options(options: Mapping[str, str]) -> str:
    # Only what would end an option is escaped: an address is read by people.
    safe = {k: v.replace("%", "%25").replace("&", "%26") for k, v in options.items()}
    return "?" + "&".join(f"{k}={v}" for k, v in safe.items()) if safe else ""


def _known_options(text: str, options: Mapping[str, str], known: tuple[str, ...]) -> None:
    for key in options:
        if key not in known:
            raise _wrong(text, f"unknown option {key!r}", f"Known here: {', '.join(known)}.")


def _number(text: str, options: Mapping[str, str], key: str) -> int | None:
    value = options.get(key)
    if value is None:
        return None
    if not (value.isascii() and value.isdigit()):
        raise _wrong(text, f"the option {key!r} must be a whole number, not {value!r}")
    return int(value)


def _flag(text: str, options: Mapping[str, str], key: str) -> bool | None:
    value = options.get(key)
    if value is None:
        return None
    if value.lower() not in _FLAGS:
        raise _wrong(text, f"the option {key!r} must be 1 or 0, not {value!r}")
    return _FLAGS[value.lower()]


def _size(text: str, options: Mapping[str, str], key: str) -> int | None:
    value = options.get(key)
    if value is None:
        return None
    found = _SIZE.fullmatch(value) if value.isascii() else None
    if found is None:
        raise _wrong(text, f"the option {key!r} must be a size such as 512K or 2M, not {value!r}")
    return int(found[1]) * _UNITS[found[2].upper()]
