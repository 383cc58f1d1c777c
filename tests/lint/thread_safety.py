#!/usr/bin/env python3
"""clang's thread-safety analysis of core/ and plugins/.

thread_safety.py FOLDER: with the compile commands of a configured folder, best one with unity
builds. What was clean is looked at again only when it, or a file that it includes, changes."""

import hashlib
import json
import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

WARNINGS = ["-Wno-everything", "-Wthread-safety", "-Werror=thread-safety"]


def wanted(entry):
    """Of core/ and plugins/, by what is made of it."""
    words = shlex.split(entry["command"])
    made = words[words.index("-o") + 1]
    return made.startswith(("core/", "plugins/")) and entry["file"].endswith((".cpp", ".cxx"))


def flags(command):
    """Those that say what is compiled, not how."""
    out, words = [], iter(shlex.split(command))
    for word in words:
        if word in ("-isystem", "-I"):
            out += [word, next(words)]
        elif word.startswith(("-I", "-D", "-std=")):
            out.append(word)
    return out


def is_clean(stamp, depends):
    """True when the stamp is newer than every file of the make rule in `depends`."""
    try:
        made = os.path.getmtime(stamp)
        with open(depends) as rule:
            files = rule.read().replace("\\\n", " ").split(":", 1)[1].split()
        return all(os.path.getmtime(file) <= made for file in files)
    except OSError:
        return False


def check(entry, folder):
    name = os.path.join(folder, hashlib.sha1(entry["command"].encode()).hexdigest())
    if is_clean(name + ".ok", name + ".d"):
        return None
    ran = subprocess.run(
        ["clang++", "-fsyntax-only", *WARNINGS, *flags(entry["command"]), "-MD", "-MF", name + ".d",
         entry["file"]], cwd=entry["directory"], capture_output=True, text=True)
    if ran.returncode == 0:
        open(name + ".ok", "w").close()
    return ran


def main():
    folder = sys.argv[1]
    with open(os.path.join(folder, "compile_commands.json")) as file:
        entries = [entry for entry in json.load(file) if wanted(entry)]
    stamps = os.path.abspath(os.path.join(folder, "thread_safety"))
    os.makedirs(stamps, exist_ok=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        ran = list(pool.map(lambda entry: check(entry, stamps), entries))
    bad = [one for one in ran if one is not None and one.returncode != 0]
    for one in bad:
        print(one.stderr, end="")
    print(f"{len(entries)} translation units, {sum(one is not None for one in ran)} looked at, "
          f"{len(bad)} with findings")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
