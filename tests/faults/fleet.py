"""A control plane, three workers behind a FaultProxy each, a load, and what must be true of them in the end."""
import http.client
import os
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))
from proxy import FaultProxy  # noqa: E402
from rig import FAST_CONTROL, QUICK_LOSS, Node, SKEP, free_port, node_toml, request, wait_for  # noqa: E402

BATCH, SCRIPTS = 20, 4  # tasks of a request; those of them that leave a mark
MOST_OPEN = 400         # tasks that wait or run before more are submitted
WORKERS = ("w1", "w2", "w3")
ENDED = ("succeeded", "failed", "cancelled", "dead")


def fill(path):
    """A file as large as its disk has room for."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    size = 1 << 20
    while size:
        try:
            os.write(fd, b"x" * size)
        except OSError:
            size //= 2
    os.close(fd)


class Watched(Node):
    """A node that somebody looks after: when it ends and nobody ended it, that is a fault of its own."""
    wanted = False
    unread = None  # the end of its stderr that nobody reads

    def start(self):
        if self.unread is None:
            super().start()
        else:
            self.process = subprocess.Popen([SKEP, "start", "-c", self.config], stdout=subprocess.DEVNULL,
                                            stderr=self.unread, stdin=subprocess.DEVNULL, cwd=self.folder, env=self.env)
        self.wanted = True

    def kill9(self):
        self.wanted = False
        super().kill9()

    def end(self):
        self.wanted = False
        super().end()


class Fleet:
    def __init__(self, root, seed):
        self.root, self.seed = root, seed
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.state = f"{root}/control"
        self.marks = f"{root}/marks"
        self.accepted, self.scripts, self.repeated = set(), set(), 0
        self.problems, self.largest_log = [], 0
        self._loading = self._watching = True
        self.control = Watched(self.state, node_toml(
            self.state, ("control",), listen=[f"127.0.0.1:{self.port}"],
            extra=f"{FAST_CONTROL}{QUICK_LOSS}max_crashes = 50"))
        self.wait_ready()
        self.proxies = {name: FaultProxy(self.port, f"{seed}{name}") for name in WORKERS}
        self.workers = {name: self._worker(name) for name in WORKERS}
        self._threads = [threading.Thread(target=t) for t in (self._load, self._watch)]
        for thread in self._threads:
            thread.start()

    def _worker(self, name):
        os.makedirs(self.work(name))
        folder = f"{self.root}/{name}"
        return Watched(folder, node_toml(
            folder, ("worker",), name, url=self.proxies[name].url, worker="concurrency = 8\nbatch_size = 16",
            extra=f'[plugins.execute_script]\nwork_dir = "{self.work(name)}"'))

    def spool(self, name):
        return f"{self.root}/{name}/offline"

    def work(self, name):
        return f"{self.root}/{name}-work"

    def spooled(self, name, folder=""):
        path = os.path.join(self.spool(name), folder)
        return [f for f in os.listdir(path) if f.endswith(".json")] if os.path.isdir(path) else []

    # --- what it is asked -------------------------------------------------------------------------------------

    def ask(self, method, path, body=None):
        """The answer, None when there was none."""
        try:
            return request(self.url, method, path, body, timeout=30)
        except (OSError, ValueError, http.client.HTTPException):
            return None

    def is_ready(self):
        answer = self.ask("GET", "/readyz")
        return answer is not None and answer.status == 200

    def wait_ready(self):
        wait_for(self.is_ready, "the control plane")

    def queue(self):
        answer = self.ask("GET", "/api/workers/health")
        return answer.json["queue"] if answer is not None and answer.status == 200 else None

    def submit(self, tasks, until=lambda: False):
        """Says it again under its keys until it is accepted, or `until` is true."""
        while not until():
            answer = self.ask("POST", "/api/tasks", tasks)
            if answer is not None and answer.status in (200, 201):
                ids = [item["id"] for item in answer.json["items"]]
                self.accepted.update(ids)
                self.scripts.update(i for i, t in zip(ids, tasks) if t["type"] == "execute_script")
                return
            if answer is not None and answer.status in (400, 409, 422):
                self.problems.append(f"a submit was refused: {answer.body[:300]}")
                return
            self.repeated += 1
            time.sleep(0.05)

    def tasks(self, name, noops, scripts=0):
        mark = {"script": f'echo "$TASK_ID $ATTEMPT" >> {self.marks}'}
        kinds = [("noop", {})] * noops + [("execute_script", mark)] * scripts
        return [{"type": kind, "params": params, "max_attempts": 50, "idempotency_key": f"{self.seed}-{name}-{i}"}
                for i, (kind, params) in enumerate(kinds)]

    # --- its threads ------------------------------------------------------------------------------------------

    def _load(self):
        n = 0
        while self._loading:
            queue = self.queue()
            if queue is None or sum(queue[s] for s in ("queued", "claimed", "executing")) > MOST_OPEN:
                time.sleep(0.1)
                continue
            self.submit(self.tasks(f"load{n}", BATCH - SCRIPTS, SCRIPTS))
            n += 1

    def _watch(self):
        while self._watching:
            logs = 0
            for name in ("queue.db-wal", "store.db-wal"):
                try:
                    logs += os.path.getsize(f"{self.state}/{name}")
                except OSError:
                    pass
            self.largest_log = max(self.largest_log, logs)
            for node in (self.control, *self.workers.values()):
                code = node.process.poll()
                if code is not None and node.wanted:
                    node.wanted = False
                    self.problems.append(f"{node.folder} ended by itself with {code}")
            time.sleep(0.1)

    # --- the end ----------------------------------------------------------------------------------------------

    def settle(self, seconds):
        """No more load; everything is well again, and has `seconds` to get done."""
        self._loading = False
        self._threads[0].join()
        for proxy in self.proxies.values():
            proxy.set("pass")

        def done():
            queue = self.queue()
            return queue and sum(queue[s] for s in ENDED) >= len(self.accepted) and \
                not any(self.spooled(name) for name in WORKERS)
        try:
            wait_for(done, "the rest", seconds, 0.2)
        except AssertionError as late:
            self.problems.append(f"{late}: {self.queue()}, spooled {[len(self.spooled(n)) for n in WORKERS]}")
        self._watching = False
        self._threads[1].join()

    def lines_of_marks(self):
        if not os.path.exists(self.marks):
            return []
        with open(self.marks) as f:
            return f.read().splitlines()

    def verdict(self):
        """How many were lost, applied or run twice, and set aside."""
        queue = self.queue()
        answer = self.ask("GET", "/api/workers/metrics").json
        applied = sum(t["count"] for t in answer["totals"] if t["outcome"] == "succeeded")
        marks = self.lines_of_marks()
        ran = {line.split()[0] for line in marks}
        lost = len(self.accepted) - queue["succeeded"] + len(self.scripts - ran)
        twice = max(0, applied - len(self.accepted)) + len(marks) - len(set(marks))
        aside = sum(len(self.spooled(name, folder)) for name in WORKERS for folder in ("quarantine", "rejected"))
        return {"lost": lost, "twice": twice, "set aside": aside}

    def end(self):
        self._loading = self._watching = False
        for node in (*self.workers.values(), self.control):
            node.end()
