// Task type execute_script: runs a script and brings its exit, output and cost home.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "capture.hpp"
#include "in_time.hpp"
#include "request.hpp"
#include "result.hpp"
#include "skep/svc/process.h"
#include "skep/task.hpp"
#include "user.hpp"
#include "workdir.hpp"

namespace {

using namespace skep::script;

/// Where the child's output goes: to the host as it comes, and into the captures.
struct Streams {
  skep::Call& call;
  Capture out;
  Capture err;

  static skep_rc take(void* ctx, std::uint32_t channel, skep_view bytes) noexcept {
    try {
      auto& self = *static_cast<Streams*>(ctx);
      (channel == SKEP_CH_STDERR ? self.err : self.out).add(skep::text(bytes));
      return self.call.emit(channel, skep::text(bytes));
    } catch (const std::bad_alloc&) {
      return SKEP_E_NO_MEMORY;
    }
  }
};

std::vector<skep_view> views(const std::vector<std::string>& strings) {
  std::vector<skep_view> out;
  for (const std::string& s : strings) out.push_back(skep::view(s));
  return out;
}

class ExecuteScript final : public skep::Task {
 public:
  explicit ExecuteScript(std::string_view config) : config_(config) {}

  void start(skep::Call& /*call*/) override {
    process_ = skep::service<skep_svc_process_v1>(SKEP_SVC_PROCESS);
    if (process_ == nullptr)
      throw skep::Fault(SKEP_E_UNSUPPORTED, "this host has no service " SKEP_SVC_PROCESS);
    if (!config_.run_as.empty()) user_ = find_user(config_.run_as);
    home_ = own_home();
    if (const int stale = remove_stale(config_.work_dir); stale > 0)
      skep::log(SKEP_LOG_INFO, "script_leftovers_removed",
                skep::Json().set("count", stale).set("dir", config_.work_dir).dump());
  }

  skep_rc run(skep::Call& call) override {
    const WorkDir dir(config_.work_dir, owner());
    const bool homeless = user_ || home_.empty();
    const Own own{user_ ? user_->name : "", homeless ? dir.path() : home_};
    Request request(call.request(), config_, own);
    if (!request.file.empty())
      request.file = in_time(
          call, [file = request.file, config = config_] { return resolve_file(file, config); });
    Streams streams{call, Capture(request.output_cap), Capture(request.output_cap)};
    skep_process_exit exit{};
    exit.size = sizeof(exit);
    try {
      execute(request, dir, streams, exit);
    } catch (const skep::Fault&) {
      exit.reason = SKEP_EXIT_SIGNALED;  // it never ran: neither a code nor a signal
      call.result(result_document(request, exit, streams.out, streams.err));
      throw;
    }
    call.result(result_document(request, exit, streams.out, streams.err));
    if (const auto fault = verdict(request, exit, call.cancel_reason()))
      return call.fail(fault->code(), fault->what());
    return SKEP_OK;
  }

 private:
  std::optional<WorkDir::Owner> owner() const {
    return user_ ? std::optional(WorkDir::Owner{user_->uid, user_->gid}) : std::nullopt;
  }

  void execute(const Request& request, const WorkDir& dir, Streams& streams,
               skep_process_exit& exit) const {
    std::vector<std::string> command{request.interpreter, request.file};
    if (request.file.empty()) command[1] = dir.write("script", request.script);
    command.insert(command.end(), request.args.begin(), request.args.end());
    if (user_) {
      command.front() = find_interpreter(request.interpreter);
      command = as_user(*user_, std::move(command));
    }
    const std::vector<skep_view> argv = views(command);
    const std::vector<skep_view> env = views(request.env);

    skep_process_spec spec{};
    spec.size = sizeof(spec);
    spec.argv = argv.data();
    spec.argc = static_cast<std::uint32_t>(argv.size());
    spec.env = env.data();
    spec.envc = static_cast<std::uint32_t>(env.size());
    spec.nice = config_.nice;
    spec.cwd = skep::view(request.cwd.empty() ? dir.path() : request.cwd);
    spec.stdin_bytes = skep::view(request.stdin_bytes);
    spec.timeout_ms = request.timeout_ms;
    spec.grace_ms = config_.grace_ms;
    spec.memory_bytes = config_.memory_bytes;

    const skep_process_output output{&streams, Streams::take};
    skep::HostError error;
    error.check(
        process_->run(skep::host(), streams.call.handle(), &spec, &output, &exit, error.out()));
  }

  const Config config_;
  std::optional<User> user_;  ///< as whom scripts run; nothing = as we do
  std::string home_;          ///< of a script that has none of its own; "" = not known
  const skep_svc_process_v1* process_ = nullptr;
};

}  // namespace

SKEP_TASK_PLUGIN(ExecuteScript)
