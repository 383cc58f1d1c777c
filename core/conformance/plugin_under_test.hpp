// A plugin in the hands of a test: every call checked for what holds of all calls, and announced by
// step(), so that a crash has a place.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/conformance/guarded_bytes.hpp"
#include "core/conformance/test_case.hpp"
#include "core/plugin/stage.hpp"
#include "skep/testkit/fake_host.h"

namespace skep::conformance {

/// What the plugin answered. A negative code without a message, or a positive one, is Broken.
struct Answer {
  skep_rc rc = SKEP_OK;
  std::string message;
  bool ok() const { return rc == SKEP_OK; }
};

struct FakeHostDeleter {
  void operator()(skep_fake_host* h) const { skep_fake_host_free(h); }
};
struct FakeCallDeleter {
  void operator()(skep_fake_call* c) const { skep_fake_call_free(c); }
};
using FakeHost = std::unique_ptr<skep_fake_host, FakeHostDeleter>;
using FakeCall = std::unique_ptr<skep_fake_call, FakeCallDeleter>;

/// A copy of the file of its own, loaded; closed with the object when it is open.
class Loaded {
 public:
  explicit Loaded(const Subject& subject);
  Loaded(const Loaded&) = delete;
  Loaded& operator=(const Loaded&) = delete;
  ~Loaded();

  const skep_plugin_v1& table() const { return *table_; }
  skep_fake_host* host() const { return host_.get(); }
  /// With `host`, or the fake one. It must stay until the object goes.
  Answer open(const skep_host* host = nullptr);
  void close();
  /// `doing` is what a message says of the call.
  Answer create(const std::string& component, skep_view config, skep_inst** out,
                const std::string& doing = "create()");
  Answer start(skep_inst* inst);
  Answer drain(skep_inst* inst);
  Answer stop(skep_inst* inst);
  void destroy(skep_inst* inst);
  const void* iface(const std::string& component, const std::string& id);

 private:
  std::optional<plugin::StagingArea> area_;
  FakeHost host_;
  const skep_plugin_v1* table_ = nullptr;
  bool open_ = false;
};

/// Broken, with the plugin's own words, unless the answer is success.
void must(const Answer& answer, std::string_view doing);

/// The subject's component: open and created; ended in order with the object.
class Instance {
 public:
  enum class State { kCreated, kStarted };
  Instance(const Subject& subject, State state, const skep_host* host = nullptr);
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;
  ~Instance();
  /// stop, destroy, close; the destructor does what is left of it.
  void end();

  Loaded& plugin() { return plugin_; }
  skep_inst* handle() const { return inst_; }
  const void* iface() const { return iface_; }

 private:
  const Subject& subject_;
  Loaded plugin_;
  skep_inst* inst_ = nullptr;
  const void* iface_ = nullptr;
};

/// The request of one task, as the host would write it.
std::string request_json(const Subject& subject, std::string_view task_id = "kit-1");
/// Runs a task and checks what holds of every run: a code that is not positive, a message with each
/// failure, a result that is JSON.
const skep_fake_result* run_task(Instance& instance, skep_fake_call* call, skep_view request);

}  // namespace skep::conformance
