#include "core/conformance/plugin_under_test.hpp"

#include <filesystem>
#include <utility>

#include "core/base/json.hpp"
#include "core/base/utf8.hpp"
#include "core/plugin/adapters/abi_error.hpp"
#include "core/plugin/kinds.hpp"
#include "core/plugin/loader.hpp"

namespace skep::conformance {
namespace {

constexpr std::int64_t kDrainMs = 1'000;
constexpr std::int64_t kStartMs = 30'000;  // of start() and stop()

template <class Call>
Answer ask(const std::string& function, Call&& call) {
  step(function);
  plugin::ErrBuffer err;
  const skep_rc rc = call(err.out());
  Answer answer{rc, {}};
  if (rc > 0)
    throw Broken(function + " returned " + std::to_string(rc),
                 "return SKEP_OK, or a negative SKEP_E_ code");
  if (rc == SKEP_OK) return answer;
  if (err.out()->n == 0)
    throw Broken(function + " failed with code " + std::to_string(rc) + " and no message",
                 "write what went wrong into skep_err, or throw skep::Fault");
  answer.message = err.status(rc).error().message;
  return answer;
}

/// With a call that is no task's and has so much time.
template <class Call>
Answer ask_with_call(const std::string& function, std::int64_t time_ms, Call&& call) {
  const FakeCall fake(skep_fake_call_new());
  skep_fake_call_plain(fake.get());
  skep_fake_call_deadline(fake.get(), time_ms);
  return ask(function, [&](skep_err* err) { return call(skep_fake_call_handle(fake.get()), err); });
}

template <class T>
const T& value_of(const Result<T>& result, const std::string& fix) {
  if (!result)
    throw Broken(result.error().message, result.error().next.empty() ? fix : result.error().next);
  return *result;
}

}  // namespace

Loaded::Loaded(const Subject& subject) : host_(skep_fake_host_new()) {
  step("loading");
  auto area = plugin::StagingArea::open((std::filesystem::current_path() / "staging").string());
  value_of(area, "make the temporary folder writable");
  area_.emplace(std::move(*area));
  const auto staged = area_->stage(subject.file, "kit");
  table_ = value_of(plugin::load_library(value_of(staged, "make the file readable")),
                    "build it with skep_add_plugin()");
}

Loaded::~Loaded() {
  if (open_) close();
}

Answer Loaded::open(const skep_host* host) {
  const skep_host* handle = host != nullptr ? host : skep_fake_host_handle(host_.get());
  const Answer answer =
      ask("open()", [&](skep_err* err) { return table_->open(table_, handle, err); });
  open_ = answer.ok();
  return answer;
}

void Loaded::close() {
  step("close()");
  open_ = false;
  table_->close(table_);
}

Answer Loaded::create(const std::string& component, skep_view config, skep_inst** out,
                      const std::string& doing) {
  return ask(doing, [&](skep_err* err) {
    return table_->create(table_, component.c_str(), config, out, err);
  });
}
Answer Loaded::start(skep_inst* inst) {
  return ask_with_call("start()", kStartMs, [&](skep_call* call, skep_err* err) {
    return table_->start(inst, call, err);
  });
}
Answer Loaded::drain(skep_inst* inst) {
  return ask_with_call("drain()", kDrainMs, [&](skep_call* call, skep_err* err) {
    return table_->drain(inst, call, err);
  });
}
Answer Loaded::stop(skep_inst* inst) {
  return ask_with_call("stop()", kStartMs, [&](skep_call* call, skep_err* err) {
    return table_->stop(inst, call, err);
  });
}
void Loaded::destroy(skep_inst* inst) {
  step("destroy()");
  table_->destroy(inst);
}
const void* Loaded::iface(const std::string& component, const std::string& id) {
  step("iface()");
  return table_->iface(table_, component.c_str(), id.c_str());
}

void must(const Answer& answer, std::string_view doing) {
  if (!answer.ok())
    throw Broken(std::string(doing) + " failed: " + answer.message,
                 "give the check settings that work: --settings '{\"key\": \"value\"}'");
}

Instance::Instance(const Subject& subject, State state, const skep_host* host)
    : subject_(subject), plugin_(subject) {
  must(plugin_.open(host), "open()");
  const std::string& name = subject.component->name;
  iface_ = plugin_.iface(name, subject.component->kind);
  const auto checked = plugin::check_table(iface_, "the table of " + name,
                                           plugin::find_kind(subject.component->kind)->functions);
  if (!checked) throw Broken(checked.error().message, "set every function of the table");
  must(plugin_.create(name, {subject.config.data(), subject.config.size()}, &inst_), "create()");
  if (inst_ == nullptr)
    throw Broken("create() returned success without an instance", "set *out, also when stateless");
  if (state == State::kStarted) must(plugin_.start(inst_), "start()");
}

Instance::~Instance() {
  if (inst_ == nullptr) return;
  try {
    end();
  } catch (const Broken&) {
    // the test has failed before, and with a better message
  }
}

void Instance::end() {
  must(plugin_.stop(inst_), "stop()");
  plugin_.destroy(std::exchange(inst_, nullptr));
  plugin_.close();
}

std::string request_json(const Subject& subject, std::string_view task_id) {
  JsonOut out;
  out.object().key("task_id").str(task_id).key("type").str(subject.component->name);
  out.key("attempt").integer(1).key("worker_id").str("kit").key("site").str("kit");
  out.key("idempotency_key").str("").key("timeout_ms").integer(0);
  out.key("params").raw(subject.params).end_object();
  return out.take();
}

const skep_fake_result* run_task(Instance& instance, skep_fake_call* call, skep_view request) {
  step("run()");
  const auto* task = static_cast<const skep_task_v1*>(instance.iface());
  skep_call* const handle = skep_fake_call_handle(call);
  const skep_rc rc = task->run(instance.handle(), handle, request);
  const skep_fake_result* r = skep_fake_call_ended(call, rc);
  if (rc > 0)
    throw Broken("run() returned " + std::to_string(rc), "return SKEP_OK, or what fail() returned");
  // What emit() returned to a cancelled call may be passed on as it is.
  const bool passed_on = rc == SKEP_E_CANCELLED && handle->ops->cancelled(handle) != 0;
  if (rc < 0 && !passed_on && r->message[0] == '\0')
    throw Broken("run() failed with code " + std::to_string(rc) + " and no message",
                 "return call.fail(code, \"what was wrong, where, what to do\")");
  if (r->result[0] != '\0' && !parse_json(r->result))
    throw Broken("the result is not JSON: " + std::string(clip_utf8(r->result, 80)),
                 "emit one complete JSON document");
  return r;
}

}  // namespace skep::conformance
