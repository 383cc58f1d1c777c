#include "core/plugin/scripts/inproc_engine.hpp"

#include "core/base/mutex.hpp"
#include "core/plugin/adapters/task_call.hpp"
#include "core/plugin/boundary.hpp"
#include "core/plugin/host_call.hpp"
#include "core/plugin/view.hpp"
#include "skep/kind/script_host.h"

namespace skep::plugin {
namespace {

/// load() and drop() are [control] of the instance: one at a time.
struct Host {
  std::shared_ptr<Instance> instance;
  Mutex control;  ///< held for one call of them: it guards the plugin, no member

  const skep_script_host_v1& table() const {
    return *static_cast<const skep_script_host_v1*>(instance->iface());
  }
};

class Target final : public TaskTarget {
 public:
  Target(std::shared_ptr<Host> host, std::string id) : host_(std::move(host)), id_(std::move(id)) {}

  model::Outcome run(TaskCall& call, std::string_view request_json) override {
    try {
      return call.outcome(host_->table().run(host_->instance->handle(), call.handle(), to_view(id_),
                                             to_view(request_json)));
    } catch (const std::exception& e) {
      return broken(call, e.what());
    } catch (...) {
      return broken(call, "an exception of unknown type");
    }
  }

 private:
  model::Outcome broken(TaskCall& call, std::string_view what) const {
    call.blame(CallEnd::kCrash);
    return failed_outcome(threw(what).within("plugin " + host_->instance->plugin_id()), false);
  }

  std::shared_ptr<Host> host_;
  std::string id_;
};

class InprocEngine final : public ScriptEngine {
 public:
  explicit InprocEngine(std::shared_ptr<Instance> instance) : host_(std::make_shared<Host>()) {
    host_->instance = std::move(instance);
  }

  Result<std::string> load(std::string_view id, std::string_view file,
                           std::string_view source) override {
    std::string manifest;
    const skep_sink sink{&manifest, [](void* to, skep_view bytes) noexcept -> skep_rc {
                           try {
                             static_cast<std::string*>(to)->append(text(bytes));
                             return SKEP_OK;
                           } catch (...) {
                             return SKEP_E_NO_MEMORY;
                           }
                         }};
    HostCall call(host_->instance->plugin_id(), host_->instance->component(), 0);
    const MutexLock lock(host_->control);
    const auto called = call_code([&](skep_err* err) {
      return host_->table().load(host_->instance->handle(), call.handle(), to_view(id),
                                 to_view(file), to_view(source), &sink, err);
    });
    if (!called.status) return called.status.error();
    return manifest;
  }

  void drop(std::string_view id) override {
    HostCall call(host_->instance->plugin_id(), host_->instance->component(), 0);
    const MutexLock lock(host_->control);
    // Nothing to be done about a failure: the text stays in memory.
    static_cast<void>(call_code([&](skep_err* err) {
      return host_->table().drop(host_->instance->handle(), call.handle(), to_view(id), err);
    }));
  }

  std::unique_ptr<TaskTarget> target(std::string id, std::string, std::string) override {
    return std::make_unique<Target>(host_, std::move(id));
  }

 private:
  std::shared_ptr<Host> host_;
};

}  // namespace

std::unique_ptr<ScriptEngine> inproc_engine(std::shared_ptr<Instance> instance) {
  return std::make_unique<InprocEngine>(std::move(instance));
}

}  // namespace skep::plugin
