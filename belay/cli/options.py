# SPDX-License-Identifier: Apache-2.0
"""Options that commands share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from belay.cli.usage import UsageError, WordCountError

__all__ = ["ANY_BOARD", "BoardOptions", "Json", "Seconds", "Split", "Words"]

Words = Annotated[str, Parameter(show=False)]
"""``*words: Words``: PORT and the command's own arguments; the usage line shows them."""

Json = Annotated[bool, Parameter(name="--json")]
"""``json: Json = False``: print what a program can read."""

Seconds = Annotated[float | None, Parameter(validator=Number(gt=0))]
"""``timeout: Seconds = None``: after which something is given up."""


@Parameter(name="*")
@dataclass(frozen=True)
class BoardOptions:
    """Which boards. PORT is an address or the name of a board; so is what follows -t."""

    target: Annotated[
        tuple[str, ...], Parameter(name=("--target", "-t"), consume_multiple=False)
    ] = ()
    """Address or name of a board, in place of PORT; repeated for several, or `all`."""

    port: str | None = None
    """The same as PORT."""

    password: str | None = None
    """For links that ask for one; better in BELAY_PASSWORD, where no other user sees it."""

    def split(self, words: tuple[str, ...], least: int = 0, most: int | None = None) -> Split:
        """Tell PORT from the command's own arguments.

        The first word is PORT where the others are enough without it: where there are more than
        the command takes, or where it takes a varying number and this one reads like an address.

        Args:
            words: all that was typed beside options.
            least: how many the command needs.
            most: how many it takes; None: any number.

        Raises:
            WordCountError: there are too few or too many.
            UsageError: PORT is there, and empty.
        """
        first = ""
        if self.port == "":  # a variable of the shell that is not set
            raise UsageError("--port is empty")
        if not (self.target or self.port) and len(words) > least:
            from belay.cli.boards import reads_like_a_board

            if not words[0]:
                raise UsageError("PORT is empty")

            surplus = most is not None and len(words) > most
            if surplus or (most != least and reads_like_a_board(words[0])):
                first, words = words[0], words[1:]
        if len(words) < least:
            raise WordCountError("an argument is missing")
        if most is not None and len(words) > most:
            raise WordCountError(f"one argument too many: {words[-1]!r}")
        return Split(self, first or self.port or "", words)


ANY_BOARD = BoardOptions()
"""The default: nothing was said about boards."""


@dataclass(frozen=True)
class Split:
    """What was typed, told apart.

    Attributes:
        options: the options of the command line.
        port: PORT, or empty.
        words: the command's own arguments.
    """

    options: BoardOptions
    port: str
    words: tuple[str, ...]
