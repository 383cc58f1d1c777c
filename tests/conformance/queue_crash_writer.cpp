// queue_crash_writer DB ROUND: enqueues, claims and completes until it is killed. A line on stdout
// says what the queue has acknowledged: "e ID" enqueued, "c ID" completed.
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "core/model/task.hpp"
#include "tests/support/sqlite_components.hpp"

namespace {

using namespace skep;

bool say(char what, const std::string& id) {
  const std::string line = std::string(1, what) + " " + id + "\n";
  return ::write(STDOUT_FILENO, line.data(), line.size()) == static_cast<ssize_t>(line.size());
}

model::Task task_named(const std::string& id) {
  model::Task task;
  task.id = id;
  task.spec.type = "t";
  return task;
}

bool complete_some(ports::Queue& queue, WallMs now) {
  const model::WorkerProfile by{"w", "boot", "site", {}, {"t"}};
  const auto claimed = queue.claim(now, {by, 2, 90'000});
  if (!claimed) return false;
  for (const model::Task& t : *claimed) {
    ports::ResultRecord r;
    r.lease = {t.id, t.attempt, t.lease_id};
    r.idempotency_key = model::result_key(r.lease);
    r.body_sha256 = "body";
    r.worker_id = "w";
    r.outcome.kind = model::OutcomeKind::kSucceeded;
    const auto verdicts = queue.complete(now, {&r, 1});
    if (!verdicts || verdicts->front() != model::Verdict::kApplied || !say('c', t.id)) return false;
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  auto queue = test::open_sqlite_queue(test::sqlite_config(argv[1]));
  if (!queue) {
    std::fprintf(stderr, "%s\n", queue.error().message.c_str());
    return 1;
  }
  for (int i = 0;; ++i) {
    const std::string id = std::string(argv[2]) + "-" + std::to_string(i);
    const std::vector<model::Task> batch{task_named(id + "a"), task_named(id + "b")};
    if (!(*queue)->enqueue(1'000 + i, batch) || !say('e', batch[0].id) || !say('e', batch[1].id))
      return 1;
    if (!complete_some(**queue, 2'000 + i)) return 1;
  }
}
