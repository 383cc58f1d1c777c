"""Who may do what: another user of the machine, a worker, a task, and what an older process said."""
import json
import os
import stat
import subprocess
import unittest

import rig
from rig import PLUGINS, node_toml, request, wait_for

OTHER = 65533  # a user without a name


def as_other(*command):
    return subprocess.run(["setpriv", f"--reuid={OTHER}", f"--regid={OTHER}", "--clear-groups", *command],
                          capture_output=True, text=True, timeout=120)


def status_for_other(url, method, path, *more):
    done = as_other("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-m", "60", "-X", method,
                    "-H", "Content-Type: application/json", *more, url + path)
    return int(done.stdout)


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


@unittest.skipUnless(os.geteuid() == 0, "only root becomes somebody else")
class IdentitiesTest(rig.RigTest):
    def setUp(self):
        super().setUp()
        os.chmod(self.root, 0o755)

    def both(self, **more):
        node = super().both(paths=(PLUGINS,), **more)
        os.chmod(node.folder, 0o700)
        return node

    def online(self, name):
        super().online(name)
        # The control plane knows it before the worker has read the answer.
        files = [os.path.join(node.folder, "worker-credential") for node in self.nodes
                 if os.path.basename(node.folder) in (name, "both")]
        wait_for(lambda: any(map(os.path.exists, files)), f"the credential of {name}")

    def secret(self, name):
        path = os.path.join(self.root, name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
            f.write(os.urandom(24).hex())
        return path

    def read(self, *path):
        with open(os.path.join(self.root, *path)) as f:
            return f.read().strip()

    def run_script(self, text, **fields):
        task = self.ended(self.submit("execute_script", {"script": text}, **fields))
        self.assertIn(task["status"], ("succeeded", "failed"), task)
        return task["result"]["stdout"]

    def test_another_user_gets_nowhere_and_the_operator_needs_no_token(self):
        node = self.both()
        self.assertEqual(self.run_script("id -u"), "0\n")
        for path, methods in self.api("GET", "/openapi.json")["paths"].items():
            for method in methods:
                status = status_for_other(self.url, method.upper(), path.replace("{", "").replace("}", ""),
                                          *(["-d", "{}"] if method == "post" else []))
                self.assertEqual(status, 401, f"{method} {path}")
        body = json.dumps({"type": "execute_script", "params": {"script": "true"}})
        self.assertEqual(status_for_other(self.url, "POST", "/api/tasks", "-d", body), 401)
        self.assertNotEqual(as_other("curl", "-s", "--unix-socket", f"{node.folder}/node.sock",
                                     "http://localhost/api/node").returncode, 0)
        for line in ("Forwarded: for=1.2.3.4", "X-Forwarded-For: 1.2.3.4", "Via: 1.1 proxy"):
            name, value = line.split(": ")
            self.assertEqual(self.call("GET", "/api/tasks", headers={name: value}).status, 401, line)
        self.assertEqual(self.call("GET", "/api/tasks", headers=bearer("wrong")).status, 401)

    def test_nobody_is_trusted_by_his_user_when_told_so(self):
        token = self.secret("token")
        node = self.node("strict", node_toml(
            f"{self.root}/strict", name="w1", paths=(PLUGINS,),
            http=f'token_file = "{token}"\ntrust_local_uid = false\nopen_probes = true'))
        self.attach(node)
        self.assertEqual([status_for_other(self.url, "GET", path) for path in ("/livez", "/readyz", "/health")], [200] * 3)
        self.assertEqual(status_for_other(self.url, "GET", "/openapi.json"), 401)
        self.assertEqual(self.call("GET", "/api/workers").status, 401)
        headers = bearer(self.read("token"))
        wait_for(lambda: [w["worker_id"] for w in self.call("GET", "/api/workers", headers=headers).json["items"]]
                 == ["w1"], "the node's own worker, which needs no configured token")
        self.assertEqual(self.skep("worker", "list", "-o", "name", "-c", node.config).stdout.strip(), "w1")
        self.assertEqual(self.skep("node", "show", "-o", "json", "-c", node.config).returncode, 0)

    def fleet(self):
        """A control plane that knows no user, and two workers with credentials."""
        token, join = self.secret("token"), self.secret("join")
        node = self.control(http=f'token_file = "{token}"\njoin_token_file = "{join}"\n'
                                 "trust_local_uid = false\nopen_probes = true")
        self.token = self.read("token")
        for name in ("w1", "w2"):
            self.worker(name, worker=f'join_token_file = "{join}"')
        return node

    def call(self, method, path, body=None, **kw):
        if getattr(self, "token", None):
            kw.setdefault("headers", bearer(self.token))
        return super().call(method, path, body, **kw)

    def test_a_worker_has_a_credential_that_is_good_for_itself_alone(self):
        self.fleet()
        mode = os.stat(f"{self.root}/w1/worker-credential").st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o600)
        own, join = self.read("w1", "worker-credential"), self.read("join")
        self.assertNotEqual(own, join)
        workers = {w["worker_id"]: w for w in self.api("GET", "/api/workers")["items"]}

        def status(token, method, path, body=None):
            return request(self.url, method, path, body, bearer(token)).status

        task = {"type": "execute_script", "params": {"script": "true"}, "worker_id": "w2"}
        for token in (own, join):
            self.assertEqual(status(token, "POST", "/api/tasks", task), 403)
            self.assertEqual(status(token, "GET", "/api/workers"), 403)
            self.assertEqual(status(token, "GET", "/metrics"), 403)
        claim = {"incarnation": workers["w2"]["incarnation"], "max": 1, "wait_seconds": 0, "held": []}
        self.assertEqual(status(own, "POST", "/api/workers/w2/claim", claim), 403)
        self.assertEqual(status(join, "POST", "/api/workers/w2/claim", claim), 403)
        claim["incarnation"] = workers["w1"]["incarnation"]
        self.assertEqual(status(own, "POST", "/api/workers/w1/claim", claim), 200)
        register = {"worker_id": "w2", "incarnation": "evil", "concurrency": 1}
        self.assertEqual(status(own, "POST", "/api/workers/register", register), 403)
        self.assertEqual(status(join, "POST", "/api/workers/register", register), 409)
        forged = {"v": 1, "payload_type": "facts", "idempotency_key": "k", "worker_id": "w2",
                  "incarnation": "x", "site": "default", "payload": {}}
        answer = request(self.url, "POST", "/api/workers/results", forged, bearer(own))
        self.assertEqual((answer.status, answer.json["code"]), (403, "wrong-worker"))
        self.assertEqual(self.run_script("echo fine", worker_id="w2"), "fine\n")

    def test_a_credential_changes_with_each_process_and_comes_back_when_it_is_lost(self):
        self.fleet()
        worker = self.nodes[1]
        first = self.read("w1", "worker-credential")
        worker.kill9()
        worker.start()
        wait_for(lambda: self.read("w1", "worker-credential") != first, "another credential")
        self.assertEqual(self.run_script("echo again", worker_id="w1"), "again\n")
        wait_for(lambda: request(self.url, "GET", "/api/workers/w1/releases", None, bearer(first)).status == 401,
                 "the end of the former one")
        worker.terminate()
        with open(f"{self.root}/w1/worker-credential", "w") as f:
            f.write("spoilt\n")
        worker.start()
        self.assertEqual(self.run_script("echo joined", worker_id="w1"), "joined\n")
        self.assertNotEqual(self.read("w1", "worker-credential"), "spoilt")

    def test_what_an_older_process_said_does_not_end_the_one_that_lives(self):
        self.control()
        worker = self.worker("w1")
        before = self.api("GET", "/api/workers/w1")
        worker.kill9()
        worker.start()
        wait_for(lambda: self.api("GET", "/api/workers/w1")["incarnation"] != before["incarnation"],
                 "the second process")
        late = {"worker_id": "w1", "incarnation": before["incarnation"], "concurrency": 1}
        answer = self.call("POST", "/api/workers/register", late)
        self.assertEqual((answer.status, answer.json["code"]), (409, "newer-process"))
        self.assertEqual(self.run_script("echo alive", worker_id="w1"), "alive\n")
        self.assertTrue(worker.alive())

    def test_a_script_of_another_user_finds_no_credential(self):
        token = self.secret("token")
        node = self.both(http=f'token_file = "{token}"', extra='[plugins.execute_script]\nrun_as = "nobody"\n')
        secrets = (self.read("token"), self.read("both", "worker-credential"))
        out = self.run_script(f"""
id -u
env
cat {token} {node.folder}/worker-credential {node.folder}/* {node.folder}/*/* /proc/$PPID/environ
p=$PPID; while [ "$p" -gt 0 ]; do cat /proc/$p/environ; p=$(sed -n 's/^PPid:[[:space:]]*//p' /proc/$p/status); done
curl -s -o /dev/null -w '%{{http_code}} ' -d '{{}}' -H 'Content-Type: application/json' {self.url}/api/tasks
curl -s --unix-socket {node.folder}/node.sock http://localhost/api/node || echo 'no socket'
""")
        lines = out.splitlines()
        self.assertEqual(lines[0], "65534")
        self.assertEqual(lines[-1], "401 no socket", out)
        for secret in secrets:
            self.assertNotIn(secret, out)
        names = {line.split("=")[0] for line in lines[1:-1]}
        self.assertLessEqual({n for n in names if n.startswith("SKEP_") or "TOKEN" in n},
                             {"SKEP_SITE", "SKEP_WORKER_ID", "SKEP_ARTIFACTS", "SKEP_INPUTS"}, out)

    def test_a_script_that_may_only_use_http_is_not_the_operator(self):
        scripts = os.path.join(self.root, "scripts")
        os.mkdir(scripts)
        self.both(extra=f'[scripts]\npaths = ["{scripts}"]\nallow = ["http"]\n')
        with open(os.path.join(scripts, "sly.lua"), "w") as f:
            f.write("""return skep.task { name = "sly", version = "1.0.0", permissions = { "http" },
  params = { url = { type = "string", required = true } },
  run = function(ctx, params)
    local plain = ctx.http.post(params.url, { type = "execute_script", params = { script = "id" } })
    local bare = ctx.http.post(params.url, { type = "execute_script", params = { script = "id" } },
                               { headers = { Via = "" } })
    return { plain = plain.status, bare = bare.status }
  end }
""")
        wait_for(lambda: any(t["name"] == "sly" for t in self.api("GET", "/api/task-types")["items"]), "the script")
        task = self.ended(self.submit("sly", {"url": self.url + "/api/tasks"}))
        self.assertEqual(task["result"], {"plain": 401, "bare": 401}, task)


if __name__ == "__main__":
    unittest.main(verbosity=2)
