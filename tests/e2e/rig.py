"""Starts real nodes from the built binary and talks to them over HTTP.

Every test gets its own folder under /tmp and ports chosen by the kernel; everything started is ended
by pid, also when a test fails.
"""
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

BUILD = os.environ.get("BUILD_DIR", os.path.join(os.path.dirname(__file__), "../../build"))
BUILD = os.path.abspath(BUILD)
SKEP = os.path.join(BUILD, "bin/skep")
PLUGINS = os.path.join(BUILD, "lib/skep/plugins")
TEST_PLUGINS = os.path.join(BUILD, "lib/skep/test-plugins/good")
RELOAD_PLUGINS = os.path.join(BUILD, "lib/skep/test-plugins/reload")

# Quick where a test waits; a lease and a worker's presence outlast every pause of a busy machine.
FAST_CONTROL = """
[control]
reaper_interval_seconds = 0.2
restart_grace_seconds = 2
retry_base_seconds = 0.2
retry_cap_seconds = 1
"""
# After it: a worker that is lost is noticed within seconds, and one that was only slow as well.
QUICK_LOSS = """
lease_seconds = 2
lost_after_seconds = 1
offline_after_seconds = 4
stale_after_seconds = 8
"""


def wait_for(probe, what, seconds=180.0, pause=0.02):
    """The first true answer of `probe`; fails after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"gave up after {seconds:.0f} s waiting for {what}")
        time.sleep(pause)


def free_port():
    """A port for a node that must know its own address beforehand, or have it again after a restart: free now,
    and none of those that the kernel gives to whoever asks for any."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as f:
        first = int(f.read().split()[0])
    while True:
        port = random.randrange(10_000, first) if first > 20_000 else 0
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            return s.getsockname()[1]


def node_toml(folder, roles=("control", "worker"), name=None, site=None, listen=("127.0.0.1:0",), http="", url=None,
              worker="", spool="", paths=(PLUGINS, TEST_PLUGINS), extra=""):
    """The file of a node whose state is `folder`. `http`, `worker` and `spool` are more lines of these tables; `extra`
    comes last. Without `paths` the folders of the program itself count."""
    lines = ["[node]", f"roles = {json.dumps(roles)}", f'state_dir = "{folder}"']
    lines += [f'id = "{name}"'] if name else []
    lines += [f'site = "{site}"'] if site else []
    if "control" in roles:
        lines += ["[http]", f"listen = {json.dumps(listen)}", http]
    if "worker" in roles:
        lines += ["[worker]", "heartbeat_interval_seconds = 0.5"]
        lines += [f'control_plane_url = "{url}"'] if url else []
        lines += [worker, "[spool]", f'dir = "{folder}/offline"', spool]
    lines += ["[plugins]", f"paths = {json.dumps(paths)}"] if paths else []
    return "\n".join(lines + [extra, ""])


class Response:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)


def request(url, method, path, body=None, headers=None, timeout=65):
    host = url.split("//")[1]
    connection = http.client.HTTPConnection(host, timeout=timeout)
    try:
        data = None if body is None else (body if isinstance(body, bytes) else json.dumps(body).encode())
        head = {"Content-Type": "application/json"} if data is not None else {}
        head.update(headers or {})
        connection.request(method, path, data, head)
        answer = connection.getresponse()
        return Response(answer.status, dict(answer.getheaders()), answer.read())
    finally:
        connection.close()


class Node:
    """One `skep start` process with its own folder and TOML file."""

    def __init__(self, folder, toml, env=None, cwd=None):
        self.folder = folder
        self.cwd = cwd or folder
        os.makedirs(folder, exist_ok=True)
        self.config = os.path.join(folder, "node.toml")
        with open(self.config, "w") as f:
            f.write(toml)
        self.log_path = os.path.join(folder, "log")
        self.env = dict(os.environ, **(env or {}))
        self.process = None
        self.start()

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([SKEP, "start", "-c", self.config], stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL, cwd=self.cwd, env=self.env)

    @property
    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def wait_log(self, text, seconds=180.0):
        return wait_for(lambda: text in self.log, f"{text!r} in {self.log_path}", seconds)

    def alive(self):
        return self.process.poll() is None

    def kill9(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def terminate(self, seconds=180.0):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def end(self):
        if self.process and self.alive():
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill9()


class RigTest(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="skep-e2e-")
        self.nodes = []

    def tearDown(self):
        for node in reversed(self.nodes):
            node.end()
        failed = self._outcome and any(error for _, error in getattr(self._outcome, "errors", []))
        result = getattr(self._outcome, "result", None)
        failed = failed or (result and any(test is self for test, _ in result.failures + result.errors))
        if failed:
            for node in self.nodes:
                print(f"--- {node.log_path}\n{node.log[-4000:]}")
        shutil.rmtree(self.root, ignore_errors=True)

    def node(self, name, toml, env=None, cwd=None):
        folder = os.path.join(self.root, name)
        node = Node(folder, toml, env, cwd)
        self.nodes.append(node)
        return node

    def control(self, extra=FAST_CONTROL, **more):
        node = self.node("control", node_toml(f"{self.root}/control", ("control",), extra=extra, **more))
        self.attach(node)
        return node

    def control_on_a_port(self, extra=FAST_CONTROL):
        """One that its workers find again when it was started again."""
        return self.control(extra, listen=[f"127.0.0.1:{free_port()}"])

    def both(self, env=None, cwd=None, **more):
        """A node with both roles, whose worker "w1" is online."""
        node = self.node("both", node_toml(f"{self.root}/both", name="w1", **more), env, cwd)
        self.attach(node)
        self.online("w1")
        return node

    def is_online(self, name):
        return any(w["worker_id"] == name and w["status"] == "online"
                   for w in self.api("GET", "/api/workers")["items"])

    def online(self, name):
        wait_for(lambda: self.is_online(name), f"{name} online")

    def attach(self, node):
        """Learns the node's URLs and waits until it is ready."""
        endpoints = os.path.join(node.folder, "endpoints")

        def ready():
            assert node.alive(), node.log
            if not os.path.exists(endpoints):
                return None
            with open(endpoints) as f:
                node.urls = f.read().split()
            try:
                return request(node.urls[0], "GET", "/readyz", timeout=5).status == 200
            except OSError:
                return None

        wait_for(ready, "readiness")
        node.url = self.url = node.urls[0]

    def restart(self, node):
        node.start()
        self.attach(node)

    def worker(self, name, wait=True, **more):
        more.setdefault("url", self.url)
        node = self.node(name, node_toml(f"{self.root}/{name}", ("worker",), name, **more))
        if wait:
            self.online(name)
        return node

    def gate(self):
        """A file that a task waits for: open_gate() makes it."""
        return os.path.join(self.root, "gate")

    def open_gate(self):
        with open(self.gate(), "w"):
            pass

    def call(self, method, path, body=None, **kw):
        return request(self.url, method, path, body, **kw)

    def api(self, method, path, body=None, status=None):
        answer = self.call(method, path, body)
        wanted = status or (200, 201)
        wanted = wanted if isinstance(wanted, tuple) else (wanted,)
        self.assertIn(answer.status, wanted, answer.body[:500])
        return answer.json

    def submit(self, type_, params=None, **fields):
        return self.api("POST", "/api/tasks", dict(type=type_, params=params or {}, **fields))["id"]

    def executing(self, task_id):
        wait_for(lambda: self.api("GET", f"/api/tasks/{task_id}")["status"] == "executing", "executing")

    def ended(self, task_id, seconds=300):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            task = self.api("GET", f"/api/tasks/{task_id}?wait=10")
            if task["status"] in ("succeeded", "failed", "cancelled", "dead"):
                return task
        raise AssertionError(f"task {task_id} did not end: {task}")

    def environment(self, env=None):
        """Of a command: what it keeps for its user lies in the test's folder."""
        return dict(os.environ, SKEP_SERVER=getattr(self, "url", ""), XDG_STATE_HOME=self.root, **(env or {}))

    def skep(self, *args, check=True, env=None, **kw):
        done = subprocess.run([SKEP, *args], capture_output=True, text=True, timeout=300,
                              env=self.environment(env), **kw)
        if check:
            self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
        return done


def raw(url, data, seconds=60):
    """Sends bytes as they are; returns all that came back until the peer closed or time was up."""
    host, port = url.split("//")[1].split(":")
    out = b""
    with socket.create_connection((host, int(port)), timeout=seconds) as s:
        s.sendall(data)
        try:
            while chunk := s.recv(65536):
                out += chunk
        except (socket.timeout, ConnectionResetError):
            pass
    return out
