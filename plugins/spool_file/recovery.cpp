// What the folder holds: at start, at each rescan, and on demand.
#include <sodium.h>

#include <algorithm>

#include "file_spool.hpp"
#include "log.hpp"
#include "seal.hpp"

namespace spool {
namespace {

constexpr std::size_t kMaxBatchBytes = 1u << 30;
/// A name from further in the future is not taken as the last one given out.
constexpr Micros kMaxAhead = 366LL * 24 * 3600 * 1'000'000;

bool is_own_folder(std::string_view name) {
  return name.starts_with('.') || name == "quarantine" || name == "rejected";
}

}  // namespace

void FileSpool::start() {
  if (sodium_init() < 0) throw skep::Fault(SKEP_E_INTERNAL, "libsodium does not start");
  const std::scoped_lock lock(io_);
  try {
    open();
  } catch (const skep::Fault& fault) {
    throw skep::Fault(fault.code(), "open the spool " + config_.dir + ": " + fault.what(),
                      fault.retry_ms());
  }
  note(SKEP_LOG_INFO, "spool_opened",
       {{"dir", folder_.path}, {"items", static_cast<std::int64_t>(ready_.size())}});
}

void FileSpool::open() {
  folder_.open(config_.dir);
  opened_ = Clock::now();
  rescan();
  recover_batches();
  look_at_suspects();
  const Micros limit = wall_now() + kMaxAhead;
  for (auto at = ready_.rbegin(); at != ready_.rend() && last_ == 0; ++at)
    if (at->first.first < limit) last_ = at->first.first;
  if (last_ > wall_now())
    note(SKEP_LOG_WARN, "spool_clock_behind",
         {{"newest", format_time(last_)}, {"effect", "new names count on from there"}});
}

void FileSpool::look_at_suspects() {
  folder_.marker.keep([&](const std::string& name) { return find_ready(name) != ready_.end(); });
  folder_.marker.each_waiting([&](const std::string& name, int deaths) {
    note(SKEP_LOG_WARN, "spool_item_suspect",
         {{"name", printable(name)},
          {"deaths", std::to_string(deaths)},
          {"effect", "it is handled last and alone, not before " +
                         std::to_string(folder_.marker.pause(name).count()) + " min from now"}});
  });
}

/// Never throws: what cannot be moved is left out from now on.
void FileSpool::quarantine_entry(const std::string& name, std::string_view reason) {
  const auto at = find_ready(name);
  const Place place = at != ready_.end() ? at->second.place : Place{};
  try {
    if (place.batch) {
      const Read file = read_batch(*place.batch);
      if (file.kind == Read::Kind::kUnread) throw io_fault("read it", file.error_number);
      folder_.aside.store(Shelf::kQuarantine, name, line_of(file.bytes, place.item()), reason);
      settle(place);
    } else if (stat_entry(folder_.root.get(), name)) {
      folder_.aside.move_in(Shelf::kQuarantine, folder_.root.get(), name, reason);
    }
  } catch (const skep::Fault& fault) {
    ignored_.insert(name);
    note(SKEP_LOG_ERROR, "spool_item_ignored",
         {{"name", printable(name)}, {"reason", reason}, {"error", fault.what()}});
  }
  if (at != ready_.end()) remove_ready(at);
  ledger_.update([&](auto& s) { s.quarantined = folder_.aside.count(Shelf::kQuarantine); });
}

void FileSpool::recover_batches() {
  std::set<std::string> known;
  for (const BatchRef& batch : open_batches()) known.insert(batch->file);
  for (const std::string& file : list_folder(folder_.batches.get()))
    if (!known.contains(file)) recover_batch(file);
}

/// Throws while the path names no folder that this spool can have.
void FileSpool::follow_path() {
  try {
    if (!folder_.is_at_its_path()) reopen();
    if (opened_again_) read_again();
  } catch (const skep::Fault& fault) {
    lost_ = true;
    show_degraded(fault.what());
    throw;
  }
  if (!std::exchange(lost_, false)) return;
  show_degraded({});
}

/// What nobody has delivered yet goes along; named files stay where people moved them.
void FileSpool::reopen() {
  struct stat st {};
  const bool there = ::stat(config_.dir.c_str(), &st) == 0;
  if (!there || !S_ISDIR(st.st_mode)) throw gone(config_.dir, there);
  Folder fresh;
  fresh.open(config_.dir);
  for (const BatchRef& batch : open_batches()) carry_over(*batch, fresh);
  std::swap(folder_, fresh);
  fresh.close();
  opened_again_ = true;
  opened_ = Clock::now();
  ignored_.clear();
  note(SKEP_LOG_WARN, "spool_reopened",
       {{"dir", folder_.path},
        {"effect", "another folder is there now; files in the old one are not sent from there"}});
}

void FileSpool::read_again() {
  rescan();
  recover_batches();
  opened_again_ = false;
}

/// Stays in memory when it cannot be written.
void FileSpool::carry_over(Batch& batch, Folder& to) const {
  Read file = read_batch(batch);
  if (file.kind != Read::Kind::kOk) return;
  batch.bytes = std::move(file.bytes);
  if (::faccessat(to.batches.get(), batch.file.c_str(), F_OK, 0) == 0) return;  // of a copy
  try {
    to.write_batch(batch.file, batch.bytes);
  } catch (const skep::Fault& fault) {
    note(SKEP_LOG_WARN, "spool_batch_not_carried",
         {{"file", batch.file}, {"error", fault.what()}, {"effect", "it waits in memory"}});
  }
}

std::set<FileSpool::BatchRef> FileSpool::open_batches() const {
  std::set<BatchRef> out;
  for (const auto& [name, place] : in_flight_) out.insert(place.batch);
  for (const auto& [key, entry] : ready_)
    if (entry.place.batch) out.insert(entry.place.batch);
  return out;
}

/// Throws only when the file is as it was; what cannot be read is tried again with each rescan.
void FileSpool::recover_batch(const std::string& file) {
  const Read read = read_regular(folder_.batches.get(), file, kMaxBatchBytes);
  if (read.kind == Read::Kind::kUnread) return unread(file, read);
  readable(file);
  if (read.kind == Read::Kind::kGone) return;
  if (read.kind == Read::Kind::kBad) return quarantine_batch(file, read.reason);
  ParsedBatch parsed = parse_batch(read.bytes);
  const bool saved = save_damaged(file, parsed.damaged);
  const auto batch = std::make_shared<Batch>();
  batch->file = file;
  batch->items = std::move(parsed.items);
  // While damaged lines have no other place, the file stays.
  batch->open = batch->items.size() + (saved ? 0 : 1);
  for (std::size_t i = 0; i < batch->items.size(); ++i) {
    const BatchItem& item = batch->items[i];
    const auto name = parse_name(item.name);
    add_ready({name->time.value_or(0), item.name},
              {static_cast<std::int64_t>(item.body_bytes), {batch, i}});
  }
  if (batch->open == 0)
    ::unlinkat(folder_.batches.get(), file.c_str(), 0);
  else
    materialise(batch);
}

void FileSpool::quarantine_batch(const std::string& file, const std::string& reason) try {
  folder_.aside.move_in(Shelf::kQuarantine, folder_.batches.get(), file, reason);
  ledger_.update([&](auto& s) { s.quarantined = folder_.aside.count(Shelf::kQuarantine); });
} catch (const skep::Fault& fault) {
  note(SKEP_LOG_ERROR, "spool_item_ignored",
       {{"name", printable(file)}, {"reason", reason}, {"error", fault.what()}});
}

/// False when they have to stay where they are, until the next start.
bool FileSpool::save_damaged(const std::string& file, const std::vector<std::string>& damaged) try {
  for (const std::string& bytes : damaged)
    folder_.aside.store(Shelf::kQuarantine, "batch-" + file + ".damaged", bytes,
                        "a line of a write-ahead file that is cut off or changed");
  ledger_.update([&](auto& s) { s.quarantined = folder_.aside.count(Shelf::kQuarantine); });
  return true;
} catch (const skep::Fault& fault) {
  note(SKEP_LOG_ERROR, "spool_item_ignored",
       {{"name", printable(file)}, {"reason", "damaged lines"}, {"error", fault.what()}});
  return false;
}

void FileSpool::rescan() {
  Ready found;
  std::set<BatchRef> resident;
  for (const auto& [key, entry] : ready_)
    if (entry.place.batch) {
      found.emplace(key, entry);
      resident.insert(entry.place.batch);
    }
  for (const std::string& name : list_folder(folder_.root.get())) add_found(name, found);
  ready_ = std::move(found);
  forget_unread();
  scanned_ = std::chrono::steady_clock::now();
  ledger_.update([&](auto& s) {
    s.ready_bytes = 0;
    for (const auto& [key, entry] : ready_) s.ready_bytes += entry.bytes;
    s.quarantined = folder_.aside.count(Shelf::kQuarantine);
    s.rejected = folder_.aside.count(Shelf::kRejected);
  });
  count_ready(0);
  folder_.aside.prune();
  for (const BatchRef& batch : resident) materialise(batch);
  for (const std::string& file : unread_batches()) recover_batch(file);
}

std::vector<std::string> FileSpool::unread_batches() const {
  std::vector<std::string> files;
  for (const auto& [name, why] : unread_)
    if (is_batch_file(name)) files.push_back(name);
  return files;
}

/// Of what cannot be read, what is not there any more.
void FileSpool::forget_unread() {
  std::erase_if(unread_, [&](const auto& entry) {
    return !is_batch_file(entry.first) && find_ready(entry.first) == ready_.end();
  });
  show_degraded({});
}

void FileSpool::add_found(const std::string& name, Ready& found) {
  if (is_own_folder(name) || ignored_.contains(name)) return;
  const auto parsed = parse_name(name);
  if (!parsed) {
    ignored_.insert(name);
    note(SKEP_LOG_WARN, "spool_foreign_entry",
         {{"name", printable(name)}, {"effect", "left alone: it is not named like an item"}});
    return;
  }
  std::optional<struct stat> st;
  try {
    st = stat_entry(folder_.root.get(), name);
    if (!st) return;
  } catch (const skep::Fault&) {
    st.emplace();  // it is there: reading it says what is wrong
  }
  const Micros changed =
      static_cast<Micros>(st->st_mtim.tv_sec) * 1'000'000 + st->st_mtim.tv_nsec / 1000;
  const Entry entry{static_cast<std::int64_t>(st->st_size), {}};
  found.emplace(Key{parsed->time.value_or(changed), name}, entry);
}

std::vector<Problem> FileSpool::verify(const skep::Call& call) {
  const Io lock = lock_io(call);
  follow_path();
  rescan();
  std::vector<Problem> problems;
  for (const auto& [key, entry] : ready_) {
    call.check("verify the spool " + config_.dir);
    const Read read = load(key.second, entry.place);
    if (read.kind == Read::Kind::kBad || read.kind == Read::Kind::kUnread)
      problems.push_back({key.second, read.reason});
  }
  for (const std::string& name : ignored_)
    problems.push_back({printable(name), "left alone: it is not an item, or it cannot be moved"});
  return problems;
}

}  // namespace spool
