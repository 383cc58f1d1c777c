"""What an operator meets on the first day: terminals, ids, variables, signals."""
import os
import pty
import re
import select
import signal
import subprocess
import unittest

from rig import PLUGINS, SKEP, RigTest, wait_for

# Clears the screen, sets the title, turns text red by an 8-bit control, turns the writing around.
HOSTILE = r"printf 'A\033[2J\033]0;owned\007\302\2331mB\342\200\256\rC\n'; printf 'E\033[31m\n' >&2"
CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e]")


class OperatorTest(RigTest):
    def on_a_terminal(self, *args):
        """Both streams of a command that has a terminal of 80 columns, as text."""
        main, side = pty.openpty()
        subprocess.run(["stty", "cols", "80", "-opost"], stdin=side, check=True)
        command = subprocess.Popen([SKEP, *args, "--color", "never"], stdin=side, stdout=side, stderr=side,
                                   env=self.environment(), close_fds=True)
        os.close(side)
        out = b""
        while select.select([main], [], [], 120)[0]:
            try:
                piece = os.read(main, 65536)
            except OSError:  # the last one has closed it
                break
            if not piece:
                break
            out += piece
        os.close(main)
        command.wait(60)
        return out.decode(errors="surrogateescape")

    def test_what_a_script_writes_does_not_reach_a_terminal_as_commands(self):  # B10
        self.control()
        self.worker("w1")
        task = self.submit("execute_script", {"script": HOSTILE})
        self.ended(task)
        ways = [("task", "logs", task), ("task", "logs", task, "-f"), ("task", "show", task),
                ("task", "show", task, "-o", "json"), ("task", "logs", task, "-o", "jsonl"),
                ("task", "submit", "execute_script", "-p", "script=" + HOSTILE, "-f"),
                ("task", "submit", "execute_script", "-p", "script=" + HOSTILE, "--wait"),
                ("api", "GET", f"/api/tasks/{task}"), ("task", "list"), ("task", "list", "-o", "json")]
        for way in ways:
            shown = self.on_a_terminal(*way)
            self.assertFalse(CONTROLS.search(shown), (way, shown))
            self.assertIn("execute_script" if way[1] == "list" else "owned", shown, way)
        self.assertIn("\x1b[2J", self.on_a_terminal("task", "logs", task, "--raw"))
        piped = subprocess.run([SKEP, "task", "logs", task], capture_output=True, env=self.environment(), timeout=300)
        self.assertEqual(piped.stdout, b"A\x1b[2J\x1b]0;owned\x07\xc2\x9b1mB\xe2\x80\xae\rC\n")
        self.assertEqual(piped.stderr, b"E\x1b[31m\n")

    def test_lists_fit_a_terminal_and_their_ids_are_taken(self):  # O13
        self.control()
        self.worker("worker-site-a-01", site="site-a")
        tasks = [self.submit("execute_script", {"script": f"echo number {i}; exit 3"}, site="site-a")
                 for i in range(4)]
        for task in tasks:
            self.ended(task)
        for words in (("task", "list"), ("worker", "list"), ("status",), ("help",), ("task", "submit", "--help")):
            for line in self.on_a_terminal(*words).splitlines():
                self.assertLessEqual(len(line), 80, (words, line))
        listed = [line.split()[0] for line in self.skep("task", "list").stdout.splitlines()[1:]]
        self.assertEqual(len(listed), 4)
        self.assertLess(len(listed[0]), 36)
        for short, task in zip(listed, reversed(tasks)):
            self.assertIn(f"task {task} ", self.skep("task", "show", short).stdout)
        several = self.skep("task", "cancel", tasks[0][:4], check=False)
        self.assertEqual(several.returncode, 2)
        self.assertIn("[ambiguous-id]", several.stderr)
        last = self.skep("task", "submit", "execute_script", "-p", "script=echo mine", "--wait")
        self.assertIn("mine", last.stdout)
        self.assertEqual(self.skep("task", "logs", "@last").stdout, "mine\n")

    def test_a_worker_starts_from_variables_alone(self):  # O6
        self.control()
        folder = os.path.join(self.root, "bare")
        os.makedirs(folder)
        env = dict(os.environ, WORKER_ID="bare", WORKER_CONTROL_PLANE_URL=self.url, SKEP_PLUGINS_PATHS=PLUGINS)
        worker = subprocess.Popen([SKEP, "start"], cwd=folder, env=env, stderr=subprocess.PIPE, text=True)
        try:
            self.online("bare")
        finally:
            worker.terminate()
            log = worker.communicate(timeout=120)[1]
        self.assertNotIn("control_plane_started", log)
        empty = os.path.join(folder, "empty.toml")
        open(empty, "w").close()
        for words in (["start"], ["start", "-c", empty], ["config", "check", "-c", empty]):
            done = subprocess.run([SKEP, *words], cwd=folder, capture_output=True, text=True, timeout=120)
            self.assertEqual(done.returncode, 78 if "-c" in words else 2, done.stderr)

    def test_one_stop_that_arrives_twice_is_one_stop(self):  # O7
        self.control()
        worker = self.worker("w1")
        task = self.submit("execute_script", {"script": f"until [ -e {self.gate()} ]; do sleep 0.1; done; echo whole"})
        self.executing(task)
        worker.process.send_signal(signal.SIGTERM)  # as timeout does: to the process, and to its group
        worker.process.send_signal(signal.SIGTERM)
        worker.wait_log("worker_pool_shutting_down")
        self.open_gate()
        self.assertEqual(worker.process.wait(180), 0)
        self.assertIn("graceful: True", worker.log)
        self.assertEqual(self.ended(task)["result"]["stdout"], "whole\n")

    def interrupt(self, words, ready):
        """Ctrl-C for a command once it has said `ready`; the line that said it, and all that came on stderr."""
        files = {name: os.path.join(self.root, name) for name in ("stdout", "stderr")}
        with open(files["stdout"], "wb") as out, open(files["stderr"], "wb") as err:
            command = subprocess.Popen([SKEP, *words], stdout=out, stderr=err, env=self.environment())

        def said(name):
            with open(files[name]) as f:
                return f.read()

        try:
            for name in ready:
                wait_for(lambda: "\n" in said(name) or command.poll() is not None, f"a line on {name}")
            lines = {name: said(name).partition("\n")[0] + "\n" for name in ready}
            command.send_signal(signal.SIGINT)
            self.assertEqual(command.wait(180), 130, said("stderr"))
        finally:
            command.kill()
            command.wait(180)
        return lines, said("stderr")

    def test_an_interrupt_ends_the_waiting_and_not_the_task(self):  # O12
        self.control()
        self.worker("w1")
        script = f"echo begun; until [ -e {self.gate()} ]; do sleep 0.1; done; echo whole"
        submit = ("task", "submit", "execute_script", "-p", "script=" + script)
        followed = self.submit("execute_script", {"script": script})
        ways = [((*submit, "--wait"), ["stderr"]), ((*submit, "-f"), ["stderr", "stdout"]),
                (("task", "logs", followed, "-f"), ["stdout"])]
        tasks = []
        for words, ready in ways:
            said, err = self.interrupt(words, ready)
            self.assertEqual(said.get("stdout", "begun\n"), "begun\n")
            tasks.append(said["stderr"].split()[1] if "stderr" in said else followed)
            self.assertIn(f"interrupted; task {tasks[-1]} goes on", err)
            self.assertIn(f"skep task logs {tasks[-1]} -f", err)
        for task in tasks:
            self.executing(task)
        self.open_gate()
        for task in tasks:
            self.assertEqual(self.skep("task", "logs", task, "-f").stdout, "begun\nwhole\n")
            self.assertEqual(self.ended(task)["status"], "succeeded")

    def test_what_cannot_run_is_refused_when_it_is_submitted(self):  # O10
        self.control()
        for params in ({}, {"args": ["x"]}, {"script": "id", "file": "/bin/true"}):
            answer = self.call("POST", "/api/tasks", {"type": "execute_script", "params": params})
            self.assertEqual(answer.status, 400, answer.body)
            self.assertIn('"script\\", \\"file\\"; expected exactly one', answer.body.decode())

    def test_an_error_in_a_table_of_a_plugin_has_its_place(self):  # O11
        path = os.path.join(self.root, "node.toml")
        with open(path, "w") as f:
            f.write(f'[node]\nroles = ["worker"]\nstate_dir = "{self.root}/st"\n[plugins]\npaths = ["{PLUGINS}"]\n'
                    "[plugins.execute_script]\nenabled = true\nnice = 99\n")
        for words in (["start"], ["config", "check"]):
            done = subprocess.run([SKEP, *words, "-c", path], capture_output=True, text=True, timeout=120)
            self.assertEqual(done.returncode, 78, done.stderr)
            self.assertIn(f"{path}:8:1: ", done.stderr)

    def test_what_does_not_open_is_said_with_its_key_and_how_to_look(self):
        path, wall = (os.path.join(self.root, name) for name in ("node.toml", "wall"))
        open(wall, "w").close()
        head = f'[node]\nstate_dir = "{self.root}/st"\n[plugins]\npaths = ["{PLUGINS}"]\n'
        for section, key in (("queue", "path"), ("store", "path"), ("spool", "dir")):
            with open(path, "w") as f:
                f.write(head + f'[http]\nlisten = ["127.0.0.1:0"]\n[{section}]\n{key} = "{wall}/x"\n')
            done = subprocess.run([SKEP, "start", "-c", path], capture_output=True, text=True, timeout=120)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(f"error: {path}:8:1: [{section}] {key}: plugin ", done.stderr)
            self.assertIn("Not a directory", done.stderr)
            self.assertIn(f"  next:  namei -l {wall}/x", done.stderr)


if __name__ == "__main__":
    unittest.main()
