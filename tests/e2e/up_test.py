"""`skep up`, as the README opens with it."""
import os
import re
import signal
import subprocess
import unittest

from rig import RigTest, SKEP, wait_for


class Up(RigTest):
    def test_up_in_the_background_and_stop(self):
        state = os.path.join(self.root, "state")
        up = subprocess.run([SKEP, "up", "-d", "--state", state, "--port", "0"], capture_output=True, text=True,
                            timeout=300)
        self.assertEqual(up.returncode, 0, up.stdout + up.stderr)
        try:
            for word in ("site-a", "site-b", "site-c", "task submit"):
                self.assertIn(word, up.stdout)
        finally:
            down = subprocess.run([SKEP, "up", "--stop", "--state", state], capture_output=True, text=True, timeout=300)
        self.assertEqual(down.returncode, 0, down.stdout + down.stderr)
        self.nothing_is_left_of(state)

    def nothing_is_left_of(self, state):
        left = subprocess.run(["pgrep", "-f", state], capture_output=True, text=True).stdout
        self.assertEqual(left, "", "processes left behind")

    def test_an_interrupt_ends_it_after_what_runs(self):  # O12
        state = os.path.join(self.root, "state")
        done = os.path.join(self.root, "done")
        log = os.path.join(self.root, "up.log")
        with open(log, "wb") as out:
            up = subprocess.Popen([SKEP, "up", "--sites", "site-a", "--state", state, "--port", "0"], stdout=out,
                                  stderr=out)

        def said():
            with open(log) as f:
                return f.read()

        def until(word):
            wait_for(lambda: word in said() or up.poll() is not None, f"{word!r} in {log}")
            self.assertIn(word, said())

        try:
            until("Ctrl-C")
            self.url = re.search(r"control +(http:\S+)", said())[1]
            self.executing(self.submit("execute_script", {
                "script": f"until [ -e {self.gate()} ]; do sleep 0.1; done; touch {done}"}))
            up.send_signal(signal.SIGINT)
            until("stopping: workers finish what they run")
            self.open_gate()
            self.assertEqual(up.wait(180), 0, said())
        finally:
            up.terminate()
            up.wait(180)
        self.assertTrue(said().endswith("stopped\n"), said())
        self.assertTrue(os.path.exists(done), said())
        self.nothing_is_left_of(state)

    def test_a_task_type_of_ones_own_beside_it(self):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("SKEP_", "WORKER_"))}

        def skep(*words):
            done = subprocess.run([SKEP, *words], cwd=self.root, env=env, capture_output=True, text=True, timeout=300)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            return done.stdout + done.stderr
        skep("up", "-d", "--sites", "site-a,site-b", "--port", "0")
        try:
            self.assertIn("the running node serves it", skep("script", "new", "greet"))
            self.assertIn("greet succeeded", skep("task", "submit", "greet", "--wait"))
            self.assertIn("succeeded", skep("task", "submit", "greet", "--site", "site-b", "--wait"))
        finally:
            skep("up", "--stop")

    def test_two_at_once_take_turns(self):
        state = os.path.join(self.root, "state")

        def both(*words):
            command = [SKEP, "up", *words, "--state", state]
            pair = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                    for _ in range(2)]
            outputs = [p.communicate(timeout=300)[0] for p in pair]
            return sorted(zip([p.returncode for p in pair], outputs))

        (won, out), (lost, why) = both("-d", "--sites", "site-a", "--port", "0")
        try:
            self.assertEqual(won, 0, out)
            self.assertEqual(lost, 5, why)
            self.assertIn("error: skep up is already running", why)
            self.assertNotIn("the nodes did not start", why)
        finally:
            stops = both("--stop")
        self.assertIn(0, [code for code, _ in stops], stops)
        for code, text in stops:
            self.assertIn(code, (0, 3), text)
            self.assertNotIn("outlived", text)
            self.assertNotIn("killed", text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
