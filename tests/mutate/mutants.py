"""Small semantic changes to a C++ source: where they are possible, and what the line becomes."""

import re

STATEMENT = r"^\s+(?!return\b|co_return\b|co_await\b|throw\b|delete\b|using\b|break\b|continue\b)"


def swap(pattern, replacement):
    """Each match of the pattern outside of texts and comments, replaced on its own."""
    def sites(line, masked):
        for at in re.finditer(pattern, masked):
            yield line[:at.start()] + at.expand(replacement) + line[at.end():]
    return sites


def whole(pattern, replacement):
    """A line that is one statement, replaced."""
    def sites(line, masked):
        if re.match(pattern, masked):
            yield re.match(r"\s*", line).group() + replacement
    return sites


def negate(line, masked):
    at = re.match(r"^(\s*(?:\} else )?if \()((?:[^()]|\([^()]*\))*)(\).*)$", masked)
    if at and ";" not in at.group(2):
        yield line[:at.end(1)] + "!(" + line[at.end(1):at.end(2)] + ")" + line[at.end(2):]


def ignore_error(line, masked):
    at = re.match(r"^(\s*)SKEP_TRY\((.*)\);$", masked)
    if at:
        yield f"{at.group(1)}(void)({line[at.start(2):at.end(2)]});"


OPERATORS = {
    "comparison to its edge": swap(r" (<|>) (?=[\w(*])", r" \1= "),
    "edge taken off a comparison": swap(r" (<|>)= ", r" \1 "),
    "equality turned": swap(r" == ", " != "),
    "inequality turned": swap(r" != ", " == "),
    "and for or": swap(r" \|\| ", " && "),
    "or for and": swap(r" && (?=[\w!(*])", " || "),
    "a ! dropped": swap(r"(?<=[( ])!(?=[\w(*])", ""),
    "condition negated": negate,
    "one more": swap(r" \+ 1\b", ""),
    "one less": swap(r" - 1\b", ""),
    "notification skipped": whole(r"^\s+[\w.>-]+(\.|->)(notify_one|notify_all|wake\w*|set)\(\);$", ";"),
    "call dropped": whole(STATEMENT + r"(?!log::|events::publish)[\w.>:-]+\(.*\);$", ";"),
    "assignment dropped": whole(STATEMENT + r"[\w.>\[\]-]+ [-+|]?= .*;$", ";"),
    "early return": whole(STATEMENT + r"[\w.>:-]+\(.*\);$", "return {};"),
    "early return of nothing": whole(STATEMENT + r"[\w.>:-]+\(.*\);$", "return;"),
    "error ignored": ignore_error,
}


def masked(line):
    """The line with texts and comments blanked, as long as before."""
    blank = lambda at: " " * len(at.group())
    line = re.sub(r'"(?:\\.|[^"\\])*"', blank, line)
    line = re.sub(r"'(?:\\.|[^'\\])'", blank, line)
    return re.sub(r"//.*$", blank, line)


def mutants(text):
    """(operator, number of the line from 0, the line's new text) for all that can be changed."""
    raw = False
    for number, line in enumerate(text.splitlines()):
        if 'R"' in line:
            raw = True
        if not raw and not re.match(r"\s*(#|//|///|static_assert|template)", line):
            for operator, sites in OPERATORS.items():
                for changed in sites(line, masked(line)):
                    if changed != line:
                        yield operator, number, changed
        if raw and re.search(r'\)\w*"', line):
            raw = False
