#include "core/worker/sender.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "core/base/events.hpp"
#include "core/base/json.hpp"
#include "core/base/log.hpp"

namespace skep::worker {
namespace {

constexpr std::size_t kMaxItems = 512;
/// With its brackets and commas a request stays below 1 MiB, the limit of many a proxy.
constexpr std::size_t kMaxBytes = 1000u << 10;
constexpr std::uint32_t kReplayItems = 64;
/// Between tries with a refused token: at most 30 of them in ten minutes.
constexpr Millis kPauseOfDenied{20'000};
constexpr Millis kLastPause{300'000};
/// A stranger's doing ends by itself.
constexpr Millis kStrangersLastPause{60'000};

bool is_refusal(int status) {
  return status == 400 || status == 413 || status == 415 || status == 422;
}

/// Whether one of several envelopes, or their number, may be what somebody on the way minds.
bool may_be_one(int status) { return is_refusal(status) || status == 403 || status == 406; }

/// The control plane's own verdict on this one, with a reason.
bool is_verdict(const api::Ack& ack) {
  const auto problem = parse_json(ack.error);
  return ack.ack.empty() && is_refusal(ack.status) && problem && problem->is_object() &&
         !get_string(problem->get_object(), "code").empty();
}

std::vector<std::string> names_of(const std::vector<PendingEnvelope>& envelopes) {
  std::vector<std::string> names;
  for (const PendingEnvelope& p : envelopes)
    if (!p.name.empty()) names.push_back(p.name);
  return names;
}

void report_spool(std::string_view doing, const Status& status) {
  if (!status) log::error("spool_error", {{"doing", doing}, {"error", status.error().message}});
}

}  // namespace

Sender::Sender(SenderOptions options, std::unique_ptr<ControlPlane> control, ports::Spool& spool,
               Membership& membership, Clock& clock)
    : Service("skep-send"),
      options_(std::move(options)),
      control_(std::move(control)),
      spool_(spool),
      membership_(membership),
      clock_(clock),
      backoff_(options_.seed, options_.backoff),
      read_backoff_(options_.seed, options_.backoff),
      most_items_(kMaxItems) {
  membership_.set_backlog(Backlog::kUntried);
}

void Sender::push(std::vector<PendingEnvelope> envelopes) {
  const MutexLock lock(mutex_);
  for (PendingEnvelope& envelope : envelopes) new_.push_back(std::move(envelope));
  work_.notify_all();
}

bool Sender::flush(MonoMs deadline) {
  constexpr Millis kLook{20};
  MutexLock lock(mutex_);
  while ((!new_.empty() || sending_) && clock_.mono_ms() < deadline)
    work_.wait_for(lock, {}, kLook);
  return new_.empty() && !sending_;
}

void Sender::run(std::stop_token stop) {
  hold_until_ = clock_.mono_ms() + options_.longest_hold.count();
  while (!stop.stop_requested()) {
    take_ready();
    if (std::vector<PendingEnvelope> envelopes = take_new(); !envelopes.empty()) {
      deliver(std::move(envelopes), false);
      settle_taken();
      continue;
    }
    const MonoMs now = clock_.mono_ms();
    if (parked_ && membership_.up() && membership_.registered()) {
      parked_ = false;
      not_before_ = asked_until_;
    }
    if (next_try() > now) {
      MutexLock lock(mutex_);
      // While the control plane is away, look now and then whether another loop has reached it.
      const Millis nap =
          std::min(Millis{next_try() - now}, parked_ ? Millis{500} : options_.rescan);
      const auto until = std::chrono::steady_clock::now() + nap;
      while (new_.empty() && ready_.empty() && work_.wait_until(lock, stop, until)) {
      }
      continue;
    }
    std::vector<PendingEnvelope> envelopes;
    const bool all = take_spooled(envelopes);
    if (!envelopes.empty()) {
      deliver(std::move(envelopes), true);
      continue;
    }
    // A result of before that waits for its artifacts is still on its way home, for a while.
    const bool brings = has_backlog_ && now < hold_until_ && options_.brings && options_.brings();
    if (all) next_look_ = now + (brings ? options_.first_pause : options_.rescan).count();
    if (all && !brings) settle_backlog(Backlog::kSettled);
    // What cannot be read does not count: it is another trouble than being cut off.
    if (trouble_.empty() && !parked_) say_delivered();
  }
}

MonoMs Sender::next_try() const {
  MonoMs next = next_look_;
  for (const auto& [name, trouble] : trouble_) next = std::min(next, trouble.again);
  return std::max({next, not_before_, read_again_});
}

std::vector<PendingEnvelope> Sender::take_new() {
  const MutexLock lock(mutex_);
  std::vector<PendingEnvelope> out(std::make_move_iterator(new_.begin()),
                                   std::make_move_iterator(new_.end()));
  new_.clear();
  sending_ = !out.empty();
  return out;
}

void Sender::settle_taken() {
  const MutexLock lock(mutex_);
  sending_ = false;
  work_.notify_all();
}

/// False when it has to be looked at again.
bool Sender::read_spool(std::vector<ports::SpoolItem>& out) {
  auto items = spool_.next(kReplayItems + static_cast<std::uint32_t>(trouble_.size()));
  if (has_backlog_ && options_.on_unread)
    options_.on_unread(items ? ""
                             : "results in the spool cannot be read: " + items.error().message);
  if (items) {
    read_backoff_.reset();
    read_complaint_.reset();
    out = std::move(*items);
    return true;
  }
  const MonoMs now = clock_.mono_ms();
  if (read_complaint_.due(now)) report_spool("read", items.error());
  if (now >= hold_until_) settle_backlog(Backlog::kSettled);
  read_again_ = now + read_backoff_.next().count();
  if (has_backlog_) read_again_ = std::min(read_again_, hold_until_);
  return false;
}

/// What may be tried now; false when that is not all, because the spool cannot be read. An item
/// that is no envelope is refused here: it would spoil its request.
bool Sender::take_spooled(std::vector<PendingEnvelope>& out) {
  out = std::exchange(unspooled_, {});
  std::set<std::string> still;
  const MonoMs now = clock_.mono_ms();
  const auto waits = [&](const std::string& name) {
    still.insert(name);
    const auto at = trouble_.find(name);
    return at != trouble_.end() && at->second.again > now;
  };
  std::erase_if(out, [&](PendingEnvelope& envelope) {
    if (!waits(envelope.key)) return false;
    unspooled_.push_back(std::move(envelope));
    return true;
  });
  std::vector<ports::SpoolItem> items;
  if (!read_spool(items)) return false;
  for (ports::SpoolItem& item : items) {
    if (waits(item.name)) continue;
    const auto parsed = parse_json(item.body);
    const std::string key = parsed ? api::key_of_envelope(*parsed) : std::string();
    if (key.empty()) {
      set_aside(item.name, "it is no envelope: it has no idempotency_key");
      continue;
    }
    PendingEnvelope envelope{item.name, item.payload_type,    item.task_id,
                             key,       std::move(item.body), {}};
    envelope.artifacts = api::artifacts_of_envelope(*parsed);
    if (!envelope.artifacts.empty()) envelope.lease = api::lease_of_envelope(*parsed);
    out.push_back(std::move(envelope));
  }
  std::erase_if(trouble_, [&](const auto& t) { return !still.contains(t.first); });
  return true;
}

void Sender::deliver(std::vector<PendingEnvelope> envelopes, bool spooled) {
  replaying_ = spooled;
  hold_back(envelopes);
  const bool try_now = spooled || (membership_.up() && clock_.mono_ms() >= not_before_);
  while (try_now && !envelopes.empty()) {
    std::vector<PendingEnvelope> request = take_request(envelopes);
    const Answer answer = send(request);
    // What it leaves of the request goes first the next time.
    envelopes.insert(envelopes.begin(), std::make_move_iterator(request.begin()),
                     std::make_move_iterator(request.end()));
    if (answer == Answer::kAway) break;
  }
  keep(std::move(envelopes));
}

/// Those whose artifacts are not home yet wait until look_again() names them.
void Sender::hold_back(std::vector<PendingEnvelope>& envelopes) {
  std::vector<PendingEnvelope> waiting;
  std::erase_if(envelopes, [&](PendingEnvelope& envelope) {
    if (envelope.artifacts.empty() || !options_.may_go || options_.may_go(envelope)) return false;
    hold(envelope.label(), kLastPause);
    waiting.push_back(std::move(envelope));
    return true;
  });
  keep(std::move(waiting));
}

void Sender::look_again(const std::string& label) {
  const MutexLock lock(mutex_);
  ready_.push_back(label);
  work_.notify_all();
}

void Sender::take_ready() {
  std::vector<std::string> ready;
  {
    const MutexLock lock(mutex_);
    ready.swap(ready_);
  }
  for (const std::string& label : ready) trouble_.erase(label);
  if (!ready.empty()) next_look_ = 0;
}

/// The first envelopes that fit into one request; one in trouble goes alone, to spoil no other.
std::vector<PendingEnvelope> Sender::take_request(std::vector<PendingEnvelope>& all) const {
  std::size_t n = 0;
  std::size_t bytes = 0;
  for (; n < all.size() && n < most_items_; ++n) {
    bytes += all[n].body.size();
    const bool is_first = n == 0;
    if (!is_first && (bytes > kMaxBytes || trouble_.contains(all[n].label()))) break;
    if (is_first && trouble_.contains(all[n].label())) {
      n = 1;
      break;
    }
  }
  const auto end = all.begin() + static_cast<std::ptrdiff_t>(n);
  std::vector<PendingEnvelope> out(std::make_move_iterator(all.begin()),
                                   std::make_move_iterator(end));
  all.erase(all.begin(), end);
  return out;
}

/// Leaves in `request` what has to be sent again at once, or kept when the answer is kAway.
Sender::Answer Sender::send(std::vector<PendingEnvelope>& request) {
  registered_at_send_ = membership_.registered();
  std::vector<std::string> bodies;
  for (PendingEnvelope& envelope : request) bodies.push_back(std::move(envelope.body));
  const auto submission = control_->submit(bodies);
  for (std::size_t i = 0; i < request.size(); ++i) request[i].body = std::move(bodies[i]);
  if (!submission) {
    most_items_ = std::max<std::size_t>(1, request.size() / 2);
    away(submission.error(), submission.error().retry_after);
    return Answer::kAway;
  }
  if (!submission->acks.empty() && settle(request, *submission)) return Answer::kDone;
  return unsettled(request, *submission);
}

/// An answer that names none of them. Smaller requests come first: one item, or the number of
/// them, may be what somebody on the way minds.
Sender::Answer Sender::unsettled(std::vector<PendingEnvelope>& request,
                                 const Submission& submission) {
  const bool smaller = may_be_one(submission.status) && request.size() > 1;
  const bool token = submission.status == 401 || submission.status == 403;
  most_items_ = std::max<std::size_t>(1, request.size() / 2);
  if (token && submission.is_skeps) {
    // Nothing is thrown away, registering again comes first.
    away(Error{Code::kDenied, submission.detail}, Millis{0}, kPauseOfDenied);
    return Answer::kAway;
  }
  if (smaller) return Answer::kDone;
  if (may_be_one(submission.status)) hold(request.front().label(), kStrangersLastPause);
  away(unavailable(submission.detail), submission.retry_after);
  // Whoever minds results may let claims pass: their success is no reason to hurry.
  if (may_be_one(submission.status)) asked_until_ = not_before_;
  return Answer::kAway;
}

/// Each envelope by the ack that names it: taken, refused, or neither. False when it names none.
bool Sender::settle(std::vector<PendingEnvelope>& request, const Submission& submission) {
  std::map<std::string_view, const api::Ack*> acks;
  for (const api::Ack& ack : submission.acks) acks[ack.key] = &ack;
  const auto named = [&](const PendingEnvelope& envelope) { return acks.contains(envelope.key); };
  if (std::none_of(request.begin(), request.end(), named)) return false;

  std::vector<std::string> delivered;
  std::vector<PendingEnvelope> rest;
  for (PendingEnvelope& envelope : request) {
    const api::Ack ack = named(envelope) ? *acks[envelope.key] : api::Ack{};
    if (ack.ack == envelope.key) {
      if (!envelope.name.empty()) delivered.push_back(envelope.name);
      if (!envelope.artifacts.empty() && options_.on_delivered) options_.on_delivered(envelope);
      trouble_.erase(envelope.label());
    } else if (is_verdict(ack)) {
      if (!refused(envelope, ack)) rest.push_back(std::move(envelope));
    } else {
      hold(envelope.label(), kLastPause);
      rest.push_back(std::move(envelope));
    }
  }
  request.clear();
  most_items_ = std::min(kMaxItems, most_items_ * 2);
  if (!delivered.empty()) forget(delivered);
  if (replaying_) replayed_ += static_cast<std::int64_t>(delivered.size());
  answered();
  keep(std::move(rest));
  return true;
}

/// True when it is settled: the second refusal is believed.
bool Sender::refused(const PendingEnvelope& envelope, const api::Ack& ack) {
  const int refusals = ++trouble_[envelope.label()].refusals;
  if (refusals < 2 && !envelope.name.empty()) return false;
  const std::string reason =
      "the control plane refused it with status " + std::to_string(ack.status) + ": " + ack.error;
  if (!envelope.name.empty()) {
    set_aside(envelope.name, reason);
  } else {
    trouble_.erase(envelope.key);
    log::error("result_lost", {{"task_id", envelope.task_id}, {"reason", reason}});
  }
  return true;
}

/// What the spool cannot settle now comes again; in the meantime the others go on.
void Sender::set_aside(const std::string& name, const std::string& reason) {
  const Status done = spool_.reject(name, reason);
  report_spool("reject", done);
  if (done)
    trouble_.erase(name);
  else
    hold(name, kLastPause);
}

void Sender::forget(const std::vector<std::string>& names) {
  const Status done = spool_.ack(names);
  report_spool("ack", done);
  if (!done)
    for (const std::string& name : names) hold(name, kLastPause);
}

/// Neither taken nor refused: it waits longer each time, and the others go on.
void Sender::hold(const std::string& label, Millis longest) {
  Trouble& trouble = trouble_[label];
  trouble.pause = std::clamp(trouble.pause * 2, options_.first_pause, longest);
  trouble.again = clock_.mono_ms() + trouble.pause.count();
}

/// Back to the spool, to be replayed.
void Sender::keep(std::vector<PendingEnvelope> envelopes) {
  if (envelopes.empty()) return;
  next_look_ = 0;
  read_again_ = 0;
  if (const auto names = names_of(envelopes); !names.empty())
    report_spool("defer", spool_.defer(names));
  for (PendingEnvelope& envelope : envelopes)
    if (envelope.name.empty()) unspooled_.push_back(std::move(envelope));
}

void Sender::answered() {
  backoff_.reset();
  complaint_.reset();
  not_before_ = 0;
  parked_ = false;
  membership_.reached();
}

void Sender::settle_backlog(Backlog backlog) {
  if (!has_backlog_) return;
  has_backlog_ = backlog != Backlog::kSettled;
  if (!has_backlog_ && options_.on_unread) options_.on_unread("");
  membership_.set_backlog(backlog);
}

void Sender::away(const Error& error, Millis asked, Millis floor) {
  settle_backlog(registered_at_send_ || asked.count() > 0 ? Backlog::kSettled : Backlog::kWaits);
  membership_.failed(error);
  const MonoMs now = clock_.mono_ms();
  const Millis pause = backoff_.next(std::max(asked, floor));
  not_before_ = now + pause.count();
  asked_until_ = now + asked.count();
  parked_ = true;
  if (cut_off_at_ == 0) say_cut_off(error.message);
  if (complaint_.due(now))
    log::warn("results_deferred", {{"error", error.message},
                                   {"effect", "results are kept in the spool and sent later"},
                                   {"retry_ms", pause.count()}});
}

void Sender::say_cut_off(const std::string& why) {
  cut_off_at_ = clock_.mono_ms();
  if (const auto held = spool_.stats())
    events::publish(log::Level::kWarn, "worker.cut_off",
                    {{"held", held->ready + held->in_flight}, {"reason", why}});
  else
    events::publish(log::Level::kWarn, "worker.cut_off", {{"reason", why}});
}

/// Nothing is left in the spool but what cannot be read.
void Sender::say_delivered() {
  const MonoMs since = std::exchange(cut_off_at_, 0);
  const std::int64_t count = std::exchange(replayed_, 0);
  if (count == 0) return;
  if (since == 0)  // held since before this process
    events::publish(log::Level::kInfo, "worker.delivered", {{"count", count}});
  else
    events::publish(log::Level::kInfo, "worker.delivered",
                    {{"count", count}, {"away_seconds", (clock_.mono_ms() - since) / 1'000}});
}

std::vector<PendingEnvelope> Sender::take_unspooled() { return std::exchange(unspooled_, {}); }

void Sender::send_unspooled(ControlPlane& control, std::vector<PendingEnvelope>& envelopes) {
  bool away = false;
  std::erase_if(envelopes, [&](const PendingEnvelope& envelope) {
    if (away) return false;
    const auto submission = control.submit({envelope.body});
    away = !submission;
    return submission && std::any_of(submission->acks.begin(), submission->acks.end(),
                                     [&](const api::Ack& ack) { return ack.ack == envelope.key; });
  });
}

}  // namespace skep::worker
