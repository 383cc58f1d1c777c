#include "core/worker/sender.hpp"

#include <algorithm>

#include "core/base/json.hpp"
#include "core/base/log.hpp"

namespace skep::worker {
namespace {

constexpr std::size_t kMaxItems = 512;
constexpr std::size_t kMaxBytes = 1u << 20;
constexpr std::uint32_t kReplayItems = 64;
constexpr Millis kFirstPause{1'000};
/// Between tries with a refused token: at most 30 of them in ten minutes.
constexpr Millis kPauseOfDenied{20'000};
constexpr Millis kLastPause{300'000};

bool is_refusal(int status) {
  return status == 400 || status == 413 || status == 415 || status == 422;
}

std::vector<std::string> names_of(const std::vector<Parcel>& parcels) {
  std::vector<std::string> names;
  for (const Parcel& p : parcels)
    if (!p.name.empty()) names.push_back(p.name);
  return names;
}

void report_spool(std::string_view doing, const Status& status) {
  if (!status) log::error("spool_error", {{"doing", doing}, {"error", status.error().message}});
}

/// The first parcels of `all` that fit into one request.
std::vector<Parcel> take_request(std::vector<Parcel>& all) {
  std::size_t n = 0;
  std::size_t bytes = 0;
  for (; n < all.size() && n < kMaxItems; ++n) {
    bytes += all[n].body.size();
    if (n > 0 && bytes > kMaxBytes) break;
  }
  const auto end = all.begin() + static_cast<std::ptrdiff_t>(n);
  std::vector<Parcel> out(std::make_move_iterator(all.begin()), std::make_move_iterator(end));
  all.erase(all.begin(), end);
  return out;
}

}  // namespace

Sender::Sender(SenderOptions options, std::unique_ptr<ControlPlane> control, ports::Spool& spool,
               Link& link, Clock& clock)
    : Service("skep-send"),
      options_(options),
      control_(std::move(control)),
      spool_(spool),
      link_(link),
      clock_(clock),
      backoff_(options.seed) {}

void Sender::push(std::vector<Parcel> parcels) {
  const std::scoped_lock lock(mutex_);
  for (Parcel& parcel : parcels) new_.push_back(std::move(parcel));
  work_.notify_all();
}

bool Sender::flush(MonoMs deadline) {
  constexpr Millis kLook{20};
  std::unique_lock lock(mutex_);
  const auto empty = [&] { return new_.empty() && !sending_; };
  while (!empty() && clock_.mono_ms() < deadline) work_.wait_for(lock, kLook, empty);
  return empty();
}

void Sender::run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    if (std::vector<Parcel> parcels = take_new(); !parcels.empty()) {
      deliver(std::move(parcels), false);
      settle_taken();
      continue;
    }
    const MonoMs now = clock_.mono_ms();
    if (parked_ && link_.up() && link_.registered()) {
      parked_ = false;
      not_before_ = asked_until_;
    }
    if (next_try() > now) {
      std::unique_lock lock(mutex_);
      // While the control plane is away, look now and then whether another loop has reached it.
      const Millis nap =
          std::min(Millis{next_try() - now}, parked_ ? Millis{500} : options_.rescan);
      work_.wait_for(lock, stop, nap, [&] { return !new_.empty(); });
      continue;
    }
    std::vector<Parcel> parcels = take_spooled();
    if (parcels.empty())
      next_look_ = now + options_.rescan.count();
    else
      deliver(std::move(parcels), true);
  }
}

MonoMs Sender::next_try() const {
  MonoMs next = next_look_;
  for (const auto& [name, trouble] : trouble_) next = std::min(next, trouble.again);
  return std::max(next, not_before_);
}

std::vector<Parcel> Sender::take_new() {
  const std::scoped_lock lock(mutex_);
  std::vector<Parcel> out(std::make_move_iterator(new_.begin()),
                          std::make_move_iterator(new_.end()));
  new_.clear();
  sending_ = !out.empty();
  return out;
}

void Sender::settle_taken() {
  const std::scoped_lock lock(mutex_);
  sending_ = false;
  work_.notify_all();
}

/// What may be tried now. An item that is no envelope is refused here: it would spoil its request.
std::vector<Parcel> Sender::take_spooled() {
  std::vector<Parcel> out = std::exchange(unspooled_, {});
  auto items = spool_.next(kReplayItems + static_cast<std::uint32_t>(trouble_.size()));
  if (!items) {
    report_spool("read", items.error());
    return out;
  }
  const MonoMs now = clock_.mono_ms();
  std::map<std::string, Trouble> still;
  for (ports::SpoolItem& item : *items) {
    if (const auto at = trouble_.find(item.name); at != trouble_.end()) {
      still.insert(*at);
      if (at->second.again > now) continue;
    }
    const auto parsed = parse_json(item.body);
    const std::string key = parsed && parsed->is_object()
                                ? get_string(parsed->get_object(), "idempotency_key")
                                : std::string();
    if (key.empty()) {
      report_spool("reject",
                   spool_.reject(item.name, "it is no envelope: it has no idempotency_key"));
      continue;
    }
    out.push_back({item.name, item.payload_type, item.task_id, key, std::move(item.body), {}});
  }
  trouble_ = std::move(still);
  return out;
}

void Sender::deliver(std::vector<Parcel> parcels, bool spooled) {
  const bool try_now = spooled || (link_.up() && clock_.mono_ms() >= not_before_);
  while (!parcels.empty()) {
    if (!try_now || send(take_request(parcels)) != Answer::kDone) break;
  }
  keep(std::move(parcels));
}

Sender::Answer Sender::send(std::vector<Parcel> parcels) {
  std::vector<std::string> bodies;
  for (const Parcel& parcel : parcels) bodies.push_back(parcel.body);
  const auto submission = control_->submit(bodies);
  if (submission) return apply(parcels, *submission);
  away(submission.error().message, submission.error().retry_after);
  keep(std::move(parcels));
  return Answer::kAway;
}

Sender::Answer Sender::apply(std::vector<Parcel>& parcels, const Submission& submission) {
  if (!submission.acks.empty()) {
    settle(parcels, submission);
    return Answer::kDone;
  }
  if (is_refusal(submission.status) && parcels.size() > 1) {
    // One of them spoils the request for all: find out which.
    Answer answer = Answer::kDone;
    for (Parcel& parcel : parcels) {
      if (answer == Answer::kDone)
        answer = send({std::move(parcel)});
      else
        keep({std::move(parcel)});
    }
    return answer;
  }
  if (is_refusal(submission.status)) {
    Submission one = submission;
    one.acks.push_back({"", "", parcels[0].task_id, submission.status, submission.detail});
    settle(parcels, one);
    return Answer::kDone;
  }
  const std::string why =
      "results: status " + std::to_string(submission.status) + ": " + submission.detail;
  const bool is_denied = submission.status == 401 || submission.status == 403;
  if (is_denied)
    denied(why);
  else
    away(why, submission.retry_after);
  keep(std::move(parcels));
  return is_denied ? Answer::kDenied : Answer::kAway;
}

/// Each parcel by its own ack: echoed, refused, or neither.
void Sender::settle(std::vector<Parcel>& parcels, const Submission& submission) {
  std::map<std::string_view, const api::Ack*> echoed;
  for (const api::Ack& ack : submission.acks)
    if (!ack.ack.empty()) echoed[ack.ack] = &ack;
  const bool in_order = submission.acks.size() == parcels.size();

  std::vector<std::string> delivered;
  std::vector<Parcel> rest;
  for (std::size_t i = 0; i < parcels.size(); ++i) {
    Parcel& parcel = parcels[i];
    if (echoed.contains(parcel.key)) {
      if (!parcel.name.empty()) delivered.push_back(parcel.name);
      trouble_.erase(parcel.name);
      continue;
    }
    bool again = true;
    if (in_order && is_refusal(submission.acks[i].status))
      refused(parcel, submission.acks[i].status, submission.acks[i].error, again);
    else
      hold(parcel);
    if (again) rest.push_back(std::move(parcel));
  }
  if (!delivered.empty()) report_spool("ack", spool_.ack(delivered));
  answered();
  keep(std::move(rest));
}

void Sender::refused(const Parcel& parcel, int status, const std::string& why, bool& again) {
  const int refusals = ++trouble_[parcel.name].refusals;
  again = refusals < 2 && !parcel.name.empty();
  if (again) return;
  const std::string reason =
      "the control plane refused it with status " + std::to_string(status) + ": " + why;
  trouble_.erase(parcel.name);
  if (parcel.name.empty())
    log::error("result_lost", {{"task_id", parcel.task_id}, {"reason", reason}});
  else
    report_spool("reject", spool_.reject(parcel.name, reason));
}

/// Neither taken nor refused: it waits longer each time, and the others go on.
void Sender::hold(const Parcel& parcel) {
  Trouble& trouble = trouble_[parcel.name];
  trouble.pause = std::clamp(trouble.pause * 2, kFirstPause, kLastPause);
  trouble.again = clock_.mono_ms() + trouble.pause.count();
}

/// Back to the spool, to be replayed.
void Sender::keep(std::vector<Parcel> parcels) {
  if (parcels.empty()) return;
  next_look_ = 0;
  if (const auto names = names_of(parcels); !names.empty())
    report_spool("defer", spool_.defer(names));
  for (Parcel& parcel : parcels)
    if (parcel.name.empty()) unspooled_.push_back(std::move(parcel));
}

void Sender::answered() {
  backoff_.reset();
  complaint_.reset();
  not_before_ = 0;
  parked_ = false;
  link_.reached();
}

void Sender::away(const std::string& why, Millis asked, Millis floor) {
  link_.lost();
  const MonoMs now = clock_.mono_ms();
  const Millis pause = backoff_.next(std::max(asked, floor));
  not_before_ = now + pause.count();
  asked_until_ = now + asked.count();
  parked_ = true;
  if (complaint_.due(now))
    log::warn("results_deferred", {{"error", why},
                                   {"effect", "results are kept in the spool and sent later"},
                                   {"retry_ms", pause.count()}});
}

/// The token is refused: nothing is thrown away, registering again comes first.
void Sender::denied(const std::string& why) {
  link_.set_registered(false);
  away(why, Millis{0}, kPauseOfDenied);
}

std::size_t Sender::send_unspooled(ControlPlane& control, std::vector<Parcel> parcels) {
  std::size_t taken = 0;
  while (!parcels.empty()) {
    std::vector<std::string> bodies;
    const std::vector<Parcel> request = take_request(parcels);
    for (const Parcel& parcel : request) bodies.push_back(parcel.body);
    const auto submission = control.submit(bodies);
    if (!submission) break;
    for (const api::Ack& ack : submission->acks)
      taken += std::any_of(request.begin(), request.end(),
                           [&](const Parcel& p) { return p.key == ack.ack; });
  }
  return taken;
}

}  // namespace skep::worker
