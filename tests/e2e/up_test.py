"""`skep up`, as the README opens with it."""
import os
import subprocess
import unittest

from rig import RigTest, SKEP


class Up(RigTest):
    def test_up_in_the_background_and_stop(self):
        state = os.path.join(self.root, "state")
        up = subprocess.run([SKEP, "up", "-d", "--state", state, "--port", "0"], capture_output=True, text=True,
                            timeout=90)
        self.assertEqual(up.returncode, 0, up.stdout + up.stderr)
        try:
            for word in ("site-a", "site-b", "site-c", "task submit"):
                self.assertIn(word, up.stdout)
        finally:
            down = subprocess.run([SKEP, "up", "--stop", "--state", state], capture_output=True, text=True, timeout=60)
        self.assertEqual(down.returncode, 0, down.stdout + down.stderr)
        left = subprocess.run(["pgrep", "-f", state], capture_output=True, text=True).stdout
        self.assertEqual(left, "", "processes left behind")


if __name__ == "__main__":
    unittest.main(verbosity=2)
