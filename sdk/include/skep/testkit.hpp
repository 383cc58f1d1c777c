// C++ layer over the fake host (skep/testkit/fake_host.h): a unit test of a plugin in a few lines.
//
//   int main() {
//     skep::testkit::Plugin plugin;
//     const auto run = plugin.run({{"name", "bob"}});
//     SKEP_CHECK(run.rc == SKEP_OK);
//     SKEP_CHECK_EQ(run.result, R"({"greeting":"hello bob"})");
//     return skep_check_failures();
//   }
#ifndef SKEP_TESTKIT_HPP
#define SKEP_TESTKIT_HPP

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "skep/json.hpp"
#include "skep/testkit/fake_host.h"

namespace skep::testkit {

/// What one run of a task said and returned.
struct Run {
  skep_rc rc = 0;
  std::string message;  ///< of fail(), or of the exception that the task threw
  std::uint32_t retry_ms = 0;
  std::uint32_t permille = 0;
  std::string out;
  std::string err;
  std::string result;  ///< JSON text, "" when none was emitted
  std::string logs;
  std::string note;
  /// The result, parsed; null when there is none.
  Json json() const { return result.empty() ? Json() : Json::parse(result); }
};

/// How a call is cut short.
struct Cut {
  int cancelled = 0;             ///< SKEP_CANCEL_*: cancelled before it starts
  std::uint32_t at_emit = 0;     ///< cancelled at its n-th output, 0 = not
  std::int64_t deadline_ms = 0;  ///< time it has, 0 = no limit
};

/// A call for functions other than the run of a task: of a queue, a store, a spool, a heartbeat.
class Call {
 public:
  /// Its time is up `deadline_ms` from now; 0 = it has no limit.
  explicit Call(std::int64_t deadline_ms = 0) : call_(skep_fake_call_new(), skep_fake_call_free) {
    skep_fake_call_plain(call_.get());
    if (deadline_ms != 0) skep_fake_call_deadline(call_.get(), deadline_ms);
  }
  void cancel(int reason = SKEP_CANCEL_USER) { skep_fake_call_cancel(call_.get(), reason); }
  /// What the functions of a kind's table take.
  skep_call* handle() const { return skep_fake_call_handle(call_.get()); }
  std::string logs() const { return skep_fake_call_result(call_.get())->logs; }

 private:
  std::unique_ptr<skep_fake_call, void (*)(skep_fake_call*)> call_;
};

/// One component of the plugin that is linked into the test, from open() to close(). Ends the test
/// program when the plugin refuses to start.
class Plugin {
 public:
  explicit Plugin(const Json& config = Json::object(), const char* component = "test")
      : component_(skep_fake_start(skep_plugin_entry_v1(), component, config.dump().c_str())) {}
  ~Plugin() { skep_fake_stop(component_); }
  Plugin(const Plugin&) = delete;
  Plugin& operator=(const Plugin&) = delete;

  /// Runs the task with exactly these parameters: no schema is checked, no default filled in. [any]
  Run run_json(const Json& params, const Cut& cut = {}) {
    const std::unique_ptr<skep_fake_call, void (*)(skep_fake_call*)> call(skep_fake_call_new(),
                                                                          skep_fake_call_free);
    if (cut.cancelled != 0) skep_fake_call_cancel(call.get(), cut.cancelled);
    if (cut.at_emit != 0) skep_fake_call_cancel_at_emit(call.get(), cut.at_emit);
    if (cut.deadline_ms != 0) skep_fake_call_deadline(call.get(), cut.deadline_ms);
    const auto* r = skep_fake_run_call(component_, call.get(), params.dump().c_str());
    return {r->rc,  r->message, r->retry_ms, r->permille, r->out,
            r->err, r->result,  r->logs,     r->note};
  }
  /// The same: run({{"name", "bob"}}).
  Run run(std::initializer_list<Json::Member> params = {}, const Cut& cut = {}) {
    return run_json(Json::object(params), cut);
  }

  /// For skep_fake_http_reply() and its like.
  skep_fake_host* host() const { return skep_fake_host_of(component_); }
  /// The table of the component's kind, for kinds other than task.
  template <class Table>
  const Table* iface(const char* kind, const char* component = "test") const {
    return static_cast<const Table*>(
        skep_plugin_entry_v1()->iface(skep_plugin_entry_v1(), component, kind));
  }
  skep_inst* instance() const { return skep_fake_instance(component_); }

 private:
  skep_fake_component* component_;
};

inline void check_eq(const char* file, int line, const char* what, std::string_view got,
                     std::string_view wanted) {
  if (got != wanted)
    skep_check_failed(file, line, what, std::string(got).c_str(), std::string(wanted).c_str());
}

}  // namespace skep::testkit

/// Two texts.
#define SKEP_CHECK_EQ(got, wanted) \
  skep::testkit::check_eq(__FILE__, __LINE__, #got, (got), (wanted))

#endif
