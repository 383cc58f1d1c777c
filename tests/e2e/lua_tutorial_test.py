"""Runs the commands of docs/write-lua.md one block after the other, in a node's folder."""
import os
import re
import subprocess
import unittest

import rig

DOCS = os.path.join(os.path.dirname(__file__), "../../docs/write-lua.md")


def blocks(language):
    with open(DOCS) as f:
        return re.findall(rf"```{language}\n(.*?)```", f.read(), re.S)


class LuaTutorial(rig.RigTest):
    def setUp(self):
        super().setUp()
        folder = os.path.join(self.root, "node")
        os.makedirs(os.path.join(folder, "scripts"))
        self.shell_folder = folder
        node = self.node("node", rig.node_toml(folder, name="bee", paths=(rig.PLUGINS,),
                                               extra='[scripts]\npaths = ["scripts"]'))
        self.attach(node)
        self.online("bee")

    def shell(self, text):
        env = dict(os.environ, SKEP_SERVER=self.url, SKEP_CONFIG="node.toml",
                   PATH=os.path.dirname(rig.SKEP) + ":" + os.environ["PATH"])
        done = subprocess.run(["bash", "-ec", text], cwd=self.shell_folder, env=env, text=True,
                              capture_output=True, timeout=300)
        self.assertEqual(done.returncode, 0, text + done.stdout + done.stderr)
        return done.stdout

    def test_every_block_of_the_tutorial(self):
        first, check, change = blocks("sh")
        self.assertIn("hello world from default", self.shell(first), "two commands, no pause")
        with open(os.path.join(self.shell_folder, "scripts/hello.lua")) as f:
            self.assertEqual(f.read(), blocks("lua")[0], "the template is the script that is shown")
        with open(os.path.join(self.shell_folder, "scripts/hello_test.lua")) as f:
            self.assertEqual(f.read(), blocks("lua")[1], "and so is its test")

        checked = self.shell(check)
        self.assertIn("ok 1 - greets whom it is told to", checked)
        self.assertIn('"text": "hello bee from local"', checked)

        edit, broken = change.split("echo", 1)
        sed, submit = edit.split("\n", 1)
        self.shell(sed)
        rig.wait_for(lambda: "good day world" in self.shell(submit), "the new text serving", pause=0.05)
        rig.wait_for(lambda: "broken.lua:2: unexpected symbol near <eof>" in self.shell("echo" + broken),
                     "the node's word on the broken file", pause=0.05)


if __name__ == "__main__":
    unittest.main()
