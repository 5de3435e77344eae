# SPDX-License-Identifier: Apache-2.0
# Runs a test method of a unittest.TestCase on the board.
def _belay_lacks_unittest():
    try:
        __import__("unittest")

        return False
    except ImportError:
        return True


def _belay_unittest(source):
    import sys

    class Module:
        pass

    names = {"__name__": "unittest"}
    exec(source, names)
    found = Module()
    for name in names:
        setattr(found, name, names[name])
    sys.modules["unittest"] = found


# The first that fails ends the test. Elsewhere it would be noted for a runner that is not there.
class _BelaySub:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False


def _belay_case(cls, name):
    import unittest

    def call(owner, method):
        function = getattr(owner, method, None)
        if function is not None:
            result = function()
            if hasattr(result, "send"):  # async def
                __import__("asyncio").run(result)

    try:
        reason = getattr(cls, "_belay_skip", None)
        if reason is not None:
            raise unittest.SkipTest(reason)
        call(cls, "setUpClass")
        try:
            case = cls()
            case.subTest = lambda *_, **__: _BelaySub()
            try:
                call(case, "setUp")
                try:
                    call(case, name)
                finally:
                    call(case, "tearDown")
            finally:
                call(case, "doCleanups")
        finally:
            call(cls, "tearDownClass")
    except unittest.SkipTest as skipped:
        return str(skipped.args[0]) if skipped.args else "skipped"
