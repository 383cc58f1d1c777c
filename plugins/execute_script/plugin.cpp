// Task type execute_script: runs a script and brings its exit, output and cost home.
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "capture.hpp"
#include "exchange.hpp"
#include "in_time.hpp"
#include "request.hpp"
#include "result.hpp"
#include "skep/process.hpp"
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

  skep_rc take(std::uint32_t channel, std::string_view bytes) {
    (channel == SKEP_CH_STDERR ? err : out).add(bytes);
    return call.emit(channel, bytes);
  }
};

class ExecuteScript final : public skep::Task {
 public:
  explicit ExecuteScript(std::string_view config) : config_(config) {}

  void start(skep::Call& /*call*/) override {
    skep::need_service<skep_svc_process_v1>(SKEP_SVC_PROCESS);
    if (!config_.run_as.empty()) user_ = find_user(config_.run_as);
    home_ = own_home();
    if (const int stale = remove_stale(config_.work_dir); stale > 0)
      skep::log(SKEP_LOG_INFO, "script_leftovers_removed",
                skep::Json().set("count", stale).set("dir", config_.work_dir).dump());
  }

  skep_rc run(skep::Call& call) override {
    const WorkDir dir(config_.work_dir, owner());
    const bool homeless = user_ || home_.empty();
    const Exchange exchange(call, dir, call.request()["params"]["inputs"]);
    const Own own{user_ ? user_->name : "", homeless ? dir.path() : home_, exchange.artifacts(),
                  exchange.inputs()};
    Request request(call.request(), config_, own);
    if (!request.file.empty())
      request.file = in_time(
          call, [file = request.file, config = config_] { return resolve_file(file, config); });
    Streams streams{call, Capture(request.output_cap), Capture(request.output_cap)};
    skep_process_exit exit{};
    try {
      exit = execute(request, dir, streams);
    } catch (const skep::Fault&) {
      exit.reason = SKEP_EXIT_SIGNALED;  // it never ran: neither a code nor a signal
      call.result(result_document(request, exit, streams.out, streams.err));
      throw;
    }
    skep::Json result = result_document(request, exit, streams.out, streams.err);
    // A script that was stopped has not said that they are whole.
    const bool ended = exit.reason == SKEP_EXIT_EXITED;
    if (skep::Json skipped = ended ? exchange.collect() : skep::Json::array();
        !skipped.items().empty())
      result.set("artifacts_skipped", std::move(skipped));
    call.result(result);
    if (const auto fault = verdict(request, exit, call.cancel_reason()))
      return call.fail(fault->code(), fault->what());
    return SKEP_OK;
  }

 private:
  std::optional<WorkDir::Owner> owner() const {
    return user_ ? std::optional(WorkDir::Owner{user_->uid, user_->gid}) : std::nullopt;
  }

  skep_process_exit execute(const Request& request, const WorkDir& dir, Streams& streams) const {
    std::vector<std::string> command{request.interpreter, request.file};
    if (request.file.empty()) command[1] = dir.write("script", request.script);
    command.insert(command.end(), request.args.begin(), request.args.end());
    if (user_) {
      command.front() = find_interpreter(request.interpreter);
      command = as_user(*user_, std::move(command));
    }
    skep::Process program;
    program.argv = std::move(command);
    program.env = request.env;
    program.nice = config_.nice;
    program.cwd = request.cwd.empty() ? dir.path() : request.cwd;
    program.stdin_bytes = request.stdin_bytes;
    program.timeout = std::chrono::milliseconds(request.timeout_ms);
    program.grace = std::chrono::milliseconds(config_.grace_ms);
    program.memory_bytes = config_.memory_bytes;
    return program.run(streams.call.handle(), [&](std::uint32_t channel, std::string_view bytes) {
      return streams.take(channel, bytes);
    });
  }

  const Config config_;
  std::optional<User> user_;  ///< as whom scripts run; nothing = as we do
  std::string home_;          ///< of a script that has none of its own; "" = not known
};

}  // namespace

SKEP_TASK_PLUGIN(ExecuteScript)
