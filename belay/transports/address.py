# SPDX-License-Identifier: Apache-2.0
"""The grammar of board addresses: text in, a typed address out. Nothing is opened here.

Every form is one row of :data:`FORMS`; a new kind of link is a new row and its parser. ``str()``
of a parsed address is its normal form, which parses to the same address again.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import NamedTuple

from belay.errors import AddressError
from belay.transports.labgrid import LabgridAddress, parse_labgrid
from belay.transports.options import Mistake, Options, join_options
from belay.transports.replayaddress import ReplayAddress, parse_replay
from belay.transports.usb import UsbSpecifier
from belay.transports.virtualaddress import BOARD_NAME, VirtualAddress, parse_virtual

__all__ = [
    "FORMS",
    "Address",
    "BoardName",
    "ExecAddress",
    "Form",
    "ReplayAddress",
    "SerialAddress",
    "SocketAddress",
    "TelnetAddress",
    "UrlAddress",
    "UsbAddress",
    "VirtualAddress",
    "WebReplAddress",
    "list_forms",
    "parse_address",
]

TELNET_PORT = 23
WEBREPL_PORT = 8266

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_WINDOWS_PORT = re.compile(r"(\\\\\.\\)?(COM\d+)", re.IGNORECASE)
_IP_ADDRESS = re.compile(r"(\d+(?:\.\d+){3})(:.*)?")
_LINE = ("baud", "dtr", "rts")


class BoardName(NamedTuple):
    """The name of a board; `belay.transports.boards` knows what address it stands for.

    Attributes:
        name: letters, digits, ``_``, ``.`` and ``-``.
    """

    name: str

    def __str__(self) -> str:
        return self.name


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
        return self.port + join_options({"baud": self.baudrate, "dtr": self.dtr, "rts": self.rts})


class UsbAddress(NamedTuple):
    """The serial port of a USB device, whatever name it comes up as.

    Attributes:
        specifier: the device.
        baudrate: as for :class:`SerialAddress`, and so are the levels.
        dtr: level of DTR while open.
        rts: level of RTS while open.
    """

    specifier: UsbSpecifier
    baudrate: int | None = None
    dtr: bool | None = None
    rts: bool | None = None

    def __str__(self) -> str:
        wanted, place = self.specifier, "usb:"
        options: dict[str, str | float | bool | None] = {
            "serial": wanted.serial_number,
            "manufacturer": wanted.manufacturer,
            "product": wanted.product,
            "location": wanted.location,
            "baud": self.baudrate,
            "dtr": self.dtr,
            "rts": self.rts,
        }
        if wanted.vid is None:
            pid = None if wanted.pid is None else f"{wanted.pid:04x}"
            return place + join_options({"pid": pid, **options}, sign="")
        place += f"{wanted.vid:04x}"
        if wanted.pid is not None:
            place += f":{wanted.pid:04x}"
        return place + join_options(options)


class SocketAddress(NamedTuple):
    """A raw TCP port that carries the board's bytes.

    Attributes:
        host: name or IP address, an IPv6 address without its brackets.
        port: 1 to 65535.
    """

    host: str
    port: int

    def __str__(self) -> str:
        return f"socket://{_bracketed(self.host)}:{self.port}"


class TelnetAddress(NamedTuple):
    """A board that is reached by telnet, and asks for a name and a password.

    Attributes:
        host: name or IP address, an IPv6 address without its brackets.
        port: 1 to 65535.
    """

    host: str
    port: int = TELNET_PORT

    def __str__(self) -> str:
        port = "" if self.port == TELNET_PORT else f":{self.port}"
        return f"telnet://{_bracketed(self.host)}{port}"


class WebReplAddress(NamedTuple):
    """A board with WebREPL, which is a WebSocket that asks for a password.

    Attributes:
        host: name or IP address, an IPv6 address without its brackets.
        port: 1 to 65535.
        secure: over TLS, ``wss://``.
        path: from the first slash on.
    """

    host: str
    port: int = WEBREPL_PORT
    secure: bool = False
    path: str = "/"

    def __str__(self) -> str:
        scheme = "wss" if self.secure else "ws"
        path = "" if self.path == "/" else self.path
        return f"{scheme}://{_bracketed(self.host)}:{self.port}{path}"


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
        terminal: the program opens a pseudo-terminal for the board and says its name first.
    """

    command: str
    terminal: bool = False

    def __str__(self) -> str:
        return f"{'execpty' if self.terminal else 'exec'}:{self.command}"


Address = (
    SerialAddress
    | UsbAddress
    | UsbSpecifier
    | SocketAddress
    | TelnetAddress
    | WebReplAddress
    | UrlAddress
    | ExecAddress
    | VirtualAddress
    | ReplayAddress
    | LabgridAddress
    | BoardName
)


class Form(NamedTuple):
    """One row of the grammar.

    Attributes:
        example: what a user could type.
        meaning: a few words for the list that error messages and the docs show.
        schemes: what stands before the first colon; empty where there is nothing of the kind.
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
        raise AddressError(_told(repr(text), f"an address is text, not {type(text).__name__}"))
    text = text.strip()
    try:
        return _parse(text)
    except Mistake as mistake:
        shown = text if mistake.shown is None else mistake.shown
        raise AddressError(_told(shown, mistake.what, mistake.hint)) from None


def list_forms() -> str:
    """The table of address forms as text, one form a line."""
    width = max(len(form.example) for form in FORMS)
    return "\n".join(f"  {form.example:<{width}}  {form.meaning}" for form in FORMS)


def _told(text: str, what: str, hint: str = "") -> str:
    parts = [f"{text!r} is not a board address: {what}.", hint, "Addresses are:"]
    return " ".join(filter(None, parts)) + "\n" + list_forms()


def _parse(text: str) -> Address:
    if not text:
        raise Mistake("it is empty")
    if text.startswith("{"):
        return _parse_specifier("", text)
    if _WINDOWS_PORT.fullmatch(text.partition("?")[0]):
        return _parse_serial("", text)
    if _IP_ADDRESS.fullmatch(text):
        return _parse_telnet("telnet", f"//{text}")
    found = _SCHEME.match(text)
    if found is None or "/" in found[1] or "\\" in found[1]:
        return _parse_serial("", text)
    scheme = found[1].lower()
    for form in FORMS:
        if scheme in form.schemes:
            return form.parse(scheme, text[found.end() :])
    raise Mistake(f"{found[1]!r} is no known kind of address")


def _parse_serial(scheme: str, text: str) -> Address:
    port, _, tail = text.partition("?")
    windows = _WINDOWS_PORT.fullmatch(port)
    if windows:
        port = (windows[1] or "") + windows[2].upper()
    elif re.fullmatch(r"(tty|cu\.)[\w.-]+", port):
        raise Mistake("it has no folder", f"Did you mean '/dev/{port}'?")
    elif "/" not in port and "\\" not in port:
        if not BOARD_NAME.fullmatch(text):
            raise Mistake("it is no name of a port or a board", f"A path here is {'./' + port!r}.")
        return BoardName(text)
    options = Options(tail, *_LINE)
    return SerialAddress(port, options.number("baud", 1), options.flag("dtr"), options.flag("rts"))


def _parse_specifier(scheme: str, text: str) -> UsbSpecifier:
    try:
        return UsbSpecifier.from_json(text)
    except AddressError as error:
        raise Mistake(str(error).partition(" is no USB specifier: ")[2]) from None


def _parse_usb(scheme: str, rest: str) -> UsbAddress:
    ids, _, tail = rest.partition("?")
    if "=" in ids:
        ids, tail = "", rest
    options = Options(tail, "vid", "pid", "serial", "manufacturer", "product", "location", *_LINE)
    numbers = {key: options.text(key) for key in ("vid", "pid")}
    for key, text in zip(numbers, ids.split(":", 1) if ids else (), strict=False):
        if numbers[key] is not None:
            raise Mistake(f"{key!r} is there twice")
        numbers[key] = text
    for key, value in numbers.items():
        if value is not None and not re.fullmatch(r"(0[xX])?[0-9a-fA-F]{1,4}", value):
            raise Mistake(
                f"{value!r} is no USB {key} of four hexadecimal digits",
                "Write 'usb:2e8a:0005' or 'usb:serial=e6614c775b3a2c35'.",
            )
    vid, pid = (None if value is None else int(value, 16) for value in numbers.values())
    specifier = UsbSpecifier(
        vid,
        pid,
        serial_number=options.text("serial"),
        manufacturer=options.text("manufacturer"),
        product=options.text("product"),
        location=options.text("location"),
    )
    return UsbAddress(
        specifier, options.number("baud", 1), options.flag("dtr"), options.flag("rts")
    )


def _parse_socket(scheme: str, rest: str) -> SocketAddress:
    place, _, tail = _after_slashes(scheme, rest).partition("?")
    Options(tail, "logging")  # pyserial's own, which has no meaning here
    return SocketAddress(*_host_and_port(place))


def _parse_telnet(scheme: str, rest: str) -> TelnetAddress:
    place, _, tail = _after_slashes(scheme, rest).partition("?")
    Options(tail)
    host, port = _host_and_port(place, TELNET_PORT)
    if re.fullmatch(r"\d+(\.\d+){3}", host) and any(int(p) > 255 for p in host.split(".")):
        raise Mistake(f"{host!r} is no IP address")
    return TelnetAddress(host, port)


def _parse_webrepl(scheme: str, rest: str) -> WebReplAddress:
    rest = _after_slashes(scheme, rest)
    if re.search(r"[\s?#]", rest):  # where people put passwords
        raise Mistake("it has more than a host, a port and a path", shown=f"{scheme}://…")
    place, slash, path = rest.partition("/")
    secure = scheme == "wss"
    host, port = _host_and_port(place, 443 if secure else WEBREPL_PORT)
    return WebReplAddress(host, port, secure, slash + path or "/")


def _parse_url(scheme: str, rest: str) -> UrlAddress:
    rest = _after_slashes(scheme, rest)
    if scheme == "rfc2217":
        _host_and_port(rest.partition("?")[0])
    elif scheme != "loop" and not rest:
        raise Mistake(f"nothing follows '{scheme}://'")
    return UrlAddress(scheme, rest)


def _parse_exec(scheme: str, rest: str) -> ExecAddress:
    command = rest.strip()
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise Mistake(f"the command line has {str(error).lower()}") from None
    if not words:
        raise Mistake("the command is missing")
    return ExecAddress(command, scheme == "execpty")


FORMS: tuple[Form, ...] = (
    Form("/dev/ttyACM0", "a serial port; options ?baud=115200&dtr=0&rts=0", (), _parse_serial),
    Form("COM5", "a serial port on Windows, with the same options", (), _parse_serial),
    Form("usb:2e8a:0005", "the serial port of a USB device, by VID and PID", ("usb",), _parse_usb),
    Form(
        "usb:serial=NUMBER",
        "by its marks: serial, vid, pid, manufacturer, product, location; and baud, dtr, rts",
        ("usb",),
        _parse_usb,
    ),
    Form('{"vid": "2e8a"}', "the same, as Belay writes it", (), _parse_specifier),
    Form("ws://host", "WebREPL; port 8266 unless host:port", ("ws", "wss"), _parse_webrepl),
    Form("192.168.4.1", "telnet, and telnet://host:port", ("telnet",), _parse_telnet),
    Form("NAME", "a board of your configuration", (), _parse_serial),
    Form("virtual:", "a new virtual board, no hardware needed", ("virtual",), parse_virtual),
    Form(
        "virtual:NAME?files=FOLDER",
        "a shared one; options files, flash=2M, seed=N, circuitpython=1, bench, net, baud",
        ("virtual",),
        parse_virtual,
    ),
    Form(
        "replay:FILE",
        "a recording in the place of a board; option timing=recorded",
        ("replay",),
        parse_replay,
    ),
    Form("exec:command line", "a program's stdin and stdout", ("exec", "execpty"), _parse_exec),
    Form("execpty:command line", "a program that opens a terminal", ("execpty",), _parse_exec),
    Form("socket://host:port", "a raw TCP port", ("socket",), _parse_socket),
    Form("rfc2217://host:port", "a remote serial port", ("rfc2217",), _parse_url),
    Form("labgrid:PLACE", "a board of a labgrid laboratory", ("labgrid",), parse_labgrid),
    Form("hwgrep://text", "the serial port whose name or USB id fits", ("hwgrep",), _parse_url),
    Form("loop://", "pyserial's loop back, spy:// and alt://", ("loop", "spy", "alt"), _parse_url),
)
"""The grammar. The first row that knows a scheme parses it."""


def _after_slashes(scheme: str, rest: str) -> str:
    if not rest.startswith("//"):
        raise Mistake(f"'//' is missing behind '{scheme}:'")
    return rest[2:]


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _host_and_port(place: str, usual: int | None = None) -> tuple[str, int]:
    place = place.rstrip("/")
    if "@" in place:
        raise Mistake(
            "a user or password has no place in this address", shown=place.rpartition("@")[2]
        )
    host, colon, port = place.rpartition(":")
    if usual is not None and (not colon or place.endswith("]")):
        host, colon, port = place, ":", str(usual)
    if not colon or (":" in host and not host.startswith("[")):
        raise Mistake("the port number is missing")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if not host:
        raise Mistake("the host is missing")
    if re.search(r"[\s/?#\[\]]", host):
        raise Mistake(f"{host!r} is no host name")
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise Mistake(f"{port!r} is no port number (1 to 65535)")
    return host, int(port)
