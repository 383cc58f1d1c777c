"""Mutants behind a switch: all of them in one build, and the environment says which one is on.

A line can have a switch when it is one whole statement that declares nothing, an `if` or `while`
whose condition is complete, or `TYPE NAME = VALUE;` of a plain type. The others are no candidates:
statements over several lines, `for`, labels, members, conditions and values with a declaration or a
co_await (g++ 12 miscompiles conditional expressions around one)."""

import re

from mutants import masked

# So many can be asked for; the switch has room for the spare ones, too.
MOST = 10_000

# The switch. SKEP_MUTANT_SEEN names a folder for an empty file per mutant that was come by: mknod() by
# number needs no descriptor, and the tests that stand in for system calls do not see it.
HEADER = """#pragma once
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
inline bool skep_mutant(int number) {
  static const int on = std::getenv("SKEP_MUTANT") ? std::atoi(std::getenv("SKEP_MUTANT")) : 0;
  static const char* const seen = std::getenv("SKEP_MUTANT_SEEN");
  static bool known[16384];
  if (seen != nullptr && !known[number]) {
    known[number] = true;
    const int before = errno;
    char file[512];
    std::snprintf(file, sizeof file, "%s/%d", seen, number);
    ::syscall(SYS_mknodat, AT_FDCWD, file, S_IFREG | 0666, 0);
    errno = before;
  }
  return on == number;
}
"""

NOT_ALONE = re.compile(r"\s*(case|default|else|goto|break|continue|using|typedef|friend|public|private|for)\b")
DECLARES = re.compile(r"\s*(?!return|co_return|co_await|delete|throw)\b[\w:]+(<.*>)?(\s*[&*]+\s*|\s+)[\w\[]")
CONDITION = re.compile(r"\s*(\} )?(else )?(if|while) \(")
VALUE = re.compile(r"\s*(const )?(bool|int|auto|std::\w+) \w+ = (?=.*;$)")


def closing(text, opened):
    """Where the parenthesis before `opened` is closed, or none."""
    depth = 1
    for at in range(opened, len(text)):
        depth += (text[at] in "([{") - (text[at] in ")]}")
        if depth == 0:
            return at
    return None


def one_statement(bare, before):
    """Whether the line is a whole statement, after a line that ends something."""
    depth, ends = 0, []
    for at, char in enumerate(bare):
        depth += (char in "([{") - (char in ")]}")
        if depth < 0:
            return False
        if char == ";" and depth == 0:
            ends.append(at)
    if depth != 0 or ends != [len(bare) - 1]:
        return False
    ended = before == "" or before[-1] in ";{}:" or before.endswith("else")
    if not ended and CONDITION.match(before):
        ended = closing(before, CONDITION.match(before).end()) == len(before) - 1
    return ended and re.match(r"\s*(\w|\*|\(|\+\+|--)", bare) is not None


def split(bare, before):
    """Where the part that the switch chooses begins and ends, and how the switch is written."""
    at = CONDITION.match(bare)
    end = closing(bare, at.end()) if at else None
    if end and not re.search(r";|co_await|^(const )?auto\b", bare[at.end():end]):
        yield at.end(), end, "skep_mutant({0}) ? bool({1}) : bool({2})"
    at = VALUE.match(bare)
    if at and "co_await" not in bare and one_statement(bare, before):
        yield at.end(), len(bare) - 1, "skep_mutant({0}) ? ({1}) : ({2})"
    if one_statement(bare, before) and not NOT_ALONE.match(bare) and not DECLARES.match(bare):
        yield len(bare) - len(bare.lstrip()), len(bare), "if (skep_mutant({0})) {{ {1} }} else {{ {2} }}"


def switched(number, before, line, changed):
    """The line with both in it; none when that cannot be. `before` is the line before it."""
    bare = masked(line).rstrip()
    line, changed = line[:len(bare)], changed[:len(masked(changed).rstrip())]
    for begin, end, form in split(bare, masked(before).rstrip()):
        tail = line[end:]
        if changed.startswith(line[:begin]) and changed.endswith(tail):
            other = changed[begin:len(changed) - len(tail)]
            return line[:begin] + form.format(number, other, line[begin:end]) + tail
    return None
