"""An author's first plugin, as the tutorial tells it: from an empty directory and an installed prefix,
four commands, no restart of the worker, less than a minute of machine time."""
import os
import re
import shutil
import subprocess
import time
import unittest

import rig
from rig import BUILD, RigTest, wait_for

COMMANDS = ["skep plugin new hello",
            "cd hello && cmake -B b && cmake --build b && ctest --test-dir b --output-on-failure",
            "skep plugin install hello/b/hello.so -c {config}",
            "skep task submit hello --wait"]


class Quickstart(RigTest):
    def setUp(self):
        super().setUp()
        self.prefix = os.path.join(self.root, "prefix")
        done = subprocess.run(["cmake", "--install", BUILD, "--prefix", self.prefix], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.binary, rig.SKEP = rig.SKEP, os.path.join(self.prefix, "bin/skep")

    def tearDown(self):
        rig.SKEP = self.binary
        super().tearDown()

    def nodes_of_the_prefix(self):
        """A control plane and a worker with the default plugin folders of the installed prefix."""
        self.control(paths=())
        self.hands = self.worker("w1", paths=())

    def shell(self, command, folder):
        env = dict(os.environ, PATH=os.path.join(self.prefix, "bin") + ":" + os.environ["PATH"],
                   SKEP_SERVER=self.url)
        begin = os.times()
        done = subprocess.run(["sh", "-c", command], cwd=folder, env=env, capture_output=True, text=True, timeout=300)
        end = os.times()
        cpu = end.children_user + end.children_system - begin.children_user - begin.children_system
        self.assertEqual(done.returncode, 0, f"$ {command}\n{done.stdout}{done.stderr}")
        return done.stdout, cpu

    def test_four_commands_without_a_restart(self):
        self.nodes_of_the_prefix()
        pid = self.hands.process.pid
        folder = os.path.join(self.root, "empty")
        os.makedirs(folder)
        wall, cpu = time.monotonic(), 0.0
        for command in COMMANDS:
            output, used = self.shell(command.format(config=self.hands.config), folder)
            cpu += used
        wall = time.monotonic() - wall
        self.assertIn("hello world", output)
        self.assertEqual(self.hands.process.pid, pid)
        self.assertTrue(self.hands.alive())
        with open(os.path.join(folder, "hello/hello.cpp")) as f:
            lines = len([line for line in f if line.strip()])
        self.assertLessEqual(lines, 10, "lines of author's code")
        self.assertLess(cpu, 60.0, "seconds of machine time")
        with open(os.path.join(folder, "hello/b/CMakeFiles/hello.dir/flags.make")) as f:
            self.assertIn("-O2", f.read(), "built with optimisation")
        print(f"quickstart: {len(COMMANDS)} commands, {lines} lines of author's code, "
              f"{cpu:.1f} s of machine time, {wall:.1f} s by the clock")

    def test_clang_with_libcxx_builds_and_checks_the_same_folder(self):
        self.url = ""
        probe = subprocess.run(["clang++", "-stdlib=libc++", "-x", "c++", "-fsyntax-only", "-"], text=True,
                               input="#include <version>\n", capture_output=True) if shutil.which("clang++") else None
        if probe is None or probe.returncode != 0:
            self.skipTest("SKIPPED: no clang++ with libc++ here (clang, libc++-dev, libc++abi-dev)")
        output, _ = self.shell("skep plugin new hello && cd hello && CC=clang CXX=clang++ cmake -B b "
                               "-DCMAKE_CXX_FLAGS=-stdlib=libc++ && cmake --build b && "
                               "ctest --test-dir b --output-on-failure && readelf -d b/hello.so", self.root)
        self.assertRegex(output, r"100% tests passed, 0 tests failed out of 2")
        self.assertIn("libc++.so", output)

    def test_an_installed_prefix_makes_and_checks_plugins_in_each_language(self):
        self.url = ""
        folder = os.path.join(self.root, "empty")
        os.makedirs(folder)
        for lang in ("cpp", "c", "rust"):
            if lang == "rust" and shutil.which("rustc") is None:
                print("SKIPPED: no rustc here, so the Rust template is not built")
                continue
            output, _ = self.shell(f"skep plugin new p_{lang} --lang {lang} && cd p_{lang} && cmake -B b && "
                                   "cmake --build b && ctest --test-dir b --output-on-failure", folder)
            self.assertRegex(output, r"100% tests passed, 0 tests failed out of 2")
            output, _ = self.shell(f"skep plugin install p_{lang}/b/p_{lang}.so --to .", folder)
            self.assertRegex(output, re.escape(f"installed p_{lang} 0.1.0"))


class Install(RigTest):
    def skep_in(self, *args, **kw):
        return self.skep(*args, cwd=self.root, **kw)

    def test_the_file_appears_whole_and_replaces_in_one_step(self):
        source = os.path.join(rig.TEST_PLUGINS, "echo.so")
        self.skep_in("plugin", "install", source)
        path = os.path.join(self.root, ".skep/plugins/echo.so")
        first = os.stat(path)
        self.assertEqual(first.st_mode & 0o777, 0o644)
        shutil.copy(source, os.path.join(os.path.dirname(path), ".echo.so.tmp"))  # of one that was killed
        self.skep_in("plugin", "install", source)
        self.assertNotEqual(os.stat(path).st_ino, first.st_ino)
        self.assertEqual(os.listdir(os.path.dirname(path)), ["echo.so"])

    def test_bad_files_leave_the_folder_as_it_was(self):
        to = os.path.join(self.root, "to")
        os.makedirs(to)
        tests = os.path.dirname(rig.TEST_PLUGINS)
        for file, words in (("bad/newer_minor.so", "plugin needs a newer host"),
                            ("hazards/nodelete.so", "never to be unloaded"),
                            ("bad/bad_manifest.so", "manifest")):
            done = self.skep_in("plugin", "install", os.path.join(tests, file), "--to", to, check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(words, done.stderr)
            self.assertIn("next:", done.stderr)
        done = self.skep_in("plugin", "install", "missing.so", "--to", to, check=False)
        self.assertIn("missing.so", done.stderr)
        self.assertEqual(os.listdir(to), [])

    def test_a_second_file_of_the_same_id_is_refused(self):
        to = os.path.join(self.root, "to")
        os.makedirs(to)
        shutil.copy(os.path.join(rig.TEST_PLUGINS, "echo.so"), os.path.join(to, "other.so"))
        done = self.skep_in("plugin", "install", os.path.join(rig.TEST_PLUGINS, "echo.so"), "--to", to, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("other.so", done.stderr)

    def test_dev_rebuilds_at_a_save_and_survives_a_failing_build(self):
        self.skep_in("plugin", "new", "hello")
        to = os.path.join(self.root, "to")
        os.makedirs(to)
        log = open(os.path.join(self.root, "dev.log"), "w+")
        dev = subprocess.Popen([rig.SKEP, "plugin", "dev", "hello", "--to", to], cwd=self.root, stdout=log, stderr=log)
        try:
            def said(words, times):
                with open(log.name) as f:
                    return f.read().count(words) >= times
            path = os.path.join(to, "hello.so")
            wait_for(lambda: said("watching", 1), "the first build")
            first = os.stat(path).st_ino
            source = os.path.join(self.root, "hello/hello.cpp")
            with open(source) as f:
                good = f.read()
            with open(source, "w") as f:
                f.write(good.replace(";", "", 1))
            wait_for(lambda: said("last good build", 1), "a failing build")
            self.assertEqual(os.stat(path).st_ino, first)
            with open(source, "w") as f:
                f.write(good.replace("hello ", "hi "))
            wait_for(lambda: said("built and installed", 2), "the next good build")
            self.assertNotEqual(os.stat(path).st_ino, first)
        finally:
            dev.terminate()
            dev.wait(180)
            log.close()

    def test_dev_tells_what_the_plugin_does(self):
        node = self.both(paths=())
        self.skep_in("plugin", "new", "hello")
        source = os.path.join(self.root, "hello/hello.cpp")
        with open(source) as f:
            text = f.read()
        log = open(os.path.join(self.root, "dev.log"), "w+")
        dev = subprocess.Popen([rig.SKEP, "plugin", "dev", "hello", "-c", node.config], cwd=self.root, stdout=log,
                               stderr=log)
        try:
            def said(*words):
                with open(log.name) as f:
                    told = f.read()
                return all(word in told for word in words)
            wait_for(lambda: said("watching", "plugin.active", "id: hello"), "the plugin in service")
            with open(source, "w") as f:
                f.write(text.replace("return call.result", 'throw std::runtime_error("out of luck");\n    return call.result')
                        .replace("#include", "#include <stdexcept>\n#include", 1))
            wait_for(lambda: said("generation: 2"), "the next generation")
            self.skep_in("task", "submit", "hello", "-c", node.config, "--wait", check=False)
            wait_for(lambda: said("out of luck", "hello world"), "the failed task")
        finally:
            dev.terminate()
            dev.wait(180)
            log.close()


if __name__ == "__main__":
    unittest.main(verbosity=2)
