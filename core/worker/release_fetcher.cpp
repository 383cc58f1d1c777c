#include "core/worker/release_fetcher.hpp"

#include <algorithm>

#include "core/base/log.hpp"

namespace skep::worker {
namespace {

constexpr Millis kQuick{10'000};
constexpr Millis kIdle{60'000};

bool same(const std::vector<api::HeldRelease>& a, const std::vector<api::HeldRelease>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.name == y.name && x.sha256 == y.sha256 && x.state == y.state && x.reason == y.reason;
  });
}

}  // namespace

ReleaseFetcher::ReleaseFetcher(FetcherOptions options, std::unique_ptr<ControlPlane> control,
                               Membership& membership, Clock& clock)
    : Service("skep-releases"),
      options_(std::move(options)),
      control_(std::move(control)),
      membership_(membership),
      clock_(clock),
      folder_(options_.dir) {}

std::int64_t ReleaseFetcher::heard() const {
  if (options_.dir.empty()) return -1;
  const MutexLock lock(mutex_);
  return heard_;
}

void ReleaseFetcher::notice(std::int64_t revision) {
  if (options_.dir.empty() || revision < 0) return;
  const MutexLock lock(mutex_);
  if (std::exchange(heard_, revision) != revision) change_.notify_all();
}

api::ReleaseReport ReleaseFetcher::report() const {
  const MutexLock lock(mutex_);
  return report_;
}

std::string ReleaseFetcher::trouble() const {
  const MutexLock lock(mutex_);
  return trouble_;
}

void ReleaseFetcher::run(std::stop_token stop) {
  if (options_.dir.empty()) return;
  if (const Status made = folder_.prepare(); !made)
    return log::error("releases_off", {{"error", made.error().message}});
  newest_ = folder_.revision();
  while (!stop.stop_requested()) {
    if (!membership_.registered()) {
      membership_.wait_change(kIdle, stop);
      continue;
    }
    if (wait(until_next_look(), stop)) {
      const Status done = synchronise();
      if (done) backoff_.reset();
      retry_at_ = done ? 0 : clock_.mono_ms() + backoff_.next(done.error().retry_after).count();
      if (!done && !stop.stop_requested() && complaint_.due(clock_.mono_ms()))
        log::warn("releases_not_fetched",
                  {{"error", done.error().message}, {"failures", backoff_.failures()}});
    }
    look();
  }
}

Millis ReleaseFetcher::until_next_look() const {
  const MonoMs now = clock_.mono_ms();
  Millis pause = items_.empty() ? kIdle : options_.look;
  if (now < quick_until_) pause = options_.quick_look;
  if (retry_at_ != 0) pause = std::clamp(Millis{retry_at_ - now}, Millis{1}, pause);
  return pause;
}

/// True when there is something to fetch and its time has come.
bool ReleaseFetcher::wait(Millis pause, std::stop_token stop) {
  MutexLock lock(mutex_);
  const std::int64_t before = heard_;
  const auto until = std::chrono::steady_clock::now() + pause;
  while (!is_news(before) && change_.wait_until(lock, stop, until)) {
  }
  if (stop.stop_requested()) return false;
  return is_news(before) || (retry_at_ != 0 && clock_.mono_ms() >= retry_at_);
}

bool ReleaseFetcher::is_news(std::int64_t before) const {
  return heard_ != report_.revision && (retry_at_ == 0 || heard_ != before);
}

Status ReleaseFetcher::synchronise() {
  const std::int64_t asked_for = heard();
  auto list = control_->releases();
  if (!list) return list.error();
  std::vector<Item> items;
  for (api::DesiredRelease& a : list->items) items.push_back({std::move(a)});
  items_ = std::move(items);
  Status first;
  for (Item& item : items_)
    if (const Status done = fetch(item); !done) {
      item.trouble = done.error().message;
      if (first) first = done.error();
    }
  std::vector<api::DesiredRelease> wanted;
  for (const Item& item : items_) wanted.push_back(item.what);
  const auto removed =
      notice_loss(list->revision) ? Result<std::size_t>(std::size_t{0}) : folder_.keep_only(wanted);
  if (!removed && first) first = removed.error();
  if (const Status noted = note_revision(list->revision); !noted && first) first = noted.error();
  log::info("releases_applied", {{"revision", list->revision},
                                 {"releases", items_.size()},
                                 {"removed", removed ? *removed : 0},
                                 {"complete", static_cast<bool>(first)}});
  quick_until_ = clock_.mono_ms() + kQuick.count();
  applied_ = list->revision;
  const MutexLock lock(mutex_);
  // Another control plane may lag behind the one that told us: the next reply says so again.
  if (heard_ == asked_for) heard_ = list->revision;
  return first;
}

/// Nothing, and an older revision: the registry has lost its releases, nobody has withdrawn them.
bool ReleaseFetcher::notice_loss(std::int64_t revision) {
  const bool lost = items_.empty() && revision < newest_;
  const std::string word =
      lost ? "the registry has lost its releases (revision " + std::to_string(revision) +
                 ", before " + std::to_string(newest_) +
                 "): those of this worker stay until something is published for it; next: publish "
                 "them again"
           : "";
  {
    const MutexLock lock(mutex_);
    if (std::exchange(trouble_, word) == word) return lost;
  }
  if (lost)
    log::warn("releases_lost", {{"revision", revision}, {"before", newest_}, {"error", word}});
  if (options_.on_change) options_.on_change();
  return lost;
}

Status ReleaseFetcher::note_revision(std::int64_t revision) {
  if (revision == newest_ || (items_.empty() && revision < newest_)) return {};
  SKEP_TRY(folder_.set_revision(revision));
  newest_ = revision;
  return {};
}

Status ReleaseFetcher::fetch(Item& item) {
  const auto there = folder_.has(item.what);
  if (!there) return there.error();
  if (!*there) {
    const auto size = static_cast<std::size_t>(item.what.size);
    std::string bytes;
    bytes.reserve(size);
    for (std::int64_t index = 0; bytes.size() < size; ++index) {
      const auto chunk = control_->release_chunk(item.what.sha256, index);
      if (!chunk) return chunk.error();
      if (chunk->empty() || chunk->size() > size - bytes.size())
        return Error{Code::kCorrupt, item.what.name + ": a chunk of an unexpected size came"};
      bytes += *chunk;
    }
    SKEP_TRY(folder_.install(item.what, bytes));
    item.before = reason_of_failure(item.what.sha256);
    log::info("release_fetched", {{"id", item.what.name},
                                  {"version", item.what.version},
                                  {"sha256", item.what.sha256},
                                  {"bytes", size}});
  }
  item.on_disk = true;
  return {};
}

/// What report() says went wrong with these bytes; "" = nothing.
std::string ReleaseFetcher::reason_of_failure(const std::string& sha256) const {
  const MutexLock lock(mutex_);
  for (const api::HeldRelease& a : report_.items)
    if (a.sha256 == sha256 && a.state == "failed") return a.reason;
  return {};
}

/// Brings report() up to date with the disk and the loaders.
void ReleaseFetcher::look() {
  const auto loaded =
      options_.loaded && !items_.empty() ? options_.loaded() : std::vector<api::HeldRelease>{};
  std::vector<api::HeldRelease> now;
  bool settled = true;
  for (const Item& item : items_) {
    api::HeldRelease state{item.what.kind, item.what.name, item.what.sha256,
                           item.on_disk ? "fetched" : "pending", item.trouble};
    const auto said = std::find_if(loaded.begin(), loaded.end(), [&](const auto& l) {
      return l.kind == state.kind && l.sha256 == state.sha256;
    });
    // A new signature of the same bytes: give the loaders time to look again.
    const bool known = item.on_disk && said != loaded.end();
    const bool stale = known && said->state == "failed" && said->reason == item.before &&
                       !item.before.empty() && clock_.mono_ms() < quick_until_;
    if (known && !stale) {
      state.state = said->state;
      state.reason = said->reason;
    }
    settled = settled && (state.state == "active" || state.state == "failed");
    now.push_back(std::move(state));
  }
  if (settled) quick_until_ = 0;
  {
    const MutexLock lock(mutex_);
    if (std::exchange(report_.revision, applied_) == applied_ && same(report_.items, now)) return;
    report_.items = std::move(now);
  }
  if (options_.on_change) options_.on_change();
}

}  // namespace skep::worker
