"""[trust]: what is signed and pinned runs, what is not is refused by name, and the rest goes on."""
import json
import os
import shutil
import unittest

from rig import FAST_CONTROL, PLUGINS, RELOAD_PLUGINS, RigTest, TEST_PLUGINS, node_toml, request, wait_for


class Trust(RigTest):
    def setUp(self):
        super().setUp()
        self.plugins = os.path.join(self.root, "plugins")
        os.makedirs(self.plugins)
        for folder, names in ((PLUGINS, os.listdir(PLUGINS)), (TEST_PLUGINS, ["echo.so", "noop.so"])):
            for name in names:
                if name.endswith(".so"):
                    shutil.copy(os.path.join(folder, name), self.plugins)
        for name in os.listdir(self.plugins):
            os.chmod(os.path.join(self.plugins, name), 0o644)
        made = json.loads(self.skep("plugin", "keygen", "-d", self.root, "--name", "site", "-o", "json").stdout)
        self.secret, self.public, self.key = made["secret_file"], made["public_file"], made["public_key"]
        self.files = sorted(os.path.join(self.plugins, n) for n in os.listdir(self.plugins))
        self.skep("plugin", "sign", *self.files, "-k", self.secret)
        self.toml = node_toml(f"{self.root}/both", paths=(self.plugins,), extra=f"""
[trust]
policy = "both"
[trust.keys]
"*" = ["{self.key}"]
{FAST_CONTROL}
""")
        os.makedirs(os.path.join(self.root, "both"))
        self.config = os.path.join(self.root, "both", "node.toml")
        with open(self.config, "w") as f:
            f.write(self.toml)

    def lock(self, *more, **kw):
        return self.skep("plugin", "lock", "-c", self.config, *more, **kw)

    def tamper(self, name):
        with open(os.path.join(self.plugins, name), "ab") as f:
            f.write(b"x")

    def test_a_tampered_plugin_is_refused_and_the_rest_runs(self):
        self.lock()
        self.tamper("noop.so")
        node = self.node("both", self.toml)
        self.attach(node)
        self.assertEqual(self.ended(self.submit("echo", {"a": 1}))["status"], "succeeded")
        node.wait_log("skills: collect_facts, echo, execute_script\n")
        node.wait_log("not a signature of this file")
        listed = self.skep("plugin", "list", "-c", self.config, "-o", "json").stdout
        states = {p["id"]: p for p in json.loads(listed)["items"]}
        self.assertEqual(states["echo"]["state"], "loaded")
        self.assertEqual(states["noop"]["state"], "refused")
        for word in ("policy \"both\": sha256, signature", "expected", "other bytes than those pinned"):
            self.assertIn(word, states["noop"]["reason"])
        self.assertIn("noop", self.skep("plugin", "list", "-c", self.config).stdout)

    def test_a_tampered_script_host_loads_no_script(self):
        self.lock()
        self.tamper("lua.so")
        scripts = os.path.join(self.root, "scripts")
        os.makedirs(scripts)
        script = os.path.join(scripts, "greet.lua")
        with open(script, "w") as f:
            f.write('return skep.task { name = "greet", version = "1.0.0", run = function() return {} end }\n')
        os.chmod(script, 0o644)
        who = ("--id", "greet", "--version", "1.0.0")
        self.skep("plugin", "sign", script, "-k", self.secret, *who)
        self.skep("plugin", "lock", script, *who, "-c", self.config)
        node = self.node("both", self.toml + f'[scripts]\npaths = ["{scripts}"]\n')
        self.attach(node)
        node.wait_log("scripts_not_loaded")
        self.assertIn("lua 0.1.0", node.log)
        self.assertIn("other bytes than those pinned", node.log)
        # It takes tasks all the same, and does not keep to its log what it cannot do.
        self.assertEqual(request(self.url, "GET", "/readyz").status, 200)
        said = wait_for(lambda: [t for w in self.api("GET", "/api/workers")["items"] for t in w["troubles"]], "a notice")
        self.assertIn("scripts are not loaded: ", said[0])
        for words in (("status",), ("worker", "list"), ("health",), ("node", "show", "-c", node.config)):
            self.assertIn("scripts are not loaded: ", " ".join(self.skep(*words).stdout.split()), words)
        self.assertNotIn("greet", self.skep("task", "types", "-o", "name").stdout)
        listed = json.loads(self.skep("plugin", "list", "-c", self.config, "-o", "json").stdout)
        self.assertEqual({p["id"]: p["state"] for p in listed["items"]}["lua"], "refused")

    def test_a_node_without_its_lock_does_not_start_and_says_what_to_do(self):
        done = self.skep("config", "check", "-c", self.config, check=False)
        self.assertEqual(done.returncode, 78, done.stderr)
        self.assertIn("skep plugin lock", done.stderr)
        self.lock()
        self.skep("config", "check", "-c", self.config)
        with open(self.config, "a") as f:
            f.write('\n[trust.x]\n')
        self.assertEqual(self.skep("config", "check", "-c", self.config, check=False).returncode, 78)

    def test_drift_is_seen_and_a_rollback_is_refused(self):
        self.assertIn("added", self.lock("--check", check=False).stdout)
        self.assertIn("added", self.lock().stdout)
        self.assertEqual(self.lock("--check").returncode, 0)
        path = os.path.join(self.root, "both", "plugins.lock")
        with open(path) as f:
            text = f.read()
        with open(path, "w") as f:
            f.write(text.replace('min_version = "1.0.0"', 'min_version = "99.0.0"'))
        done = self.lock(check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("older than min_version 99.0.0", done.stderr)
        self.assertIn("99.0.0 -> 1.0.0", self.lock("--allow-rollback").stdout)

    def test_an_installed_file_names_what_the_policy_still_wants(self):
        done = self.skep("plugin", "install", os.path.join(TEST_PLUGINS, "echo.so"), "-c", self.config)
        path = os.path.join(self.plugins, "echo.so")
        self.assertIn(f"next:  skep plugin sign {path} -k KEY, then skep plugin lock {path} -c {self.config}",
                      done.stderr)

    def test_a_file_can_be_checked_by_its_authors_key_alone(self):
        noop = os.path.join(self.plugins, "noop.so")
        for key in (self.public, self.key):
            said = self.skep("plugin", "verify", noop, "-k", key).stdout
            self.assertIn("has a good signature; nothing else was checked", said)
            self.assertNotIn("admitted", said)
        self.tamper("noop.so")
        done = self.skep("plugin", "verify", noop, "-k", self.public, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("not a signature of this file", done.stderr)

    def test_a_script_is_signed_and_pinned_by_name(self):
        script = os.path.join(self.root, "disk_check.lua")
        with open(script, "w") as f:
            f.write("return {}\n")
        os.chmod(script, 0o644)
        who = ("--id", "disk_check", "--version", "0.1.0")
        self.assertEqual(self.skep("plugin", "sign", script, "-k", self.secret, check=False).returncode, 2)
        self.skep("plugin", "sign", script, "-k", self.secret, *who)
        self.skep("plugin", "lock", script, *who, "-c", self.config)
        self.assertIn("admitted", self.skep("plugin", "verify", script, *who, "-c", self.config).stdout)
        done = self.skep("plugin", "verify", script, "--id", "disk_check", "--version", "0.2.0", "-c", self.config,
                         check=False)
        self.assertIn("another version", done.stderr)
        self.lock()
        self.assertEqual(self.lock("--check").returncode, 0, "the pin of the script stays")

    def test_what_was_refused_unsigned_runs_when_it_is_published_signed(self):
        node = self.node("both", self.toml.replace('policy = "both"', 'policy = "signature"'))
        self.attach(node)
        wait_for(lambda: self.api("GET", "/api/workers")["items"], "the worker")
        script = os.path.join(self.root, "probe.lua")
        with open(script, "w") as f:
            f.write('return skep.task { name = "probe", version = "1.0.0", run = function() return {} end }\n')
        plugin = os.path.join(self.root, "stamp.so")
        shutil.copy(os.path.join(TEST_PLUGINS, "stamp.so"), plugin)
        os.chmod(plugin, 0o644)
        for noun, path, who in (("script", script, ("--id", "probe", "--version", "1.0.0")), ("plugin", plugin, ())):
            refused = self.skep(noun, "publish", path, "--wait", check=False)
            self.assertEqual(refused.returncode, 9, refused.stderr)
            self.assertIn("unsigned", refused.stderr)
            self.skep("plugin", "sign", path, "-k", self.secret, *who)
            done = self.skep(noun, "publish", path, "--wait")
            self.assertIn("published (signed)", done.stdout)
            self.assertIn("1 of 1 online workers run it", done.stderr)
        self.assertEqual(self.ended(self.submit("probe"))["status"], "succeeded")

    def test_a_refused_script_serves_once_it_is_signed_and_locked(self):
        self.lock()
        self.attach(self.node("both", self.toml))
        script = os.path.join(self.root, "both", "scripts", "late.lua")
        wait_for(lambda: os.path.isdir(os.path.dirname(script)), "the node's folder")
        with open(script, "w") as f:
            f.write("print('the top level ran')\n"
                    "return skep.task { name = 'late', version = '1.0.0', run = function() return 1 end }\n")
        os.chmod(script, 0o644)

        def state():
            items = self.api("GET", "/api/node/scripts")["items"]
            return next((i for i in items if i["path"] == script), {})
        refused = wait_for(lambda: state().get("state") == "failed" and state(), "the refusal")
        self.assertIn("late.lua (sha256 ", refused["reason"], "its name is not known: nothing of it ran")
        who = ("--id", "late", "--version", "1.0.0")
        self.skep("plugin", "sign", script, "-k", self.secret, *who)
        self.skep("plugin", "lock", script, *who, "-c", self.config)
        wait_for(lambda: state()["state"] == "active", "the script", 10)
        wait_for(lambda: any(t["name"] == "late" for t in self.api("GET", "/api/task-types")["items"]),
                 "the task type at the control plane", 10)
        self.assertEqual(self.ended(self.submit("late"))["result"], 1)

    def test_keys_are_never_overwritten_and_never_exposed(self):
        self.assertEqual(os.stat(self.secret).st_mode & 0o777, 0o600)
        done = self.skep("plugin", "keygen", "-d", self.root, "--name", "site", check=False)
        self.assertIn("is there already", done.stderr)
        os.chmod(self.secret, 0o644)
        done = self.skep("plugin", "sign", self.files[0], "-k", self.secret, check=False)
        self.assertIn("chmod 600", done.stderr)


class RollBack(RigTest):
    """The registry's roll-back against a worker's min_version: its operator has the last word."""

    def test_a_worker_goes_back_once_its_operator_allows_it(self):
        self.control()
        state = os.path.join(self.root, "w0")
        os.makedirs(state)
        config = os.path.join(state, "node.toml")
        toml = node_toml(state, ("worker",), "w0", url=self.url, paths=(PLUGINS,),
                         extra=f'[trust]\npolicy = "pin"\nlock_file = "{state}/plugins.lock"\n')
        with open(config, "w") as f:
            f.write(toml)
        lock = lambda *more: self.skep("plugin", "lock", "-c", config, *more)
        lock()
        self.node("w0", toml)
        wait_for(lambda: self.api("GET", "/api/workers")["items"], "w0")

        def standing(state, version):
            def seen():
                workers = self.api("GET", "/api/registry/releases/answer")["workers"]
                return [(w["state"], w["version"]) for w in workers] == [(state, version)]
            wait_for(seen, f"{version} {state}")
            return self.api("GET", "/api/registry/releases/answer")["workers"][0]["reason"]

        for version in ("1.0.0", "2.0.0"):
            self.skep("plugin", "publish", os.path.join(RELOAD_PLUGINS, f"answer_{version[0]}.so"))
            self.assertIn("skep plugin lock", standing("failed", version))
            lock()
            standing("active", version)

        done = self.skep("registry", "rollback", "answer", "--wait", check=False)
        self.assertEqual(done.returncode, 9, done.stdout + done.stderr)
        reason = standing("failed", "1.0.0")
        for word in ("min_version", "older than ever allowed", "skep plugin lock -c CONFIG --allow-rollback"):
            self.assertIn(word, reason)
            self.assertIn(word, done.stderr)
        lock("--allow-rollback")
        standing("active", "1.0.0")
        done = self.skep("plugin", "list", "-c", config, "-o", "json")
        self.assertIn('"1.0.0"', done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
