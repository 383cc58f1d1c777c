"""A node's own API and changes of its configuration while it runs."""
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import threading
import unittest

import rig
from rig import SKEP, RigTest, request, wait_for


class NodeTest(RigTest):
    def both(self, **more):
        node = super().both(worker="concurrency = 2", paths=(), **more)
        wait_for(lambda: self.shown()["state"] == "running", "a running node")
        self.concurrency(2)
        return node

    def shown(self):
        return request(self.url, "GET", "/api/node").json

    def edit(self, node, old, new, rename=False):
        with open(node.config) as f:
            text = f.read()
        self.assertIn(old, text)
        self.write(node, text.replace(old, new), rename)

    def write(self, node, text, rename=False):
        path = node.config + "~" if rename else node.config
        with open(path, "w") as f:
            f.write(text)
        if rename:
            os.rename(path, node.config)

    def concurrency(self, n):
        wait_for(lambda: [w["concurrency"] for w in self.api("GET", "/api/workers")["items"]] == [n],
                 f"concurrency {n} at the control plane")

    def test_takes_a_changed_file_by_itself(self):
        node = self.both()
        self.edit(node, "concurrency = 2", "concurrency = 5")
        self.concurrency(5)
        self.edit(node, "concurrency = 5", "concurrency = 3", rename=True)
        self.concurrency(3)
        self.assertEqual(self.shown()["last_reload"]["applied"],
                         [{"key": "worker.concurrency", "before": 5, "after": 3}])

    def test_refuses_by_name_what_needs_a_restart_and_applies_the_rest(self):
        node = self.both()
        self.edit(node, "concurrency = 2", 'concurrency = 4\n[queue]\npath = "elsewhere.db"')
        self.concurrency(4)
        waiting = self.shown()["needs_restart"]
        self.assertEqual([w["key"] for w in waiting], ["queue.path"])
        self.assertIn("needs restart  queue.path", self.skep("node", "show", "-c", node.config).stdout)
        self.edit(node, 'path = "elsewhere.db"', "")
        wait_for(lambda: self.shown()["needs_restart"] == [], "nothing to wait for a restart")

    def test_keeps_the_old_configuration_when_the_new_one_is_wrong(self):
        node = self.both()
        self.edit(node, "concurrency = 2", "concurrency = 6\nconcurency = 1")
        wait_for(lambda: (self.shown()["last_reload"] or {}).get("result") == "refused", "a refusal")
        self.concurrency(2)
        done = self.skep("node", "reload", "-c", node.config, check=False)
        self.assertEqual(done.returncode, 78, done.stderr)
        self.assertIn("concurency", done.stderr)
        self.edit(node, "concurency = 1", "[queue]\npaht = 1")  # no start would take it
        for words in (("node", "reload"), ("config", "check")):
            done = self.skep(*words, "-c", node.config, check=False)
            self.assertEqual(done.returncode, 78, done.stderr)
            self.assertIn('[queue] for plugin sqlite: /paht unknown member "paht"; did you mean "path"?', done.stderr)
        self.concurrency(2)

    def test_a_signal_in_the_first_moment_is_a_stop(self):
        node = self.node("early", rig.node_toml(f"{self.root}/early", ("control",)))

        def in_main():  # it ignores SIGPIPE there
            with open(f"/proc/{node.process.pid}/status") as status:
                ignored = next(line for line in status if line.startswith("SigIgn:"))
            return int(ignored.split()[1], 16) & 1 << signal.SIGPIPE - 1

        while not in_main():
            self.assertTrue(node.alive(), node.log)
        self.assertEqual(node.terminate(), 0, node.log)

    def test_takes_sighup_and_a_command_when_it_does_not_watch(self):
        node = self.both(env={"SKEP_NODE_WATCH_CONFIG": "false"})
        self.edit(node, "concurrency = 2", "concurrency = 4")
        node.process.send_signal(signal.SIGHUP)
        self.concurrency(4)
        self.assertEqual(self.shown()["last_reload"]["trigger"], "SIGHUP")
        self.edit(node, "concurrency = 4", "concurrency = 7")
        out = self.skep("node", "reload", "-c", node.config).stdout
        self.assertIn("worker.concurrency  4 -> 7", out)
        self.concurrency(7)

    def test_reloads_though_the_folder_that_it_was_started_in_is_gone(self):  # F10
        gone = os.path.join(self.root, "gone")
        os.mkdir(gone)
        node = self.both(cwd=gone)
        os.rmdir(gone)
        self.edit(node, "concurrency = 2", "concurrency = 4")
        self.concurrency(4)
        self.edit(node, "concurrency = 4", "concurrency = 7")
        self.skep("node", "reload", "-c", node.config)
        self.concurrency(7)
        self.assertEqual(self.shown()["needs_restart"], [])

    def test_takes_away_what_a_killed_one_left_in_the_kv_store(self):  # P18
        node = self.both()
        node.kill9()
        space = os.path.join(node.folder, "kv", "acme")
        os.makedirs(space)
        for name in ("~put", "k.value"):
            with open(os.path.join(space, name), "w") as f:
                f.write("half")
        self.restart(node)
        self.assertEqual(os.listdir(space), ["k.value"])

    def test_says_that_a_variable_covers_an_edit(self):
        node = self.both(env={"WORKER_BATCH_SIZE": "9"})
        self.edit(node, "concurrency = 2", "concurrency = 2\nbatch_size = 3")
        wait_for(lambda: self.shown()["last_reload"], "a report")
        self.assertEqual(self.shown()["last_reload"]["covered"],
                         [{"key": "worker.batch_size", "value": 3, "by": "env WORKER_BATCH_SIZE"}])

    def test_keeps_what_scripts_run_on_until_a_restart(self):
        node = self.both(extra="[plugins.lua.limits]\nmemory_mb = 512\n")
        self.edit(node, "memory_mb = 512", "memory_mb = 256")
        wait_for(lambda: [w["key"] for w in self.shown()["needs_restart"]] == ["plugins.lua.limits"],
                 "the key that waits")
        done = self.skep("node", "reload", "-c", node.config)
        self.assertIn("lua runs the scripts of this node", done.stdout)
        again = self.skep("plugin", "reload", "lua", "-c", node.config, check=False)
        self.assertIn("counts at the next start", again.stderr)
        self.edit(node, "memory_mb = 256", "memory_mb = 512")
        wait_for(lambda: self.shown()["needs_restart"] == [], "nothing to wait for a restart")

    def test_an_emptied_file_changes_nothing(self):
        node = self.both()
        with open(node.config) as f:
            text = f.read()
        self.write(node, "")
        wait_for(lambda: (self.shown()["last_reload"] or {}).get("result") == "refused", "a refusal")
        self.assertIn("sets nothing any more", self.shown()["last_reload"]["error"])
        self.write(node, text.replace("concurrency = 2", "concurrency = 5"))
        self.concurrency(5)

    def test_a_storm_of_edits_ends_on_the_last_valid_one(self):
        node = self.both()

        def resources():
            pid = node.process.pid
            return len(os.listdir(f"/proc/{pid}/fd")), len([t for t in threads(pid) if t != "skep-call"])

        def threads(pid):  # those of calls come and go with the calls
            for thread in os.listdir(f"/proc/{pid}/task"):
                try:
                    with open(f"/proc/{pid}/task/{thread}/comm") as f:
                        yield f.read().strip()
                except FileNotFoundError:
                    pass

        with open(node.config) as f:
            text = f.read()
        self.write(node, text.replace("concurrency = 2", "concurrency = 8"))
        self.concurrency(8)
        before = resources()
        for i in range(100):
            new = "concurrency = x" if i % 2 else f"concurrency = {9 + i}"
            self.write(node, text.replace("concurrency = 2", new), rename=i % 4 < 2)
        self.write(node, text.replace("concurrency = 2", "concurrency = 42"))
        self.concurrency(42)
        after = resources()
        self.assertLessEqual(after[0], before[0] + 2)
        self.assertLessEqual(after[1], before[1] + 2)
        self.assertTrue(node.alive())

    def test_streams_events_and_resumes(self):
        node = self.both()
        self.edit(node, "concurrency = 2", "concurrency = 5")
        self.concurrency(5)
        kept = self.skep("events", "-c", node.config, "-o", "jsonl").stdout
        events = [json.loads(line) for line in kept.splitlines()]
        self.assertEqual(events[-1]["event"], "config.reloaded")
        follower = subprocess.Popen([SKEP, "events", "-f", "-o", "jsonl", "--since", events[-1]["id"],
                                     "--server", self.url], stdout=subprocess.PIPE, text=True)
        lines = []
        reader = threading.Thread(target=lambda: lines.extend(iter(follower.stdout.readline, "")))
        reader.start()
        try:
            self.edit(node, "concurrency = 5", "concurrency = 6")
            wait_for(lambda: lines, "an event")
            self.assertIn("5 -> 6", json.loads(lines[0])["fields"]["applied"])
            follower.send_signal(signal.SIGINT)
            self.assertEqual(follower.wait(180), 130)
        finally:
            follower.kill()
            reader.join()

    def test_a_second_node_on_the_same_state_is_refused(self):
        node = self.both()
        second = subprocess.run([SKEP, "start", "-c", node.config], capture_output=True, text=True, timeout=300)
        self.assertNotEqual(second.returncode, 0)
        self.assertIn(f"pid {node.process.pid}", second.stderr)
        self.assertEqual(self.shown()["pid"], node.process.pid)

    def test_opens_as_many_connections_as_open_files_allow(self):  # N4
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, before[1]), before[1]))
        try:
            node = self.both(env={"SKEP_HTTP_MAX_CONNECTIONS": "1000000"})
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        files = min(before[1], 65_536)
        self.assertEqual(resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE)[0], files)
        line = next(line for line in node.log.splitlines() if "http_connections_limited" in line)
        allowed = int(re.search(r'allowed"?[=:] ?(\d+)', line)[1])
        self.assertGreaterEqual(allowed, files // 2)
        self.assertLess(allowed, files)

    def test_its_socket_goes_with_it(self):
        node = self.both()
        socket = f"{self.root}/both/node.sock"
        self.assertEqual(os.stat(socket).st_mode & 0o777, 0o600)
        self.assertEqual(node.terminate(), 0)
        self.assertFalse(os.path.exists(socket))
        done = self.skep("plugin", "list", "-c", node.config)
        self.assertIn("read from the files", done.stderr)

    def test_scripts_are_listed_as_they_run(self):
        node = self.both()
        os.makedirs(f"{self.root}/both/scripts", exist_ok=True)
        with open(f"{self.root}/both/scripts/echo.lua", "w") as f:
            f.write("return skep.task { name = 'collect_facts', version = '1.0.0', run = function() return {} end }\n")
        with open(f"{self.root}/both/scripts/broken.lua", "w") as f:
            f.write("x = = 1\n")

        def listed():
            done = self.skep("script", "list", "-c", node.config)
            self.assertIn("from the running node at unix:", done.stderr)
            return done.stdout
        wait_for(lambda: "broken" in listed() and "served by" in listed(), "both files")
        self.assertRegex(listed(), r"disk_check +1.0.0 +active +1 +0 +0 +0 ")
        self.assertRegex(listed(), r"collect_facts +1.0.0 +(shadowed|failed) ")
        self.assertIn("\nbroken\n  broken.lua:1: unexpected symbol near '='\n", listed())
        self.assertRegex(self.skep("plugin", "list", "-c", node.config).stdout, r"lua +\S+ +loaded ")

    def test_a_node_without_its_plughost_says_what_does_not_run(self):
        binary = os.path.join(self.root, "bin/skep")
        os.makedirs(os.path.dirname(binary))
        shutil.copy(rig.SKEP, binary)
        os.makedirs(os.path.join(self.root, "lib/skep"))
        os.symlink(rig.PLUGINS, os.path.join(self.root, "lib/skep/plugins"))
        whole, rig.SKEP = rig.SKEP, binary
        try:
            node = self.both()
        finally:
            rig.SKEP = whole
        os.makedirs(f"{self.root}/both/scripts", exist_ok=True)
        with open(f"{self.root}/both/scripts/mine.lua", "w") as f:
            f.write("return skep.task { name = 'mine', version = '1.0.0', run = function() return {} end }\n")
        for what, row in (("plugin", r"lua +\S+ +refused "), ("script", r"mine +- +failed ")):
            told = self.skep(what, "list", "-c", node.config).stdout
            self.assertRegex(told, row)
            self.assertIn("skep-plughost", told)
            self.assertIn("  next: install skep completely", told)

    def test_its_routes_are_in_the_openapi_document(self):
        self.both()
        paths = self.api("GET", "/openapi.json")["paths"]
        for path in ("/api/node", "/api/node/plugins", "/api/node/plugins/{id}/reload", "/api/node/scripts",
                     "/api/node/reload", "/api/node/config", "/api/node/metrics", "/api/node/events", "/api/events"):
            self.assertIn(path, paths)


if __name__ == "__main__":
    unittest.main()
