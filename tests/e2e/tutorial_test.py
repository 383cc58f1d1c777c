"""Executes docs/write-a-plugin.md: writes its files, starts its node, runs its steps, in its order.

A fenced block says what it is: `sh step` is run, `sh node` runs beside it to the end, `LANG file=PATH` is
written. Other blocks are only shown.
"""
import os
import re
import subprocess
import unittest

import rig
from rig import RigTest, wait_for

DOCS = os.path.join(os.path.dirname(__file__), "../../docs")
BLOCK = re.compile(r"^```(\w+) (step|node|file=(\S+))\n(.*?)^```$", re.M | re.S)


class Tutorial(RigTest):
    def environment(self, listen):
        return dict(os.environ, PATH=os.path.dirname(rig.SKEP) + ":" + os.environ["PATH"],
                    SKEP_HTTP_LISTEN=listen.split("//")[1], SKEP_SERVER=listen)

    def test_every_step_of_the_plugin_tutorial(self):
        listen = f"http://127.0.0.1:{rig.free_port()}"
        env = self.environment(listen)
        with open(os.path.join(DOCS, "write-a-plugin.md")) as f:
            blocks = BLOCK.findall(f.read())
        self.assertGreaterEqual(len(blocks), 8)
        exported = ""
        for _, what, path, text in blocks:
            if path:
                with open(os.path.join(self.root, path), "w") as f:
                    f.write(text)
            elif what == "node":
                self.start_node(text, env, listen)
            elif "export " in text:
                exported += text
            else:
                self.run_step(exported + "set -e\n" + text, env)

    def start_node(self, text, env, url):
        log = open(os.path.join(self.root, "node.log"), "w")
        node = subprocess.Popen(["sh", "-c", "exec " + text.strip()], cwd=self.root, env=env, stdout=log, stderr=log)
        self.addCleanup(lambda: (node.terminate(), node.wait(180), log.close()))
        self.url = url

        def online():
            self.assertIsNone(node.poll(), self.log())
            try:
                return any(w["status"] == "online" for w in self.api("GET", "/api/workers")["items"])
            except OSError:
                return False
        wait_for(online, "the tutorial's node")

    def run_step(self, text, env):
        done = subprocess.run(["sh", "-c", text], cwd=self.root, env=env, capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, f"{text}\n{done.stdout}{done.stderr}")

    def log(self):
        with open(os.path.join(self.root, "node.log")) as f:
            return f.read()


if __name__ == "__main__":
    unittest.main(verbosity=2)
