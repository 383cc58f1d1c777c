#!/usr/bin/env python3
"""Changes one thing in core/ or plugins/ at a time, in a copy, and says which changes no test notices.

./dev mutate [N] [--seed S] [--in FOLDER]: N mutants (20) that compile, by chance; the same seed gives
the same ones for the same commit. What is looked at is HEAD. The copy and its build are kept in
build-mutate/. Ends with killed/lived/total; whoever lived means the same, or no test asks."""

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import time

from mutants import mutants

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COPY = os.path.join(SOURCE, "build-mutate", "tree")
BUILD = os.path.join(SOURCE, "build-mutate", "build")

# The folder of a source names its tests, tests/unit/FOLDER; these are asked as well.
ALSO = {
    "core/base": ["durable_test"],
    "core/model": ["queue_conformance"],
    "core/net": ["worker_client_test"],
    "core/plugin": ["isolation_test", "lua_test", "conformance_test"],
    "core/plughost": ["isolation_test", "lua_test"],
    "core/ports": ["worker_test", "worker_parts_test", "queue_conformance", "spool_conformance_test"],
    "core/proc": ["execute_script_test"],
    "plugins/collect_facts": ["collect_facts_test"],
    "plugins/execute_script": ["execute_script_test"],
    "plugins/lua": ["lua_test"],
    "plugins/spool_file": ["spool_conformance_test", "spool_faults_test", "spool_file_test"],
    "plugins/sqlite": ["queue_conformance", "queue_sqlite", "sqlite_log", "store_conformance"],
}


def run(*command, **options):
    return subprocess.run(command, check=True, **options)


def prepare():
    """The copy at HEAD, configured."""
    head = subprocess.check_output(["git", "-C", SOURCE, "rev-parse", "HEAD"], text=True).strip()
    if os.path.isdir(COPY):
        run("git", "-C", COPY, "checkout", "--quiet", "--force", "--detach", head)
    else:
        run("git", "-C", SOURCE, "worktree", "prune")
        run("git", "-C", SOURCE, "worktree", "add", "--quiet", "--detach", COPY, head)
    print(f"configuring {head[:10]} in {BUILD}", flush=True)
    run("cmake", "-S", COPY, "-B", BUILD, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug",
        "-DCMAKE_CXX_FLAGS_DEBUG=-O0 -g1", "-DSKEP_UNITY=OFF", stdout=subprocess.DEVNULL)


def tracked(prefix):
    out = subprocess.check_output(["git", "-C", COPY, "ls-files", prefix], text=True).split()
    return [f for f in out if f.endswith(".cpp") and f.startswith(("core/", "plugins/"))]


def programs_of(file):
    """The test programs of a source."""
    folder = "/".join(file.split("/")[:2])
    found = list(ALSO.get(folder, []))
    lists = os.path.join(COPY, "tests/unit", folder.split("/")[1], "CMakeLists.txt")
    if folder.startswith("core/") and os.path.exists(lists):
        with open(lists) as text:
            found += re.findall(r"^skep_test\((\w+)", text.read(), re.M)
    return sorted(set(found))


def run_program(name, skipped, seconds):
    """Whether it passed, and what it said. Too slow is failed: a mutant may hang."""
    command = [os.path.join(BUILD, "bin", name), "--gtest_brief=1"]
    if seconds:
        command.append("--gtest_fail_fast")
    if skipped:
        command.append("--gtest_filter=-" + ":".join(skipped))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", start_new_session=True) as child:
        try:
            out, _ = child.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            return False, "took too long"
    return child.returncode == 0, out


class Tests:
    """Each program once without a mutant: how long it takes, and what fails anyway."""

    def __init__(self):
        self.known = {}

    def baseline(self, name):
        if name not in self.known:
            print(f"building {name}", flush=True)
            run("ninja", "-C", BUILD, name, stdout=subprocess.DEVNULL)
            begun = time.monotonic()
            passed, out = run_program(name, [], None)
            failing = [] if passed else re.findall(r"^\[  FAILED  \] ([\w./]+)", out, re.M)
            if not passed and not failing:
                raise SystemExit(f"{name} fails without a mutant:\n{out[-2000:]}")
            self.known[name] = (sorted(set(failing)), time.monotonic() - begun)
        return self.known[name]

    def killer(self, names):
        """The program that notices, or none."""
        for name in names:
            skipped, seconds = self.known[name]
            if not run_program(name, skipped, 60 + 5 * seconds)[0]:
                return name
        return None


def try_one(file, number, changed, tests):
    """"killed by X", "lived", or none when it does not compile."""
    names = programs_of(file)
    for name in names:
        tests.baseline(name)
    path = os.path.join(COPY, file)
    with open(path) as source:
        text = source.read()
    lines = text.splitlines()
    lines[number] = changed
    with open(path, "w") as source:
        source.write("\n".join(lines) + "\n")
    try:
        built = subprocess.run(["ninja", "-C", BUILD, *names], capture_output=True)
        if built.returncode != 0:
            return None
        killer = tests.killer(names)
        return f"killed by {killer}" if killer else "lived"
    finally:
        with open(path, "w") as source:
            source.write(text)


def main():
    parser = argparse.ArgumentParser(prog="./dev mutate")
    parser.add_argument("count", nargs="?", type=int, default=20)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--in", dest="folder", default=".")
    options = parser.parse_args()
    prepare()
    by_operator = {}
    for file in tracked(options.folder):
        if programs_of(file):
            with open(os.path.join(COPY, file)) as source:
                for operator, number, changed in mutants(source.read()):
                    by_operator.setdefault(operator, []).append((file, number, changed))
    os.environ.update(CCACHE_BASEDIR=COPY, CCACHE_NOHASHDIR="1")
    dice = random.Random(options.seed)
    print(f"seed {options.seed}; {sum(map(len, by_operator.values()))} mutants are possible", flush=True)
    tests, killed, lived, seen = Tests(), 0, [], set()
    while by_operator and killed + len(lived) < options.count:
        operator = dice.choice(sorted(by_operator))
        sites = by_operator[operator]
        file, number, changed = sites.pop(dice.randrange(len(sites)))
        if not sites:
            del by_operator[operator]
        if (file, number, changed) in seen:
            continue
        seen.add((file, number, changed))
        with open(os.path.join(COPY, file)) as source:
            line = source.read().splitlines()[number]
        verdict = try_one(file, number, changed, tests)
        if verdict is None:
            continue
        print(f"{verdict}: {file}:{number + 1} {operator}", flush=True)
        if verdict == "lived":
            lived.append(f"{file}:{number + 1}: {operator}\n-{line}\n+{changed}")
            print(f"-{line}\n+{changed}", flush=True)
        else:
            killed += 1
    if lived:
        print("\nlived:\n" + "\n".join(lived))
    print(f"\n{killed} killed, {len(lived)} equivalent or lived, {killed + len(lived)} in all "
          f"(--seed {options.seed})")


if __name__ == "__main__":
    sys.exit(main())
