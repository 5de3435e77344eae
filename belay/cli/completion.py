# SPDX-License-Identifier: Apache-2.0
"""``belay completion``: scripts that make shells complete the words of ``belay``.

Commands and options stand in the script, so that Tab costs nothing; only the names of boards are
asked for, by ``belay __boards``. Paths on a board are not completed: to look would stop what runs
there.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from typing import NamedTuple

from belay.cli.table import ALIASES, COMMANDS
from belay.cli.usage import UsageError

__all__ = ["SHELLS", "completion"]

_TARGETS = ("--target", "-t", "--port")
"""Options whose value is a board."""

_WORDS = {"completion": ("bash", "zsh", "fish")}
"""Words that a command takes, where they are these."""


def completion(shell: str | None = None) -> None:
    """Print what makes a shell complete the words of belay.

    For bash and zsh, have this in ~/.bashrc or ~/.zshrc (behind compinit): eval "$(belay
    completion bash)". For fish, in config.fish: belay completion fish | source.

    Args:
        shell: bash, zsh or fish; by default the one that SHELL names.

    Examples:
        eval "$(belay completion bash)"
        belay completion zsh > ~/.zfunc/_belay
        belay completion fish > ~/.config/fish/completions/belay.fish
    """
    name = shell or os.path.basename(os.environ.get("SHELL", ""))
    if name not in SHELLS:
        raise UsageError(f"{name or 'no SHELL'!r}: known are {', '.join(SHELLS)}")
    print(SHELLS[name](_entries()))


class Option(NamedTuple):
    """An option: its names, whether a value follows it, and its help."""

    names: tuple[str, ...]
    takes_value: bool
    text: str


class Entry(NamedTuple):
    """A command as shells need it.

    Attributes:
        name: one word or two.
        text: its one line.
        options: all of them.
        words: what it takes, where only certain words make sense.
        boards: it takes the name of a board.
        files: it takes a file, and a board only in front of that.
    """

    name: str
    text: str
    options: tuple[Option, ...]
    words: tuple[str, ...]
    boards: bool
    files: bool


def _entries() -> list[Entry]:
    from belay.cli.application import build_app

    found = []
    for name, row in COMMANDS.items():
        options = [Option(("--help", "-h"), False, "show its help.")]
        arguments = build_app(name).assemble_argument_collection(parse_docstring=True)
        for argument in arguments:
            names = tuple(name for name in argument.names if name.startswith("-"))
            if names and argument.show:
                takes_value = argument.token_count()[0] != 0
                text = " ".join(str(argument.parameter.help or "").split())
                options.append(Option(names, takes_value, text))
        boards = any("--target" in option.names for option in options)
        files = re.search(r"FILE|FOLDER|SOURCE|SCRIPT|PATH|DESTINATION", row.arguments) is not None
        words = _WORDS.get(name, ())
        for called in (name, *(alias for alias, of in ALIASES.items() if of == name)):
            found.append(Entry(called, row.text, tuple(options), words, boards, files))
    return found


def _first_words(entries: Sequence[Entry]) -> dict[str, str]:
    """The first word of each command, with its one line."""
    found: dict[str, str] = {}
    for entry in entries:
        first, _, second = entry.name.partition(" ")
        found.setdefault(first, f"Commands: {first} …" if second else entry.text)
    return found


def _second_words(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    """Of commands of two words: the first, with those that begin with it."""
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        if " " in entry.name:
            found.setdefault(entry.name.split()[0], []).append(entry)
    return found


_BASH = """\
# belay: completion for bash. In ~/.bashrc:  eval "$(belay completion bash)"
_belay_boards() {
    # compgen -W would run what stands in $(…) in a name.
    local name text
    while IFS=$'\\t' read -r name text; do
        [[ $name == "$cur"* ]] && COMPREPLY+=("$name")
    done < <(belay __boards 2>/dev/null)
}
_belay() {
    local line=${COMP_LINE:0:COMP_POINT} cur prev command options choices part
    local boards=0 files=0
    local -a words
    read -ra words <<<"$line"
    case $line in *[[:space:]]) words+=("") ;; esac
    local last=$((${#words[@]} - 1))
    cur=${words[last]} prev=${words[last - 1]} command=${words[1]}
    COMPREPLY=()
    if ((last <= 1)); then
        COMPREPLY=($(compgen -W "@FIRST@ --help --version" -- "$cur"))
        return
    fi
    case $command in
@SECOND@
        -*) return ;;
    esac
    case $command in
@COMMANDS@
    esac
    case $prev in
        @TARGETS@) choices= boards=1 files=0 ;;
        *)
            case $cur in
                -*) choices=$options boards=0 ;;
            esac
            ;;
    esac
    COMPREPLY=($(compgen -W "$choices" -- "$cur"))
    if ((boards)) && { ((!files)) || [[ -n $cur ]]; }; then
        _belay_boards
    fi
    # Where a colon separates words, what stands before it is not typed again.
    if [[ $cur == *:* && $COMP_WORDBREAKS == *:* ]]; then
        part=${cur%"${cur##*:}"}
        COMPREPLY=("${COMPREPLY[@]#"$part"}")
    fi
}
complete -o bashdefault -o default -F _belay belay"""


def _bash(entries: Sequence[Entry]) -> str:
    second = []
    for first, those in _second_words(entries).items():
        words = " ".join(entry.name.split()[1] for entry in those)
        second += [
            f"        {first})",
            f'            ((last == 2)) && COMPREPLY=($(compgen -W "{words}" -- "$cur")) && return',
            '            command="$command ${words[2]}"',
            "            ;;",
        ]
    commands = []
    for entry in entries:
        options = " ".join(name for option in entry.options for name in option.names)
        settings = [f'options="{options}"']
        if entry.words:
            settings.append(f'choices="{" ".join(entry.words)}"')
        settings += ["boards=1"] * entry.boards + ["files=1"] * entry.files
        commands.append(f'        "{entry.name}") {" ".join(settings)} ;;')
    return _filled(
        _BASH,
        FIRST=" ".join(_first_words(entries)),
        SECOND="\n".join(second),
        COMMANDS="\n".join(commands),
        TARGETS=" | ".join(_TARGETS),
    )


_ZSH = """\
#compdef belay
# belay: completion for zsh. In ~/.zshrc, behind compinit:  eval "$(belay completion zsh)"
_belay_boards() {
    local -a found
    found=(${(f)"$(belay __boards 2>/dev/null)"})
    found=(${found//:/\\\\:})
    found=(${found//$'\\t'/:})
    _describe -t boards board found
}
_belay() {
    local command=${words[2]} boards=0 files=0
    local -a commands options choices
    if ((CURRENT == 2)); then
        commands=(
@FIRST@
        )
        _describe -t commands command commands
        return
    fi
    case $command in
@SECOND@
    esac
    case $command in
@COMMANDS@
    esac
    case ${words[CURRENT-1]} in
        @TARGETS@) _belay_boards; return ;;
    esac
    case ${words[CURRENT]} in
        -*) _describe -o -t options option options; return ;;
    esac
    if ((${#choices})); then
        _describe -t words word choices
        return
    fi
    ((boards)) && _belay_boards
    ((files || !boards)) && _files
}
if [[ ${funcstack[1]} == _belay ]]; then
    _belay "$@"
else
    compdef _belay belay
fi"""


def _zsh(entries: Sequence[Entry]) -> str:
    second = []
    for first, those in _second_words(entries).items():
        listed = " ".join(_zsh_entry(entry.name.split()[1], entry.text) for entry in those)
        second += [
            f"        {first})",
            "            if ((CURRENT == 3)); then",
            f"                commands=({listed})",
            "                _describe -t commands command commands",
            "                return",
            "            fi",
            '            command="$command ${words[3]}"',
            "            ;;",
        ]
    commands = []
    for entry in entries:
        options = [
            _zsh_entry(name, option.text) for option in entry.options for name in option.names
        ]
        settings = [f"options=({' '.join(options)})"]
        if entry.words:
            settings.append(f"choices=({' '.join(entry.words)})")
        settings += ["boards=1"] * entry.boards + ["files=1"] * entry.files
        commands.append(f'        "{entry.name}") {"; ".join(settings)} ;;')
    pairs = _first_words(entries).items()
    return _filled(
        _ZSH,
        FIRST="\n".join(f"            {_zsh_entry(name, text)}" for name, text in pairs),
        SECOND="\n".join(second),
        COMMANDS="\n".join(commands),
        TARGETS=" | ".join(_TARGETS),
    )


def _zsh_entry(name: str, text: str) -> str:
    return shlex.quote(f"{name}:{text}" if text else name)


_FISH = """\
# belay: completion for fish. In config.fish:  belay completion fish | source
function __belay_boards
    belay __boards 2>/dev/null
end
function __belay_is
    set -l typed (commandline -opc)
    set -l last (math 1 + (count $argv))
    test (count $typed) -ge $last; and test "$typed[2..$last]" = "$argv"
end
function __belay_first
    test (count (commandline -opc)) -eq 1
end
function __belay_second
    test (count (commandline -opc)) -eq 2; and __belay_is $argv
end
complete -c belay -f -n __belay_first -l help -d 'list the commands'
complete -c belay -f -n __belay_first -l version -d 'print the version'"""


def _fish(entries: Sequence[Entry]) -> str:
    lines = [_FISH]
    for name, text in _first_words(entries).items():
        lines.append(f"complete -c belay -f -n __belay_first -a {name} -d {_fish_quoted(text)}")
    for first, those in _second_words(entries).items():
        for entry in those:
            word, text = entry.name.split()[1], _fish_quoted(entry.text)
            lines.append(f"complete -c belay -f -n '__belay_second {first}' -a {word} -d {text}")
    for entry in entries:
        begin = f"complete -c belay -n '__belay_is {entry.name}'"
        for option in entry.options:
            names = "".join(
                f" -l {n[2:]}" if n[:2] == "--" else f" -s {n[1:]}" for n in option.names
            )
            value = " -x -a '(__belay_boards)'" if option.names[0] in _TARGETS else ""
            value = value or (" -r" if option.takes_value else "")
            lines.append(f"{begin}{names}{value} -d {_fish_quoted(option.text)}")
        if entry.words:
            lines.append(f"{begin} -f -a '{' '.join(entry.words)}'")
        if entry.boards:
            lines.append(f"{begin}{'' if entry.files else ' -f'} -a '(__belay_boards)'")
    return "\n".join(lines)


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _filled(template: str, **parts: str) -> str:
    for name, part in parts.items():
        template = template.replace(f"@{name}@", part)
    return template


SHELLS = {"bash": _bash, "zsh": _zsh, "fish": _fish}
"""The shells, and what writes their scripts."""
