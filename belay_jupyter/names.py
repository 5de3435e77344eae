# SPDX-License-Identifier: Apache-2.0
"""What a dotted name in a cell is: what the board says, and what the notebook's source says."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from belay_jupyter import knowledge, sources
from belay_jupyter.definitions import Definition, Path, in_scope
from belay_jupyter.knowledge import MISSING, Listing, Question
from belay_jupyter.sources import Found

if TYPE_CHECKING:
    from belay.proxies import ProxyObject
    from belay_jupyter.boards import Board

__all__ = ["Names", "Seen", "Target", "in_text"]

_DEEPEST = 8
_TEXT = re.compile(r"""#[^\n]*|(\"\"\"|'''|"|')""")


class Target(NamedTuple):
    """What the source says that a name is.

    Attributes:
        found: the class or function, where it is the notebook's.
        question: where the board has the class, function or module, where it is the board's.
        instance: the name is an object of that class.
    """

    found: Found | None = None
    question: Question | None = None
    instance: bool = False


class Seen(NamedTuple):
    """What is known about a name.

    Attributes:
        listing: what the board says, of it or of its class; None where it says nothing.
        fresh: the board said it now.
        source: what the notebook's source says.
        members: those that the source knows: of its class, with signatures.
    """

    listing: Listing | None
    fresh: bool
    source: Target | None
    members: Mapping[str, Definition]


class Names:
    """The names that a cell can use.

    Args:
        board: the one that it is for; None while there is none.
        code: the cell, as far as it is typed.
        line: of the cursor, from 1; 0 for code that is typed elsewhere.
    """

    def __init__(self, board: Board | None, code: str = "", line: int = 0) -> None:
        self.device = None if board is None else board.device
        self.line = line
        self.earlier = sources.known(self.device) if self.device is not None else {}
        self.here = {name: Found(one) for name, one in in_scope(code, line).items()}
        self.scope = {**self.earlier, **self.here}

    # ---------------------------------------------------------------------------- the source

    def source_of(self, path: Path, depth: int = _DEEPEST) -> Target | None:
        """What the source says; None when it says nothing."""
        found = self.scope.get(path[0]) if path and depth else None
        target = self._of(found, depth - 1) if found else None
        for name in path[1:]:
            if target is None:
                break
            target = self._member(target, name, depth - 1)
        return target

    def _of(self, found: Found, depth: int) -> Target | None:
        one = found.definition
        if one.kind in ("class", "function", "property"):
            return Target(found)
        if one.module:
            return Target(question=Question(one.path, one.module))
        if one.made_by:
            return self._made_by(one, depth)
        if one.path and one.path[0] != one.name:
            return self.source_of(one.path, depth) or Target(question=Question(one.path))
        return None

    def _made_by(self, one: Definition, depth: int) -> Target | None:
        if one.made_by[0] == one.name:  # x = x(): it is no class any more
            return None
        maker = self.source_of(one.made_by, depth)
        if maker is None:
            return Target(question=Question(one.made_by), instance=True)
        if maker.instance or (maker.found and maker.found.definition.kind != "class"):
            return None  # the result of a function
        return maker._replace(instance=True)

    def _member(self, target: Target, name: str, depth: int) -> Target | None:
        if target.question is not None:
            question = target.question
            return Target(question=question._replace(names=(*question.names, name)))
        assert target.found is not None
        one = self.members_of(target).get(name)
        if one is None:
            return None
        return self._of(target.found._replace(definition=one), depth)

    def members_of(self, target: Target | None, depth: int = _DEEPEST) -> Mapping[str, Definition]:
        """Those that the source knows of a class, and of the classes that it is made from."""
        if target is None or target.found is None or target.found.definition.kind != "class":
            return {}
        one = target.found.definition
        inherited: dict[str, Definition] = {}
        for base in reversed(one.bases if depth else ()):
            if base[0] != one.name:
                inherited.update(self.members_of(self.source_of(base, depth - 1), depth - 1))
        return {**inherited, **one.members}

    # ---------------------------------------------------------------------------- and the board

    def ask(self, questions: Sequence[Question]) -> tuple[list[Listing | None], bool]:
        """What the board says; nothing where there is none."""
        if self.device is None:
            return [None] * len(questions), False
        return knowledge.about(self.device, questions)

    def look_up(self, path: Path, proxy: ProxyObject | None = None, *, deep: bool = False) -> Seen:
        """All that is known about a name.

        Args:
            path: the dotted name.
            proxy: the object in which it is looked up.
            deep: the object's ``repr`` is wanted too.
        """
        source = self.source_of(path) if proxy is None else None
        questions = [Question(path, proxy=proxy, deep=deep)]
        if source is not None and source.question is not None:
            questions.append(source.question)
        answers, fresh = self.ask(questions)
        listing = answers[0]
        if listing is MISSING:
            listing = None
            if fresh and path[0] not in self.here:
                return Seen(None, True, None, {})  # whatever a cell has defined once
        # What stands above in this cell is what the name will be once it runs.
        new = path and path[0] in self.here and self.here[path[0]].definition.line <= self.line
        if listing is None or (new and source is not None and source != Target()):
            if len(answers) > 1 and answers[1] is not None:
                listing = answers[1]
            elif new and source is not None and source.found is not None:
                listing = None
        elif source is None or listing.type in self.scope:
            source = self._by_type(listing) or source
        return Seen(listing, fresh, source, self.members_of(source))

    def _by_type(self, listing: Listing) -> Target | None:
        """The class of an object, by its name, where the notebook has defined that."""
        found = self.scope.get(listing.type)
        if found is None or found.definition.kind != "class" or listing.kind:
            return None
        return Target(found, instance=True)


def in_text(before: str) -> bool:
    """Whether the end of ``before`` is inside a string or a comment."""
    at = 0
    while match := _TEXT.search(before, at):
        quote = match[1]
        if quote is None:
            if match.end() == len(before):
                return True
            at = match.end()
            continue
        end = re.compile(rf"(?s)(?:\\.|(?!{quote}).)*").match(before, match.end())
        assert end is not None
        at = end.end() + len(quote)
        if len(quote) == 1 and "\n" in before[match.end() : end.end()]:
            at = before.index("\n", match.end())  # it was never closed
        elif at > len(before):
            return True
    return False
