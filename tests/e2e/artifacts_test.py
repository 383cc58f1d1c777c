"""Artifacts and inputs, from a script to a file in somebody's hand. SKEP_ARTIFACT_MB=200 makes them that large, and
prints what it cost: a line of docs/performance.md."""
import hashlib
import os
import re
import socket
import threading
import time
import unittest

from rig import FAST_CONTROL, RigTest, request, wait_for

MB = int(os.environ.get("SKEP_ARTIFACT_MB", "20"))


class CuttingProxy:
    """Passes bytes on to `target`; each of the first `cuts` connections ends after `after` of them."""

    def __init__(self, target, cuts=0, after=0):
        host, port = target.split("//")[1].split(":")
        self.target, self.after = (host, int(port)), after
        self.left, self.made = cuts, 0
        self.lock = threading.Lock()
        self.server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.server.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        try:
            upstream = socket.create_connection(self.target)
        except OSError:
            return client.close()
        passed = [0]

        def pump(source, sink):
            try:
                while data := source.recv(65536):
                    passed[0] += len(data)
                    with self.lock:
                        cut = self.left > 0 and passed[0] > self.after
                        if cut:
                            self.left -= 1
                            self.made += 1
                    if cut:
                        break
                    sink.sendall(data)
            except OSError:
                pass
            for s in (client, upstream):
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

        threads = [threading.Thread(target=pump, args=pair, daemon=True)
                   for pair in ((client, upstream), (upstream, client))]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        client.close()
        upstream.close()

    def close(self):
        self.server.close()


def peak_kib(node):
    with open(f"/proc/{node.process.pid}/status") as f:
        return int(re.search(r"VmHWM:\s+(\d+)", f.read())[1])


def make_file(path, mb=MB):
    """Bytes that no two files share, and their hash."""
    digest = hashlib.sha256()
    with open(path, "wb") as f:
        for _ in range(mb):
            piece = os.urandom(1 << 20)
            digest.update(piece)
            f.write(piece)
    return digest.hexdigest()


def sha256_of(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest() if hasattr(hashlib, "file_digest") \
            else hashlib.sha256(f.read()).hexdigest()


class Artifacts(RigTest):
    def setUp(self):
        super().setUp()
        self.proxies = []

    def tearDown(self):
        for proxy in self.proxies:
            proxy.close()
        super().tearDown()

    def proxied_worker(self, cuts=0, after=0, **more):
        proxy = CuttingProxy(self.url, cuts, after)
        self.proxies.append(proxy)
        return proxy, self.worker("w1", url=proxy.url, **more)

    def script(self, text, **params):
        return self.submit("execute_script", dict(script=text, **params))

    def copying(self, path, name="big.bin"):
        return self.script(f'cp {path} "$SKEP_ARTIFACTS/{name}"')

    def kept(self):
        folder = os.path.join(self.root, "control", "artifacts")
        return sorted(n for n in os.listdir(folder) if len(n) == 64) if os.path.exists(folder) else []

    def waiting(self):
        folder = os.path.join(self.root, "w1", "attempts")
        return os.listdir(folder) if os.path.exists(folder) else []

    def test_a_large_one_comes_home_through_a_cut_connection(self):
        control = self.control()
        proxy, worker = self.proxied_worker()
        self.ended(self.script('echo small > "$SKEP_ARTIFACTS/warm.txt"'))
        before = peak_kib(control), peak_kib(worker)
        source = os.path.join(self.root, "source.bin")
        wanted = make_file(source)
        proxy.after, proxy.left = 5 << 20, 3
        started = time.monotonic()
        task = self.copying(source)
        self.assertEqual(self.ended(task)["status"], "succeeded")
        home = time.monotonic() - started
        self.assertEqual(proxy.made, 3)
        [item] = self.api("GET", f"/api/tasks/{task}/artifacts")["items"]
        self.assertEqual((item["name"], item["size"], item["sha256"], item["available"]),
                         ("big.bin", MB << 20, wanted, True))
        wait_for(lambda: not self.waiting(), "the worker's copy gone")

        # And on to somebody's disk, through a cut connection too.
        down = CuttingProxy(self.url, 2, 7 << 20)
        self.proxies.append(down)
        saved = os.path.join(self.root, "saved.bin")
        started = time.monotonic()
        self.skep("--server", down.url, "task", "artifacts", task, "big.bin", "--to", saved)
        fetched = time.monotonic() - started
        self.assertEqual(down.made, 2)
        self.assertEqual(sha256_of(saved), wanted)

        # The same again is kept once.
        self.assertEqual(self.ended(self.copying(source, "copy.bin"))["status"], "succeeded")
        self.assertEqual(self.kept().count(wanted), 1)
        grown = peak_kib(control) - before[0], peak_kib(worker) - before[1]
        print(f"artifact of {MB} MB: home after {home:.1f} s, saved after {fetched:.1f} s, memory of the control "
              f"plane +{grown[0] // 1024} MB, of the worker +{grown[1] // 1024} MB")
        for kib in grown:
            self.assertLess(kib, 48 << 10)

    def test_both_sides_may_die_on_the_way(self):
        control = self.control_on_a_port()
        proxy, worker = self.proxied_worker()
        source = os.path.join(self.root, "source.bin")
        wanted = make_file(source, 8)
        proxy.after, proxy.left = 3 << 20, 1_000_000  # no connection gets far
        task = self.copying(source)
        part = os.path.join(control.folder, "artifacts", wanted + ".part")
        wait_for(lambda: os.path.exists(part) and os.path.getsize(part) > 2 << 20, "a part of it")
        control.kill9()
        worker.kill9()
        self.restart(control)
        worker.start()
        self.assertEqual(self.ended(task)["status"], "succeeded")
        self.assertGreaterEqual(proxy.made, 2)
        item = self.api("GET", f"/api/tasks/{task}/artifacts")["items"][0]
        self.assertEqual((item["sha256"], item["available"]), (wanted, True))

    def test_a_control_plane_without_room_is_waited_for(self):
        control = self.control(FAST_CONTROL + "artifacts_quota_mb = 1\n")
        self.worker("w1")
        source = os.path.join(self.root, "source.bin")
        wanted = make_file(source, 2)
        task = self.copying(source)
        wait_for(lambda: "artifacts-full" in self.nodes[-1].log or "artifacts_deferred" in self.nodes[-1].log,
                 "a worker that waits")
        self.assertEqual(self.ended(self.script("echo other work goes on"))["status"], "succeeded")
        self.assertNotEqual(self.api("GET", f"/api/tasks/{task}")["status"], "succeeded")
        with open(control.config) as f:
            toml = f.read()
        with open(control.config, "w") as f:
            f.write(toml.replace("artifacts_quota_mb = 1", "artifacts_quota_mb = 100"))
        self.assertEqual(self.ended(task)["status"], "succeeded")
        self.assertEqual(self.kept(), [wanted])

    def test_an_input_goes_there_and_a_script_reads_it(self):
        self.control()
        proxy, _ = self.proxied_worker(2, 3 << 20)
        source = os.path.join(self.root, "input.bin")
        wanted = make_file(source, 8)
        done = self.skep("task", "submit", "execute_script", "-p", f"inputs.data=@{source}", "-p", "inputs.note=hello",
                         "-p", 'script=sha256sum < "$SKEP_INPUTS/data"; cat "$SKEP_INPUTS/note"', "--wait", "-o", "json")
        self.assertIn(wanted, done.stdout)
        self.assertIn("hello", done.stdout)
        answer = self.call("POST", "/api/tasks", {"type": "execute_script", "params": {
            "script": "true", "inputs": {"x": {"artifact": "0" * 64, "size": 1}}}})
        self.assertEqual((answer.status, answer.json["code"]), (400, "unknown-input"))

    def test_what_a_script_leaves_is_looked_at(self):
        self.control()
        self.worker("w1")
        task = self.script('cd "$SKEP_ARTIFACTS"; echo good > report.txt; ln -s /etc/passwd link; mkdir folder;'
                           'echo x > "no name"; mkfifo pipe; exit 3')
        done = self.ended(task)
        self.assertEqual(done["status"], "failed")
        skipped = {s["name"]: s["reason"] for s in done["result"]["artifacts_skipped"]}
        self.assertEqual(sorted(skipped), ["folder", "link", "no name", "pipe"])
        [item] = self.api("GET", f"/api/tasks/{task}/artifacts")["items"]
        self.assertEqual((item["name"], item["media_type"]), ("report.txt", "text/plain"))
        path = f"/api/tasks/{task}/artifacts/report.txt"
        whole = request(self.url, "GET", path)
        self.assertEqual((whole.body, whole.headers["Content-Type"]), (b"good\n", "text/plain"))
        self.assertIn("attachment", whole.headers["Content-Disposition"])
        self.assertEqual(whole.headers["X-Content-Type-Options"], "nosniff")
        part = request(self.url, "GET", path, headers={"Range": "bytes=1-2"})
        self.assertEqual((part.status, part.body, part.headers["Content-Range"]), (206, b"oo", "bytes 1-2/5"))
        beyond = request(self.url, "GET", path, headers={"Range": "bytes=5-"})
        self.assertEqual((beyond.status, beyond.headers["Content-Range"]), (416, "bytes */5"))
        head = request(self.url, "HEAD", path)
        self.assertEqual((head.body, head.headers["Content-Length"]), (b"", "5"))
        listed = self.skep("task", "artifacts", task).stdout
        self.assertIn("report.txt", listed)
        wrong = self.skep("task", "artifacts", task, "report.tx", check=False)
        self.assertIn("did you mean", wrong.stderr)
        self.assertEqual(self.ended(self.submit("execute_script", {
            "script": 'echo left > "$SKEP_ARTIFACTS/a"'}))["status"], "succeeded")

    def test_in_a_child_it_is_the_same(self):
        self.control()
        self.worker("w1", extra='[plugins.execute_script]\nisolation = "process"\n')
        task = self.script('echo child > "$SKEP_ARTIFACTS/a.txt"')
        self.assertEqual(self.ended(task)["status"], "succeeded")
        self.assertEqual(self.call("GET", f"/api/tasks/{task}/artifacts/a.txt").body, b"child\n")


if __name__ == "__main__":
    unittest.main()
