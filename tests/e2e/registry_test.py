"""The fleet's registry: what is published reaches the workers it is meant for, and only those."""
import base64
import hashlib
import os
import sqlite3
import time
import unittest

from rig import PLUGINS, TEST_PLUGINS, RigTest, wait_for

SCRIPT = """return skep.task {{
  name = "{name}", version = "{version}",
  run = function(ctx, params) return {{ ok = true, version = "{version}" }} end,
}}
"""


class Registry(RigTest):
    def script(self, version, name="probe", text=None):
        path = os.path.join(self.root, f"{name}-{version}.lua")
        with open(path, "w") as f:
            f.write(text or SCRIPT.format(name=name, version=version))
        return path

    def on_worker(self, worker, name="probe.lua", kind="scripts"):
        path = os.path.join(self.root, worker, "releases", kind, name)
        try:
            with open(path, "rb") as f:
                return f.read()
        except FileNotFoundError:
            return None

    def has(self, worker, version):
        wait_for(lambda: f'"{version}"'.encode() in (self.on_worker(worker) or b""), f"{version} on {worker}")

    def newest(self, name="probe"):
        return self.api("GET", f"/api/registry/releases/{name}")["releases"][0]

    def publish(self, version, *options, name="probe"):
        return self.skep("script", "publish", self.script(version, name), *options)

    def run_on(self, worker, name="probe"):
        return self.ended(self.submit(name, worker_id=worker, max_attempts=1))["status"]

    def fleet(self, sites="aab"):
        self.control()
        for i, letter in enumerate(sites):
            self.worker(f"w{i}", site=f"site-{letter}", wait=False)
        for i in range(len(sites)):
            self.online(f"w{i}")

    def test_a_script_reaches_the_workers_of_its_site_only(self):
        self.fleet()
        done = self.publish("1.0.0", "--site", "site-a")
        self.assertIn("published to site site-a", done.stdout)
        self.has("w0", "1.0.0")
        self.has("w1", "1.0.0")
        self.assertIsNone(self.on_worker("w2"))

        def reports():
            workers = self.api("GET", "/api/registry/releases/probe")["workers"]
            return {w["worker_id"]: w["state"] in ("fetched", "active") for w in workers} == {"w0": True, "w1": True}

        wait_for(reports, "reports")
        self.publish("2.0.0")
        for worker in ("w0", "w1", "w2"):
            self.has(worker, "2.0.0")
        self.skep("registry", "rollback", "probe")
        self.has("w0", "1.0.0")
        wait_for(lambda: self.on_worker("w2") is None, "site-b without it, as before")
        self.skep("registry", "withdraw", "probe")
        wait_for(lambda: self.on_worker("w0") is None, "withdrawn")
        self.assertEqual(os.listdir(os.path.join(self.root, "w0", "releases", "scripts")), [])

    def test_a_worker_that_was_away_gets_it_on_return(self):
        self.fleet("ab")
        away = self.nodes[1]
        away.terminate()
        self.publish("1.0.0")
        self.publish("1.1.0")
        away.start()
        self.has("w0", "1.1.0")

    def test_the_signature_goes_along(self):
        self.fleet("a")
        path = self.script("1.0.0")
        with open(path + ".minisig", "w") as f:
            f.write("untrusted comment: x\nRWQ\n")
        self.assertIn("(signed)", self.skep("script", "publish", path).stdout)
        self.has("w0", "1.0.0")
        self.assertEqual(self.on_worker("w0", "probe.lua.minisig"), b"untrusted comment: x\nRWQ\n")

    def test_a_canary_is_chosen_held_and_promoted(self):
        self.fleet("aaa")
        self.publish("1.0.0")
        for i in range(3):
            self.has(f"w{i}", "1.0.0")
        self.publish("2.0.0", "--canary", "1", "--hold")
        canary, = self.newest()["canaries"]
        self.has(canary, "2.0.0")
        others = {"w0", "w1", "w2"} - {canary}
        refused = self.skep("script", "publish", self.script("3.0.0"), check=False)
        self.assertEqual(refused.returncode, 5)
        self.assertIn("skep registry promote probe", refused.stderr)
        for other in others:
            self.assertIn(b'"1.0.0"', self.on_worker(other))
        self.skep("registry", "promote", "probe")
        for other in others:
            self.has(other, "2.0.0")

    def test_a_canary_without_trouble_is_promoted_by_itself(self):
        self.fleet("aa")
        self.publish("1.0.0", "--canary", "50%", "--promote-after", "1")
        for i in range(2):
            self.has(f"w{i}", "1.0.0")
        self.assertIn("no trouble", self.newest()["reason"])

    def test_a_canary_that_fails_more_is_rolled_back_alone_also_across_a_restart(self):
        control = self.control_on_a_port()
        for i in range(3):
            self.worker(f"w{i}", site="site-a")
        self.publish("1.0.0", "--wait")
        broken = self.script("2.0.0", text=SCRIPT.format(name="probe", version="2.0.0")
                             .replace("return { ok", "ctx.fail('the disk is full') return { ok"))
        self.skep("script", "publish", broken, "--canary", "1", "--hold", "--wait")
        canary, = self.newest()["canaries"]

        for _ in range(3):
            self.assertEqual(self.run_on(canary), "failed")
        for other in {"w0", "w1", "w2"} - {canary}:
            for _ in range(3):
                self.assertEqual(self.run_on(other), "succeeded")
        wait_for(lambda: self.newest()["tasks"]["canary"] == {"succeeded": 0, "failed": 3}
                 and self.newest()["tasks"]["others"] == {"succeeded": 6, "failed": 0}, "the tallies in the store")
        control.terminate()
        self.restart(control)
        self.assertEqual(self.newest()["state"], "canary")

        def rolled_back():
            self.run_on(canary)
            return self.newest()["state"] == "rolled_back"

        wait_for(rolled_back, "the roll-back")
        self.assertRegex(self.newest()["reason"], "tasks failed on canaries; 0 of 6 on other workers")
        self.has(canary, "1.0.0")
        wait_for(lambda: self.run_on(canary) == "succeeded", "the old one at work again")
        self.assertIn("release.rolled_back", control.log)

    def test_a_canary_that_takes_it_back_itself_ends_the_rollout(self):
        self.fleet("aa")
        self.publish("1.0.0", "--wait")
        broken = self.script("2.0.0", text=SCRIPT.format(name="probe", version="2.0.0")
                             .replace("return { ok", "error('broken') return { ok"))
        self.skep("script", "publish", broken, "--canary", "1", "--hold", "--wait")
        canary, = self.newest()["canaries"]
        for _ in range(3):
            self.assertEqual(self.run_on(canary), "failed")
        began = time.monotonic()
        wait_for(lambda: self.newest()["state"] == "rolled_back", "the roll-back")
        self.has(canary, "1.0.0")
        print(f"canary roll-back: {(time.monotonic() - began) * 1000:.0f} ms from its third fault until the "
              "worker has the old file", flush=True)
        self.assertEqual(self.newest()["reason"],
                         f"worker {canary} could not use it: 3 of its first 3 runs were faults of the script")
        self.assertEqual(self.run_on(canary), "succeeded")

    def test_a_script_that_does_not_load_ends_the_rollout(self):
        self.fleet("aa")
        self.publish("1.0.0", "--wait")
        # It loads where it is published, but the workers do not grant what it needs.
        broken = self.script("2.0.0", text=SCRIPT.format(name="probe", version="2.0.0")
                             .replace("run =", "permissions = { 'exec' }, run ="))
        done = self.skep("script", "publish", broken, "--canary", "1", "--wait", check=False)
        self.assertEqual(done.returncode, 9, done.stderr)
        self.assertRegex(done.stderr, "could not use it|worker w[01]: ")
        wait_for(lambda: self.newest()["state"] == "rolled_back", "the roll-back")
        self.assertIn("could not use it: probe.lua needs the permission \"exec\"", self.newest()["reason"])
        for i in range(2):
            self.has(f"w{i}", "1.0.0")

    def with_params(self, version, params):
        return self.script(version, text=SCRIPT.format(name="probe", version=version)
                           .replace("run =", f"params = {params}, run ="))

    def test_a_schema_that_changes_breaks_nobody_while_two_versions_run(self):
        self.fleet("aa")
        self.skep("script", "publish", self.with_params("1.0.0", "{ depth = 'integer' }"), "--wait")
        changed = self.with_params("2.0.0", "{ path = { type = 'string', required = true } }")
        refused = self.skep("script", "publish", changed, "--canary", "1", check=False)
        self.assertEqual(refused.returncode, 5, refused.stderr)
        for line in ("probe 1.0.0 -> 2.0.0: /depth was removed", "probe 1.0.0 -> 2.0.0: /path is required now",
                     "--force"):
            self.assertIn(line, refused.stderr)
        waiting = self.submit("probe", {"depth": 1}, run_at="2099-01-01T00:00:00Z")
        done = self.skep("script", "publish", changed, "--canary", "1", "--hold", "--force", "--wait")
        self.assertIn("/path is required now", done.stderr)
        canary, = self.newest()["canaries"]
        other, = {"w0", "w1"} - {canary}
        wait_for(lambda: len(self.versions()) == 2, "both versions")

        for _ in range(10):
            old, new = self.submit("probe", {"depth": 1}), self.submit("probe", {"path": "/"})
            for task, worker in ((old, other), (new, canary)):
                ended = self.ended(task)
                self.assertEqual((ended["status"], ended["worker_id"], ended["attempt"]), ("succeeded", worker, 1))
        wait_for(lambda: self.newest()["tasks"]["canary"] == {"succeeded": 10, "failed": 0}
                 and self.newest()["tasks"]["others"] == {"succeeded": 10, "failed": 0}, "the tallies")
        refused = self.skep("task", "submit", "probe", "-p", "dept=1", check=False)
        self.assertRegex(refused.stderr, "other versions on workers: ")
        self.assertEqual(self.newest()["state"], "canary")

        self.skep("registry", "promote", "probe")
        wait_for(lambda: self.versions() == ["2.0.0"], "everybody has it")
        late = self.submit("probe", {"path": "/"}, worker_id=other)
        self.assertEqual(self.ended(late)["status"], "succeeded")
        explained = self.skep("task", "explain", waiting).stdout
        self.assertIn("waits until 2099", explained)
        self.assertIn("its probe 2.0.0 does not take its params", explained)

    def test_what_waits_is_brought_to_the_version_that_runs(self):
        self.fleet("a")
        self.skep("script", "publish", self.with_params("1.0.0", "{ threshold = 'integer' }"), "--wait")
        self.skep("worker", "pause", "w0")
        waiting = self.submit("probe", {"threshold": 80})
        text = SCRIPT.format(name="probe", version="2.0.0").replace(
            "run =", """params = { limit = { type = "integer", required = true }, unit = { type = "string" } },
  params_version = 2,
  migrations = { { from = 1, rename = { threshold = "limit" }, default = { unit = "%" } } },
  run =""").replace("ok = true", "limit = params.limit, unit = params.unit")
        self.skep("script", "publish", self.script("2.0.0", text=text), "--force", "--wait")
        self.skep("worker", "resume", "w0")
        ended = self.ended(waiting)
        self.assertEqual((ended["status"], ended["attempt"]), ("succeeded", 1), ended)
        self.assertEqual(ended["result"], {"limit": 80, "unit": "%", "version": "2.0.0"})
        self.assertEqual(ended["params"], {"threshold": 80})

    def versions(self):
        return [v["version"] for t in self.api("GET", "/api/task-types")["items"] if t["name"] == "probe"
                for v in t["versions"]]

    def test_damaged_bytes_are_refused_and_repaired(self):
        self.fleet("a")
        path = self.script("1.0.0")
        worker = self.nodes[1]
        worker.terminate()
        self.skep("script", "publish", path)
        store = os.path.join(self.root, "control", "store.db")
        with sqlite3.connect(store) as db:
            db.execute("UPDATE artifact_chunks SET data = 'AAAA'")
        sha = self.newest()["sha256"]
        answer = self.call("GET", f"/api/registry/blobs/{sha}")
        self.assertEqual((answer.status, answer.json["code"]), (500, "release-damaged"))
        worker.start()
        worker.wait_log("releases_not_fetched")
        self.assertIsNone(self.on_worker("w0"))
        self.skep("script", "publish", path)
        self.has("w0", "1.0.0")
        body = self.call("GET", f"/api/registry/blobs/{sha}")
        self.assertEqual(hashlib.sha256(body.body).hexdigest(), sha)
        self.assertEqual(body.headers["ETag"], f'"{sha}"')
        self.assertEqual(self.call("GET", f"/api/registry/blobs/{sha}", headers={"If-None-Match": f'"{sha}"'}).status, 304)

    def test_a_plugin_is_published_and_serves(self):
        self.control()
        self.worker("w0")
        echo = os.path.join(TEST_PLUGINS, "echo.so")
        done = self.skep("plugin", "publish", echo)
        self.assertIn("plugin echo", done.stdout)
        with open(echo, "rb") as f:
            wanted = f.read()
        wait_for(lambda: self.on_worker("w0", "echo.so", "plugins") == wanted, "the file")
        self.assertEqual(self.newest("echo")["arch"], os.uname().machine)
        mode = os.stat(os.path.join(self.root, "w0/releases/plugins/echo.so")).st_mode
        self.assertEqual(mode & 0o777, 0o640)
        # At the next start it is the first in the paths, and the worker says that it serves.
        self.nodes[1].terminate()
        self.nodes[1].start()
        wait_for(lambda: [w["state"] for w in self.api("GET", "/api/registry/releases/echo")["workers"]] == ["active"],
                 "active")
        self.assertIn("w0", self.skep("registry", "show", "echo").stdout)
        waited = self.skep("plugin", "publish", echo, "--wait")
        self.assertIn("was already published", waited.stdout)
        self.assertIn("1 of 1 online workers run it", waited.stderr)

    def test_a_published_plugin_serves_without_a_restart(self):
        if self.skep("plugin", "reload", "--help", check=False).returncode != 0:
            self.skipTest("this build loads new plugin files at its start only")
        self.control()
        self.worker("w0", paths=(PLUGINS,))
        self.skep("plugin", "publish", os.path.join(TEST_PLUGINS, "echo.so"), "--wait")
        self.assertEqual(self.ended(self.submit("echo", {"a": 1}))["result"], {"a": 1})

    def test_what_is_published_reaches_twenty_workers(self):
        self.fleet("a" * 20)
        began = time.monotonic()
        self.publish("1.0.0")
        for i in range(20):
            self.has(f"w{i}", "1.0.0")
        fetched = time.monotonic() - began
        waited = self.publish("1.0.0", "--wait")
        took = time.monotonic() - began
        self.assertIn("20 of 20 online workers run it", waited.stderr)
        print(f"publish to 20 workers: {fetched * 1000:.0f} ms until every one has the file, "
              f"{took * 1000:.0f} ms until every one runs it", flush=True)

    def test_what_is_declared_is_what_the_file_says(self):
        self.control()
        with open(os.path.join(TEST_PLUGINS, "echo.so"), "rb") as f:
            plugin = f.read()
        for kind, name, content in (("script", "probe", SCRIPT.format(name="probe", version="1.0.0").encode()),
                                    ("plugin", "echo", plugin)):
            answer = self.call("POST", "/api/registry/releases", dict(
                kind=kind, name=name, version="9.9.9", content=base64.b64encode(content).decode()))
            self.assertEqual((answer.status, answer.json["code"]), (400, "release-mismatch"), answer.body)
            self.assertIn(f"declared as {name} 9.9.9, but the {kind} itself says {name} ", answer.json["detail"])
        self.assertEqual(self.api("GET", "/api/registry/releases")["items"], [])

    def test_what_cannot_be_published_is_said(self):
        self.control()
        for text, word in (("print(1)", "skep.task"), ('skep.task { version = "1.0.0" }', "name"),
                           ("\x1bLua", "binary chunk")):
            bad = self.skep("script", "publish", self.script("0", "bad", text), check=False)
            self.assertEqual(bad.returncode, 2, bad.stderr)
            self.assertRegex(bad.stderr, "bad-0.lua:1: .*" + word)
        self.publish("1.0.0")
        other = self.script("1.0.0", text=SCRIPT.format(name="probe", version="1.0.0") + "-- more\n")
        taken = self.skep("script", "publish", other, check=False)
        self.assertIn("raise its version", taken.stderr)
        none = self.skep("script", "publish", self.script("2.0.0"), "--canary", "1", check=False)
        self.assertIn("no worker of any site is online", none.stderr)
        self.assertIn("probe", self.skep("registry", "show", "prob", check=False).stderr)
        self.assertIn("nothing-older", self.skep("registry", "rollback", "probe", check=False).stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
