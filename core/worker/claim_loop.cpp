#include "core/worker/claim_loop.hpp"

#include <algorithm>
#include <utility>

#include "core/base/log.hpp"

namespace skep::worker {
namespace {

/// Saturated this long: somebody else has to listen for cancellations meanwhile.
constexpr Millis kSaturated{100};
constexpr Millis kLook{1'000};
/// Without room for so long: no passing shortage.
constexpr Millis kShortage{3'000};
constexpr std::string_view kGoingBack = "tasks to hand back";
/// A refused token does not get better within seconds.
constexpr Millis kDenied{10'000};
constexpr Millis kStrayPause{50};

/// Whether a claim that failed so may still have leased tasks for us.
bool may_be_lost(const Error& error) {
  return error.code == Code::kUnavailable || error.code == Code::kDeadline ||
         error.code == Code::kCancelled;
}

}  // namespace

ClaimLoop::ClaimLoop(ClaimOptions options, std::unique_ptr<ControlPlane> control,
                     const LiveSettings& settings, SpoolReserve& reserve, Executor& executor,
                     Health& health, SelfCheck& self_check, Membership& membership,
                     InstructionLoop& instructions, ReleaseFetcher& releases, Clock& clock)
    : Service("skep-claim"),
      options_(std::move(options)),
      control_(std::move(control)),
      settings_(settings),
      reserve_(reserve),
      executor_(executor),
      health_(health),
      self_check_(self_check),
      membership_(membership),
      instructions_(instructions),
      releases_(releases),
      clock_(clock),
      backoff_(options_.seed) {}

void ClaimLoop::run(std::stop_token stop) {
  while (!stop.stop_requested() && !membership_.conflicted()) {
    if (!membership_.registered()) {
      if (membership_.may_register())
        register_worker(stop);
      else
        membership_.wait_change(kLook, stop);
      continue;
    }
    const int max = room(stop);
    instructions_.listen(max == 0);
    if (max > 0) claim(max, stop);
  }
  instructions_.listen(false);
  give_back_reserve();
}

void ClaimLoop::register_worker(std::stop_token stop) {
  const auto reply = control_->register_worker(options_.registration());
  if (!reply) return failed(reply.error(), stop);
  backoff_.reset();
  complaint_.reset();
  options_.on_registered(*reply);
  membership_.set_registered(true);
  membership_.reached();
  log::info("worker_registered", {{"protocol", reply->protocol}});
}

/// How many tasks to ask for; 0 after a wait in which nothing could be asked for.
int ClaimLoop::room(std::stop_token stop) {
  if (!membership_.may_claim() || !self_check_.look(stop) || health_.resting()) {
    no_room_ = 0;
    instructions_.listen(true);
    membership_.wait_change(kLook, stop);
    return 0;
  }
  if (!executor_.wait_capacity(kSaturated, stop)) {
    instructions_.listen(true);
    if (!executor_.wait_capacity(kLook, stop)) {
      no_room_ = 0;
      return 0;
    }
  }
  const Settings now = settings_.get();
  if (reserve_.resize(now.result_reserve_bytes)) give_back_reserve();
  const int most = health_.unproven() ? 1 : now.batch_size;
  const int vacant = executor_.capacity() - static_cast<int>(options_.going_back());
  if (vacant > 0)
    health_.set(kGoingBack, {});
  else if (is_shortage())
    health_.set(
        kGoingBack,
        "tasks wait to be handed back: the control plane takes neither them nor a registration");
  const int granted = vacant > 0 ? reserve(std::min(vacant, most)) : 0;
  if (granted > 0) {
    no_room_ = 0;
    return granted;
  }
  if (no_room_ == 0) no_room_since_ = clock_.mono_ms();
  // Results on their way to the disk give their space back within milliseconds; a full disk does
  // not.
  const Millis pause = std::min(kLook, Millis{1 << std::min(no_room_++, 10)});
  if (pause == kLook) instructions_.listen(true);
  membership_.wait_change(pause, stop);
  return 0;
}

bool ClaimLoop::is_shortage() const {
  return no_room_ > 0 && clock_.mono_ms() - no_room_since_ >= kShortage.count();
}

int ClaimLoop::reserve(int wanted) {
  if (reserved_ < wanted) {
    const auto taken = reserve_.take(wanted - reserved_);
    if (taken) reserved_ += *taken;
    if (reserved_ == 0 && is_shortage()) health_.set("spool space", taken.error().message);
  }
  if (reserved_ >= wanted) health_.set("spool space", {});
  return std::min(reserved_, wanted);
}

void ClaimLoop::give_back_reserve() {
  for (; reserved_ > 0; --reserved_) reserve_.give_back();
}

void ClaimLoop::claim(int max, std::stop_token stop) {
  api::ClaimRequest request;
  request.incarnation = options_.incarnation;
  request.max = static_cast<std::uint32_t>(max);
  request.wait_seconds = static_cast<double>(options_.hold.count()) / 1000;
  request.held = executor_.leases();
  request.claim_id = claim_id_;
  request.registry = releases_.heard();
  request.repeated = std::exchange(repeated_, true);
  const MonoMs started = clock_.mono_ms();
  auto reply = control_->claim(request);
  if (!reply) {
    // An answer that came and is no use would only come again: what it leased is given up.
    if (!may_be_lost(reply.error())) next_claim();
    return failed(reply.error(), stop);
  }
  if (!reply->claim_id.empty() && reply->claim_id != request.claim_id) {
    // Late, or a second time; the answer to this claim is still to come.
    accept(std::move(*reply));
    membership_.wait_change(kStrayPause, stop);
    return;
  }
  next_claim();
  backoff_.reset();
  complaint_.reset();
  membership_.reached();
  const api::ClaimReply news{{}, reply->cancel, reply->mode};
  const bool empty = reply->tasks.empty();
  releases_.notice(reply->registry);
  const bool registry_changed = releases_.heard() != request.registry;
  accept(std::move(*reply));
  if (empty && !registry_changed)
    pause_if_not_held(news, clock_.mono_ms() - started, stop);
  else
    early_empty_ = 0;
}

void ClaimLoop::next_claim() {
  claim_id_ = new_id();
  repeated_ = false;
}

bool SeenIds::add(const std::string& id) {
  if (!ids_.insert(id).second) return false;
  order_.push_back(id);
  if (order_.size() > kMost) {
    ids_.erase(order_.front());
    order_.pop_front();
  }
  return true;
}

void ClaimLoop::forget_seen(std::vector<model::ClaimedTask>& tasks) {
  const auto again = std::erase_if(
      tasks, [this](const model::ClaimedTask& task) { return !seen_.add(task.lease.lease_id); });
  if (again > 0) log::warn("claim_reply_came_twice", {{"tasks", again}});
}

void ClaimLoop::accept(api::ClaimReply reply) {
  forget_seen(reply.tasks);
  for (const model::Lease& lease : reply.cancel)
    executor_.cancel(lease, ports::CancelReason::kUser);
  membership_.set_mode(reply.mode);
  if (!self_check_.was_well()) return give_back(std::move(reply.tasks));
  reserved_ -= std::min(reserved_, static_cast<int>(reply.tasks.size()));
  if (!reply.tasks.empty()) executor_.submit(std::move(reply.tasks));
}

/// The claim waited at the control plane since before the trouble.
void ClaimLoop::give_back(std::vector<model::ClaimedTask> tasks) {
  for (model::ClaimedTask& task : tasks) {
    log::warn("task_handed_back", {{"task_id", task.lease.task_id},
                                   {"type", task.type},
                                   {"error", "it came while the worker had a trouble"}});
    options_.give_back(std::move(task.lease));
  }
}

/// An empty answer well before its time: the server does not hold requests, or another worker was
/// quicker. Ask again soon at first, at the poll interval later.
void ClaimLoop::pause_if_not_held(const api::ClaimReply& reply, MonoMs took, std::stop_token stop) {
  if (took * 2 >= options_.hold.count() || !reply.cancel.empty() || !membership_.may_claim()) {
    early_empty_ = 0;
    return;
  }
  early_empty_ = std::min(early_empty_ + 1, 16);
  const Millis pause = std::min(settings_.get().poll_interval, Millis{25} * (1 << early_empty_));
  membership_.wait_change(pause, stop);
}

void ClaimLoop::failed(const Error& error, std::stop_token stop) {
  if (stop.stop_requested()) return;
  membership_.failed(error);
  if (membership_.conflicted()) return;
  const bool denied = error.code == Code::kDenied;
  const Millis pause = backoff_.next(std::max(error.retry_after, denied ? kDenied : Millis{0}));
  if (complaint_.due(clock_.mono_ms()))
    log::warn(
        "worker_pool_poll_error",
        {{"error", error.message}, {"failures", backoff_.failures()}, {"retry_ms", pause.count()}});
  // Unknown here after a restart of the control plane: register at once, then at the usual pace.
  if (error.code == Code::kNotFound && backoff_.failures() == 1) return;
  membership_.wait_change(pause, stop);
}

}  // namespace skep::worker
