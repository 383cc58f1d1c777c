#include "tests/support/fake_host.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <stdexcept>

#include "core/api/schema.hpp"
#include "core/base/json.hpp"
#include "core/base/text.hpp"
#include "core/proc/monotonic.hpp"
#include "core/proc/process_service.hpp"
#include "skep/kind/task.h"
#include "skep/svc/log.h"

namespace skep::test {
namespace {

struct FakeTaskCall : skep_call {
  TaskRun run{};
  const TaskOptions& options;
  const std::atomic<int>& cancelled;
  int cancel_fd;
  MonoMs deadline;  // 0 = none
};
FakeTaskCall& of(skep_call* call) { return *static_cast<FakeTaskCall*>(call); }

std::string text(skep_view v) {
  return std::string(static_cast<const char*>(v.p), static_cast<std::size_t>(v.n));
}
skep_view view(std::string_view s) { return {s.data(), s.size()}; }

std::mutex g_log_mutex;
std::vector<std::string>& log_store() {
  static std::vector<std::string> lines;
  return lines;
}

void write_log(const skep_host*, std::uint32_t, skep_view event, skep_view fields) {
  const std::lock_guard lock(g_log_mutex);
  log_store().push_back(text(event) + " " + text(fields));
}

const void* find_service(const skep_host*, const char* id) {
  static const skep_svc_log_v1 log{sizeof(skep_svc_log_v1), 0, write_log};
  const std::string_view name = id;
  if (name == SKEP_SVC_PROCESS) return proc::process_service();
  return name == SKEP_SVC_LOG ? &log : nullptr;
}

int cancelled(skep_call* call) {
  if (of(call).cancelled != 0) return of(call).cancelled;
  const bool late = of(call).deadline != 0 && proc::monotonic_ms() >= of(call).deadline;
  return late ? SKEP_CANCEL_DEADLINE : 0;
}

skep_rc emit(skep_call* call, std::uint32_t channel, skep_view bytes) {
  const std::string copy = text(bytes);
  const bool output = channel == SKEP_CH_STDOUT || channel == SKEP_CH_STDERR;
  if (output && of(call).options.on_output) of(call).options.on_output(copy);
  if (channel == SKEP_CH_STDOUT) of(call).run.out += copy;
  if (channel == SKEP_CH_STDERR) of(call).run.err += copy;
  if (channel == SKEP_CH_RESULT) of(call).run.result = copy;
  if (channel == SKEP_CH_LOG) of(call).run.logs.push_back(copy);
  return cancelled(call) != 0 ? SKEP_E_CANCELLED : SKEP_OK;
}

skep_rc progress(skep_call* call, std::uint32_t, skep_view) {
  return cancelled(call) != 0 ? SKEP_E_CANCELLED : SKEP_OK;
}

skep_rc fail(skep_call* call, skep_rc code, std::uint32_t retry_ms, skep_view message) {
  of(call).run.fail_code = code;
  of(call).run.retry_ms = retry_ms;
  of(call).run.message = text(message);
  return code;
}

std::int64_t deadline_ns(skep_call* call) {
  return of(call).deadline == 0 ? std::numeric_limits<std::int64_t>::max()
                                : of(call).deadline * 1'000'000;
}

std::int32_t wait_until(skep_call* call, std::int64_t until_ns) {
  pollfd p{of(call).cancel_fd, POLLIN, 0};
  const auto left = std::clamp<MonoMs>(until_ns / 1'000'000 - proc::monotonic_ms(), 0, 1 << 30);
  poll(&p, 1, static_cast<int>(left));
  return cancelled(call);
}

std::int32_t cancel_fd(skep_call* call) { return of(call).cancel_fd; }

void write_call_log(skep_call*, std::uint32_t level, skep_view event, skep_view fields) {
  write_log(nullptr, level, event, fields);
}

constexpr skep_call_ops kOps{
    sizeof(skep_call_ops), 0,          emit,      progress,      fail, cancelled,
    deadline_ns,           wait_until, cancel_fd, write_call_log};

constexpr skep_host kHost{sizeof(skep_host), SKEP_ABI_MINOR, find_service};

struct ErrorText {
  char buffer[1024] = {};
  skep_err err{sizeof(skep_err), 0, sizeof(buffer), 0, buffer};
  void check(skep_rc rc, const char* doing) const {
    if (rc < 0) throw std::runtime_error(std::string(doing) + ": " + std::string(buffer, err.n));
  }
};

/// `document_json` with the schema's defaults; throws its first problem.
json::value complete(std::string_view schema_json, std::string_view document_json) {
  const auto schema = api::Schema::compile(schema_json);
  if (!schema) throw std::runtime_error("schema: " + schema.error().message);
  auto document = parse_json(document_json);
  if (!document) throw std::runtime_error(document.error().message);
  const auto problems = schema->apply(*document);
  if (!problems.empty()) throw std::runtime_error(problems[0].pointer + ": " + problems[0].message);
  return *document;
}

json::object first_component(const std::string& manifest_path) {
  const auto content = read_file(manifest_path);
  if (!content) throw std::runtime_error("cannot read " + manifest_path);
  const auto manifest = parse_json(*content);
  if (!manifest) throw std::runtime_error(manifest_path + ": " + manifest.error().message);
  return manifest->as_object().at("components").as_array().at(0).as_object();
}

}  // namespace

FakeHost::FakeHost(const skep_plugin_v1* plugin, const std::string& manifest_path,
                   std::string_view config_json)
    : plugin_(plugin), cancel_fd_(eventfd(0, EFD_CLOEXEC)) {
  const json::object component = first_component(manifest_path);
  params_schema_ = get_raw(component, "params_schema", "{}");
  const std::string name = get_string(component, "name");
  const std::string config =
      to_text(complete(get_raw(component, "config_schema", "{}"), config_json));
  ErrorText error;
  error.check(plugin_->open(plugin_, &kHost, &error.err), "open");
  error.check(plugin_->create(plugin_, name.c_str(), view(config), &instance_, &error.err),
              "create");
  try {
    error.check(plugin_->start(instance_, nullptr, &error.err), "start");
  } catch (...) {  // no destructor runs for what was not made
    plugin_->destroy(instance_);
    plugin_->close(plugin_);
    close(cancel_fd_);
    throw;
  }
  task_ = plugin_->iface(plugin_, name.c_str(), SKEP_KIND_TASK);
  if (task_ == nullptr) throw std::runtime_error(name + " is not a task");
}

FakeHost::~FakeHost() {
  ErrorText error;
  if (plugin_->stop(instance_, nullptr, &error.err) < 0) std::abort();
  plugin_->destroy(instance_);
  plugin_->close(plugin_);
  close(cancel_fd_);
}

TaskRun FakeHost::run(std::string_view params_json, const TaskOptions& options) {
  const auto params = complete(params_schema_, params_json);
  JsonOut request;
  request.object().key("task_id").str("task-1").key("type").str("test").key("attempt").integer(2);
  request.key("worker_id").str("worker-1").key("site").str("site-a");
  request.key("idempotency_key").str("key-1").key("timeout_ms").integer(options.deadline.count());
  request.key("params").raw(to_text(params)).end_object();
  const MonoMs deadline =
      options.deadline.count() == 0 ? 0 : proc::monotonic_ms() + options.deadline.count();
  FakeTaskCall call{{&kOps}, {}, options, cancelled_, cancel_fd_, deadline};
  const auto* task = static_cast<const skep_task_v1*>(task_);
  call.run.rc = task->run(instance_, &call, view(request.text()));
  return std::move(call.run);
}

void FakeHost::cancel(int reason) {
  int none = 0;
  cancelled_.compare_exchange_strong(none, reason);
  const std::uint64_t one = 1;
  if (write(cancel_fd_, &one, sizeof(one)) != sizeof(one)) std::abort();
}

std::vector<std::string> FakeHost::log_lines() {
  const std::lock_guard lock(g_log_mutex);
  return log_store();
}

}  // namespace skep::test
