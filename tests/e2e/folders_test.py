"""A folder of a node that is full, read-only, without inodes or gone: the node says so everywhere, spends no task,
and goes on by itself."""
import os
import re
import subprocess
import unittest

from rig import FAST_CONTROL, PLUGINS, RigTest, node_toml, wait_for

WORKER = """
[node]
roles = ["worker"]
id = "{name}"
state_dir = "{state}"
[worker]
control_plane_url = "{url}"
heartbeat_interval_seconds = 0.5
[spool]
dir = "{spool}"
keep_free_bytes = 0
[plugins]
paths = ["{plugins}"]
[plugins.execute_script]
work_dir = "{work}"
"""
FAULTS = ("full", "read-only", "inodes", "gone")


def run(*command):
    subprocess.run(command, check=True)


class Disk:
    """A small file system with one folder, to be spoilt."""

    def __init__(self, root):
        self.root, self.folder, self.away = root, f"{root}/f", f"{root}/away"
        os.makedirs(root)
        run("mount", "-t", "tmpfs", "-o", "size=48m,nr_inodes=2000", "tmpfs", root)
        os.mkdir(self.folder, 0o700)

    def fill(self):
        try:
            with open(f"{self.root}/foreign", "wb", buffering=0) as f:
                while f.write(b"x" * 65_536):
                    pass
        except OSError:  # a file that is written in part is no error: the next write says it
            pass

    def use_inodes(self):
        os.mkdir(f"{self.root}/many")
        try:
            for i in range(2_000):
                with open(f"{self.root}/many/{i}", "w"):
                    pass
        except OSError:
            return
        raise AssertionError("there are inodes left")

    def spoil(self, fault):
        if fault == "full":
            self.fill()
        elif fault == "inodes":
            self.use_inodes()
        elif fault == "gone":
            os.rename(self.folder, self.away)
        else:  # another view of it: a file system with files that are open for writing cannot be made read-only
            run("mount", "--bind", self.folder, self.folder)
            run("mount", "-o", "remount,bind,ro", self.folder)

    def mend(self, fault):
        if fault == "full":
            os.remove(f"{self.root}/foreign")
        elif fault == "inodes":
            run("rm", "-r", f"{self.root}/many")
        elif fault == "gone":
            os.rename(self.away, self.folder)
        else:
            run("umount", "-l", self.folder)

    def unmount(self):
        for path in (self.folder, self.root):  # what is no mount is left alone
            subprocess.run(["umount", "-l", path], stderr=subprocess.DEVNULL)


@unittest.skipUnless(os.geteuid() == 0, "mounting small file systems needs root")
class Folders(RigTest):
    def setUp(self):
        super().setUp()
        self.disks = []

    def tearDown(self):
        try:
            for node in self.nodes:
                node.end()
        finally:
            for disk in self.disks:
                disk.unmount()
            super().tearDown()

    def disk(self, name):
        self.disks.append(Disk(os.path.join(self.root, name)))
        return self.disks[-1]

    def spoilt_worker(self, kind, fault):
        """A worker of which the folder of this `kind` can be spoilt."""
        name = f"{kind}-{fault}"
        disk = self.disk(f"disk-{name}")
        folders = {k: f"{self.root}/{name}/{k}" for k in ("state", "spool", "work")}
        folders[kind] = disk.folder
        os.makedirs(f"{self.root}/{name}/work")
        node = self.node(name, WORKER.format(name=name, url=self.url, plugins=PLUGINS, **folders))
        node.name, node.kind, node.fault, node.disk = name, kind, fault, disk
        node.mark = f"{self.root}/{name}/mark"
        return node

    def look_again(self, workers):
        """One that is idle waits for tasks, and looks at its folders only once that has an end."""
        for worker in workers:
            mode = self.api("GET", f"/api/workers/{worker.name}")["mode"]
            self.api("POST", f"/api/workers/{worker.name}/{'pause' if mode == 'active' else 'resume'}", {})

    def state_of(self, task):
        task = self.api("GET", f"/api/tasks/{task}")
        return task["status"], task["tries_used"]

    def mark(self, worker):
        return self.submit("execute_script", {"script": f"echo ran >> {worker.mark}"}, worker_id=worker.name)

    def own_word(self, worker):
        """What its own /readyz says, over its socket, wherever that is now."""
        state = worker.disk.folder if worker.kind == "state" else f"{self.root}/{worker.name}/state"
        if not os.path.exists(state):
            state = worker.disk.away
        return self.skep("health", "--ready", "--server", f"unix:{state}/node.sock", check=False)

    def telling(self, worker):
        """Where its trouble can be read now."""
        told = lambda text: f"{worker.disk.root}/f" in re.sub(r"\s", "", text)
        row = self.api("GET", f"/api/workers/{worker.name}")
        places = {"api"} if any(told(trouble) for trouble in row["troubles"]) else set()
        if not places:
            return places
        for command in (("worker", "list"), ("status",)):
            if told(self.skep(*command).stdout):
                places.add(" ".join(command))
        own = self.own_word(worker)
        if own.returncode == 1 and told(own.stdout):
            places.add("readyz")
        metrics = self.call("GET", "/metrics").body.decode()
        if re.search(rf'skep_worker_troubles\{{[^}}]*worker="{worker.name}"[^}}]*\}} [1-9]', metrics):
            places.add("metrics")
        return places

    def wait_until_told(self, workers, meanwhile):
        missing = {w: {"api", "worker list", "status", "readyz", "metrics"} for w in workers}

        def told():
            meanwhile(missing)
            for worker in list(missing):
                missing[worker] -= self.telling(worker)
                if not missing[worker]:
                    del missing[worker]
            return not missing

        try:
            wait_for(told, "the troubles", pause=0.2)
        except AssertionError as late:
            raise AssertionError({w.name: places for w, places in missing.items()}) from late
        for worker in workers:
            self.assertTrue(worker.alive())
            self.assertFalse(os.path.exists(worker.mark), worker.name)

    def test_a_worker_whose_folder_fails_says_so_spends_no_task_and_goes_on(self):
        self.control()
        work = [self.spoilt_worker("work", fault) for fault in FAULTS]
        others = [self.spoilt_worker(kind, fault) for kind in ("spool", "state") for fault in FAULTS]
        for worker in work + others:
            self.online(worker.name)
        for worker in work + others:
            worker.disk.spoil(worker.fault)
        tasks = {w: self.mark(w) for w in work}  # no other look at it than a task
        self.wait_until_told(work, lambda _: None)
        for worker in work:
            worker.disk.mend(worker.fault)
        self.wait_until_told(others, self.look_again)
        for worker in others:
            self.api("POST", f"/api/workers/{worker.name}/resume", {})
            tasks[worker] = self.mark(worker)
            # A claim that waited since before the trouble may take it for a moment.
            wait_for(lambda: self.state_of(tasks[worker]) == ("queued", 0), f"{worker.name} to give its task back")
        for worker in others:
            worker.disk.mend(worker.fault)
        for worker, task in tasks.items():
            task = self.ended(task)
            self.assertEqual((task["status"], task["tries_used"]), ("succeeded", 1), (worker.name, task))
            with open(worker.mark) as f:
                self.assertEqual(f.read(), "ran\n", worker.name)
            wait_for(lambda: self.own_word(worker).returncode == 0, f"{worker.name} ready")
            self.assertEqual(self.api("GET", f"/api/workers/{worker.name}")["troubles"], [])

    def test_a_control_plane_whose_state_folder_fails_takes_nothing_and_goes_on(self):
        disk = self.disk("disk")
        node = self.node("control", node_toml(disk.folder, ("control",), paths=(PLUGINS,), extra=FAST_CONTROL))
        node.folder = disk.folder  # where its addresses are
        self.attach(node)
        accepted = [self.submit("execute_script", {"script": "true"})]

        def refused():
            """Whether a task of 60 kB is: a log of the database has some room of its own."""
            answer = self.call("POST", "/api/tasks", {"type": "execute_script", "params": {"script": "#" * 60_000}})
            self.assertIn(answer.status, (201, 503, 507), answer.body)
            accepted.extend([answer.json["id"]] if answer.status == 201 else [])
            return answer.status != 201

        for fault in ("full", "gone", "inodes"):
            disk.spoil(fault)
            wait_for(lambda: self.call("GET", "/readyz").status == 503, f"not ready: {fault}")
            if fault != "inodes":  # its files are there
                wait_for(refused, f"no task is taken: {fault}")
            self.assertEqual(self.call("GET", "/livez").status, 200)
            disk.mend(fault)
            wait_for(lambda: self.call("GET", "/readyz").status == 200, f"ready after {fault}")
            wait_for(lambda: not refused(), f"a task after {fault}")
        self.worker("w1")
        for task in accepted:
            task = self.ended(task)
            self.assertEqual((task["status"], task["tries_used"]), ("succeeded", 1))


if __name__ == "__main__":
    unittest.main(verbosity=2)
