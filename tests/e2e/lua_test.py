"""The shipped scripts against real servers and files, and scripts that change under a running node."""
import http.server
import json
import os
import shutil
import socket
import statistics
import subprocess
import threading
import time
import unittest

import rig

SCRIPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/lua")


class Handler(http.server.BaseHTTPRequestHandler):
    answers = []

    def do_GET(self):
        status = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.send_response(status)
        self.end_headers()
        self.wfile.write(b"all is well")

    def log_message(self, *_):
        pass


def tls_server(folder, days):
    """openssl's own server with a certificate of so many days; (process, port)."""
    key, pem = os.path.join(folder, "key.pem"), os.path.join(folder, "cert.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", pem,
                    "-days", str(days), "-subj", "/CN=localhost"], check=True, capture_output=True)
    port = rig.free_port()
    server = subprocess.Popen(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-key", key, "-cert", pem,
                               "-quiet"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)

    def up():
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        except OSError:
            return False
    rig.wait_for(up, "openssl s_server")
    return server, port


class ShippedScripts(rig.RigTest):
    def run_script(self, name, *params, check=True):
        args = [a for p in params for a in ("-p", p)]
        done = self.skep("script", "run", os.path.join(SCRIPTS, name + ".lua"), *args, check=check)
        return done if not check else json.loads(done.stdout)

    def test_disk_check_reads_this_machine(self):
        refused = self.run_script("disk_check", "threshold=101", check=False)
        self.assertIn("threshold", refused.stderr)
        report = self.run_script("disk_check", "threshold=100")
        self.assertGreater(report["checked"], 0)

    def test_http_check_against_a_real_server(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"url=http://127.0.0.1:{server.server_port}/"
        Handler.answers = [503, 200]
        report = self.run_script("http_check", url, "contains=well", "pause_seconds=0")
        self.assertEqual((report["ok"], report["tries"], report["status"]), (True, 2, 200))
        Handler.answers = [500]
        failed = self.run_script("http_check", url, "tries=1", check=False)
        self.assertNotEqual(failed.returncode, 0)
        self.assertIn("status 500, expected 200", failed.stderr)
        server.shutdown()
        server.server_close()

    def test_cert_expiry_against_a_real_tls_server(self):
        server, port = tls_server(self.root, 10)
        try:
            where = ("host=127.0.0.1", f"port={port}", "server_name=localhost")
            report = self.run_script("cert_expiry", *where, "warn_days=5")
            self.assertTrue(report["ok"])
            self.assertTrue(9 <= report["days_left"] <= 10, report)
            failed = self.run_script("cert_expiry", *where, "warn_days=21", check=False)
            self.assertRegex(failed.stderr, r"ends in (9\.9|10\.0) days")
        finally:
            server.kill()
            server.wait()

    def test_the_command_line_runs_nothing_in_its_own_process(self):
        path = os.path.join(self.root, "who.lua")
        with open(path, "w") as f:
            f.write('return skep.task { name = "who", version = "1.0.0", permissions = { "exec" },\n'
                    'run = function(ctx) return ctx.exec { "sh", "-c", "cat /proc/$PPID/comm" }.stdout end }\n')
        self.assertEqual(json.loads(self.skep("script", "run", path).stdout), "skep-plughost\n")
        with open(path, "w") as f:
            f.write("local t = ('x'):rep(1e8)")
        refused = self.skep("script", "lint", path, check=False)
        self.assertIn("64 MiB of memory", refused.stdout + refused.stderr)

    def test_service_check_says_what_systemctl_says(self):
        done = self.run_script("service_check", 'units=["no-such-unit.service"]', check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stderr, "systemctl|not running: no-such-unit")


class ScriptsOnANode(rig.RigTest):
    def setUp(self):
        super().setUp()
        self.control()
        self.scripts = os.path.join(self.root, "scripts")
        os.mkdir(self.scripts)
        for name in os.listdir(SCRIPTS):
            shutil.copy(os.path.join(SCRIPTS, name), self.scripts)
        self.worker("w1", extra=f"""
[scripts]
paths = ["{self.scripts}"]
allow = ["exec", "facts", "http", "kv", "task"]
""")

    def put(self, name, text):
        path = os.path.join(self.scripts, name + ".lua")
        with open(path + ".new", "w") as f:
            f.write(text)
        os.rename(path + ".new", path)

    def body(self, name, body, version="1.0.0"):
        self.put(name, f'return skep.task {{ name = "{name}", version = "{version}",\n'
                       f'  run = function(ctx, params)\n{body}\nend }}\n')

    def has(self, name):
        return any(t["name"] == name for t in self.api("GET", "/api/task-types")["items"])

    def result(self, name, params=None, **fields):
        return self.ended(self.submit(name, params, **fields))

    def good(self, name, params=None):
        task = self.result(name, params)
        self.assertEqual(task["status"], "succeeded", task["error"])
        return task["result"]

    def test_log_watch_follows_a_rotated_file(self):
        log = os.path.join(self.root, "app.log")

        def write(text):
            with open(log, "a") as f:
                f.write(text)
        write("old error\n")
        self.assertEqual(self.good("log_watch", {"path": log})["matched"], 0)
        write("fine\nError: one\n")
        self.assertEqual(self.good("log_watch", {"path": log})["lines"], ["Error: one"])
        write("Error: before\n")
        os.rename(log, log + ".1")
        write("Error: after\n")
        self.assertEqual(self.good("log_watch", {"path": log})["lines"],
                         ["Error: before", "Error: after"])

    def test_site_report_composes_other_tasks(self):
        report = self.good("site_report", {"checks": [
            {"task": "disk_check", "params": {"threshold": 100, "inodes": 100}},
            {"task": "execute_script", "name": "shell", "params": {"script": "exit 3"}}]})
        self.assertEqual([c["name"] for c in report["checks"]], ["disk_check", "shell"])
        self.assertFalse(report["checks"][1]["ok"])

    def test_progress_comes_with_the_output(self):
        self.body("steps", 'print("begun"); ctx.progress(0.2, "a"); ctx.progress(0.425, "b"); return 1')
        rig.wait_for(lambda: self.has("steps"), "the type")
        task = self.submit("steps")
        self.assertEqual(self.ended(task)["status"], "succeeded")
        lines = self.api("GET", f"/api/tasks/{task}/logs")["items"]
        self.assertEqual([json.loads(i["text"]) for i in lines if i["stream"] == "progress"],
                         [{"permille": 425, "note": "b"}], lines)
        shown = self.skep("task", "logs", task)
        self.assertIn("42.5 % b", shown.stderr)

    def test_an_endless_script_ends_and_the_worker_goes_on(self):
        self.body("spin", "while true do end")
        self.body("bomb", "return (string.rep('x', 10 * 1024 ^ 3 // 1 | 0))")
        self.body("fine", "return 1")
        rig.wait_for(lambda: self.has("fine"), "the types")
        spin = self.result("spin", timeout_seconds=1)
        self.assertEqual((spin["status"], spin["error"]["code"]), ("failed", "deadline"), spin)
        bomb = self.result("bomb")["error"]
        self.assertEqual(bomb["code"], "no-space", bomb)
        self.assertIn("more than 64 MiB of memory, its limit memory_mb", bomb["message"])
        self.assertEqual(self.result("fine")["result"], 1)

    def test_an_edit_serves_soon(self):
        self.body("edit", "return 0")
        rig.wait_for(lambda: self.has("edit"), "the type")
        self.result("edit")
        took = []
        for n in range(1, 51):
            begun = time.monotonic()
            self.body("edit", f"return {n}")
            while self.result("edit")["result"] != n:
                self.assertLess(time.monotonic() - begun, 120)
            took.append((time.monotonic() - begun) * 1000)
        print(f"edit to new answer, with the task's way there and back: median {statistics.median(took):.1f} ms, "
              f"worst {max(took):.1f} ms of 50")


if __name__ == "__main__":
    unittest.main()
