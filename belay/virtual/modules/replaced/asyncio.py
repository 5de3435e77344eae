# SPDX-License-Identifier: Apache-2.0
"""``asyncio`` of the virtual board: that of boards, without streams.

The one of the WebAssembly port leaves the loop to JavaScript, so it cannot ``run()`` anything.
Tasks and their queues are the port's own; loop, functions and locks follow the documentation of
MicroPython. While every task waits, the host does: timers and pins have their turn, Ctrl-C too.
"""

import sys
from time import ticks_add, ticks_diff, ticks_ms as ticks

from _asyncio import Task, TaskQueue

import _board

# What a task's ``state`` says, to the port's code and ours: True while it runs, a TaskQueue of
# those that wait for it, or a function to call at its end; when it is over, None until somebody
# has awaited it, then False. Its ``data`` is then what ended it: StopIteration has the value.

cur_task = None
_stop_task = None
_handlers_seen = 0


class CancelledError(BaseException):
    pass


class TimeoutError(Exception):
    pass


_wait = _board.wait
_ENDS = (CancelledError, Exception)
_QUIET_ENDS = (CancelledError, StopIteration)


# ---- tasks


def create_task(coro):
    if not hasattr(coro, "send"):
        raise TypeError("coroutine expected")
    task = Task(coro, globals())
    _task_queue.push(task)
    return task


def _as_task(awaitable):
    return awaitable if isinstance(awaitable, Task) else create_task(awaitable)


def current_task():
    if cur_task is None:
        raise RuntimeError("no running event loop")
    return cur_task


def sleep_ms(t):
    _task_queue.push(cur_task, ticks_add(ticks(), max(0, t)))
    yield


def sleep(t):
    return sleep_ms(int(t * 1000))


def wait_for(aw, timeout):
    return wait_for_ms(aw, None if timeout is None else int(timeout * 1000))


def wait_for_ms(aw, timeout):
    task, waiter = _as_task(aw), cur_task
    if timeout is None:
        return (yield from task)
    waiting = True

    def watch():
        try:
            yield from task
        except _ENDS:
            pass
        if waiting and waiter.data is None:  # else it is being cancelled, and must hear of that
            _task_queue.remove(waiter)
            _task_queue.push(waiter)

    create_task(watch())
    try:
        yield from sleep_ms(timeout)
    except CancelledError:
        task.cancel()
        raise
    finally:
        waiting = False
    if task.done():
        return (yield from task)
    task.cancel()
    try:
        yield from task  # until it has tidied up
    except _ENDS:
        pass
    raise TimeoutError


class _Gathering:
    """What a gathering task waits for; also the queue that cancelling takes it off."""

    waiting = False

    def remove(self, task):
        self.waiting = False


def gather(*aws, return_exceptions=False):
    tasks = [_as_task(aw) for aw in aws]
    gatherer, gathering = cur_task, _Gathering()
    left, failure = 0, None

    def ended(task, end):
        nonlocal left, failure
        left -= 1
        if not (return_exceptions or failure or isinstance(end, StopIteration)):
            failure = end
        if gathering.waiting and (failure or not left):
            gathering.waiting = False
            _task_queue.push(gatherer)

    for task in tasks:
        left += 1
        if task.state is True:
            task.state = ended
        elif not task.state:
            task.state = False
            ended(task, task.data)
        elif task.state is not ended:  # given twice, it counts once
            raise RuntimeError("can't gather")
        else:
            left -= 1
    cancelled = False
    if left and not failure:
        gathering.waiting = True
        gatherer.data = gathering
        try:
            yield
        except CancelledError as error:
            cancelled, failure = True, error
    for task in tasks:
        if task.state is ended:  # still at it: on its own from here
            task.state = True
            if cancelled:
                task.cancel()
    if failure:
        raise failure
    return [t.data.value if isinstance(t.data, StopIteration) else t.data for t in tasks]


# ---- the loop


def _next_task(main):
    """Wait for a task that can go on; None when none ever will and nobody waits for one."""
    global cur_task, _handlers_seen
    cur_task = None
    while True:
        now = ticks()  # here handlers may run, and wake a task: look at the queue after it
        task = _task_queue.peek()
        if task is not None:
            left = ticks_diff(task.ph_key, now)
            if left <= 0:
                return _task_queue.pop()
        elif main is None or not main.state:
            return None
        else:
            left = 60000  # only a handler can wake a task now
        # Returns at once when a handler has run since it last returned, else with the next one.
        _handlers_seen = _wait(left * 1.0, _handlers_seen)


def run_until_complete(main=None):
    global cur_task
    while True:
        task = _next_task(main)
        if task is None:
            return None
        if not task.state:  # it had failed, and had its chance to be awaited meanwhile
            if task.state is None:
                Loop.call_exception_handler(
                    {
                        "message": "Task exception wasn't retrieved",
                        "exception": task.data,
                        "future": task,
                    }
                )
            continue
        cur_task, thrown = task, task.data
        try:
            if thrown:
                task.data = None
                task.coro.throw(thrown)
            else:
                task.coro.send(None)
            continue
        except _ENDS as error:
            end = error
        cur_task = None
        _finish(task, end, task is main)
        if task is main:
            if isinstance(end, StopIteration):
                return end.value
            raise end


def _finish(task, end, awaited):
    waiting, task.state = task.state, None
    if callable(waiting):
        waiting(task, end)
        awaited = True
    elif waiting is not True:
        while waiting.peek():
            _task_queue.push(waiting.pop())
            awaited = True
    if awaited:
        task.state = False
    elif not isinstance(end, _QUIET_ENDS):
        _task_queue.push(task)  # to be reported when its turn comes, unless awaited before
    task.data = end


def run(coro):
    return run_until_complete(create_task(coro))


async def _nothing():
    pass


class Loop:
    _exc_handler = None

    def create_task(coro):
        return create_task(coro)

    def run_until_complete(aw):
        return run_until_complete(_as_task(aw))

    def run_forever():
        global _stop_task
        _stop_task = Task(_nothing(), globals())
        run_until_complete(_stop_task)

    def stop():
        global _stop_task
        if _stop_task is not None:
            _task_queue.push(_stop_task)
            _stop_task = None

    def close():
        pass

    def set_exception_handler(handler):
        Loop._exc_handler = handler

    def get_exception_handler():
        return Loop._exc_handler

    def default_exception_handler(loop, context):
        print(context["message"])
        print("future:", context["future"], "coro=", context["future"].coro)
        sys.print_exception(context["exception"])

    def call_exception_handler(context):
        (Loop._exc_handler or Loop.default_exception_handler)(Loop, context)


def get_event_loop(runq_len=0, waitq_len=0):
    return Loop


def new_event_loop():
    global _task_queue, cur_task
    _task_queue, cur_task = TaskQueue(), None
    return Loop


new_event_loop()


# ---- one task waits for another


class Event:
    def __init__(self):
        self.state = False
        self.waiting = TaskQueue()

    def is_set(self):
        return self.state

    def set(self):
        self.state = True
        while self.waiting.peek():
            _task_queue.push(self.waiting.pop())

    def clear(self):
        self.state = False

    def wait(self):
        if not self.state:
            self.waiting.push(cur_task)
            cur_task.data = self.waiting
            yield
        return True


class ThreadSafeFlag:
    """Set by a handler of a timer or a pin: those run between two steps of the loop, if at all."""

    def __init__(self):
        self.state = False
        self.waiting = TaskQueue()

    def set(self):
        self.state = True
        if self.waiting.peek():
            _task_queue.push(self.waiting.pop())

    def clear(self):
        self.state = False

    def wait(self):
        if not self.state:
            self.waiting.push(cur_task)
            cur_task.data = self.waiting
            yield
        self.state = False


class Lock:
    def __init__(self):
        self._held = False
        self._given_to = None
        self.waiting = TaskQueue()

    def locked(self):
        return self._held

    def acquire(self):
        if self._held:
            self.waiting.push(cur_task)
            cur_task.data = self.waiting
            try:
                yield
            except CancelledError:
                if self._given_to is cur_task:  # it was ours already
                    self.release()
                raise
            self._given_to = None
        self._held = True
        return True

    def release(self):
        if not self._held:
            raise RuntimeError("Lock not acquired")
        self._given_to = None
        if self.waiting.peek():
            # It stays held, so that nobody comes in between.
            self._given_to = self.waiting.pop()
            _task_queue.push(self._given_to)
        else:
            self._held = False

    async def __aenter__(self):
        return await self.acquire()

    async def __aexit__(self, exc_type, exc, tb):
        self.release()
