#include "tests/unit/worker/scripted_control.hpp"

#include <poll.h>

#include <boost/json.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>
#include <utility>

#include "core/base/id.hpp"
#include "core/base/json.hpp"

namespace skep::test {
namespace {

json::object parsed(const std::string& envelope) {
  const auto value = parse_json(envelope);
  return value && value->is_object() ? value->get_object() : json::object();
}

bool cancelled_within(ports::CancelToken& cancel, int ms) {
  pollfd p{cancel.fd(), POLLIN, 0};
  return ::poll(&p, 1, ms) > 0;
}

}  // namespace

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(120);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

std::string key_of(const std::string& envelope) {
  return get_string(parsed(envelope), "idempotency_key");
}
std::string task_of(const std::string& envelope) { return get_string(parsed(envelope), "task_id"); }

worker::Submission echo(const std::vector<std::string>& envelopes) {
  worker::Submission out;
  out.status = 200;
  for (const std::string& e : envelopes)
    out.acks.push_back({key_of(e), "applied", task_of(e), 200, "", key_of(e)});
  out.is_skeps = true;
  return out;
}

class ScriptedConversation final : public worker::ControlPlane {
 public:
  ScriptedConversation(ScriptedControl& control, const std::atomic<bool>& abort)
      : control_(control), abort_(abort) {}

  Result<api::RegistrationReply> register_worker(const api::Registration& request) override {
    const std::scoped_lock lock(control_.mutex_);
    Status there = available();
    if (control_.registration_refusal_) there = Error{*control_.registration_refusal_, "refused"};
    if (!there) {
      ++control_.refused_registrations_;
      return there.error();
    }
    control_.known_ = true;
    ++control_.registrations_;
    control_.last_registration_ = request;
    api::RegistrationReply reply;
    reply.heartbeat_interval_seconds = control_.beat_seconds_;
    return reply;
  }

  Result<api::ClaimReply> claim(const api::ClaimRequest& request) override {
    std::unique_lock lock(control_.mutex_);
    if (request.max > 0)
      control_.claim_sizes_.push_back(request.max);
    else
      ++control_.idle_polls_;
    const auto until = std::chrono::steady_clock::now() +
                       std::chrono::milliseconds(static_cast<int>(request.wait_seconds * 1000));
    const api::WorkerMode mode = control_.mode_;
    if (auto again = std::exchange(control_.doubled_, std::nullopt)) return std::move(*again);
    for (;;) {
      SKEP_TRY(available());
      if (!control_.known_) return Error{Code::kNotFound, "unknown worker"};
      api::ClaimReply reply;
      reply.mode = control_.mode_;
      reply.registry = control_.releases_.revision;
      reply.claim_id = request.claim_id;
      if (request.repeated)
        if (auto lost = control_.lost_replies_.extract(request.claim_id)) {
          reply.tasks = std::move(lost.mapped());
          return reply;
        }
      while (reply.tasks.size() < request.max && !control_.queue_.empty()) {
        reply.tasks.push_back(control_.queue_.front());
        control_.queue_.pop_front();
      }
      if (!reply.tasks.empty() && control_.loses_reply_) {
        control_.lost_replies_[request.claim_id] = std::move(reply.tasks);
        return Error{*std::exchange(control_.loses_reply_, std::nullopt), "lost on the way"};
      }
      if (!reply.tasks.empty() && control_.doubles_replies_) control_.doubled_ = reply;
      for (const model::Lease& lease : request.held)
        if (control_.cancelled_.contains(lease.task_id)) reply.cancel.push_back(lease);
      if (!reply.tasks.empty() || !reply.cancel.empty() || reply.mode != mode ||
          (request.registry >= 0 && request.registry != reply.registry) ||
          std::chrono::steady_clock::now() >= until)
        return reply;
      control_.changed_.wait_for(lock, std::chrono::milliseconds(5));
      if (abort_) return Error{Code::kCancelled, "given up"};
    }
  }

  Status release(const api::ReleaseRequest& request) override {
    const std::scoped_lock lock(control_.mutex_);
    SKEP_TRY(available());
    for (const model::Lease& lease : request.tasks) control_.released_.push_back(lease);
    return {};
  }

  Result<api::DesiredReleases> releases() override {
    const std::scoped_lock lock(control_.mutex_);
    SKEP_TRY(available());
    return control_.releases_;
  }

  Result<std::string> release_chunk(const std::string& sha256, std::int64_t index) override {
    const std::scoped_lock lock(control_.mutex_);
    SKEP_TRY(available());
    ++control_.chunks_sent_;
    const auto blob = control_.blobs_.find(sha256);
    const std::size_t from = static_cast<std::size_t>(index) * api::kReleaseChunkBytes;
    if (blob == control_.blobs_.end() || from >= blob->second.size())
      return Error{Code::kNotFound, "no such blob"};
    return blob->second.substr(from, api::kReleaseChunkBytes);
  }

  Result<api::BlobProgress> artifact(const model::Lease&, const std::string& sha256) override {
    const std::scoped_lock lock(control_.mutex_);
    if (const Status there = available(); !there) return there.error();
    if (control_.artifact_refusal_) return control_.refused_artifact();
    const auto& bytes = control_.artifacts_[sha256];
    return api::BlobProgress{sha256, static_cast<std::int64_t>(bytes.size()),
                             sha256_hex(bytes) == sha256};
  }
  Result<api::BlobProgress> put_artifact(const model::Lease&, const model::Artifact& artifact,
                                         std::int64_t offset, std::string_view bytes) override {
    const std::scoped_lock lock(control_.mutex_);
    if (const Status there = available(); !there) return there.error();
    if (control_.artifact_refusal_) return control_.refused_artifact();
    std::string& held = control_.artifacts_[artifact.sha256];
    if (offset != static_cast<std::int64_t>(held.size()))
      return Error{Code::kUnavailable, "another byte is the next", "wrong-offset"};
    if (control_.pieces_ && (*control_.pieces_)-- == 0) {
      control_.pieces_.reset();
      held += bytes.substr(0, bytes.size() / 2);  // the answer was lost, and half of the piece
      return unavailable("the connection was cut");
    }
    held += bytes;
    control_.changed_.notify_all();
    return api::BlobProgress{artifact.sha256, static_cast<std::int64_t>(held.size()),
                             sha256_hex(held) == artifact.sha256};
  }
  Status input(const model::Lease&, const std::string& sha256, std::int64_t offset,
               const std::function<bool()>&,
               const std::function<bool(std::string_view)>& take) override {
    std::string rest;
    {
      const std::scoped_lock lock(control_.mutex_);
      if (const Status there = available(); !there) return there.error();
      const auto at = control_.inputs_.find(sha256);
      if (at == control_.inputs_.end()) return Error{Code::kNotFound, "no such input"};
      rest = at->second.substr(static_cast<std::size_t>(offset));
      if (offset == 0 && rest.size() > 1) rest.resize(rest.size() / 2);  // and the rest later
    }
    take(rest);
    return {};
  }
  Result<worker::Submission> submit(const std::vector<std::string>& envelopes) override {
    const std::scoped_lock lock(control_.mutex_);
    control_.submission_times_.push_back(SystemClock{}.mono_ms());
    if (control_.away_) return unavailable("connect: Connection refused");
    if (control_.judge_) return control_.judge_(envelopes);
    return control_.take(envelopes);
  }

 private:
  Status available() const {
    if (control_.away_) return unavailable("connect: Connection refused");
    if (control_.refusal_) return Error{*control_.refusal_, "refused"};
    return {};
  }
  ScriptedControl& control_;
  const std::atomic<bool>& abort_;
};

worker::ControlPlaneFactory ScriptedControl::factory() {
  return [this](const std::atomic<bool>& abort, Millis) {
    return std::make_unique<ScriptedConversation>(*this, abort);
  };
}

model::Lease ScriptedControl::enqueue(const std::string& type, std::int64_t timeout_ms) {
  const std::scoped_lock lock(mutex_);
  const std::string n = std::to_string(next_id_++);
  model::ClaimedTask task{{"task-" + n, 1, "lease-" + n}, type, "{}", "key-" + n, timeout_ms};
  queue_.push_back(task);
  changed_.notify_all();
  return task.lease;
}

model::Lease ScriptedControl::enqueue_with(const std::string& type, const std::string& params) {
  const std::scoped_lock lock(mutex_);
  const std::string n = std::to_string(next_id_++);
  model::ClaimedTask task{{"task-" + n, 1, "lease-" + n}, type, params, "key-" + n, 0};
  queue_.push_back(task);
  changed_.notify_all();
  return task.lease;
}

Error ScriptedControl::refused_artifact() {
  ++artifacts_refused_;
  return *artifact_refusal_;
}

worker::Submission ScriptedControl::take(const std::vector<std::string>& envelopes) {
  for (const std::string& text : envelopes) {
    const json::object envelope = parsed(text);
    const std::string task = get_string(envelope, "task_id");
    const std::string payload = get_raw(envelope, "payload");
    if (get_string(envelope, "payload_type") == "execution_result") {
      finished_.push_back(task);
      outcomes_[task] = payload;
    } else if (const auto chunk = api::decode_log_chunk(payload)) {
      for (const api::LogEntry& entry : chunk->entries) output_[task] += entry.text;
    }
  }
  return echo(envelopes);
}

std::size_t ScriptedControl::waiting() const {
  const std::scoped_lock lock(mutex_);
  return queue_.size();
}
std::vector<std::string> ScriptedControl::finished() const {
  const std::scoped_lock lock(mutex_);
  return finished_;
}
std::string ScriptedControl::outcome(const std::string& task_id) const {
  const std::scoped_lock lock(mutex_);
  const auto at = outcomes_.find(task_id);
  return at == outcomes_.end() ? "" : at->second;
}
std::string ScriptedControl::output(const std::string& task_id) const {
  const std::scoped_lock lock(mutex_);
  const auto at = output_.find(task_id);
  return at == output_.end() ? "" : at->second;
}
std::vector<model::Lease> ScriptedControl::released() const {
  const std::scoped_lock lock(mutex_);
  return released_;
}
std::vector<std::uint32_t> ScriptedControl::claim_sizes() const {
  const std::scoped_lock lock(mutex_);
  return claim_sizes_;
}
int ScriptedControl::idle_polls() const {
  const std::scoped_lock lock(mutex_);
  return idle_polls_;
}
api::Registration ScriptedControl::last_registration() const {
  const std::scoped_lock lock(mutex_);
  return last_registration_;
}

int ScriptedControl::registrations() const {
  const std::scoped_lock lock(mutex_);
  return registrations_;
}
int ScriptedControl::refused_registrations() const {
  const std::scoped_lock lock(mutex_);
  return refused_registrations_;
}
int ScriptedControl::chunks_sent() const {
  const std::scoped_lock lock(mutex_);
  return chunks_sent_;
}
int ScriptedControl::submissions() const {
  const std::scoped_lock lock(mutex_);
  return static_cast<int>(submission_times_.size());
}
std::vector<MonoMs> ScriptedControl::submission_times() const {
  const std::scoped_lock lock(mutex_);
  return submission_times_;
}

namespace {

void leave_files(const std::string& folder, const std::map<std::string, std::string>& files,
                 model::Outcome& outcome) {
  std::filesystem::create_directories(folder + "/out");
  for (const auto& [name, bytes] : files) {
    const std::string sha256 = sha256_hex(bytes);
    std::ofstream(folder + "/out/" + sha256) << bytes;
    outcome.artifacts.push_back(
        {name, "text/plain", static_cast<std::int64_t>(bytes.size()), sha256});
  }
}

std::string read_input(const ports::RunRequest& request) {
  const auto inputs = api::inputs_of(request.task.params);
  std::ifstream file(request.folder + "/in/" + inputs.value().at(0).sha256);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  return JsonOut().object().key("read").str(bytes).end_object().take();
}

}  // namespace

model::Outcome ScriptedRunner::run(const ports::RunRequest& request, MonoMs,
                                   ports::CancelToken& cancel, const ports::TaskEvents& events) {
  const int now = ++running_;
  most_running_ = std::max<int>(most_running_, now);
  struct Ends {
    std::atomic<int>& running;
    ~Ends() { --running; }
  } const ends{running_};
  model::Outcome outcome = perform(request.task.type, cancel, events);
  if (request.task.type == "leave") leave_files(request.folder, left_, outcome);
  if (request.task.type == "read") outcome.result = read_input(request);
  last_reason_ = cancel.reason();
  return outcome;
}

model::Outcome ScriptedRunner::perform(const std::string& type, ports::CancelToken& cancel,
                                       const ports::TaskEvents& events) {
  model::Outcome outcome;
  outcome.kind = model::OutcomeKind::kSucceeded;
  outcome.result = "{\"ok\":true}";
  if (type == "talk") {
    events.output(false, "out \xff\n");
    events.output(true, "err\n");
  }
  if (type == "slow") cancelled_within(cancel, 120);
  while (type == "wait" && !over_ && !cancelled_within(cancel, 20)) {
  }
  if (type == "stubborn") {
    std::unique_lock lock(mutex_);
    go_.wait(lock, [&] { return free_; });
  }
  if (cancel.reason() != ports::CancelReason::kNone) outcome.kind = model::OutcomeKind::kCancelled;
  if (type == "disk") {
    const std::scoped_lock lock(mutex_);
    if (!free_) {
      outcome.kind = model::OutcomeKind::kFailed;
      outcome.error = R"({"code":"not-here","message":"No space left on device"})";
      outcome.cause = model::Cause::kNode;
    }
  }
  if (type == "childless") {
    const std::scoped_lock lock(mutex_);
    if (!free_) {
      outcome.kind = model::OutcomeKind::kFailed;
      outcome.error = R"({"code":"plugin-start-failed","message":"its copy is gone"})";
      outcome.retryable = true;
      outcome.cause = model::Cause::kType;
    }
  }
  if (type == "misfit") {
    outcome.kind = model::OutcomeKind::kFailed;
    outcome.error = R"({"code":"params-refused","message":"params of misfit: b is missing"})";
    outcome.retryable = true;
    outcome.cause = model::Cause::kNode;
  }
  if (type == "fail") outcome.kind = model::OutcomeKind::kFailed;
  if (type == "throw") throw std::runtime_error("the runner broke its promise");
  return outcome;
}

std::vector<ports::TaskType> ScriptedRunner::types() const {
  std::vector<ports::TaskType> types;
  for (const char* name : {"noop", "talk", "fail", "wait", "stubborn", "slow", "throw", "disk",
                           "leave", "read", "childless"})
    types.push_back({name, "", "1.0.0", "{}", 0});
  const std::scoped_lock lock(mutex_);
  for (const auto& [name, timeout] : timeouts_) types.push_back({name, "", "2.0.0", "{}", timeout});
  return types;
}

void ScriptedRunner::on_change(std::function<void()> changed) {
  const std::scoped_lock lock(mutex_);
  changed_ = std::move(changed);
}

void ScriptedRunner::set_timeout(const std::string& type, std::int64_t timeout_ms) {
  std::function<void()> changed;
  {
    const std::scoped_lock lock(mutex_);
    timeouts_[type] = timeout_ms;
    changed = changed_;
  }
  if (changed) changed();
}

void ScriptedRunner::let_go() {
  const std::scoped_lock lock(mutex_);
  free_ = true;
  go_.notify_all();
}

void ScriptedRunner::finish() {
  over_ = true;
  let_go();
  eventually([this] { return running_ == 0; });
}

Result<std::string> ScriptedHeartbeat::beat(std::string_view, std::string_view,
                                            std::string_view beat_json, Millis) {
  const std::scoped_lock lock(mutex_);
  auto beat = api::decode_beat(beat_json);
  if (!beat) return beat.error();
  beats_.push_back(*beat);
  if (failure_) return Error{*failure_, "no beat"};
  if (answer_ == "echo") return std::string(beat_json);
  if (!answer_.empty()) return answer_;
  api::BeatReply reply;
  reply.to = {beat->worker_id, beat->incarnation};
  for (const ports::Renewal& renewal : beat->tasks)
    reply.tasks.emplace_back(renewal.lease, lost_.contains(renewal.lease.task_id)
                                                ? ports::LeaseVerdict::kLost
                                                : ports::LeaseVerdict::kHeld);
  return api::encode(reply);
}

void ScriptedHeartbeat::lose(const std::string& task_id) {
  const std::scoped_lock lock(mutex_);
  lost_.insert(task_id);
}
void ScriptedHeartbeat::fail(std::optional<Code> code) {
  const std::scoped_lock lock(mutex_);
  failure_ = code;
}
void ScriptedHeartbeat::answer(const std::string& body) {
  const std::scoped_lock lock(mutex_);
  answer_ = body;
}
std::vector<api::Beat> ScriptedHeartbeat::beats() const {
  const std::scoped_lock lock(mutex_);
  return beats_;
}

}  // namespace skep::test
