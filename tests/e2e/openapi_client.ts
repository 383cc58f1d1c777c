// README's examples through a client whose types come from /openapi.json.
import createClient from "openapi-fetch";
import type { components, paths } from "./openapi.js";

declare const process: { argv: string[] };

// @ts-expect-error: a task has no such member
export const misspelt: components["schemas"]["TaskSpec"] = { type: "echo", parms: {} };

const api = createClient<paths>({ baseUrl: process.argv[2] });

function got<T>(answer: { data?: T; error?: { detail: string } }): T {
  if (answer.data === undefined) throw new Error(answer.error?.detail ?? "no answer");
  return answer.data;
}

const receipt = got(
  await api.POST("/api/tasks", {
    body: {
      type: "execute_script",
      params: { interpreter: "sh", script: "echo hi; echo no >&2; exit 3" },
    },
  }),
);
if (!("id" in receipt)) throw new Error("one task has one id");

const task = got(
  await api.GET("/api/tasks/{id}", {
    params: { path: { id: receipt.id }, query: { wait: 30 } },
  }),
);
const logs = got(
  await api.GET("/api/tasks/{id}/logs", { params: { path: { id: task.id } } }),
);
const workers = got(await api.GET("/api/workers"));
const health = got(await api.GET("/api/workers/health"));
const refused = await api.POST("/api/tasks", { body: { type: "execute_scrip" } });

console.log(
  JSON.stringify({
    status: task.status,
    ranBy: task.attempts.map((attempt) => attempt.worker_id),
    code: task.error?.code,
    output: logs.items.map((line) => `${line.stream}: ${line.text.trimEnd()}`).sort(),
    workers: workers.items.map((worker) => `${worker.worker_id} ${worker.status}`),
    online: health.workers.online,
    refused: refused.error?.code,
  }),
);
