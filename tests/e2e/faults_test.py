"""Faults on purpose. FAULT_ROUNDS repeats the control plane's death (20 in ./dev faults)."""
import contextlib
import os
import re
import shutil
import signal
import threading
import time
import unittest

from rig import FAST_CONTROL, PLUGINS, TEST_PLUGINS, RigTest, wait_for

ROUNDS = int(os.environ.get("FAULT_ROUNDS", "3"))
NAME = re.compile(r"^(facts|logs|execution_result|health)-\d{8}T\d{6}\.\d{6}Z-[A-Za-z0-9][A-Za-z0-9._-]*\.json$")


class Faults(RigTest):
    def totals(self):
        return {(t["type"], t["outcome"]): t["count"] for t in self.api("GET", "/api/workers/metrics")["totals"]}

    def test_a_worker_killed_in_mid_task(self):
        # The second worker's lease has to outlive a busy machine.
        self.control(extra=FAST_CONTROL + "lease_seconds = 10\nlost_after_seconds = 1\n")
        first = self.worker("w1")
        task = self.submit("execute_script", {"script": f"until [ -e {self.gate()} ]; do sleep 0.1; done"})
        self.executing(task)
        self.worker("w2")
        first.kill9()
        self.open_gate()
        done = self.ended(task)
        self.assertEqual((done["status"], done["worker_id"]), ("succeeded", "w2"))
        self.assertEqual(done["attempt"], 2)
        self.assertEqual([a["outcome"] for a in done["attempts"]], ["lost", "succeeded"])
        wait_for(lambda: self.totals().get(("execute_script", "succeeded")) == 1, "one effect")

    def test_a_restarted_worker_gives_its_task_back_at_once(self):
        self.control()
        worker = self.worker("w1")
        task = self.submit("sleep", {"ms": 0, "gate": self.gate()})
        self.executing(task)
        worker.kill9()
        worker.start()
        self.open_gate()
        self.assertEqual(self.ended(task)["attempt"], 2)

    def test_a_task_that_kills_its_worker_ends_dead(self):
        # A new start of the worker tells that it crashed, before its silence does.
        self.control()
        worker = self.worker("w1", extra='[plugins.crash]\nisolation = "inproc"\n')
        task = self.submit("crash")
        stop = threading.Event()

        def keep_alive():
            while not stop.wait(0.05):
                if not worker.alive():
                    worker.start()

        keeper = threading.Thread(target=keep_alive)
        keeper.start()
        try:
            done = self.ended(task)
        finally:
            stop.set()
            keeper.join()
        self.assertEqual(done["status"], "dead")
        self.assertEqual(len(done["attempts"]), 3)

    def test_control_plane_killed_under_load(self):
        # No lease runs out in this test: what a lost reply leased must come back by itself.
        node = self.control_on_a_port()
        for n in range(2):
            self.worker(f"w{n}", worker="concurrency = 4\nbatch_size = 32")
        accepted, unknown = set(), [0]
        for round_ in range(ROUNDS):
            stop = threading.Event()

            def load():
                sent = 0
                while sent < 1000 and not stop.is_set():
                    key = f"r{round_}-{sent}"
                    body = [{"type": "noop", "idempotency_key": f"{key}-{i}"} for i in range(20)]
                    try:
                        answer = self.call("POST", "/api/tasks", body)
                        if answer.status == 201:
                            accepted.update(t["id"] for t in answer.json["items"])
                            sent += 20
                            continue
                    except OSError:
                        pass
                    unknown[0] += 1
                    time.sleep(0.05)

            loader = threading.Thread(target=load)
            loader.start()
            wait_for(lambda: len(accepted) >= 1000 * round_ + 100 + 37 * round_, "load")
            node.kill9()
            self.restart(node)
            loader.join(300)
            stop.set()
        self.assertEqual(len(accepted), 1000 * ROUNDS)
        wait_for(lambda: self.api("GET", "/api/workers/health")["queue"]["succeeded"] >= len(accepted),
                 "all tasks", pause=0.2)
        queue = self.api("GET", "/api/workers/health")["queue"]
        self.assertEqual([queue[s] for s in ("queued", "claimed", "executing", "failed", "dead")], [0] * 5)
        wait_for(lambda: self.totals().get(("noop", "succeeded")) == queue["succeeded"], "reconciled")
        print(f"{ROUNDS} kills, {len(accepted)} accepted, {queue['succeeded']} succeeded, "
              f"{unknown[0]} requests repeated under their keys, 0 lost, 0 twice")

    def test_control_plane_away_while_tasks_finish(self):
        seconds = float(os.environ.get("AWAY_SECONDS", "4"))
        node = self.control_on_a_port()
        worker = self.worker("w1", worker="concurrency = 200\nbatch_size = 200\nresult_reserve_mb = 1",
                             extra='[plugins.sleep]\nisolation = "inproc"\n')
        body = [{"type": "sleep", "params": {"ms": 0, "gate": self.gate()}} for _ in range(200)]
        ids = [t["id"] for t in self.api("POST", "/api/tasks", body)["items"]]
        wait_for(lambda: worker.log.count("run_dispatched") == 200, "all of them running")
        node.kill9()
        self.open_gate()
        offline = os.path.join(self.root, "w1", "offline")
        files = wait_for(lambda: (lambda n: n if len(n) >= 200 else None)(
            [f for f in os.listdir(offline) if f.startswith("execution_result-")]), "200 spool files")
        self.assertEqual(len(files), 200)
        for name in files:
            self.assertRegex(name, NAME)
        time.sleep(seconds)
        self.restart(node)
        wait_for(lambda: not [f for f in os.listdir(offline) if f.endswith(".json")], "an empty spool")
        for task in ids:
            done = self.api("GET", f"/api/tasks/{task}")
            self.assertEqual((done["status"], done["attempt"]), ("succeeded", 1))
        self.assertTrue(worker.alive())

    def test_a_spool_folder_that_went_between_two_runs_is_told_once(self):
        self.control()
        worker = self.worker("w1")
        offline = os.path.join(self.root, "w1", "offline")
        for run in (1, 2, 3):
            wait_for(lambda: worker.log.count("spool_opened") == run, "the spool")
            self.online("w1")
            self.assertEqual(worker.terminate(), 0)
            self.assertEqual(worker.log.count("spool_folder_gone"), 0 if run == 1 else 1)
            if run == 1:
                shutil.rmtree(offline)
            worker.start()
        for line in (line for line in worker.log.splitlines() if "spool_opened" in line or "spool_folder_gone" in line):
            self.assertIn(f"dir: {offline}", line)

    def test_a_worker_that_starts_without_a_control_plane(self):
        node = self.control_on_a_port()
        node.end()
        worker = self.worker("w1", wait=False)
        worker.wait_log("worker_pool_starting")
        self.restart(node)
        self.assertEqual(self.ended(self.submit("echo", {"a": 1}))["status"], "succeeded")

    def test_sigterm_lets_running_tasks_finish(self):
        self.control()
        worker = self.worker("w1", worker="concurrency = 1")
        running = self.submit("sleep", {"ms": 0, "gate": self.gate()})
        self.executing(running)
        waiting = self.submit("echo")
        worker.process.send_signal(signal.SIGTERM)
        worker.wait_log("worker_pool_shutting_down")
        self.open_gate()
        self.assertEqual(worker.process.wait(180), 0)
        for event in ("worker_pool_starting", "skills_initialized", "run_dispatched", "worker_pool_signal_received",
                      "worker_pool_shutting_down", "worker_pool_stopped", "graceful: True"):
            self.assertIn(event, worker.log)
        self.assertEqual(self.api("GET", f"/api/tasks/{running}")["status"], "succeeded")
        self.assertEqual(self.api("GET", f"/api/tasks/{waiting}")["status"], "queued")

    def test_a_stop_that_signals_all_processes_fails_no_task(self):  # O1: systemd's default
        self.control()
        worker = self.worker("w1", worker="drain_seconds = 60\nconcurrency = 1\n")
        ran = os.path.join(self.root, "ran")
        task = self.submit("execute_script", {"script": f'[ -e "{ran}" ] && echo again && exit; touch "{ran}"; sleep 600'})
        wait_for(lambda: os.path.exists(ran), "the script")
        for pid in self.family(worker.process.pid):
            with contextlib.suppress(ProcessLookupError):  # the node has ended it by now
                os.kill(pid, signal.SIGTERM)
        self.assertEqual(worker.process.wait(180), 0)
        shown = self.api("GET", f"/api/tasks/{task}")
        self.assertEqual((shown["status"], shown["error"]), ("queued", None), shown)
        worker.start()
        done = self.ended(task)
        self.assertEqual((done["status"], done["result"]["stdout"]), ("succeeded", "again\n"), done)

    def test_a_staged_copy_that_somebody_removed_costs_no_task(self):
        self.control()
        worker = self.worker("w1", worker="concurrency = 1\n", extra='[plugins.execute_script]\nisolation = "process"\n')
        self.ended(self.submit("execute_script", {"script": "true"}))
        shutil.rmtree(f"{self.root}/w1/staging")

        def is_over(pid):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                with open(f"/proc/{pid}/stat") as stat:
                    return stat.read().rsplit(")", 1)[1].split()[0] == "Z"
            return True

        children = self.family(worker.process.pid)[1:]
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_for(lambda: all(map(is_over, children)), "the children's end")
        done = self.ended(self.submit("execute_script", {"script": "true"}, max_attempts=1))
        self.assertEqual(done["status"], "succeeded", done)
        worker.wait_log("plugin_copy_put_back")

    def family(self, pid):
        """A process and all that descend from it, as the control group of a service has them."""
        out = [pid]
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children") as f:
                for child in f.read().split():
                    out += self.family(int(child))
        return out

    def test_a_drain_that_runs_out_hands_back_without_using_a_try(self):
        self.control()
        worker = self.worker("w1", worker="concurrency = 1\ndrain_seconds = 1")
        running = self.submit("sleep", {"ms": 600000}, max_attempts=1)
        self.executing(running)
        self.assertEqual(worker.terminate(), 0)
        self.assertIn("graceful: False", worker.log)
        task = self.api("GET", f"/api/tasks/{running}")
        self.assertEqual((task["status"], task["attempt"]), ("queued", 1))
        self.assertEqual(task["attempts"][0]["outcome"], "released")

    def test_a_task_outlives_its_plugin_or_is_tried_again(self):
        self.control()
        plugins = os.path.join(self.root, "plugins")
        os.mkdir(plugins)
        with open(os.path.join(TEST_PLUGINS, "sleep.so"), "rb") as f:
            code = f.read()

        def install(version):
            with open(os.path.join(plugins, "temp"), "wb") as f:
                f.write(code + version)
            os.rename(f.name, os.path.join(plugins, "sleep.so"))

        install(b"1")
        worker = self.worker("w1", paths=(PLUGINS, plugins))

        def replaced_under_way(version):
            task = self.submit("sleep", {"ms": 0, "gate": self.gate()})
            self.executing(task)
            before = worker.log.count("plugin.draining")
            install(version)
            wait_for(lambda: worker.log.count("plugin.draining") > before, "the new version")
            return task

        task = replaced_under_way(b"2")
        self.open_gate()
        done = self.ended(task)
        self.assertEqual((done["status"], done["attempt"]), ("succeeded", 1))
        os.remove(self.gate())
        with open(worker.config, "a") as f:
            f.write("drain_seconds = 0\n")
        worker.wait_log("config.reloaded")
        task = replaced_under_way(b"3")
        wait_for(lambda: self.api("GET", f"/api/tasks/{task}")["attempt"] == 2, "another try")
        self.open_gate()
        done = self.ended(task)
        self.assertEqual((done["status"], done["attempt"]), ("succeeded", 2))
        self.assertEqual(done["attempts"][0]["error"]["code"], "unavailable")


if __name__ == "__main__":
    unittest.main(verbosity=2)
