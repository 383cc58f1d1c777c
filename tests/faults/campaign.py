"""Breaks a fleet under load on purpose, in an order that a seed gives; then lets it settle and counts.

    campaign.py [--seconds 600] [--seed N] [--kills 50]

One line for each kind of fault, one for the verdict. Exit code 1 when anything was lost, applied or run twice, set
aside though it was sound, or when a node ended that nobody had ended.
"""
import argparse
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from fleet import WORKERS, Fleet, fill
from rig import wait_for

LOG_BOUND = 64 << 20
NOTICED_IN = 20.0  # seconds until a control plane says that a file of it is gone


class Campaign:
    def __init__(self, fleet, chance, kills):
        self.fleet, self.random, self.kills = fleet, chance, kills
        self.counts = {}
        self.bursts = 0

    def count(self, kind, n=1):
        self.counts[kind] = self.counts.get(kind, 0) + n

    def pause(self, least, most):
        time.sleep(self.random.uniform(least, most))

    def some_worker(self):
        name = self.random.choice(WORKERS[:2])  # the third has nobody who reads its log
        return name, self.fleet.workers[name], self.fleet.proxies[name]

    # --- one fault each: done, and over when it returns -------------------------------------------------------

    def control_killed(self):
        self.fleet.control.kill9()
        self.pause(0, 1)
        self.fleet.control.start()
        self.fleet.wait_ready()

    def worker_killed(self):
        _, worker, _ = self.some_worker()
        worker.kill9()
        self.pause(0, 1)
        worker.start()

    def b1_log_growth(self):
        """2,000 tasks forty at a time: the watch looks at the logs of both databases."""
        self.bursts += 1
        for n in range(50):
            self.fleet.submit(self.fleet.tasks(f"burst{self.bursts}-{n}", 40))

    def p1_foreign_answers(self):
        _, _, proxy = self.some_worker()
        proxy.set("foreign")
        self.pause(1, 4)
        proxy.set("pass")

    def p2_descriptors(self):
        """Results pile up in an outage, and there is no descriptor left to read them with when it ends."""
        name, worker, proxy = self.some_worker()
        proxy.set("refuse")
        self.pause(0.5, 2)
        pid = worker.process.pid
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (len(os.listdir(f"/proc/{pid}/fd")), before[1]))
        proxy.set("pass")
        self.pause(1, 3)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)

    def p7_killed_while_muted(self):
        """kill -9 while a control plane accepts and never answers: the same results were under way each time."""
        _, worker, proxy = self.some_worker()
        proxy.set("mute")
        for _ in range(3):
            self.pause(0.5, 1.5)
            worker.kill9()
            worker.start()
        self.pause(0, 1)
        proxy.set("pass")

    def b4_old_register(self):
        """What the process before said comes after its successor registered."""
        _, worker, proxy = self.some_worker()
        old = proxy.registers[-1]
        seen = len(proxy.registers)
        worker.kill9()
        worker.start()
        wait_for(lambda: len(proxy.registers) > seen, "the new process' register")
        self.pause(0.1, 1)
        status = proxy.send_again(old)
        if status == 200:
            self.fleet.problems.append("the register of a former process was taken")
        self.pause(0.5, 1)  # its next beat would end it

    def b5_log_removed(self):
        os.unlink(f"{self.fleet.state}/queue.db-wal")
        try:
            wait_for(lambda: not self.fleet.is_ready(), "a control plane that notices", NOTICED_IN)
        except AssertionError as unnoticed:
            self.fleet.problems.append(f"queue.db-wal was removed: {unnoticed}")
        self.control_killed()

    def b9_doubled_claims(self):
        _, _, proxy = self.some_worker()
        proxy.set("doubled")
        self.pause(2, 5)
        proxy.set("pass")

    def f1_unread_log(self):
        """The third worker's stderr is a pipe that nobody reads; each start gets a fresh one."""
        worker = self.fleet.workers["w3"]
        worker.end()
        read, worker.unread = os.pipe()
        worker.start()
        os.close(worker.unread)
        self.unread = getattr(self, "unread", []) + [read]

    def f2_work_folder(self):
        """Full when we may mount, else gone."""
        name, _, _ = self.some_worker()
        folder = self.fleet.work(name)
        if os.path.ismount(folder):
            fill(f"{folder}/foreign")
            self.pause(1, 3)
            os.unlink(f"{folder}/foreign")
        else:
            os.rename(folder, folder + ".away")
            self.pause(1, 3)
            if os.path.isdir(folder):
                shutil.rmtree(folder)
            os.rename(folder + ".away", folder)

    def killed_in_an_outage(self):
        """`kills` times kill -9 of a worker with results to deliver, while nobody answers."""
        worker, proxy = self.fleet.workers["w2"], self.fleet.proxies["w2"]
        for n in range(self.kills):
            proxy.set(("refuse", "mute")[n % 2])
            self.pause(0.05, 0.6)
            worker.kill9()
            worker.start()
        self.pause(0.2, 1)
        proxy.set("pass")

    FAULTS = {
        "kill -9 of the control plane": control_killed,
        "kill -9 of a worker": worker_killed,
        "B1 2,000 tasks forty at a time": b1_log_growth,
        "P1 another service answers": p1_foreign_answers,
        "P2 no descriptor left": p2_descriptors,
        "P7 three kill -9 while nobody answers": p7_killed_while_muted,
        "B4 an old register arrives late": b4_old_register,
        "B5 queue.db-wal removed": b5_log_removed,
        "B9 answers to claims come twice": b9_doubled_claims,
        "F1 a log that nobody reads": f1_unread_log,
        "F2 no room in the work folder": f2_work_folder,
    }

    def run(self, seconds):
        end = time.monotonic() + seconds
        wait_for(lambda: len(self.fleet.accepted) > 100, "load")
        if self.kills:
            self.killed_in_an_outage()
            self.count("kill -9 in one outage", self.kills)
        bag = []
        while time.monotonic() < end:
            if not bag:
                bag = list(self.FAULTS)
                self.random.shuffle(bag)
            kind = bag.pop()
            self.FAULTS[kind](self)
            self.count(kind)
            self.pause(0.2, 1)

    def unread_tasks(self):
        """Of the worker whose log nobody reads."""
        answer = self.fleet.ask("GET", "/api/tasks?status=succeeded&worker_id=w3&limit=1")
        return bool(answer and answer.status == 200 and answer.json["items"])


def mount_work(fleet):
    """A small disk for each work folder, where we may."""
    if os.geteuid() != 0:
        return []
    folders = [fleet.work(name) for name in WORKERS]
    return [f for f in folders
            if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", f],
                              capture_output=True).returncode == 0]


def report(campaign, fleet, seed, seconds):
    verdict = fleet.verdict()
    if fleet.largest_log > LOG_BOUND:
        fleet.problems.append(f"the logs grew to {fleet.largest_log >> 20} MB")
    if not campaign.unread_tasks():
        fleet.problems.append("the worker whose log nobody reads ran nothing")
    for kind, n in campaign.counts.items():
        print(f"fault  {kind:40} {n:5}")
    print(f"seed {seed}, {seconds:.0f} s: {len(fleet.accepted)} tasks accepted, {len(fleet.scripts)} of them scripts, "
          f"{fleet.repeated} requests repeated; logs of both databases at most {fleet.largest_log / 1e6:.1f} MB")
    print(", ".join(f"{n} {what}" for what, n in verdict.items()))
    for problem in fleet.problems:
        print(f"problem: {problem}")
    return not fleet.problems and not any(verdict.values())


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=600)
    options.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    options.add_argument("--kills", type=int, default=50, help="kill -9 in the one outage")
    options.add_argument("--settle", type=float, default=300, help="seconds to get done when all is well again")
    args = options.parse_args()
    print(f"seed {args.seed}", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    root = tempfile.mkdtemp(prefix="skep-faults-")
    fleet = Fleet(root, args.seed)
    mounted = mount_work(fleet)
    campaign = Campaign(fleet, random.Random(args.seed), args.kills)
    good = False
    try:
        began = time.monotonic()
        campaign.run(args.seconds)
        took = time.monotonic() - began
        fleet.settle(args.settle)
        good = report(campaign, fleet, args.seed, took)
    finally:
        fleet.end()
        for folder in mounted:
            subprocess.run(["umount", "-l", folder], check=False)
        if good:
            shutil.rmtree(root, ignore_errors=True)
        else:
            print(f"folders and logs stay in {root}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
