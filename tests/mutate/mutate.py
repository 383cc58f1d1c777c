#!/usr/bin/env python3
"""Changes one thing in core/ or plugins/ at a time, in a copy, and says which changes no test notices.

./dev mutate [N] [--seed S] [--in FOLDER ..] [--jobs J]: N mutants (20) that compile, by chance; the same
seed gives the same ones for the same commit. What is looked at is HEAD, in the folders HARD below unless
told. All are built at once, each behind a switch (schemata.py), so that one more costs only its tests.
The copy and its build are kept in build-mutate/. Ends with killed/lived/all; whoever lived means the
same, or no test asks. With --list they are only shown, with the spare ones for those that do not compile.

SKEP_MUTANT=17 switches number 17 on, by hand too. Children that get an environment of their own see no
mutant: the plugins' processes (skep-plughost) and scripts. What runs only there is not judged, and is
said to be passed by no test."""

import argparse
import concurrent.futures
import fcntl
import functools
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from mutants import mutants
from schemata import HEADER, MOST, switched

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PLACE = os.path.join(SOURCE, "build-mutate")
COPY, BUILD, SEEN = (os.path.join(PLACE, name) for name in ("tree", "build", "seen"))

# Where a fault loses, doubles or blocks something and is hard to see: locks, wakes, syncs, limits.
HARD = ["core/base/file.cpp", "core/base/log_writer.cpp", "core/control/fleet",
        "core/control/tasks", "core/control/workers", "core/net", "core/plugin", "core/proc", "core/worker",
        "plugins/execute_script", "plugins/lua", "plugins/spool_file", "plugins/sqlite"]

# The folder of a source names its tests, tests/unit/FOLDER; these are asked as well.
ALSO = {
    "core/base": ["durable_test"],
    "core/model": ["queue_conformance"],
    "core/net": ["worker_client_test"],
    "core/plugin": ["isolation_test", "lua_test", "conformance_test", "queue_conformance",
                    "store_conformance", "spool_conformance_test"],
    "core/plughost": ["isolation_test", "lua_test"],
    "core/ports": ["worker_test", "worker_parts_test", "queue_conformance", "spool_conformance_test"],
    "core/proc": ["execute_script_test"],
    "plugins/collect_facts": ["collect_facts_test"],
    "plugins/execute_script": ["execute_script_test"],
    "plugins/lua": ["lua_test"],
    "plugins/spool_file": ["spool_conformance_test", "spool_faults_test", "spool_file_test"],
    "plugins/sqlite": ["queue_conformance", "queue_sqlite", "sqlite_log", "store_conformance"],
}


# What a test program with a mutant may take, so that one that grows for ever ends before the machine does.
MOST_MEMORY = 8 << 30


def run(*command):
    """What it writes to stdout. When it fails it has said why on stderr."""
    try:
        return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(f"error: {error}")


def say(*words, sep=" "):
    print(*words, sep=sep, flush=True)


@functools.cache
def lines_of(file):
    """As committed: read before the mutants are written."""
    with open(os.path.join(COPY, file)) as source:
        return source.read().splitlines()


def repository(folder):
    """The repository that git takes the folder for, and the top of its tree."""
    told = subprocess.run(["git", "-C", folder, "rev-parse", "--path-format=absolute", "--git-common-dir",
                           "--show-toplevel"], capture_output=True, text=True)
    return told.stdout.splitlines()


def lock():
    """Holds build-mutate/ until the end."""
    os.makedirs(PLACE, exist_ok=True)
    held = open(os.path.join(PLACE, "lock"), "w")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SystemExit(f"error: another ./dev mutate is at work in {PLACE}")
    return held


def check_out():
    """The copy at HEAD. Whatever else is in its place goes: git would take it for a part of SOURCE."""
    head = run("git", "-C", SOURCE, "rev-parse", "HEAD").strip()
    if repository(COPY) == repository(SOURCE)[:1] + [os.path.realpath(COPY)]:
        run("git", "-C", COPY, "checkout", "--quiet", "--force", "--detach", head)
    else:
        shutil.rmtree(COPY, ignore_errors=True)
        run("git", "-C", SOURCE, "worktree", "prune")
        run("git", "-C", SOURCE, "worktree", "add", "--quiet", "--detach", COPY, head)
    if run("git", "-C", SOURCE, "status", "--porcelain"):
        say("what is not committed is left out")
    return head


def configure(head):
    say(f"configuring {head[:10]} in {BUILD}")
    run("cmake", "-S", COPY, "-B", BUILD, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug", "-DSKEP_UNITY=ON",
        "-DCMAKE_CXX_FLAGS_DEBUG=-O0 -g0 -w")


def programs_of(file):
    """The test programs of a source, those of its own folder first."""
    folder = "/".join(file.split("/")[:2])
    found = []
    lists = os.path.join(COPY, "tests/unit", folder.split("/")[1], "CMakeLists.txt")
    if folder.startswith("core/") and os.path.exists(lists):
        with open(lists) as text:
            found = re.findall(r"^skep_test\((\w+)", text.read(), re.M)
    return list(dict.fromkeys(found + ALSO.get(folder, [])))


class Mutant:
    def __init__(self, number, operator, file, at, changed):
        self.number, self.operator, self.file, self.at, self.changed = number, operator, file, at, changed
        lines = lines_of(file)
        self.line = lines[at]
        self.both = switched(number, lines[at - 1] if at else "", self.line, changed)

    def __str__(self):
        return f"{self.number} {self.file}:{self.at + 1} {self.operator}\n-{self.line}\n+{self.changed}"


def choose(folders, count, dice):
    """So many mutants, each on a line of its own: first the operator by chance, then the place."""
    by_operator, sources = {}, set()
    for folder in folders:
        tracked = run("git", "-C", COPY, "ls-files", "--", folder).split()
        found = {file for file in tracked if re.match(r"(core|plugins)/.*\.cpp$", file) and programs_of(file)}
        if not found:
            raise SystemExit(f"error: {folder}: no sources of core/ or plugins/ with tests of their own")
        sources |= found
    for file in sorted(sources):
        for operator, at, changed in mutants("\n".join(lines_of(file))):
            by_operator.setdefault(operator, []).append((operator, file, at, changed))
    say(f"{sum(map(len, by_operator.values()))} mutants are possible")
    chosen, taken = [], set()
    while by_operator and len(chosen) < count:
        sites = by_operator[operator := dice.choice(sorted(by_operator))]
        mutant = Mutant(len(chosen) + 1, *sites.pop(dice.randrange(len(sites))))
        if not sites:
            del by_operator[operator]
        if mutant.both and (mutant.file, mutant.at) not in taken:
            taken.add((mutant.file, mutant.at))
            chosen.append(mutant)
    return chosen


def write(chosen, files):
    """The files with these mutants in them; lines keep their numbers. What stays the same keeps its time."""
    header = os.path.join(PLACE, "mutant.hpp")
    texts = {header: HEADER}
    for file in files:
        lines = list(lines_of(file))
        for mutant in chosen:
            if mutant.file == file:
                lines[mutant.at] = mutant.both
        texts[os.path.join(COPY, file)] = f'#include "{header}"\n#line 1\n' + "\n".join(lines) + "\n"
    for file, text in texts.items():
        if not os.path.exists(file) or open(file).read() != text:
            with open(file, "w") as out:
                out.write(text)


def build(chosen):
    """Builds all; those that do not compile are put back. What is left, in order."""
    files = {mutant.file for mutant in chosen}
    for _ in range(8):
        write(chosen, files)
        programs = sorted({name for mutant in chosen for name in programs_of(mutant.file)})
        log = os.path.join(PLACE, "build.log")
        say(f"building {len(chosen)} mutants, {len(programs)} test programs: {log}")
        with open(log, "w+", errors="replace") as out:
            done = subprocess.run(["ninja", "-k", "0", "-C", BUILD, *programs], stdout=out, stderr=out)
            out.seek(0)
            said = out.read()
        if done.returncode == 0:
            return chosen
        named = {(os.path.relpath(os.path.join(BUILD, file), COPY), int(line) - 1)
                 for file, line in re.findall(r"^([^\s:]+):(\d+):", said, re.M)}
        bad = {m for m in chosen if (m.file, m.at) in named}
        if not bad:  # an error after the line: the last mutant before it
            for file, line in named:
                above = [m for m in chosen if m.file == file and m.at < line]
                bad |= set(sorted(above, key=lambda m: m.at)[-1:])
        if not bad:
            raise SystemExit(said[-3000:] + "\nerror: no mutant is to blame")
        chosen = [m for m in chosen if m not in bad]
    raise SystemExit("error: too many do not compile")


FAILED = re.compile(r"^\[  FAILED  \] ([\w/]+\.[\w/]+)", re.M)  # and no "2 tests, listed below"


class Program:
    """A test program, run once without a mutant: how long that takes, what fails anyway, and which
    mutants it comes by."""

    running = set()  # processes

    def __init__(self, name):
        self.name = name
        self.seen = os.path.join(SEEN, name)
        os.makedirs(self.seen)
        os.chmod(self.seen, 0o777)
        begun = time.monotonic()
        _, out = self.run(0, 3600, SKEP_MUTANT_SEEN=self.seen)
        self.seconds = time.monotonic() - begun
        self.failing = sorted(set(FAILED.findall(out)))
        if not re.search(r"^\[=+\] .* ran\.", out, re.M):
            raise SystemExit(f"{out[-3000:]}\nerror: {name} does not come to its end without a mutant")
        say(f"{name}: {self.seconds:.0f} s, comes by {len(os.listdir(self.seen))} mutants"
            + "".join(f"\n  fails without a mutant: {test}" for test in self.failing))

    def run(self, number, limit, *options, **more):
        """Whether it passed, and what it said. Too slow is failed: a mutant may hang."""
        command = [os.path.join(BUILD, "bin", self.name), *options]
        with tempfile.TemporaryFile("w+", errors="replace") as out:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                     start_new_session=True, cwd=BUILD,
                                     env=os.environ | {"SKEP_MUTANT": str(number)} | more)
            resource.prlimit(child.pid, resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
            self.running.add(child.pid)
            try:
                child.wait(limit)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
            self.running.discard(child.pid)
            out.seek(0)
            return child.returncode == 0, out.read()

    def comes_by(self, mutant):
        return os.path.exists(os.path.join(self.seen, str(mutant.number)))

    def notices(self, mutant):
        """A test that fails with the mutant, twice: one that fails once may be of that kind."""
        once = []
        while self.comes_by(mutant) and len(once) < 4:
            passed, out = self.run(mutant.number, 60 + 5 * self.seconds, "--gtest_fail_fast",
                                   "--gtest_filter=-" + ":".join(self.failing + once))
            if passed:
                return None
            running = re.findall(r"^\[ RUN      \] (\S+)", out, re.M)[-1:]
            if not running:
                return "at its start"
            test = (FAILED.findall(out) or running)[0]
            if not self.run(mutant.number, 60 + self.seconds, "--gtest_filter=" + test)[0]:
                return test
            once.append(test)
        return None


def judge(mutant, programs):
    """What the tests say of it, and whether it lived."""
    names = programs_of(mutant.file)
    for name in names:
        if test := programs[name].notices(mutant):
            return f"killed by {name}, {test}:", False
    seen_by = ", ".join(name for name in names if programs[name].comes_by(mutant))
    return "lived, " + (f"seen by {seen_by}:" if seen_by else "passed by no test:"), True


def judge_all(chosen, jobs):
    """Says of each what the tests say; those that lived."""
    shutil.rmtree(SEEN, ignore_errors=True)
    lived = []
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        try:
            names = sorted({name for mutant in chosen for name in programs_of(mutant.file)})
            programs = dict(zip(names, pool.map(Program, names)))
            verdicts = {pool.submit(judge, mutant, programs): mutant for mutant in chosen}
            for done in concurrent.futures.as_completed(verdicts):
                verdict, alive = done.result()
                say(verdict, verdicts[done])
                if alive:
                    lived.append(verdicts[done])
        except KeyboardInterrupt:  # in sessions of their own they do not hear of it
            for pid in list(Program.running):
                os.killpg(pid, signal.SIGKILL)
            os._exit(130)
    return lived


def number(text):
    if not 1 <= int(text) <= MOST:
        raise argparse.ArgumentTypeError(f"{text} is not 1 to {MOST}")
    return int(text)


def main():
    about, _, more = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(prog="./dev mutate", description=about, epilog=more,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", nargs="?", type=number, default=20, metavar="N")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--in", dest="folders", nargs="+", default=HARD, metavar="FOLDER")
    parser.add_argument("--jobs", type=number, default=os.cpu_count())
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    held = lock()
    head = check_out()
    say(f"seed {options.seed}, in {' '.join(options.folders)}")
    chosen = choose(options.folders, options.count * 13 // 10 + 5, random.Random(options.seed))
    if options.list:
        return say(*chosen, sep="\n")
    configure(head)
    os.environ.update(CCACHE_BASEDIR=COPY, CCACHE_NOHASHDIR="1", CCACHE_SLOPPINESS="pch_defines,time_macros")
    chosen = build(chosen)[:options.count]
    lived = judge_all(chosen, options.jobs)
    say(f"\n{len(chosen) - len(lived)} killed, {len(lived)} equivalent or lived, {len(chosen)} in all "
        f"(--seed {options.seed})")
    held.close()


if __name__ == "__main__":
    sys.exit(main())
