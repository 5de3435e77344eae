# SPDX-License-Identifier: Apache-2.0
"""The two small WebAssembly modules that stand where the interpreter expects JavaScript.

*longjmp*: emscripten implements ``setjmp``/``longjmp`` by calling out to ``invoke_*`` functions
that catch a JavaScript exception. Here they catch a WebAssembly exception. They call through a
copy of the interpreter's function table, because an import must exist before the interpreter
does; the bridge fills the copy afterwards (``Table.set`` on a funcref crashes in wasmtime 50).

*bridge*: instantiated after the interpreter, so it can import its memory. It feeds many
characters to the REPL in one call, and it collects what the board prints in a ring buffer
without calling the host: crossing from wasm to Python and back for every piece of output was
most of the time of a short command.

The ring has one producer (the interpreter) and one consumer at a time (the host, from whichever
thread drains); both counters run freely and are stored atomically.
"""

from __future__ import annotations

__all__ = ["CONTROL", "RING_SIZE", "bridge_wat", "longjmp_wat"]

RING_SIZE = 1 << 16
"""Bytes of output the interpreter can be ahead of the host. A power of two."""

CONTROL = {
    "head": 0, "tail": 4, "attention": 8, "waiting": 12, "cooked": 16, "heap": 20, "split": 24
}  # fmt: skip
"""Offsets of 32-bit words in front of the ring's data.

head, tail: bytes ever written and ever taken. attention: the host asks to be called at the next
output (a timer is due). waiting: the host sleeps and wants to be called when output begins.
cooked: newlines become CR LF. heap: addresses from here on hold text of programs. split: what
goes to stderr is the host's, and does not come into the ring.
"""

_HEADER = 32

# Slots behind the interpreter's own functions in the copied table.
_GET_STACK, _RESTORE_STACK, _SET_THREW, _FD_WRITE, _EXTRA = 0, 1, 2, 3, 4


def _invoke_wat(name: str, slots: int) -> str:
    signature = name[len("invoke_") :]
    result = "" if signature[0] == "v" else "(result i32)"
    arity = len(signature) - 1
    params = f"(param {' '.join(['i32'] * arity)})" if arity else ""
    args = " ".join(f"(local.get {i + 1})" for i in range(arity))
    return f"""
  (func (export "{name}") (param i32) {params} {result} (local $stack i32)
    (local.set $stack (call_indirect $copy (type $get) (i32.const {slots + _GET_STACK})))
    (block $caught
      (try_table (catch $longjmp $caught)
        (return (call_indirect $copy {params} {result} {args} (local.get 0)))))
    (call_indirect $copy (type $one) (local.get $stack) (i32.const {slots + _RESTORE_STACK}))
    (call_indirect $copy (type $two) (i32.const 1) (i32.const 0)
      (i32.const {slots + _SET_THREW}))
    {"(i32.const 0)" if result else ""})"""


def longjmp_wat(invokes: list[str], slots: int) -> str:
    """Text of the longjmp module.

    Args:
        invokes: the ``invoke_*`` names to define; the letters after the underscore are the
            signature (result first, ``v`` for none, ``i`` for a 32-bit integer).
        slots: size of the interpreter's own function table.
    """
    functions = "".join(_invoke_wat(name, slots) for name in invokes)
    return f"""(module
  (tag $longjmp)
  (table $copy (export "table") {slots + _EXTRA} funcref)
  (type $get (func (result i32)))
  (type $one (func (param i32)))
  (type $two (func (param i32 i32)))
  (type $write (func (param i32 i32 i32 i32) (result i32)))
  (func (export "_emscripten_throw_longjmp") (throw $longjmp))
  (func (export "fd_write") (type $write)
    (call_indirect $copy (type $write)
      (local.get 0) (local.get 1) (local.get 2) (local.get 3)
      (i32.const {slots + _FD_WRITE}))){functions})"""


_BRIDGE = """(module
  (import "interpreter" "memory" (memory 1))
  (import "interpreter" "mp_js_repl_process_char" (func $char (param i32) (result i32)))
  (import "interpreter" "emscripten_stack_get_current" (func $get (result i32)))
  (import "interpreter" "_emscripten_stack_restore" (func $restore (param i32)))
  (import "interpreter" "setThrew" (func $threw (param i32 i32)))
  (import "interpreter" "__indirect_function_table" (table $theirs @SLOTS@ funcref))
  (import "longjmp" "table" (table $copy @TOTAL@ funcref))
  (import "host" "fd_write" (func $file_write (param i32 i32 i32 i32) (result i32)))
  (import "host" "output_full" (func $full))
  (import "host" "output_wakes" (func $wakes))
  (elem declare func $get $restore $threw $fd_write)
  (global $ring (mut i32) (i32.const 0))

  (func (export "connect")
    (table.copy $copy $theirs (i32.const 0) (i32.const 0) (i32.const @SLOTS@))
    (table.set $copy (i32.const @GET@) (ref.func $get))
    (table.set $copy (i32.const @RESTORE@) (ref.func $restore))
    (table.set $copy (i32.const @THREW@) (ref.func $threw))
    (table.set $copy (i32.const @WRITE@) (ref.func $fd_write)))

  (func (export "set_ring") (param $address i32) (global.set $ring (local.get $address)))

  (func (export "feed") (param $at i32) (param $count i32) (result i32)
    (local $end i32) (local $answer i32)
    (local.set $end (i32.add (local.get $at) (local.get $count)))
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
      (local.set $answer (call $char (i32.load8_u (local.get $at))))
      (br_if $done (local.get $answer))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br $next)))
    (local.get $answer))

  ;; wait for room, then say how many bytes fit in one piece
  (func $room (result i32) (local $head i32) (local $free i32) (local $run i32)
    (local.set $head (i32.load offset=0 (global.get $ring)))
    (loop $again
      (local.set $free (i32.sub (i32.const @SIZE@)
        (i32.sub (local.get $head) (i32.atomic.load offset=4 (global.get $ring)))))
      (if (i32.eqz (local.get $free)) (then (call $full) (br $again))))
    (local.set $run (i32.sub (i32.const @SIZE@)
      (i32.and (local.get $head) (i32.const @MASK@))))
    (select (local.get $free) (local.get $run)
      (i32.lt_u (local.get $free) (local.get $run))))

  (func $spot (result i32)
    (i32.add (i32.add (global.get $ring) (i32.const @HEADER@))
      (i32.and (i32.load offset=0 (global.get $ring)) (i32.const @MASK@))))

  (func $advance (param $count i32)
    (i32.atomic.store offset=0 (global.get $ring)
      (i32.add (i32.load offset=0 (global.get $ring)) (local.get $count))))

  (func $byte (param $c i32)
    (drop (call $room))
    (i32.store8 (call $spot) (local.get $c))
    (call $advance (i32.const 1)))

  (func $plain (param $at i32) (param $count i32) (local $piece i32)
    (block $done (loop $next
      (br_if $done (i32.eqz (local.get $count)))
      (local.set $piece (call $room))
      (if (i32.gt_u (local.get $piece) (local.get $count))
        (then (local.set $piece (local.get $count))))
      (memory.copy (call $spot) (local.get $at) (local.get $piece))
      (call $advance (local.get $piece))
      (local.set $at (i32.add (local.get $at) (local.get $piece)))
      (local.set $count (i32.sub (local.get $count) (local.get $piece)))
      (br $next))))

  ;; the REPL's own text lies below $heap and has its CR already; a program's text never has
  (func $cooked (param $at i32) (param $count i32) (local $c i32) (local $before i32)
    (block $done (loop $next
      (br_if $done (i32.eqz (local.get $count)))
      (local.set $c (i32.load8_u (local.get $at)))
      (if (i32.eq (local.get $c) (i32.const 10)) (then
        (if (i32.or (i32.ne (local.get $before) (i32.const 13))
              (i32.ge_u (local.get $at) (i32.load offset=20 (global.get $ring))))
          (then (call $byte (i32.const 13))))))
      (call $byte (local.get $c))
      (local.set $before (local.get $c))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (local.set $count (i32.sub (local.get $count) (i32.const 1)))
      (br $next))))

  (func $fd_write (param $fd i32) (param $iov i32) (param $count i32) (param $written i32)
    (result i32) (local $total i32) (local $length i32)
    (if (i32.gt_u (i32.sub (local.get $fd) (i32.const 1)) (i32.const 1))
      (then (return (call $file_write
        (local.get $fd) (local.get $iov) (local.get $count) (local.get $written)))))
    (if (i32.and (i32.eq (local.get $fd) (i32.const 2)) (i32.load offset=24 (global.get $ring)))
      (then (return (call $file_write
        (local.get $fd) (local.get $iov) (local.get $count) (local.get $written)))))
    (block $done (loop $next
      (br_if $done (i32.eqz (local.get $count)))
      (local.set $length (i32.load offset=4 (local.get $iov)))
      (local.set $total (i32.add (local.get $total) (local.get $length)))
      (if (i32.load offset=16 (global.get $ring))
        (then (call $cooked (i32.load (local.get $iov)) (local.get $length)))
        (else (call $plain (i32.load (local.get $iov)) (local.get $length))))
      (local.set $iov (i32.add (local.get $iov) (i32.const 8)))
      (local.set $count (i32.sub (local.get $count) (i32.const 1)))
      (br $next)))
    (i32.store (local.get $written) (local.get $total))
    (if (i32.or (i32.atomic.load offset=8 (global.get $ring))
          (i32.atomic.load offset=12 (global.get $ring)))
      (then (call $wakes)))
    (i32.const 0)))"""


def bridge_wat(slots: int) -> str:
    """Text of the bridge module, for an interpreter with ``slots`` functions in its table."""
    values = {
        "SLOTS": slots,
        "TOTAL": slots + _EXTRA,
        "GET": slots + _GET_STACK,
        "RESTORE": slots + _RESTORE_STACK,
        "THREW": slots + _SET_THREW,
        "WRITE": slots + _FD_WRITE,
        "SIZE": RING_SIZE,
        "MASK": RING_SIZE - 1,
        "HEADER": _HEADER,
    }
    text = _BRIDGE
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    return text


def ring_bytes() -> int:
    """Bytes to allocate for the control words and the ring together."""
    return _HEADER + RING_SIZE


def ring_data_offset() -> int:
    """Offset of the ring's first data byte from the control words."""
    return _HEADER
