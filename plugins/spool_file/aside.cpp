#include "aside.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <tuple>
#include <vector>

#include "log.hpp"

namespace spool {
namespace {

constexpr std::int64_t kMaxBytes = 64 << 20;
constexpr std::int64_t kMaxFiles = 1000;
constexpr std::string_view kReason = ".reason";

/// What is no result, by its name, with its reason. A damaged piece of a batch may be one.
bool may_go(std::string_view name) {
  return name.starts_with("logs-") || name.starts_with("facts-") || name.starts_with("health-");
}

struct Kept {
  std::time_t since;  ///< ctime: the instant of the rename, not of the writing
  int dir;
  std::string name;
  std::int64_t bytes;
  bool is_folder;
};

void list_prunable(int dir, std::vector<Kept>& out) {
  for (const std::string& name : list_folder(dir)) {
    if (!may_go(name)) continue;
    if (const auto st = stat_entry(dir, name))
      out.push_back(
          {st->st_ctime, dir, name, S_ISREG(st->st_mode) ? st->st_size : 0, S_ISDIR(st->st_mode)});
  }
}

/// A name that is free in `dir`: NAME, NAME.1, NAME.2 ..
std::string free_name(int dir, const std::string& name) {
  std::string candidate = name;
  for (int n = 1; stat_entry(dir, candidate).has_value(); ++n)
    candidate = name + "." + std::to_string(n);
  return candidate;
}

}  // namespace

void Aside::open(int root) {
  files_ = bytes_ = 0;
  for (Folder* shelf : {&quarantine_, &rejected_}) {
    shelf->fd = open_folder(root, shelf->name);
    const auto names = list_folder(shelf->fd.get());
    shelf->items = std::count_if(names.begin(), names.end(),
                                 [](const std::string& name) { return !name.ends_with(kReason); });
  }
  prune();
}

void Aside::move_in(Shelf shelf, int from_dir, const std::string& name, std::string_view reason) {
  Folder& to = folder(shelf);
  const auto st = stat_entry(from_dir, name);
  const std::string target = free_name(to.fd.get(), name);
  if (!rename_new(from_dir, name, to.fd.get(), target))
    throw io_fault("set aside " + printable(name), EEXIST);
  sync_folder(to.fd.get(), to.name);
  sync_folder(from_dir, "of the spool");
  added(to, target, reason, st ? st->st_size : 0);
}

void Aside::store(Shelf shelf, const std::string& name, std::string_view bytes,
                  std::string_view reason) {
  Folder& to = folder(shelf);
  const std::string target = free_name(to.fd.get(), name);
  write_new(to.fd.get(), target, bytes);
  sync_folder(to.fd.get(), to.name);
  added(to, target, reason, static_cast<std::int64_t>(bytes.size()));
}

void Aside::added(Folder& shelf, const std::string& name, std::string_view reason,
                  std::int64_t bytes) {
  ++shelf.items;
  if (may_go(name)) {
    files_ += 2;
    bytes_ += bytes + static_cast<std::int64_t>(reason.size());
  }
  note(SKEP_LOG_WARN, &shelf == &quarantine_ ? "spool_quarantined" : "spool_rejected",
       {{"name", printable(name)}, {"reason", reason}});
  try {
    write_new(shelf.fd.get(), name + std::string(kReason), std::string(reason) + "\n");
  } catch (const skep::Fault& fault) {
    // The item itself is safe and the log has the reason.
    note(SKEP_LOG_WARN, "spool_reason_not_written",
         {{"name", printable(name)}, {"error", fault.what()}});
  }
  if (files_ > kMaxFiles || bytes_ > kMaxBytes) prune();
}

void Aside::prune() try {
  std::vector<Kept> kept;
  list_prunable(quarantine_.fd.get(), kept);
  list_prunable(rejected_.fd.get(), kept);
  std::sort(kept.begin(), kept.end(), [](const Kept& a, const Kept& b) {
    return std::tie(a.since, a.name) < std::tie(b.since, b.name);
  });
  files_ = static_cast<std::int64_t>(kept.size());
  bytes_ = 0;
  for (const Kept& k : kept) bytes_ += k.bytes;
  for (const Kept& k : kept) {
    if (files_ <= kMaxFiles && bytes_ <= kMaxBytes) break;
    if (::unlinkat(k.dir, k.name.c_str(), k.is_folder ? AT_REMOVEDIR : 0) != 0) continue;
    --files_;
    bytes_ -= k.bytes;
    note(SKEP_LOG_WARN, "spool_set_aside_removed",
         {{"name", printable(k.name)}, {"why", "over the limit"}});
  }
} catch (const skep::Fault& fault) {
  note(SKEP_LOG_WARN, "spool_set_aside_not_listed", {{"error", fault.what()}});
}

std::int64_t Aside::count(Shelf shelf) const {
  return shelf == Shelf::kQuarantine ? quarantine_.items : rejected_.items;
}

}  // namespace spool
