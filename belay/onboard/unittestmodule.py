# SPDX-License-Identifier: Apache-2.0
# A module unittest for boards that have none: the part of CPython's that test cases use, written
# from its documentation (docs.python.org/3/library/unittest.html).
class SkipTest(Exception):
    pass


class Raises:
    def __init__(self, kinds):
        self.kinds = kinds
        self.exception = None

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if error is None:
            raise AssertionError("%r not raised" % (self.kinds,))
        self.exception = error
        return isinstance(error, self.kinds)


def check(ok, text, msg):
    if not ok:
        raise AssertionError("%s : %s" % (text, msg) if msg else text)


class TestCase:
    def setUp(self):
        pass

    def tearDown(self):
        pass

    def addCleanup(self, function, *args, **keywords):
        if not hasattr(self, "_cleanups"):
            self._cleanups = []
        self._cleanups.append((function, args, keywords))

    def doCleanups(self):
        left = getattr(self, "_cleanups", [])
        while left:
            function, args, keywords = left.pop()
            function(*args, **keywords)

    def skipTest(self, reason):
        raise SkipTest(reason)

    def fail(self, msg=None):
        raise AssertionError(msg or "fail() was called")

    def assertEqual(self, a, b, msg=None):
        check(a == b, "%r != %r" % (a, b), msg)

    def assertNotEqual(self, a, b, msg=None):
        check(a != b, "%r == %r" % (a, b), msg)

    def assertTrue(self, a, msg=None):
        check(a, "%r is not true" % (a,), msg)

    def assertFalse(self, a, msg=None):
        check(not a, "%r is not false" % (a,), msg)

    def assertIs(self, a, b, msg=None):
        check(a is b, "%r is not %r" % (a, b), msg)

    def assertIsNot(self, a, b, msg=None):
        check(a is not b, "unexpectedly identical: %r" % (a,), msg)

    def assertIsNone(self, a, msg=None):
        check(a is None, "%r is not None" % (a,), msg)

    def assertIsNotNone(self, a, msg=None):
        check(a is not None, "unexpectedly None", msg)

    def assertIn(self, a, b, msg=None):
        check(a in b, "%r not found in %r" % (a, b), msg)

    def assertNotIn(self, a, b, msg=None):
        check(a not in b, "%r unexpectedly found in %r" % (a, b), msg)

    def assertIsInstance(self, a, kind, msg=None):
        check(isinstance(a, kind), "%r is not an instance of %r" % (a, kind), msg)

    def assertNotIsInstance(self, a, kind, msg=None):
        check(not isinstance(a, kind), "%r is an instance of %r" % (a, kind), msg)

    def assertLess(self, a, b, msg=None):
        check(a < b, "%r not less than %r" % (a, b), msg)

    def assertLessEqual(self, a, b, msg=None):
        check(a <= b, "%r not less than or equal to %r" % (a, b), msg)

    def assertGreater(self, a, b, msg=None):
        check(a > b, "%r not greater than %r" % (a, b), msg)

    def assertGreaterEqual(self, a, b, msg=None):
        check(a >= b, "%r not greater than or equal to %r" % (a, b), msg)

    def assertAlmostEqual(self, a, b, places=7, msg=None, delta=None):
        near = a == b or (abs(a - b) <= delta if delta else round(abs(a - b), places) == 0)
        check(near, "%r and %r are too far apart" % (a, b), msg)

    def assertNotAlmostEqual(self, a, b, places=7, msg=None, delta=None):
        near = a == b or (abs(a - b) <= delta if delta else round(abs(a - b), places) == 0)
        check(not near, "%r and %r are too near" % (a, b), msg)

    def assertRaises(self, kinds, function=None, *args, **keywords):
        if function is None:
            return Raises(kinds)
        with Raises(kinds):
            function(*args, **keywords)


def skip(reason):
    def mark(what):
        if isinstance(what, type):
            what._belay_skip = reason
            return what

        def skipped(*_):
            raise SkipTest(reason)

        return skipped

    return mark


def expectedFailure(function):
    def expected(self):
        try:
            function(self)
        except Exception as error:
            raise SkipTest("expected failure: %r" % (error,))
        raise AssertionError("unexpected success")

    return expected


def skipIf(condition, reason):
    return skip(reason) if condition else lambda what: what


def skipUnless(condition, reason):
    return skipIf(not condition, reason)


def main(*_, **__):
    pass
