#include "core/plugin/adapters/queue_convert.hpp"

#include <algorithm>

#include "core/plugin/view.hpp"
#include "skep/json.hpp"

namespace skep::plugin {
namespace {

std::string copy(skep_view v) { return std::string(text(v)); }

std::vector<std::string> parse_requirements(skep_view json) {
  std::vector<std::string> out;
  if (json.n == 0 || text(json) == "[]") return out;
  const Json list = Json::parse(text(json));
  for (const Json& name : list.items()) out.emplace_back(name.str());
  return out;
}

}  // namespace

std::string requirements_json(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  Json out = Json::array();
  for (std::string& name : names) out.push(std::move(name));
  return out.dump();
}

skep_queue_task to_abi(const model::Task& task, const std::string& requirements) {
  skep_queue_task row{};
  row.size = sizeof(row);
  row.state = static_cast<std::uint32_t>(task.state);
  row.id = to_view(task.id);
  row.type = to_view(task.spec.type);
  row.site = to_view(task.spec.site);
  row.target_worker = to_view(task.spec.target_worker);
  row.requirements = to_view(requirements);
  row.params = to_view(task.spec.params);
  row.idempotency_key = to_view(task.spec.idempotency_key);
  row.priority = task.spec.priority;
  row.max_attempts = task.spec.max_attempts;
  row.timeout_ms = task.spec.timeout_ms;
  row.created_ms = task.created_ms;
  row.run_at_ms = task.spec.run_at_ms;
  row.expires_ms = task.spec.expires_ms;
  return row;
}

skep_queue_lease to_abi(const model::Lease& lease, bool executing) {
  return {sizeof(skep_queue_lease), executing ? 1u : 0u, to_view(lease.task_id),
          to_view(lease.lease_id), lease.attempt};
}

skep_queue_result to_abi(const ports::ResultRecord& record) {
  skep_queue_result out{};
  out.size = sizeof(out);
  out.outcome = static_cast<std::uint32_t>(record.outcome.kind);
  out.idempotency_key = to_view(record.idempotency_key);
  out.body_sha256 = to_view(record.body_sha256);
  out.task_id = to_view(record.lease.task_id);
  out.lease_id = to_view(record.lease.lease_id);
  out.worker_id = to_view(record.worker_id);
  out.incarnation = to_view(record.incarnation);
  out.result = to_view(record.outcome.result);
  out.error = to_view(record.outcome.error);
  out.attempt = record.lease.attempt;
  out.queued_ms = record.outcome.queued_ms;
  out.duration_ms = record.outcome.duration_ms;
  out.retry_delay_ms = record.retry_delay_ms;
  return out;
}

skep_queue_loss to_abi(const ports::Loss& loss) {
  skep_queue_loss out{};
  out.size = sizeof(out);
  out.crashed = loss.crashed ? 1 : 0;
  out.task_id = to_view(loss.lease.task_id);
  out.lease_id = to_view(loss.lease.lease_id);
  out.attempt = loss.lease.attempt;
  out.retry_delay_ms = loss.retry_delay_ms;
  out.max_crashes = loss.max_crashes;
  out.error = to_view(loss.error);
  return out;
}

model::Task to_task(const skep_queue_task& row) {
  model::Task t;
  t.id = copy(row.id);
  t.seq = row.seq;
  t.state = static_cast<model::TaskState>(row.state);
  t.spec.type = copy(row.type);
  t.spec.params = copy(row.params);
  t.spec.site = copy(row.site);
  t.spec.target_worker = copy(row.target_worker);
  t.spec.requirements = parse_requirements(row.requirements);
  t.spec.priority = static_cast<int>(row.priority);
  t.spec.timeout_ms = row.timeout_ms;
  t.spec.max_attempts = static_cast<int>(row.max_attempts);
  t.spec.run_at_ms = row.run_at_ms;
  t.spec.expires_ms = row.expires_ms;
  t.spec.idempotency_key = copy(row.idempotency_key);
  t.attempt = row.attempt;
  t.tries_used = row.tries_used;
  t.crash_count = row.crash_count;
  t.created_ms = row.created_ms;
  t.claimed_ms = row.claimed_ms;
  t.started_ms = row.started_ms;
  t.finished_ms = row.finished_ms;
  t.lease_expires_ms = row.lease_expires_ms;
  t.worker_id = copy(row.worker_id);
  t.incarnation = copy(row.incarnation);
  t.lease_id = copy(row.lease_id);
  t.result = copy(row.result);
  t.error = copy(row.error);
  return t;
}

ports::AttemptRow to_attempt(const skep_queue_attempt& row) {
  return {row.attempt,        copy(row.worker_id), copy(row.incarnation),
          copy(row.lease_id), copy(row.outcome),   copy(row.error),
          row.claimed_ms,     row.started_ms,      row.finished_ms};
}

}  // namespace skep::plugin
