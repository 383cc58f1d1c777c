#include "core/worker/worker.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "core/base/json.hpp"
#include "core/base/log.hpp"
#include "core/base/mutex.hpp"
#include "core/base/text.hpp"
#include "core/worker/artifact_runner.hpp"
#include "core/worker/artifact_sender.hpp"
#include "core/worker/attempt_folders.hpp"
#include "core/worker/claim_loop.hpp"
#include "core/worker/health.hpp"
#include "core/worker/heartbeat_loop.hpp"
#include "core/worker/input_fetcher.hpp"
#include "core/worker/registrar.hpp"
#include "core/worker/release_fetcher.hpp"
#include "core/worker/reporter.hpp"
#include "core/worker/returner.hpp"
#include "core/worker/self_check.hpp"
#include "core/worker/sender.hpp"
#include "core/worker/spool_reserve.hpp"

namespace skep::worker {
namespace {

constexpr int kConflictExit = 5;
/// A second signal: running tasks get so long to notice their cancellation.
constexpr Millis kHurriedGrace{1'200};
constexpr Millis kFlush{4'000};
constexpr Millis kHurriedFlush{250};
constexpr Millis kReleaseTimeout{3'000};
constexpr Millis kHurriedTimeout{300};
constexpr Millis kLastTriesApart{500};
constexpr Millis kLastLook{1'000};
constexpr std::size_t kMostNamed = 20;
constexpr std::string_view kStopping = "it is stopping";

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "unknown";
  return name.data();
}

std::vector<std::string> type_names(const std::vector<ports::TaskType>& types) {
  std::vector<std::string> names;
  for (const ports::TaskType& type : types) names.push_back(type.name);
  return names;
}

Status check(const Settings& settings) {
  if (settings.concurrency < 1) return config_error("[worker] concurrency must be at least 1");
  if (settings.batch_size < 1) return config_error("[worker] batch_size must be at least 1");
  return {};
}

std::string task_names(const std::vector<PendingEnvelope>& envelopes) {
  std::vector<std::string> names;
  for (const PendingEnvelope& envelope : envelopes)
    if (names.size() < kMostNamed) names.push_back(envelope.task_id);
  return join(names, ", ") + (envelopes.size() > kMostNamed ? " .." : "");
}

double seconds(Millis d) { return static_cast<double>(d.count()) / 1000; }

}  // namespace

/// Members in the order in which they need each other; destroyed in reverse.
struct Worker::Loops {
  Loops(WorkerOptions o, ports::TaskRunner& r, ports::Spool& s, ports::Heartbeat& h, Clock& c)
      : options(std::move(o)),
        runner(r),
        spool(s),
        clock(c),
        settings(options),
        credential(options.join_token, options.credential_file),
        endpoints(options.control_planes, credential),
        membership({options.on_conflict, [this](Code code) { return endpoints.advice(code); }},
                   clock),
        health(clock, options.first_rest,
               {[this] { heartbeat.hasten(); }, [this] { registrar.announce(); }}),
        returner(options.incarnation, connect(claim_abort), membership, clock),
        folders(options.state_dir.empty() ? "" : options.state_dir + "/attempts",
                options.artifacts),
        sender(sender_options(), connect(send_abort), spool, membership, clock),
        artifacts(artifact_options(), connect(send_abort), folders, clock),
        reserve(spool, options.result_reserve_bytes),
        reporter(
            reporter_options(), spool, reserve, clock,
            [this](std::vector<PendingEnvelope> envelopes) { sender.push(std::move(envelopes)); }),
        self_check(self_check_options(), health, clock),
        inputs([this] { return connect(never); }, clock),
        tasks(runner, folders,
              [this](const model::Lease& lease, const model::Input& input, const std::string& path,
                     MonoMs deadline, ports::CancelToken& cancel) {
                return inputs.fetch(lease, input, path, deadline, cancel);
              }),
        executor(executor_options(), tasks, clock, reporter),
        releases(fetcher_options(), connect(claim_abort), membership, clock),
        heartbeat(heartbeat_options(), h, endpoints, executor, spool, membership, clock),
        instructions({options.incarnation, options.claim_hold}, connect(claim_abort), settings,
                     executor, membership, releases, clock),
        claim(claim_options(), connect(claim_abort), settings, reserve, executor, health,
              self_check, membership, instructions, releases, clock),
        registrar(
            connect(claim_abort), [this] { return registration(); }, returner, membership, clock) {}

  Identity identity() const { return {options.id, options.incarnation, options.site}; }
  std::unique_ptr<ControlPlane> connect(const std::atomic<bool>& abort, Millis timeout = {}) {
    if (timeout.count() == 0) timeout = options.request_timeout;
    if (options.control) return options.control(abort, timeout);
    return std::make_unique<ControlClient>(options.id, endpoints, abort, timeout);
  }
  SenderOptions sender_options();
  ArtifactSenderOptions artifact_options();
  ReporterOptions reporter_options();
  ExecutorOptions executor_options();
  SelfCheckOptions self_check_options();
  ClaimOptions claim_options();
  HeartbeatOptions heartbeat_options();
  FetcherOptions fetcher_options();
  api::Registration registration();

  void apply(Settings next);
  void log_start() const;
  std::vector<std::string> troubles() const;
  std::vector<std::string> notices() const;
  GiveBack way_back(const model::ClaimedTask& task, const model::Outcome& outcome);
  bool is_first_misfit(const std::string& task_id);
  bool finish_running(StopKind kind);
  void release(const std::vector<model::Lease>& leases);
  std::vector<PendingEnvelope> flush(MonoMs give_up);
  std::vector<PendingEnvelope> save_unwritten(MonoMs give_up);
  void renew_meanwhile(const std::vector<PendingEnvelope>& envelopes);
  DrainReport drain(StopKind kind);
  MonoMs after(Millis d) const { return clock.mono_ms() + d.count(); }

  const WorkerOptions options;
  ports::TaskRunner& runner;
  ports::Spool& spool;
  Clock& clock;
  std::atomic<bool> claim_abort{false};
  std::atomic<bool> send_abort{false};
  std::atomic<bool> hurried{false};
  std::atomic<bool> draining{false};
  const std::atomic<bool> never{false};
  bool running = false;
  Mutex misfits_mutex;
  SeenIds misfits SKEP_GUARDED_BY(misfits_mutex);  ///< tasks
  Mutex last_tries_mutex;
  std::vector<ports::Renewal> last_tries SKEP_GUARDED_BY(last_tries_mutex);  ///< of a stop
  LiveSettings settings;
  Credential credential;
  Endpoints endpoints;
  Membership membership;
  Health health;
  Returner returner;
  AttemptFolders folders;
  Sender sender;
  ArtifactSender artifacts;
  SpoolReserve reserve;
  Reporter reporter;
  SelfCheck self_check;
  InputFetcher inputs;
  ArtifactRunner tasks;
  Executor executor;
  ReleaseFetcher releases;
  HeartbeatLoop heartbeat;
  InstructionLoop instructions;
  ClaimLoop claim;
  Registrar registrar;
};

SenderOptions Worker::Loops::sender_options() {
  SenderOptions o;
  o.on_unread = [this](const std::string& why) {
    health.set("spool backlog", why,
               "they stay there and are read later; at a start the worker registers without them "
               "after a minute");
  };
  o.may_go = [this](const PendingEnvelope& envelope) { return artifacts.may_go(envelope); };
  o.brings = [this] { return artifacts.is_bringing(); };
  o.on_delivered = [this](const PendingEnvelope& envelope) { folders.drop(envelope.lease); };
  return o;
}

ArtifactSenderOptions Worker::Loops::artifact_options() {
  ArtifactSenderOptions o;
  o.ready = [this](const std::string& label) { sender.look_again(label); };
  return o;
}

ReporterOptions Worker::Loops::reporter_options() {
  ReporterOptions o;
  o.identity = identity();
  o.on_dropped = [this](const model::Lease& lease) { folders.drop(lease); };
  return o;
}

ExecutorOptions Worker::Loops::executor_options() {
  ExecutorOptions o;
  o.worker_id = options.id;
  o.site = options.site;
  o.concurrency = options.concurrency;
  o.batch_size = options.batch_size;
  o.on_start = [this] { heartbeat.task_started(); };
  o.on_end = [this](const model::ClaimedTask& task, const model::Outcome& outcome) {
    return way_back(task, outcome);
  };
  return o;
}

/// What this node cannot run goes back. A task that its version of the type does not take does so
/// once, after the control plane heard what this worker takes now; if that sends it here again, it
/// is a failure, and may be retried elsewhere.
GiveBack Worker::Loops::way_back(const model::ClaimedTask& task, const model::Outcome& outcome) {
  if (!model::is_of_node(outcome.cause)) {
    health.worked(task.type);
    return {};
  }
  const auto error = parse_json(outcome.error);
  const auto* o = error ? error->if_object() : nullptr;
  const std::string why = o == nullptr ? outcome.error : get_string(*o, "message");
  const std::string code = o == nullptr ? "" : get_string(*o, "code");
  const bool misfit = code == ports::kParamsRefused || code == ports::kUnknownType;
  if (misfit && !is_first_misfit(task.lease.task_id)) return {};
  log::warn("task_handed_back",
            {{"task_id", task.lease.task_id}, {"type", task.type}, {"error", why}});
  const bool of_type = outcome.cause == model::Cause::kType;
  if (of_type) health.withhold(task.type, why, Millis{outcome.retry_after_ms});
  if (misfit || of_type)
    return [this](model::Lease lease) {
      returner.hold(std::move(lease));
      registrar.announce();
    };
  health.failed(task.type, why);
  return [this](model::Lease lease) { returner.give(std::move(lease)); };
}

bool Worker::Loops::is_first_misfit(const std::string& task_id) {
  const MutexLock lock(misfits_mutex);
  return misfits.add(task_id);
}

SelfCheckOptions Worker::Loops::self_check_options() {
  SelfCheckOptions o;
  o.spool_trouble = [this] {
    for (std::string trouble : {reporter.trouble(), reserve.trouble(), folders.trouble()})
      if (!trouble.empty()) return trouble;
    return std::string();
  };
  o.state_dir = options.state_dir;
  o.every = options.look_every;
  return o;
}

ClaimOptions Worker::Loops::claim_options() {
  ClaimOptions o;
  o.incarnation = options.incarnation;
  o.hold = options.claim_hold;
  o.registration = [this] { return registration(); };
  o.on_registered = [this](const api::RegistrationReply& reply) {
    heartbeat.take_interval(reply.heartbeat_interval_seconds);
  };
  o.going_back = [this] { return returner.size(); };
  o.give_back = [this](model::Lease lease) { returner.give(std::move(lease)); };
  return o;
}

HeartbeatOptions Worker::Loops::heartbeat_options() {
  HeartbeatOptions o;
  o.identity = identity();
  o.interval = options.heartbeat_interval;
  o.unwritten = [this] {
    auto renewals = reporter.pending();
    for (auto more : {returner.pending(), artifacts.pending()})
      for (ports::Renewal& renewal : more) renewals.push_back(std::move(renewal));
    const MutexLock lock(last_tries_mutex);
    renewals.insert(renewals.end(), last_tries.begin(), last_tries.end());
    return renewals;
  };
  o.troubles = [this] { return troubles(); };
  o.notices = [this] { return notices(); };
  o.releases = [this] { return releases.report(); };
  o.on_registry = [this](std::int64_t revision) { releases.notice(revision); };
  return o;
}

FetcherOptions Worker::Loops::fetcher_options() {
  FetcherOptions o;
  o.dir = options.releases_dir;
  o.loaded = options.releases_loaded;
  o.on_change = [this] { heartbeat.hasten(); };
  return o;
}

/// What the runner runs may have changed: the executor has to know before a task of it comes.
api::Registration Worker::Loops::registration() {
  api::Registration r;
  r.worker_id = options.id;
  r.incarnation = options.incarnation;
  r.site = options.site;
  const Settings now = settings.get();
  r.capabilities = now.capabilities;
  r.concurrency = now.concurrency;
  r.batch_size = now.batch_size;
  r.version = options.version;
  r.types = runner.types();
  executor.set_types(r.types);
  const auto withheld = health.withheld();
  const auto rest = std::stable_partition(
      r.types.begin(), r.types.end(),
      [&](const ports::TaskType& type) { return !withheld.contains(type.name); });
  r.withheld.assign(rest, r.types.end());
  r.types.erase(rest, r.types.end());
  r.host = host_name();
  r.pid = static_cast<int>(::getpid());
  r.arch = options.arch;
  return r;
}

void Worker::Loops::apply(Settings next) {
  const Settings before = settings.get();
  settings.set(next);
  executor.resize(next.concurrency, next.batch_size);
  folders.set_limits(next.artifacts);
  if (next.heartbeat_interval != before.heartbeat_interval)
    heartbeat.set_interval(next.heartbeat_interval);
  membership.wake();
  if (next.capabilities != before.capabilities || next.concurrency != before.concurrency ||
      next.batch_size != before.batch_size)
    registrar.announce();
}

void Worker::Loops::log_start() const {
  log::info("worker_pool_starting", {{"concurrency", options.concurrency},
                                     {"batch_size", options.batch_size},
                                     {"poll_interval", seconds(options.poll_interval)},
                                     {"worker_id", options.id},
                                     {"site", options.site},
                                     {"control_plane_url", join(options.control_planes, ", ")}});
  const std::vector<std::string> names = type_names(runner.types());
  log::info("skills_initialized", {{"count", names.size()}, {"skills", join(names, ", ")}});
}

/// Those that the control plane has to be told.
std::vector<std::string> Worker::Loops::troubles() const {
  std::vector<std::string> all = health.troubles();
  if (draining) all.emplace_back(kStopping);
  return all;
}

std::vector<std::string> Worker::Loops::notices() const {
  std::vector<std::string> all = health.notices();
  all.insert(all.end(), options.notices.begin(), options.notices.end());
  return all;
}

/// Waits for running tasks, then tells them to stop. True when all have ended.
bool Worker::Loops::finish_running(StopKind kind) {
  const auto hurry = [this] { return hurried.load(); };
  if (kind == StopKind::kGraceful && executor.wait_idle(after(settings.get().drain), hurry))
    return true;
  executor.cancel_running(ports::CancelReason::kShutdown);
  if (executor.wait_idle(after(options.cancel_grace), hurry)) return true;
  return hurried && executor.wait_idle(after(kHurriedGrace), [] { return false; });
}

void Worker::Loops::release(const std::vector<model::Lease>& leases) {
  if (leases.empty()) return;
  const auto control = connect(never, hurried ? kHurriedTimeout : kReleaseTimeout);
  const auto status = control->release({options.incarnation, leases});
  if (!status)
    log::warn("release_failed", {{"tasks", leases.size()},
                                 {"error", status.error().message},
                                 {"effect", "they wait until their leases end"}});
}

/// Results that neither the spool nor the control plane took until `give_up`.
std::vector<PendingEnvelope> Worker::Loops::flush(MonoMs give_up) {
  const MonoMs deadline = after(hurried ? kHurriedFlush : kFlush);
  // What misses the deadline stays in the spool; what never got there is tried again below.
  if (reporter.flush(deadline) && membership.up() && !sender.flush(deadline))
    log::warn("results_not_sent", {{"effect", "they stay in the spool for the next start"}});
  if (hurried) heartbeat.request_stop();
  reporter.stop();
  send_abort = true;
  artifacts.stop();
  sender.stop();
  return save_unwritten(give_up);
}

/// The beats go on for these.
void Worker::Loops::renew_meanwhile(const std::vector<PendingEnvelope>& envelopes) {
  const MutexLock lock(last_tries_mutex);
  last_tries.clear();
  for (const PendingEnvelope& envelope : envelopes)
    if (!envelope.lease.lease_id.empty()) last_tries.push_back({envelope.lease, true});
}

std::vector<PendingEnvelope> Worker::Loops::save_unwritten(MonoMs give_up) {
  std::vector<PendingEnvelope> left = reporter.take_unwritten();
  for (PendingEnvelope& envelope : sender.take_unspooled()) left.push_back(std::move(envelope));
  std::erase_if(left, [](const PendingEnvelope& envelope) { return !envelope.is_result(); });
  while (!left.empty()) {
    renew_meanwhile(left);
    const auto control = connect(never, hurried ? kHurriedTimeout : kReleaseTimeout);
    Sender::send_unspooled(*control, left);
    if (left.empty() || hurried || clock.mono_ms() >= give_up) break;
    clock.sleep(kLastTriesApart, {});
    std::erase_if(left, [&](const PendingEnvelope& p) {
      const ports::SpoolItem item{{}, p.payload_type, p.task_id, p.body};
      return spool.put({&item, 1}).has_value();
    });
  }
  renew_meanwhile({});
  if (!left.empty())
    log::error("result_lost", {{"results", left.size()},
                               {"tasks", task_names(left)},
                               {"reason", "neither the spool nor the control plane took them"},
                               {"effect", "their tasks run again when their leases end"}});
  return left;
}

DrainReport Worker::Loops::drain(StopKind kind) {
  const MonoMs give_up = kind == StopKind::kGraceful ? after(settings.get().drain) : 0;
  const ExecutorLoad load = executor.load();
  log::info("worker_pool_shutting_down", {{"busy", load.busy}, {"waiting", load.waiting}});
  executor.close();
  draining = true;
  // A control plane that does not answer would only hold up the last beat.
  if (load.busy > 0 && membership.up()) heartbeat.hasten();
  runner.on_change({});
  claim_abort = true;
  registrar.stop();
  claim.stop();
  self_check.request_stop();
  instructions.stop();
  releases.stop();
  returner.stop();
  release(executor.take_waiting());

  const bool ended = finish_running(kind);
  std::vector<model::Lease> unfinished = executor.take_interrupted();
  for (model::Lease& lease : returner.take()) unfinished.push_back(std::move(lease));
  if (!ended)
    for (model::Lease& lease : executor.leases()) unfinished.push_back(std::move(lease));
  release(unfinished);
  const auto lost = flush(give_up);
  heartbeat.stop();
  heartbeat.last_beat(hurried ? kHurriedTimeout : kReleaseTimeout);

  DrainReport report;
  report.abandoned = executor.stop();
  if (!self_check.end(kLastLook)) {
    log::error("spool_does_not_answer", {{"effect", "nothing waits for it any more"}});
    ++report.abandoned;
  }
  report.interrupted = static_cast<int>(unfinished.size());
  report.lost = static_cast<int>(lost.size());
  report.graceful = unfinished.empty() && lost.empty();
  const auto stats = spool.stats();
  report.spooled = stats ? stats->ready + stats->in_flight : -1;
  report.exit_code = membership.conflicted() ? kConflictExit : 0;
  log::info("worker_pool_stopped", {{"graceful", report.graceful},
                                    {"interrupted", report.interrupted},
                                    {"lost", report.lost},
                                    {"spooled", report.spooled}});
  return report;
}

Worker::Worker(WorkerOptions options, ports::TaskRunner& runner, ports::Spool& spool,
               ports::Heartbeat& heartbeat, Clock& clock)
    : loops_(std::make_unique<Loops>(std::move(options), runner, spool, heartbeat, clock)) {}

Worker::~Worker() {
  if (loops_->running) {
    hurry();
    drain(StopKind::kNow);
  }
}

Status Worker::start() {
  SKEP_TRY(check(loops_->options));
  if (loops_->options.control_planes.empty())
    return config_error("[worker] control_plane_url names no control plane");
  loops_->log_start();
  loops_->running = true;
  loops_->folders.start();
  loops_->sender.start();
  loops_->artifacts.start();
  loops_->reporter.start();
  loops_->heartbeat.start();
  // First: a change from here on is announced, one before is in the first registration.
  loops_->runner.on_change([loops = loops_.get()] { loops->registrar.announce(); });
  loops_->registrar.start();
  loops_->returner.start();
  loops_->claim.start();
  loops_->self_check.start();
  loops_->releases.start();
  return {};
}

Status Worker::apply(Settings settings) {
  SKEP_TRY(check(settings));
  loops_->apply(std::move(settings));
  return {};
}

DrainReport Worker::drain(StopKind kind) {
  loops_->running = false;
  return loops_->drain(kind);
}

void Worker::hurry() { loops_->hurried = true; }
std::vector<std::string> Worker::notices() const { return loops_->notices(); }
bool Worker::conflicted() const { return loops_->membership.conflicted(); }
bool Worker::registered() const { return loops_->membership.registered(); }
ExecutorLoad Worker::load() const { return loops_->executor.load(); }
std::vector<std::string> Worker::troubles() const {
  std::vector<std::string> all = loops_->troubles();
  if (std::string cut_off = loops_->membership.trouble(); !cut_off.empty())
    all.push_back(std::move(cut_off));
  return all;
}

}  // namespace skep::worker
