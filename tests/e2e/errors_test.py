"""Bad input: a clear error with a next step, the process alive, nothing lost."""
import os
import shutil
import subprocess
import unittest

from rig import BUILD, FAST_CONTROL, PLUGINS, RigTest, SKEP, node_toml, raw, wait_for

BAD_PLUGINS = os.path.join(BUILD, "lib/skep/test-plugins/bad")


class Errors(RigTest):
    def start_fails(self, toml, *words):
        path = os.path.join(self.root, "bad.toml")
        with open(path, "w") as f:
            f.write(toml)
        done = subprocess.run([SKEP, "start", "-c", path], capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 78, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def test_wrong_toml(self):
        self.start_fails('[worker]\nconcurency = 3\n', "bad.toml:2:1", "concurency", 'concurrency')
        self.start_fails('[worker]\nconcurrency = "x"\n', "bad.toml:2:", "concurrency")
        self.start_fails('[worker\n', "bad.toml:1:")

    def test_plugin_that_does_not_exist(self):
        self.start_fails(f'[node]\nroles=["control"]\nstate_dir="{self.root}/s"\n[queue]\nplugin="sqlit"\n'
                         f'[plugins]\npaths=["{PLUGINS}"]\n', "sqlit", "sqlite", "skep plugin list")

    def test_plugin_of_a_wrong_abi_is_refused_and_the_rest_runs(self):
        node = self.control()
        folder = os.path.join(self.root, "plugins")
        shutil.copytree(BAD_PLUGINS, folder)
        done = self.skep("plugin", "list", "-c", self.config_with(folder))
        self.assertIn("refused", done.stdout)
        self.assertTrue(node.alive())
        worker = self.worker("w1")
        self.assertTrue(worker.alive())

    def config_with(self, folder):
        path = os.path.join(self.root, "plugins.toml")
        with open(path, "w") as f:
            f.write(f'[node]\nstate_dir = "{self.root}/x"\n[plugins]\npaths = ["{PLUGINS}", "{folder}"]\n')
        return path

    def test_a_state_folder_that_may_not_hold_programs_is_named(self):  # F16
        folder = os.path.join(self.root, "noexec")
        os.mkdir(folder)
        mounted = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o noexec none "$0" && exec "$@"', folder]
        if subprocess.run([*mounted, "true"], capture_output=True).returncode != 0:
            self.skipTest("cannot mount a tmpfs")
        path = os.path.join(self.root, "noexec.toml")
        with open(path, "w") as f:
            f.write(f'[node]\nstate_dir = "{folder}"\n[http]\nlisten = ["127.0.0.1:0"]\n'
                    f'[plugins]\npaths = ["{PLUGINS}"]\n')
        done = subprocess.run([*mounted, SKEP, "start", "-c", path], capture_output=True, text=True, timeout=300)
        self.assertNotEqual(done.returncode, 0)
        for word in (folder, "noexec", "[node] state_dir"):
            self.assertIn(word, done.stderr)

    def test_a_node_without_standard_streams_writes_into_no_file_of_its_own(self):  # F17
        node = self.control()
        node.terminate()
        os.remove(os.path.join(node.folder, "endpoints"))
        node.process = subprocess.Popen(["sh", "-c", 'exec "$0" start -c "$1" <&- >&- 2>&-', SKEP, node.config],
                                        cwd=node.folder)
        self.attach(node)
        for number in range(3):
            self.assertEqual(os.readlink(f"/proc/{node.process.pid}/fd/{number}"), "/dev/null")
        self.worker("w1")
        self.assertEqual(self.ended(self.submit("execute_script", {"script": "true"}))["status"], "succeeded")

    def problem(self, method, path, body, status, code, *words):
        answer = self.call(method, path, body)
        self.assertEqual(answer.status, status, answer.body)
        self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
        document = answer.json
        self.assertEqual(document["code"], code)
        for word in words:
            self.assertIn(word, answer.body.decode())
        return document

    def test_bad_requests(self):
        node = self.control()
        post = lambda body, *rest: self.problem("POST", "/api/tasks", body, *rest)
        post({"type": "execute_scrip"}, 400, "unknown-task-type", "execute_script", "next")
        post({"type": "execute_script", "params": {"scrip": "x"}}, 400, "schema", "script", "/scrip")
        post({"type": "echo", "prams": {}}, 400, "unknown-field", "params")
        post(b"[" * 100_000, 400, "json-too-deep", "64")
        post(b"{", 400, "json-syntax")
        post([], 400, "invalid")
        self.problem("GET", "/api/tasks/none", None, 404, "unknown-task")
        self.problem("GET", "/api/task", None, 404, "no-route", "/api/tasks")
        self.problem("DELETE", "/api/tasks", None, 405, "method-not-allowed")
        self.problem("GET", "/api/tasks?statsu=x", None, 400, "bad-query", "status")
        big = raw(self.url, b"POST /api/workers/w/heartbeat HTTP/1.1\r\nHost: localhost\r\n"
                            b"Content-Type: application/json\r\nContent-Length: 2097152\r\n\r\n{")
        self.assertTrue(big.startswith(b"HTTP/1.1 413 "), big)
        te = raw(self.url, b"POST /api/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                           b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertTrue(te.startswith(b"HTTP/1.1 411 "), te)
        self.assertEqual(te.count(b"HTTP/1.1 "), 1, "the smuggled request must not be answered")
        self.assertTrue(node.alive())

    def test_half_a_spool_file_is_set_aside(self):
        self.control()
        offline = os.path.join(self.root, "w1", "offline")
        os.makedirs(offline, mode=0o700)
        name = "execution_result-20260110T123456.000001Z-t1.json"
        with open(os.path.join(offline, name), "w") as f:
            f.write('{"v":1,"payload_type":"execution_result","task_id"')
        worker = self.worker("w1")
        wait_for(lambda: name in "".join(os.listdir(os.path.join(offline, "quarantine"))), "quarantine")
        task = self.submit("echo", {"still": "works"})
        self.assertEqual(self.ended(task)["status"], "succeeded")
        self.assertTrue(worker.alive())

    @unittest.skipUnless(os.geteuid() == 0, "mounting a small tmpfs needs root")
    def test_a_full_state_disk_is_back_pressure(self):
        small = os.path.join(self.root, "small")
        os.makedirs(small)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", small], check=True)
        self.addCleanup(lambda: subprocess.run(["umount", "-l", small], check=True))
        node = self.node("small/control", node_toml(f"{small}/control", ("control",), paths=(PLUGINS,), extra=FAST_CONTROL))
        self.attach(node)
        accepted, refused = [], None
        for _ in range(400):
            answer = self.call("POST", "/api/tasks", {"type": "execute_script", "params": {"script": "#" * 60_000}})
            if answer.status != 201:
                refused = answer
                break
            accepted.append(answer.json["id"])
        self.assertIsNotNone(refused, "12 MiB took 400 tasks of 60 kB")
        self.assertIn(refused.status, (503, 507), refused.body)
        self.assertTrue(node.alive())
        self.assertEqual(self.call("GET", "/livez").status, 200)
        subprocess.run(["mount", "-o", "remount,size=64m", small], check=True)
        wait_for(lambda: self.call("POST", "/api/tasks", {"type": "execute_script", "params": {"script": "true"}})
                 .status == 201, "recovery without a restart")
        for task in accepted:
            self.assertEqual(self.api("GET", f"/api/tasks/{task}")["status"], "queued")

    def test_a_listener_beyond_loopback_needs_a_token(self):
        self.start_fails(f'[node]\nroles=["control"]\nstate_dir="{self.root}/s"\n[http]\nlisten=["0.0.0.0:0"]\n'
                         f'[plugins]\npaths=["{PLUGINS}"]\n', "0.0.0.0", "token")


if __name__ == "__main__":
    unittest.main(verbosity=2)
