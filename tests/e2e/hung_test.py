"""A queue, a store, a spool or a heartbeat that does not come back from a call: the node answers, other work goes on,
a reload and a signal work."""
import os
import shutil
import threading
import time
import unittest

from rig import BUILD, FAST_CONTROL, PLUGINS, RigTest, TEST_PLUGINS, wait_for

HANGING = os.path.join(BUILD, "lib/skep/test-plugins/odd/hanging.so")
# Of a call that waits for its deadline, what is given to it beyond, and a busy machine; without an end it would be for
# ever.
IN_TIME = 60


class Hung(RigTest):
    def setUp(self):
        super().setUp()
        self.plugins = os.path.join(self.root, "hanging")
        os.makedirs(self.plugins)
        shutil.copy(HANGING, self.plugins)
        self.paths = (PLUGINS, TEST_PLUGINS, self.plugins)
        self.hang = os.path.join(self.root, "hang")

    def tearDown(self):
        self.release()
        super().tearDown()

    def inner(self, plugin):
        return f'[plugins.hanging]\ninner = "{PLUGINS}/{plugin}.so"\nhang = "{self.hang}"\n'

    def hang_in(self, functions):
        with open(self.hang + ".new", "w") as f:
            f.write(functions)
        os.rename(self.hang + ".new", self.hang)

    def release(self):
        if os.path.exists(self.hang):
            os.remove(self.hang)
        with open(self.hang + ".release", "w"):
            pass

    def calls_inside(self):
        try:
            with open(self.hang + ".inside") as f:
                return f.read().split()
        except FileNotFoundError:
            return []

    def lives(self):
        self.assertEqual(self.call("GET", "/livez", timeout=IN_TIME).status, 200)

    def check(self, name):
        """"ok", or what is wrong."""
        return self.call("GET", "/health", timeout=IN_TIME).json["checks"][name]

    def ends_in_time(self, node):
        began = time.monotonic()
        node.terminate(IN_TIME)
        print(f"{self.id().split('.')[-1]}: SIGTERM to the end took {time.monotonic() - began:.1f} s")

    def test_a_queue_that_hangs_in_one_function(self):
        node = self.control(extra=FAST_CONTROL + '[queue]\nplugin = "hanging_queue"\n' + self.inner("sqlite"),
                            paths=self.paths)
        before = self.submit("noop")
        self.hang_in("enqueue")
        answer = self.call("POST", "/api/tasks", {"type": "noop", "idempotency_key": "k1"}, timeout=IN_TIME)
        self.assertEqual((answer.status, answer.json["code"]), (503, "plugin-hangs"))
        self.assertIn("queue hanging_queue: enqueue has not answered for", answer.json["detail"])
        self.assertIn("Retry-After", answer.headers)
        self.lives()
        self.assertEqual(self.api("GET", f"/api/tasks/{before}")["status"], "queued")
        self.assertIn("enqueue has not answered", self.check("plugins"))
        self.assertIn("plugin.hangs", node.log)
        # It has taken effect meanwhile, or does so now: once.
        self.release()
        task = self.api("POST", "/api/tasks", {"type": "noop", "idempotency_key": "k1"}, status=(200, 201))["id"]
        wait_for(lambda: self.check("plugins") == "ok", "the call to come back")
        ids = [t["id"] for t in self.api("GET", "/api/tasks")["items"]]
        self.assertEqual(sorted(ids), sorted([before, task]))
        self.ends_in_time(node)

    def everything_hangs(self, table, name):
        node = self.control(extra=FAST_CONTROL + table + self.inner("sqlite"), paths=self.paths)
        self.hang_in("*")
        callers = [threading.Thread(target=lambda: self.call("GET", "/api/tasks", timeout=IN_TIME)) for _ in range(20)]
        for caller in callers:
            caller.start()
        wait_for(lambda: "has not answered" in self.check("plugins"), "the status to tell")
        self.lives()
        wait_for(lambda: self.check(name) != "ok", f"{name} to be said to be away")
        for caller in callers:
            caller.join(IN_TIME)
            self.assertFalse(caller.is_alive())
        wait_for(lambda: len(self.calls_inside()) >= 2, "calls inside")
        self.lives()
        self.ends_in_time(node)

    def test_a_queue_that_hangs_in_every_function(self):
        self.everything_hangs('[queue]\nplugin = "hanging_queue"\n', "queue")

    def test_a_store_that_hangs_in_every_function(self):
        self.everything_hangs('[store]\nplugin = "hanging_store"\n', "database")

    def test_a_spool_that_hangs(self):
        self.control()
        worker = self.worker("w1", extra=self.inner("spool_file"), paths=self.paths, spool='plugin = "hanging_spool"')
        self.hang_in("put")
        task = self.submit("noop")
        wait_for(lambda: "put" in self.calls_inside(), "the call")
        worker.wait_log("plugin.hangs")
        self.assertTrue(self.is_online("w1"))
        self.lives()
        self.release()
        self.assertEqual(self.ended(task)["status"], "succeeded")
        self.ends_in_time(worker)

    def test_a_heartbeat_that_hangs(self):
        self.control()
        worker = self.worker("w1", extra='[heartbeat]\nplugin = "hanging_heartbeat"\n' + self.inner("heartbeat_http"),
                             paths=self.paths)
        self.hang_in("beat")
        worker.wait_log("plugin.hangs")
        self.assertEqual(self.ended(self.submit("noop"))["status"], "succeeded")
        os.remove(self.hang)
        self.assertEqual(self.skep("plugin", "reload", "hanging", "-c", worker.config).returncode, 0)
        self.online("w1")
        self.ends_in_time(worker)

    def test_a_spool_that_hangs_does_not_outlive_a_signal(self):
        self.control()
        worker = self.worker("w1", extra=self.inner("spool_file"), paths=self.paths, spool='plugin = "hanging_spool"')
        self.hang_in("*")
        self.submit("noop")
        wait_for(lambda: self.calls_inside(), "a call")
        self.ends_in_time(worker)


if __name__ == "__main__":
    unittest.main()
