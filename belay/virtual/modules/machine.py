# SPDX-License-Identifier: Apache-2.0
"""``machine``: what is in ``_machine.py``. A file is read 20 bytes a call, this way in one."""

import _board

exec(compile(_board.source("_machine"), "/.board/_machine.py", "exec"), globals())
