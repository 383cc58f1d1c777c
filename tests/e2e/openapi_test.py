"""The API's own description: a linter finds no error in it, and a TypeScript client made of it works.

The tools are JavaScript. They are installed once per user, outside of the source, at the versions below;
without node and npm, or when the packages cannot be had, the tests say so and are skipped.
"""
import json
import os
import shutil
import subprocess
import tempfile
import unittest

from rig import RigTest

PACKAGES = {"@redocly/cli": "2.77.0", "openapi-typescript": "7.13.0", "openapi-fetch": "0.17.0",
            "typescript": "5.9.3"}
HERE = os.path.dirname(os.path.abspath(__file__))
LINT_RULES = """
extends: [recommended]
rules:
  # /api/workers/health beside /api/workers/{id}: literal parts win, and no worker may have such a name.
  no-ambiguous-paths: off
"""


def tools():
    """The folder with node_modules; skips the test when there is none to be had."""
    for name in ("node", "npm"):
        if shutil.which(name) is None:
            raise unittest.SkipTest(f"SKIPPED: no {name} here")
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    wanted = [f"{name}@{version}" for name, version in sorted(PACKAGES.items())]
    folder = os.path.join(cache, "skep", "node-" + "-".join(PACKAGES[name] for name in sorted(PACKAGES)))
    if os.path.isdir(folder):
        return folder
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    fresh = tempfile.mkdtemp(dir=os.path.dirname(folder))
    try:
        subprocess.run(["npm", "install", "--prefix", fresh, "--no-audit", "--no-fund", "--ignore-scripts",
                        "--prefer-offline", *wanted], check=True, capture_output=True, text=True, timeout=200)
        os.rename(fresh, folder)
    except (subprocess.SubprocessError, OSError) as error:
        if not os.path.isdir(folder):  # or else another run was faster
            why = getattr(error, "stderr", None) or str(error)
            raise unittest.SkipTest(f"SKIPPED: {' '.join(wanted)} cannot be installed: {why[-300:]}") from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return folder


class Document(RigTest):
    def test_every_answer_request_and_parameter_has_a_schema(self):
        self.control()
        operations = [(method.upper() + " " + path, operation)
                      for path, methods in self.api("GET", "/openapi.json")["paths"].items()
                      for method, operation in methods.items()]
        self.assertGreater(len(operations), 30)
        for name, operation in operations:
            bodies = [answer for answer in operation["responses"].values() if "content" in answer]
            self.assertTrue(bodies, name)
            for body in bodies + [operation[k] for k in ("requestBody",) if k in operation]:
                for content in body["content"].values():
                    self.assertTrue(content["schema"], name)
            for parameter in operation["parameters"]:
                self.assertTrue(parameter["schema"], name)


class Tools(RigTest):
    def setUp(self):
        self.tools = tools()
        super().setUp()
        self.control()
        self.work = os.path.join(self.root, "client")
        os.makedirs(self.work)
        with open(os.path.join(self.work, "openapi.json"), "wb") as f:
            f.write(self.call("GET", "/openapi.json").body)

    def tool(self, *words):
        program = os.path.join(self.tools, "node_modules/.bin", words[0])
        env = dict(os.environ, REDOCLY_TELEMETRY="off", REDOCLY_SUPPRESS_UPDATE_NOTICE="true", NO_COLOR="1")
        done = subprocess.run([program, *words[1:]], cwd=self.work, env=env, capture_output=True, text=True,
                              timeout=300)
        self.assertEqual(done.returncode, 0, f"$ {' '.join(words)}\n{done.stdout}\n{done.stderr}")
        return done.stdout + done.stderr

    def test_a_linter_finds_no_error(self):
        with open(os.path.join(self.work, "redocly.yaml"), "w") as f:
            f.write(LINT_RULES)
        self.assertIn("valid", self.tool("redocly", "lint", "openapi.json", "--config", "redocly.yaml"))

    def test_a_typescript_client_carries_the_examples_of_the_readme(self):
        self.worker("w1")
        os.symlink(os.path.join(self.tools, "node_modules"), os.path.join(self.work, "node_modules"))
        with open(os.path.join(self.work, "package.json"), "w") as f:
            f.write('{"type":"module"}')
        shutil.copy(os.path.join(HERE, "openapi_client.ts"), os.path.join(self.work, "client.ts"))
        self.tool("openapi-typescript", "openapi.json", "-o", "openapi.d.ts")
        self.tool("tsc", "--strict", "--noUncheckedIndexedAccess", "--target", "es2022", "--module", "nodenext",
                  "--lib", "es2022,dom", "--skipLibCheck", "client.ts")
        done = subprocess.run(["node", "client.js", self.url], cwd=self.work, capture_output=True, text=True,
                              timeout=300)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(json.loads(done.stdout), {
            "status": "failed", "ranBy": ["w1"], "code": "failed", "output": ["stderr: no", "stdout: hi"],
            "workers": ["w1 online"], "online": 1, "refused": "unknown-task-type"})


if __name__ == "__main__":
    unittest.main(verbosity=2)
