# SPDX-License-Identifier: Apache-2.0
"""``belay select``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from belay.cli.boards import dump
from belay.cli.candidates import Candidate, choice_lines, found_boards
from belay.cli.options import Json
from belay.errors import BelayException, DeviceNotFoundError, InsufficientSpecifierError

if TYPE_CHECKING:
    from belay.device import Device

__all__ = ["select"]

_NOWHERE, _USER, _PROJECT = "nowhere", "user", "project"


def select(
    *,
    first: bool = False,
    name: str | None = None,
    project: bool = False,
    default: bool = False,
    json: Json = False,
) -> int:
    """Choose a board, see its light blink, and remember it.

    The boards are shown as a list: the arrows and Ctrl-N and Ctrl-P move in it, typing narrows it
    down. The chosen one is connected to without a reset; it can blink a LED or a NeoPixel, so that
    you see which it is. Then a line for your shell and one for Python programs are shown, or the
    board gets a name in the configuration.

    Where there is no terminal nothing is asked, and the board is not touched: the only board is
    chosen, or with --first the first one of `belay devices`.

    Args:
        first: take the first board, and ask nothing.
        name: write the board into the configuration under this name.
        project: into pyproject.toml, for everybody who works on this project; your own file by
            default.
        default: let it also be the board of commands that name none.
        json: ask nothing, and print what was chosen as an object.

    Examples:
        belay select
        belay select --first --name pico
        eval "$(belay select --first)"
        belay select --first --json
    """
    boards = found_boards()
    if not boards:
        raise DeviceNotFoundError(
            "There is no board on USB, and none is configured. Is it plugged in, with a cable that "
            "carries data? 'virtual:' needs no hardware."
        )
    asking = not (first or json) and sys.stdin.isatty() and sys.stdout.isatty()
    chosen = _asked(boards) if asking else _taken(boards, first)
    where = _PROJECT if project else _USER
    if asking and name is None:
        where, name = _where_to_keep(chosen, project)
    kept = _keep(chosen, name, where, default) if name else ""
    if json:
        lines = {"export": chosen.export, "python": chosen.python}
        print(dump(chosen.as_json() | lines | ({"saved": kept, "name": name} if kept else {})))
    elif kept:
        print(f"{name} is written into {kept}. Try: belay info {name}")
    else:
        print(chosen.export)
        print(f"# {chosen.python}" if not asking else chosen.python)
    return 0


def _taken(boards: Sequence[Candidate], first: bool) -> Candidate:
    """A board without asking."""
    if len(boards) > 1 and not first:
        listed = "".join(f"\n  {line}" for line in choice_lines(boards))
        raise InsufficientSpecifierError(f"There are several boards; --first takes one:{listed}")
    return boards[0]


def _keep(board: Candidate, name: str, where: str, default: bool) -> str:
    from belay.transports.boards import save

    return str(save(name, board.lasting or board.address, where, default=default))


# ------------------------------------------------------------------------------------ asking


def _asked(boards: Sequence[Candidate]) -> Candidate:
    """Ask which one, until one is the right one."""
    from belay.device import Device

    chosen: Candidate | None = None
    while True:
        chosen = _pick(boards, chosen)
        try:
            with Device(chosen.address, reset=False, startup="") as device:
                made = device.implementation
                version = ".".join(map(str, made.version[:3]))
                print(f"  {made.name} {version} on {made.platform}")
                if _is_it(device):
                    return chosen
        except BelayException as error:
            print(f"  {str(error).strip()}", file=sys.stderr)
            if len(boards) == 1:
                raise


def _pick(boards: Sequence[Candidate], before: Candidate | None) -> Candidate:
    import questionary

    lines = choice_lines(boards)
    choices = [
        questionary.Choice(line, value=board, description=_details(board))
        for line, board in zip(lines, boards, strict=True)
    ]
    chosen: Candidate = questionary.select(
        "Which board?",
        choices,
        default=None if before is None else choices[list(boards).index(before)],
        use_search_filter=True,
        use_jk_keys=False,
        instruction="(arrows move, typing narrows it down, Enter takes it)",
        qmark="",
    ).unsafe_ask()
    return chosen


def _details(board: Candidate) -> str:
    if board.usb is None:
        return f"{board.address}, from the configuration"
    fields = board.usb.model_dump(exclude_none=True)
    for name in ("vid", "pid"):
        if name in fields:
            fields[name] = f"{fields[name]:04x}"
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in fields.items())


def _is_it(device: Device) -> bool:
    """Let a light of the board blink, if it has one, and ask whether this is the one."""
    import questionary

    from belay.cli.blinking import Light, light_names

    names = light_names(device)
    hint = f" (such as {', '.join(names[:4])})" if names else ""
    ask: Any = questionary.autocomplete if names else questionary.text
    yes: bool | None = None
    while yes is None:
        pin = ask(
            f"Pin of a light to blink, a number or a name{hint}; empty for none:",
            **({"choices": names, "ignore_case": True} if names else {}),
            qmark="",
        ).unsafe_ask()
        if not pin.strip():
            return True
        pixel = questionary.confirm(
            "Is it a NeoPixel?", default=_sounds_like_a_pixel(pin), qmark=""
        ).unsafe_ask()
        with Light(device, pin.strip(), pixel=pixel) as light:
            if light.error is None:
                yes = questionary.confirm(
                    f"{pin.strip()} blinks. Is this the board?", default=True, qmark=""
                ).unsafe_ask()
        if light.error is not None:
            reason = str(light.error).strip().splitlines()[-1]
            print(f"  It does not blink: {reason}", file=sys.stderr)
    return yes


def _sounds_like_a_pixel(pin: str) -> bool:
    return any(word in pin.upper() for word in ("NEO", "PIXEL", "RGB"))


def _where_to_keep(board: Candidate, project: bool) -> tuple[str, str | None]:
    import questionary

    from belay.transports.boards import project_file

    choices = [
        questionary.Choice("show the lines for a shell and for Python", value=_NOWHERE),
        questionary.Choice("give it a name in your own configuration", value=_USER),
    ]
    if project_file() is not None:
        choices.append(questionary.Choice(f"give it a name in {project_file()}", value=_PROJECT))
    where = questionary.select(
        "How shall it be remembered?",
        choices,
        default=choices[-1] if project and len(choices) > 2 else None,
        instruction="(arrows move, Enter takes it)",
        qmark="",
    ).unsafe_ask()
    if where == _NOWHERE:
        return _USER, None
    named = questionary.text("Its name:", default=board.suggested_name, qmark="").unsafe_ask()
    return where, named.strip() or board.suggested_name
