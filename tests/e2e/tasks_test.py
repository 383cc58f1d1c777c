"""A task from POST to its result, as a newcomer would try it."""
import os
import shutil
import subprocess
import unittest

from rig import RigTest, wait_for


class Tasks(RigTest):
    def test_a_failing_script_tells_everything(self):
        self.control()
        self.worker("w1", site="site-a")
        task = self.submit("execute_script",
                           {"interpreter": "sh", "script": "echo hi; echo no >&2; exit 3"})
        done = self.ended(task)
        self.assertEqual(done["status"], "failed")
        self.assertEqual(done["result"]["exit_code"], 3)
        self.assertEqual(done["result"]["stdout"], "hi\n")
        self.assertEqual(done["result"]["stderr"], "no\n")
        self.assertEqual((done["attempt"], done["worker_id"]), (1, "w1"))
        self.assertIsInstance(done["duration_ms"], int)
        self.assertIn("3", done["error"]["message"])

    def test_aliases_answer_with_the_same_bytes(self):
        node = self.control(listen=["127.0.0.1:0", "127.0.0.1:0"])
        self.worker("w1")
        task = self.submit("echo", {"a": 1})
        self.ended(task)
        bodies = {self.call("GET", path).body for path in
                  (f"/api/tasks/{task}", f"/api/tasks/{task}/", f"/api/v1/tasks/{task}", f"/api/v1/tasks/{task}/")}
        self.url = node.urls[1]
        bodies.add(self.call("GET", f"/api/tasks/{task}").body)
        self.assertEqual(len(bodies), 1)

    def test_one_process_can_be_both(self):
        # No control_plane_url: it works for itself, wherever it listens.
        self.both()
        self.assertEqual(self.ended(self.submit("echo", {"a": 1}))["result"], {"a": 1})

    def test_heavy_tasks_come_through_one_at_a_time_if_need_be(self):
        self.control()
        body = [{"type": "execute_script", "params": {"script": ": " + "x" * 5_000_000}} for _ in range(3)]
        ids = [t["id"] for _ in range(2) for t in self.api("POST", "/api/tasks", body)["items"]]
        self.worker("w1", worker="concurrency = 8\nbatch_size = 8")
        for task in ids:
            self.assertEqual(self.ended(task)["status"], "succeeded")
        seen, cursor = [], ""
        while cursor is not None:
            page = self.api("GET", f"/api/tasks?limit=50{cursor and '&cursor=' + cursor}")
            seen += [t["id"] for t in page["items"]]
            cursor = page["next_cursor"]
        self.assertEqual(seen, ids[::-1])

    def test_facts_of_three_sites(self):
        self.control()
        for letter in "abc":
            self.worker(f"worker-site-{letter}-01", site=f"site-{letter}")
        for letter in "abc":
            done = self.ended(self.submit("collect_facts", site=f"site-{letter}"))
            self.assertEqual(done["status"], "succeeded", done["error"])
            self.assertEqual(done["worker_id"], f"worker-site-{letter}-01")
            self.assertGreaterEqual(done["result"]["fact_count"], 60)

    def test_routing_by_capability_and_explain(self):
        self.control()
        self.worker("plain")
        task = self.submit("echo", {"x": 1}, requires=["gpu"])
        explain = self.api("GET", f"/api/tasks/{task}/explain")
        self.assertEqual([w["eligible"] for w in explain["workers"]], [False])
        self.assertIn("gpu", explain["workers"][0]["reason"])
        self.worker("gpu", worker="capabilities = { gpu = true }")
        self.assertEqual(self.ended(task)["worker_id"], "gpu")

    def test_live_output_reaches_the_logs(self):
        self.control()
        self.worker("w1")
        task = self.submit("execute_script", {"interpreter": "sh",
                                              "script": "echo first; read line < /dev/null; "
                                                        f"until [ -e {self.gate()} ]; do sleep 0.1; done; echo last"})
        page = wait_for(lambda: (lambda p: p if p["items"] else None)(
            self.api("GET", f"/api/tasks/{task}/logs?wait=5")), "the first line")
        self.assertEqual(page["items"][0]["text"], "first\n")
        self.assertFalse(page["ended"])
        self.open_gate()
        self.ended(task)
        text, cursor = "", "0.-1"
        page = self.api("GET", f"/api/tasks/{task}/logs?after={cursor}")
        text = "".join(i["text"] for i in page["items"] if i["stream"] == "stdout")
        self.assertEqual(text, "first\nlast\n")
        self.assertTrue(page["ended"])

    def test_cancel_ends_a_running_script_soon(self):
        self.control()
        self.worker("w1")
        task = self.submit("execute_script", {"interpreter": "sh", "script": "sleep 600"})
        self.executing(task)
        self.assertEqual(self.api("POST", f"/api/tasks/{task}/cancel")["status"], "cancelled")
        wait_for(lambda: self.api("GET", "/api/workers/w1")["busy"] == 0, "a free slot")
        self.assertEqual(self.ended(self.submit("echo"))["status"], "succeeded")

    def test_what_a_script_leaves_is_ended_whatever_limits_it_gave_itself(self):  # B11
        self.control()
        self.worker("w1")
        left = os.path.join(self.root, "left")
        task = self.submit("execute_script", {"interpreter": "python3", "script": f"""
import os, resource, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        resource.setrlimit(resource.RLIMIT_RTTIME, (777, 777))
        with open("{left}~", "w") as f:
            f.write(str(os.getpid()))
        os.rename("{left}~", "{left}")
        os.execve("/bin/sleep", ["sleep", "600"], {{}})
    os._exit(0)
while not os.path.exists("{left}"):
    time.sleep(0.01)
"""})
        self.assertEqual(self.ended(task)["status"], "succeeded")
        with open(left) as f:
            self.assertFalse(os.path.exists("/proc/" + f.read()))

    def test_idempotency_key(self):
        self.control()
        self.worker("w1")
        first = self.call("POST", "/api/tasks", {"type": "echo", "idempotency_key": "k"})
        again = self.call("POST", "/api/tasks", {"type": "echo", "idempotency_key": "k"})
        other = self.call("POST", "/api/tasks", {"type": "echo", "params": {"a": 2}, "idempotency_key": "k"})
        self.assertEqual((first.status, again.status, other.status), (201, 200, 409))
        self.assertEqual(first.json["id"], again.json["id"])
        self.assertEqual(other.json["code"], "idempotency-conflict")

    def test_pause_resume_and_health(self):
        self.control()
        self.worker("w1")
        self.assertEqual(self.api("POST", "/api/workers/w1/pause")["mode"], "paused")
        task = self.submit("echo")
        health = self.api("GET", "/api/workers/health")
        self.assertEqual(health["workers"]["online"], 1)
        self.assertEqual(health["queue"]["queued"], 1)
        self.api("POST", "/api/workers/w1/resume")
        self.assertEqual(self.ended(task)["status"], "succeeded")
        metrics = wait_for(lambda: (lambda m: m if m["task_finished_count"] == 1 else None)(
            self.api("GET", "/api/workers/metrics")), "reconciled totals")
        self.assertEqual(metrics["task_failure_count"], 0)

    @unittest.skipUnless(shutil.which("promtool"), "promtool (package prometheus) is not installed")
    def test_metrics_please_promtool(self):
        self.control()
        self.worker("w1")
        self.ended(self.submit("echo"))
        for path, name in (("/metrics", b"skep_tasks{"), ("/api/node/metrics", b"skep_plugin_generations{")):
            text = self.call("GET", path).body
            self.assertIn(name, text)
            done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, timeout=300)
            self.assertEqual(done.returncode, 0, (done.stderr + done.stdout).decode() + text.decode())

    def test_openapi_lists_the_routes(self):
        self.control()
        paths = self.api("GET", "/openapi.json")["paths"]
        for path in ("/api/tasks", "/api/tasks/{id}/logs", "/api/workers/{id}/claim", "/readyz"):
            self.assertIn(path, paths)

    def test_cli_round_trip(self):
        self.control()
        self.worker("w1")
        done = self.skep("task", "submit", "execute_script", "-p", "interpreter=sh",
                         "-p", "script=echo from-the-cli", "--wait")
        self.assertIn("from-the-cli", done.stdout)
        self.assertIn("w1", self.skep("worker", "list").stdout)
        failed = self.skep("task", "submit", "execute_script", "-p", "script=exit 4", "--wait", check=False)
        self.assertEqual(failed.returncode, 9)


if __name__ == "__main__":
    unittest.main(verbosity=2)
