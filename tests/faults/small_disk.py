"""A control plane whose state lies on a disk of 128 MB: takes 20,000 small tasks forty at a time, is filled to the last
block by a foreign file while a worker works, and goes on by itself once there is room again.

    small_disk.py [--tasks 20000]

Needs root for the mount (a tmpfs) and says so when it leaves itself out. Exit code 1 when a task is lost or counted
twice, or when the node needs help.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time

from fleet import fill
from rig import FAST_CONTROL, QUICK_LOSS, Node, free_port, node_toml, request, wait_for

DISK_MB, AT_ONCE = 128, 40


class SmallDisk:
    def __init__(self, root):
        self.root, self.disk = root, f"{root}/disk"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.accepted = set()
        self.next = 0
        self.nodes = []

    def start(self):
        self.control = self.node("control", node_toml(
            f"{self.disk}/state", ("control",), listen=[f"127.0.0.1:{self.port}"], extra=FAST_CONTROL + QUICK_LOSS))
        wait_for(lambda: self.status("GET", "/readyz") == 200, "the control plane")

    def start_worker(self):
        self.node("w1", node_toml(f"{self.root}/w1", ("worker",), "w1", url=self.url,
                                  worker="concurrency = 8\nbatch_size = 32"))

    def node(self, name, toml):
        self.nodes.append(Node(f"{self.root}/{name}", toml))
        return self.nodes[-1]

    def status(self, method, path, body=None):
        try:
            answer = request(self.url, method, path, body, timeout=60)
        except OSError:
            return 0
        if method == "POST" and answer.status in (200, 201):
            self.accepted.update(item["id"] for item in answer.json["items"])
        return answer.status

    def submit(self, first, n=AT_ONCE):
        tasks = [{"type": "noop", "idempotency_key": f"k{first + i}"} for i in range(n)]
        return self.status("POST", "/api/tasks", tasks)

    def submit_more(self):
        """Tasks that were not there before: the same ones again cost no room."""
        status = self.submit(self.next)
        self.next += AT_ONCE if status in (200, 201) else 0
        return status

    def queue(self):
        return request(self.url, "GET", "/api/workers/health").json["queue"]

    def used_mb(self):
        usage = os.statvfs(self.disk)
        return (usage.f_blocks - usage.f_bfree) * usage.f_frsize / 1e6


def run(rig, tasks):
    rig.start()
    refused = 0
    while len(rig.accepted) < tasks:
        if rig.submit_more() not in (200, 201):
            refused += 1
            time.sleep(0.2)
    print(f"{len(rig.accepted)} tasks accepted, {refused} requests refused meanwhile, {rig.used_mb():.0f} MB of "
          f"{DISK_MB} in use", flush=True)
    rig.start_worker()
    wait_for(lambda: rig.queue()["succeeded"] > tasks // 20, "work")
    fill(f"{rig.disk}/foreign")
    full = wait_for(lambda: (lambda status: status not in (200, 201) and status)(rig.submit_more()), "a refusal")
    wait_for(lambda: rig.status("GET", "/readyz") != 200, "readiness that says so")
    print(f"full: a submit is {full}, /readyz {rig.status('GET', '/readyz')}, alive {rig.control.alive()}", flush=True)
    os.unlink(f"{rig.disk}/foreign")
    began = time.monotonic()
    wait_for(lambda: rig.submit_more() in (200, 201), "a submit that is taken again")
    wait_for(lambda: rig.status("GET", "/readyz") == 200, "readiness")
    print(f"room again: ready after {time.monotonic() - began:.1f} s, without a restart", flush=True)
    wait_for(lambda: rig.queue()["succeeded"] >= len(rig.accepted), "the rest", 600, 0.5)

    def applied():
        totals = request(rig.url, "GET", "/api/workers/metrics").json["totals"]
        return sum(t["count"] for t in totals if t["outcome"] == "succeeded")
    wait_for(lambda: applied() >= len(rig.accepted), "the effects", 60)
    queue, twice = rig.queue(), applied() - len(rig.accepted)
    lost = len(rig.accepted) - queue["succeeded"]
    print(f"{queue['succeeded']} succeeded, {lost} lost, {twice} twice, {queue['failed'] + queue['dead']} failed; "
          f"{rig.used_mb():.0f} MB in use")
    return lost == twice == queue["failed"] == queue["dead"] == 0 and all(n.alive() for n in rig.nodes)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--tasks", type=int, default=20_000)
    args = options.parse_args()
    if os.geteuid() != 0:
        print("left out: mounting a disk of 128 MB needs root")
        return 0
    root = tempfile.mkdtemp(prefix="skep-disk-")
    rig = SmallDisk(root)
    os.makedirs(rig.disk)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=0700", "tmpfs", rig.disk],
                             capture_output=True, text=True)
    if mounted.returncode != 0:
        shutil.rmtree(root, ignore_errors=True)
        print(f"left out: no disk of 128 MB can be mounted here: {mounted.stderr.strip()}")
        return 0
    good = False
    try:
        good = run(rig, args.tasks)
    finally:
        for node in reversed(rig.nodes):
            node.end()
        if not good:
            print(f"folders and logs stay in {root}, but for the disk")
        subprocess.run(["umount", "-l", rig.disk], check=False)
        if good:
            shutil.rmtree(root, ignore_errors=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
