# SPDX-License-Identifier: Apache-2.0
"""The kernel "MicroPython via Belay": plain cells run on a board, ``%%host`` cells and magics here.

It is IPython's kernel with the extension loaded and every cell meant for the board, so magics,
widgets, history and ``%%host`` cells are IPython's own. What is added: it finds a board when the
first cell needs one, interrupts by message, and gives the board back when it ends.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any, cast

from ipykernel.ipkernel import IPythonKernel
from ipykernel.kernelapp import IPKernelApp
from ipykernel.zmqshell import ZMQInteractiveShell
from IPython.core.inputtransformer2 import TransformerManager
from traitlets import Type

import belay
from belay.errors import PyboardException
from belay_jupyter import auto, boards, load_ipython_extension
from belay_jupyter.busytab import BusyTab
from belay_jupyter.interrupts import Interrupts
from belay_jupyter.tracebacks import message_of

if TYPE_CHECKING:
    from belay_jupyter.boards import Board, Boards

__all__ = ["BelayKernel", "launch"]

RESET_PATIENCE = 2.0
"""Seconds that the soft reset of a restart may take; Jupyter kills the kernel after five."""

_NOTHING_ON_USB = (
    "No board is on USB, so this is a virtual one; %belay_connect ADDRESS connects others"
)


def launch(arguments: list[str]) -> None:
    """Be a kernel until it is shut down.

    Args:
        arguments: those that Jupyter gives: ``-f CONNECTION_FILE``, and options of ipykernel.
    """
    IPKernelApp.launch_instance(arguments, kernel_class=BelayKernel)


class BelayShell(ZMQInteractiveShell):
    """IPython's shell; it calls exceptions of the board what the board calls them.

    Attributes:
        failure: type and message of the last exception of the board that was shown.
    """

    failure: tuple[str, str] | None = None

    def forget_failure(self) -> None:
        """Before a cell."""
        self.failure = None

    def _showtraceback(self, etype: type[BaseException], evalue: Any, stb: Any) -> None:
        if isinstance(evalue, PyboardException) and evalue.type:
            text = message_of(evalue)
            self.failure = evalue.type, text.removeprefix(evalue.type).removeprefix(":").strip()
            etype, evalue = type(evalue.type, (), {}), self.failure[1]
        super()._showtraceback(etype, evalue, stb)


class BelayKernel(IPythonKernel):
    """IPython's kernel with a board in it."""

    shell_class = Type(BelayShell)

    implementation = "belay"
    implementation_version = belay.__version__
    # What editors and converters colour. The kernelspec says "micropython": in kernels of the
    # language "python", some front ends run code of their own, unasked.
    language_info = {  # noqa: RUF012 - as in the base class
        "name": "python",
        "version": "3.4",
        "mimetype": "text/x-python",
        "codemirror_mode": {"name": "ipython", "version": 3},
        "pygments_lexer": "ipython3",
        "nbconvert_exporter": "python",
        "file_extension": ".py",
    }
    banner = (
        f"MicroPython via Belay {belay.__version__}. Cells run on the board; %%host cells and "
        "lines with % run on this computer.\n"
        "%belay_connect ADDRESS chooses the board; without it the first cell looks for one.\n"
    )

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._ipython = cast(BelayShell, self.shell)
        load_ipython_extension(self._ipython)
        self._boards = boards.of(self._ipython)
        self._boards.on_missing = self._find_board
        self._busy_tab = BusyTab(self)
        self._interrupts = Interrupts()

    @property
    def kernel_info(self) -> dict[str, Any]:
        """What front ends are told; a debugger of the host's Python is no use to a board."""
        info: dict[str, Any] = super().kernel_info
        info["supported_features"] = [f for f in info["supported_features"] if f != "debugger"]
        info["help_links"] = [{"text": "MicroPython", "url": "https://docs.micropython.org"}]
        return info

    def start(self) -> None:
        """Begin to serve; the user's startup files have run by now, as Python of this computer."""
        auto.of(self._ipython).on = True
        self._ipython.input_transformers_cleanup.insert(0, _leave)
        super().start()

    def _find_board(self) -> Board:
        """The board for the first cell: that of ``BELAY_DEVICE``, the only one, or a virtual one.

        Raises:
            NotConnectedError: there are several; the message lists them.
            BelayException: it cannot be reached.
        """
        found: Boards = self._boards
        if found.known_address():
            board, why = found.connect(), ""
        else:
            from belay.transports.usb import list_devices

            there = list_devices()
            board = found.connect("" if there else "virtual:")
            why = "" if there else f"\n{_NOTHING_ON_USB}"
        # At once: what the board prints goes another way, and must not overtake it.
        print(f"Connected to {board.description}{why}", file=sys.stderr, flush=True)
        return board

    # ---------------------------------------------------------------------------- cells

    def pre_handler_hook(self) -> None:
        """Before a message of the shell channel: where a cell comes, it lets interrupts in itself.

        IPython's kernel lets them in from here on, and one that hits its own steps before and
        behind the cell leaves the cell without an answer: it would never end.
        """
        if self.get_parent("shell")["header"]["msg_type"] != "execute_request":
            super().pre_handler_hook()
            return
        self._interrupts.close()
        self.saved_sigint_handler = signal.signal(signal.SIGINT, self._interrupts)

    async def do_execute(self, *args: Any, **options: Any) -> dict[str, Any]:
        """Run a cell; whenever an interrupt comes, there is an answer."""
        self._ipython.forget_failure()
        self._busy_tab.begin(self.get_parent("shell"))
        try:
            try:
                self._interrupts.open()
                reply: dict[str, Any] = await super().do_execute(*args, **options)
            finally:
                self._interrupts.close()
        except KeyboardInterrupt as error:
            # Between two steps of IPython's own: the cell is over, but has no answer yet.
            self._interrupts.close()
            reply = self._interrupted(error)
        self._busy_tab.end()
        if reply["status"] == "error" and self._ipython.failure is not None:
            reply["ename"], reply["evalue"] = self._ipython.failure
        return reply

    def _interrupted(self, error: KeyboardInterrupt) -> dict[str, Any]:
        told: dict[str, Any] = {"ename": "KeyboardInterrupt", "evalue": str(error), "traceback": []}
        self.send_response(self.iopub_socket, "error", told, ident=self._topic("error"))
        return {
            **told,
            "status": "error",
            "execution_count": self._ipython.execution_count - 1,
            "user_expressions": {},
            "payload": [],
        }

    async def do_is_complete(self, code: str) -> dict[str, Any]:
        """Whether a cell is whole, as Python sees it; a console asks for more if it is not.

        Not by the shell's own transformers: they make one long cell magic of it.
        """
        status, indent = TransformerManager().check_complete(code)
        return {"status": status, **({"indent": " " * indent} if indent is not None else {})}

    async def shell_channel_thread_main(self, msg: list[Any]) -> None:
        """What comes on the shell channel; Tab is answered also while a cell runs."""
        try:
            if self._busy_tab.answer(msg):
                return
        except Exception:
            self.log.exception("Tab while a cell runs")
        await super().shell_channel_thread_main(msg)

    async def do_history(self, *args: Any, **options: Any) -> dict[str, Any]:
        """What was typed; entries of this session bear its number, where IPython says 0."""
        reply: dict[str, Any] = super().do_history(*args, **options)
        assert self._ipython.history_manager is not None
        current = self._ipython.history_manager.session_number
        reply["history"] = [(entry[0] or current, *entry[1:]) for entry in reply["history"]]
        return reply

    # ---------------------------------------------------------------------------- interrupts

    async def interrupt_request(self, stream: Any, ident: Any, parent: dict[str, Any]) -> None:
        """Stop the cell; called in the control thread, while the main one runs it."""
        if self._interrupts.send() and os.name == "nt":
            self._boards.interrupt()  # what waits for a board does not see the flag by itself
        assert self.session is not None
        self.session.send(stream, "interrupt_reply", {"status": "ok"}, parent, ident=ident)

    # ---------------------------------------------------------------------------- the end

    async def do_shutdown(self, restart: bool) -> dict[str, Any]:
        """Give the boards back; after a restart their memory is empty, like the kernel's."""
        if restart:
            self._reset_boards()
        self._boards.close_all()
        reply: dict[str, Any] = super().do_shutdown(restart)
        return reply

    def _reset_boards(self) -> None:
        """Soft-reset all boards at once, as far as they let themselves be reset in time."""
        self._boards.interrupt()
        threads = [
            threading.Thread(target=_reset, args=(board,), daemon=True) for board in self._boards
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(RESET_PATIENCE)


def _leave(lines: list[str]) -> list[str]:
    """Let ``exit`` end a console, as people expect of it; on a board it means nothing."""
    if "".join(lines).strip() in ("exit", "exit()", "quit", "quit()"):
        return ["%%host\n", "exit()\n"]
    return lines


def _reset(board: Board) -> None:
    with contextlib.suppress(Exception):  # a board that is gone needs none
        board.device.soft_reset()
