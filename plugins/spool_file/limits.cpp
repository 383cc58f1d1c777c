// Room: reservations, eviction, the index of ready items and their numbers.
#include <array>
#include <cerrno>

#include "file_spool.hpp"
#include "log.hpp"

namespace spool {
namespace {

/// What goes first when room is short. execution_result is not here and never goes.
constexpr std::array<std::string_view, 3> kEvictable{"health", "facts", "logs"};
/// Bytes of a line or file around its body, with its share of a folder.
constexpr std::int64_t kOverhead = 512;

bool is_result(const skep_spool_item& item) {
  return skep::text(item.payload_type) == "execution_result";
}

}  // namespace

void FileSpool::reserve(const skep::Call& call, std::uint64_t bytes) {
  const auto want = static_cast<std::int64_t>(bytes);
  const auto free = [this] { return static_cast<std::int64_t>(free_bytes(config_.dir)); };
  const std::int64_t now = free();
  if (want == 0) return look(now);
  if (ledger_.reserve(want, now)) return;
  const Io lock = lock_io(call);
  make_room(want, 1, [&] { return ledger_.reserve(want, free()) ? 0 : 1; });
}

/// Others may have taken what was set aside. Of free bytes a folder that is read-only, rights,
/// quotas and inodes say nothing. That there is no room at all is for those to hear who want some.
void FileSpool::look(std::int64_t free) {
  constexpr auto kProven = std::chrono::seconds(10);
  if (const std::int64_t reserved = ledger_.reserved(); free < reserved)
    throw skep::Fault(SKEP_E_UNAVAILABLE,
                      "the spool " + config_.dir + ": its disk has " + std::to_string(free) +
                          " bytes free, " + std::to_string(reserved) +
                          " were set aside for results; make room on it: df -h " + config_.dir);
  if (free == 0 || Clock::now() - wrote_.load() < kProven) return;
  try_to_write(config_.dir);
  wrote_ = Clock::now();
}

void FileSpool::unreserve(std::uint64_t bytes) noexcept {
  ledger_.unreserve(static_cast<std::int64_t>(bytes));
}

void FileSpool::admit(skep::Array<skep_spool_item> items) {
  std::int64_t results = 0;
  std::int64_t others = 0;
  std::int64_t other_items = 0;
  for (const skep_spool_item& item : items) {
    const auto bytes = static_cast<std::int64_t>(item.body.n) + kOverhead;
    (is_result(item) ? results : others) += bytes;
    other_items += is_result(item) ? 0 : 1;
  }
  if (results > 0)
    make_room(results + others, 0, [&] { return ledger_.excess_reserved(results + others); });
  if (others > 0)
    make_room(others, other_items, [&] {
      return ledger_.excess(others, other_items,
                            static_cast<std::int64_t>(free_bytes(config_.dir)));
    });
}

/// Evicts until `excess()` is 0.
template <class Excess>
void FileSpool::make_room(std::int64_t bytes, std::int64_t items, const Excess& excess) {
  for (const std::string_view type : kEvictable) do {
      if (excess() == 0) return;
    } while (evict_one(type));
  if (excess() == 0) return;
  throw skep::Fault(SKEP_E_NO_MEMORY, no_room(bytes, items), 5'000);
}

/// Names the limit in whose way they are.
std::string FileSpool::no_room(std::int64_t bytes, std::int64_t items) const {
  const std::string all = "no room for " + std::to_string(bytes) + " bytes in the spool " +
                          folder_.path + ": " + std::to_string(ledger_.stats().ready) +
                          " items wait, ";
  const std::string_view key = ledger_.limit_of(bytes, items);
  if (key.empty())
    return all + "the disk has " + std::to_string(free_bytes(config_.dir)) + " bytes free, " +
           std::to_string(config_.limits.keep_free_bytes) +
           " are kept free; make room on the disk, or lower [spool] keep_free_bytes and restart";
  return all + "[spool] " + std::string(key) +
         " allows no more; they go once the control plane takes them, or raise it and restart";
}

/// Drops the oldest ready item of `payload_type`; false when there is none.
bool FileSpool::evict_one(std::string_view payload_type) {
  for (auto at = ready_.begin(); at != ready_.end(); ++at) {
    const std::string name = at->first.second;
    if (!name.starts_with(payload_type)) continue;
    const Place place = at->second.place;
    if (!place.batch && ::unlinkat(folder_.root.get(), name.c_str(), 0) != 0 && errno != ENOENT)
      throw io_fault("evict " + name, errno);
    remove_ready(at);
    if (place.batch) settle(place);
    ledger_.update([](auto& s) { ++s.evicted; });
    note(SKEP_LOG_WARN, "spool_evicted", {{"name", name}});
    return true;
  }
  return false;
}

void FileSpool::set_degraded(bool degraded, std::string_view why) {
  writes_fail_ = degraded;
  show_degraded(why);
}

/// Degraded while the folder is gone, writes fail or something is there that cannot be read.
void FileSpool::show_degraded(std::string_view why) {
  const bool degraded = lost_ || writes_fail_ || !unread_.empty();
  bool changed = false;
  ledger_.update([&](auto& s) {
    changed = (s.degraded != 0) != degraded;
    s.degraded = degraded ? 1 : 0;
  });
  if (changed && degraded)
    note(SKEP_LOG_ERROR, "spool_degraded", {{"dir", folder_.path}, {"error", why}});
  if (changed && !degraded) note(SKEP_LOG_INFO, "spool_recovered", {{"dir", folder_.path}});
}

FileSpool::Ready::iterator FileSpool::find_ready(const std::string& name) {
  const auto parsed = parse_name(name);
  if (parsed && parsed->time) return ready_.find({*parsed->time, name});
  return std::find_if(ready_.begin(), ready_.end(),
                      [&](const auto& entry) { return entry.first.second == name; });
}

void FileSpool::add_ready(Key key, Entry entry) {
  const std::int64_t bytes = entry.bytes;
  if (ready_.emplace(std::move(key), std::move(entry)).second) count_ready(bytes);
}

void FileSpool::remove_ready(Ready::iterator at) {
  const std::int64_t bytes = at->second.bytes;
  readable(at->first.second);
  ready_.erase(at);
  count_ready(-bytes);
}

void FileSpool::count_ready(std::int64_t bytes) {
  ledger_.update([&](auto& s) {
    s.ready = static_cast<std::int64_t>(ready_.size());
    s.ready_bytes += bytes;
    s.oldest_ms = ready_.empty() ? 0 : ready_.begin()->first.first / 1000;
  });
}

}  // namespace spool
