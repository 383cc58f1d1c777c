"""[secrets]: a script gets a value, nobody sees it, and a changed file or table counts at once."""
import os
import unittest

import rig


class Secrets(rig.RigTest):
    def setUp(self):
        super().setUp()
        self.control()
        self.value = os.path.join(self.root, "value")
        self.scripts = os.path.join(self.root, "scripts")
        os.mkdir(self.scripts)
        self.keep("first value")
        with open(os.path.join(self.scripts, "tell.lua"), "w") as f:
            f.write('return skep.task { name = "tell", version = "1.0.0", permissions = { "secrets" },\n'
                    '  run = function(ctx, params)\n'
                    '    local value = ctx.secret("db")\n'
                    '    print("it is " .. value)\n'
                    '    ctx.log.info("it is " .. value)\n'
                    '    return { value = value, size = #value }\n'
                    'end }\n')
        self.node_ = self.worker("w1", extra=f"""
[scripts]
paths = ["{self.scripts}"]
allow = ["secrets"]
[secrets]
db = {{ file = "{self.value}", plugins = ["script:tell"] }}
""")

    def keep(self, text, mode=0o600):
        with open(self.value + ".new", "w") as f:
            f.write(text)
        os.chmod(self.value + ".new", mode)
        os.rename(self.value + ".new", self.value)

    def test_it_is_given_and_nowhere_to_be_seen(self):
        task = self.ended(self.submit("tell"))
        self.assertEqual(task["result"], {"value": "***", "size": len("first value")}, task["error"])
        logs = self.skep("task", "logs", task["id"]).stdout
        self.assertIn("it is ***", logs)
        self.assertNotIn("first value", logs + self.node_.log)
        self.keep("the second one\n")
        task = self.ended(self.submit("tell"))
        self.assertEqual(task["result"]["size"], len("the second one"))

    def test_the_table_counts_at_once(self):
        self.assertEqual(self.ended(self.submit("tell"))["status"], "succeeded")
        with open(self.node_.config) as f:
            text = f.read()
        with open(self.node_.config, "w") as f:
            f.write(text.replace("script:tell", "script:other"))
        self.skep("node", "reload", "-c", self.node_.config)
        task = self.ended(self.submit("tell"))
        self.assertEqual(task["status"], "failed")
        self.assertIn("[secrets.db] plugins", task["error"]["message"])

    def test_config_check_knows_a_file_that_is_open(self):
        self.keep("first value", 0o644)
        found = self.skep("config", "check", "-c", self.node_.config, check=False)
        self.assertNotEqual(found.returncode, 0)
        self.assertIn("may be read by other users", found.stdout + found.stderr)


if __name__ == "__main__":
    unittest.main()
