#include "file_spool.hpp"

#include <algorithm>
#include <cerrno>

#include "log.hpp"
#include "seal.hpp"

namespace spool {
namespace {

/// Most body bytes that one next() yields beyond its first item.
constexpr std::size_t kMaxYieldBytes = 4u << 20;
constexpr auto kRescanEvery = std::chrono::seconds(60);
constexpr auto kReadAgain = std::chrono::seconds(30);

void check(const skep_spool_item& item) {
  const std::string type(skep::text(item.payload_type));
  if (!is_payload_type(type))
    throw skep::Fault(SKEP_E_INVALID, "payload type \"" + printable(type) +
                                          "\"; known: facts, logs, execution_result, health");
  if (!is_task_id(skep::text(item.task_id)))
    throw skep::Fault(SKEP_E_INVALID, "\"" + printable(skep::text(item.task_id)) +
                                          "\" is no task id: letters, digits, . _ - (1 to 128)");
  check_object(skep::text(item.body));
  if (item.body.n > kMaxItemBytes - 4096)
    throw skep::Fault(SKEP_E_INVALID, "a body of " + std::to_string(item.body.n) +
                                          " bytes; at most " +
                                          std::to_string(kMaxItemBytes - 4096) + " are kept");
}

std::vector<std::string> strings(std::span<const skep_view> views) {
  std::vector<std::string> out;
  out.reserve(views.size());
  for (const skep_view view : views) out.emplace_back(skep::text(view));
  return out;
}

}  // namespace

FileSpool::Io FileSpool::lock_io(const skep::Call& call) {
  constexpr std::chrono::milliseconds kLook{50};
  Io lock(io_, std::defer_lock);
  do {
    call.check("the spool " + config_.dir);
  } while (!lock.try_lock_until(std::min(call.deadline(), Clock::now() + kLook)));
  return lock;
}

Micros FileSpool::next_time() {
  last_ = std::max(wall_now(), last_ + 1);
  return last_;
}

std::vector<std::string> FileSpool::put(const skep::Call& call,
                                        skep::Array<skep_spool_item> items) {
  if (items.empty()) return {};
  for (const skep_spool_item& item : items) check(item);
  const Io lock = lock_io(call);
  follow_path();
  admit(items);

  const auto batch = std::make_shared<Batch>();
  std::string bytes;
  for (const skep_spool_item& item : items) {
    BatchItem line;
    line.name = format_name(skep::text(item.payload_type), next_time(), skep::text(item.task_id));
    line.offset = bytes.size();
    bytes += batch_line(line.name, skep::text(item.body));
    line.size = bytes.size() - line.offset;
    line.body_bytes = static_cast<std::size_t>(item.body.n);
    batch->items.push_back(std::move(line));
  }
  batch->file = format_time(last_) + ".jsonl";
  batch->open = items.size();
  try {
    folder_.write_batch(batch->file, bytes);
  } catch (const skep::Fault& fault) {
    wrote_ = Clock::time_point{};
    set_degraded(true, fault.what());
    throw;
  }
  wrote_ = Clock::now();
  set_degraded(false, {});
  batch->bytes = std::move(bytes);

  std::vector<std::string> names;
  std::int64_t total = 0;
  for (std::size_t i = 0; i < batch->items.size(); ++i) {
    names.push_back(batch->items[i].name);
    total += static_cast<std::int64_t>(batch->items[i].body_bytes);
    in_flight_.emplace(names.back(), Place{batch, i});
  }
  ledger_.flight_bytes(total);
  ledger_.update([&](auto& s) { s.in_flight = static_cast<std::int64_t>(in_flight_.size()); });
  return names;
}

void FileSpool::settle(const Place& place) {
  BatchItem& item = place.item();
  if (item.state == BatchItem::State::kSettled) return;
  if (item.state == BatchItem::State::kInFlight) {
    in_flight_.erase(item.name);
    ledger_.flight_bytes(-static_cast<std::int64_t>(item.body_bytes));
    ledger_.update([&](auto& s) { s.in_flight = static_cast<std::int64_t>(in_flight_.size()); });
  }
  item.state = BatchItem::State::kSettled;
  if (--place.batch->open > 0) return;
  // A batch file that stays is sent again after a restart: a duplicate, no loss.
  if (::unlinkat(folder_.batches.get(), place.batch->file.c_str(), 0) != 0 && errno != ENOENT)
    note(SKEP_LOG_WARN, "spool_batch_not_removed", {{"file", place.batch->file}});
}

void FileSpool::ack(const skep::Call& call, std::span<const skep_view> views) {
  const Io lock = lock_io(call);
  const auto names = strings(views);
  folder_.marker.settle(names);
  bool unlinked = false;
  for (const std::string& name : names) {
    if (const auto flying = in_flight_.find(name); flying != in_flight_.end()) {
      settle(Place(flying->second));
      continue;
    }
    const auto at = find_ready(name);
    if (at == ready_.end()) continue;
    const Place place = at->second.place;
    if (!place.batch && ::unlinkat(folder_.root.get(), name.c_str(), 0) != 0 && errno != ENOENT)
      throw io_fault("remove " + name, errno);
    unlinked |= place.batch == nullptr;
    remove_ready(at);
    if (place.batch) settle(place);
  }
  if (unlinked) sync_folder(folder_.root.get(), folder_.path);
}

void FileSpool::defer(const skep::Call& call, std::span<const skep_view> views) {
  const Io lock = lock_io(call);
  const auto names = strings(views);
  folder_.marker.settle(names);
  std::set<BatchRef> touched;
  for (const std::string& name : names) {
    if (const auto flying = in_flight_.find(name); flying != in_flight_.end())
      touched.insert(land(flying));
  }
  for (const BatchRef& batch : touched) {
    if (call.cancelled()) return;  // what has no file yet is safe in its batch file
    materialise(batch);
  }
}

/// An item in flight becomes a ready one in its batch file.
FileSpool::BatchRef FileSpool::land(std::unordered_map<std::string, Place>::iterator flying) {
  const auto [name, place] = *flying;
  const auto bytes = static_cast<std::int64_t>(place.item().body_bytes);
  in_flight_.erase(flying);
  place.item().state = BatchItem::State::kResident;
  ledger_.flight_bytes(-bytes);
  ledger_.update([&](auto& s) { s.in_flight = static_cast<std::int64_t>(in_flight_.size()); });
  add_ready({*parse_name(name)->time, name}, {bytes, place});
  return place.batch;
}

/// Nobody will settle what is in flight any more: it gets its files now, for people to see.
void FileSpool::stop() {
  const std::scoped_lock lock(io_);
  if (!folder_.root) return;
  try {
    follow_path();
  } catch (const skep::Fault&) {
    // It was said; a folder that was moved away still takes the files.
  }
  std::set<BatchRef> touched;
  while (!in_flight_.empty()) touched.insert(land(in_flight_.begin()));
  for (const BatchRef& batch : touched) materialise(batch);
  folder_.close();
  ready_.clear();
  last_ = 0;
  count_ready(0);
}

void FileSpool::materialise(const BatchRef& batch) {
  const Read file = read_batch(*batch);
  if (file.kind != Read::Kind::kOk) {
    set_degraded(true, "the batch file " + batch->file + " is gone or unreadable");
    return;
  }
  try {
    write_resident(batch, file.bytes);
    set_degraded(false, {});
  } catch (const skep::Fault& fault) {
    // The items are safe in the batch file and are replayed from there; rescan() tries again.
    set_degraded(true, fault.what());
    if (::faccessat(folder_.batches.get(), batch->file.c_str(), F_OK, 0) == 0) batch->bytes = {};
  }
}

void FileSpool::write_resident(const BatchRef& batch, std::string_view bytes) {
  std::vector<std::size_t> written;
  for (std::size_t i = 0; i < batch->items.size(); ++i) {
    const BatchItem& item = batch->items[i];
    if (item.state != BatchItem::State::kResident) continue;
    std::string why;
    const auto line = read_batch_line(line_of(bytes, item), why);
    if (!line) {
      quarantine_entry(item.name, "its line in a batch file: " + why);
      continue;
    }
    folder_.write_item(item.name, seal(line->body));
    written.push_back(i);
  }
  if (written.empty()) return;
  sync_folder(folder_.root.get(), folder_.path);
  for (const std::size_t i : written) {
    if (const auto at = find_ready(batch->items[i].name); at != ready_.end()) at->second.place = {};
    settle({batch, i});
  }
}

void FileSpool::reject(const skep::Call& call, const std::string& name, std::string_view reason) {
  const Io lock = lock_io(call);
  folder_.marker.settle({&name, 1});
  const auto flying = in_flight_.find(name);
  const auto at = find_ready(name);
  const Place place = flying != in_flight_.end() ? flying->second
                      : at != ready_.end()       ? at->second.place
                                                 : Place{};
  if (place.batch) {
    const Read body = load(name, place);
    if (body.kind == Read::Kind::kUnread) throw io_fault("reject " + name, body.error_number);
    folder_.aside.store(Shelf::kRejected, name, body.bytes, reason);
    settle(place);
  } else if (at != ready_.end()) {
    folder_.aside.move_in(Shelf::kRejected, folder_.root.get(), name, reason);
  }
  if (at != ready_.end()) remove_ready(at);
  ledger_.update([&](auto& s) { s.rejected = folder_.aside.count(Shelf::kRejected); });
}

std::vector<Item> FileSpool::next(const skep::Call& call, std::uint32_t max) {
  const Io lock = lock_io(call);
  try {
    follow_path();
  } catch (const skep::Fault&) {
    // It was said; what is in memory, or in a folder that was moved away, is delivered all the
    // same.
  }
  if (ready_.empty() || Clock::now() - scanned_ > kRescanEvery) rescan();
  std::vector<Item> out;
  while (out.empty() && max > 0 && take_newest(call, max, out))
    if (out.empty()) call.check("read the spool");
  if (out.empty() && max > 0 && !unread_.empty()) throw unread_fault();
  return out;
}

bool FileSpool::waits(const std::string& name) const {
  const auto now = Clock::now();
  if (const auto at = unread_.find(name); at != unread_.end() && now < at->second.again)
    return true;
  return now - opened_ < folder_.marker.pause(name);
}

void FileSpool::unread(const std::string& name, const Read& read) {
  const auto again =
      Clock::now() + (is_shortage(read.error_number) ? Clock::duration{} : kReadAgain);
  const bool first = unread_.insert_or_assign(name, Unread{again, read.reason}).second;
  if (first)
    note(SKEP_LOG_WARN, "spool_item_unread",
         {{"name", printable(name)},
          {"error", read.reason},
          {"effect", "it stays and is read later"}});
  show_degraded(printable(name) + ": " + read.reason);
}

/// Of the first: an empty answer would say that nothing is left.
skep::Fault FileSpool::unread_fault() const {
  const auto& [name, why] = *unread_.begin();
  return {SKEP_E_UNAVAILABLE, folder_.path + (is_batch_file(name) ? "/.batch/" : "/") +
                                  printable(name) + ": " + why.reason};
}

void FileSpool::readable(const std::string& name) {
  if (unread_.erase(name) > 0) show_degraded({});
}

/// The newest that may be handled now. While there is none that is above suspicion: one suspect.
std::vector<std::string> FileSpool::newest(std::uint32_t max) const {
  std::vector<std::string> names;
  std::vector<std::string> suspect;
  for (auto at = ready_.rbegin(); at != ready_.rend() && names.size() < max; ++at) {
    const std::string& name = at->first.second;
    if (waits(name)) continue;
    if (!folder_.marker.is_suspect(name))
      names.push_back(name);
    else if (suspect.empty())
      suspect.push_back(name);
  }
  return names.empty() ? suspect : names;
}

/// Damaged and vanished items leave ready_ on the way, and what cannot be read waits, so that a
/// caller's loop comes to an end.
bool FileSpool::take_newest(const skep::Call& call, std::uint32_t max, std::vector<Item>& out) {
  const std::vector<std::string> names = newest(max);
  if (names.empty()) return false;
  folder_.marker.begin(names);
  std::size_t bytes = 0;
  int shortage = 0;
  for (const std::string& name : names) {
    if (call.cancelled()) break;
    const auto at = find_ready(name);
    Read read = load(name, at->second.place);
    if (read.kind == Read::Kind::kGone) remove_ready(at);
    if (read.kind == Read::Kind::kBad) quarantine_entry(name, read.reason);
    if (read.kind == Read::Kind::kUnread) unread(name, read);
    if (is_shortage(read.error_number)) {
      shortage = read.error_number;  // the next one would fare no better
      break;
    }
    if (read.kind != Read::Kind::kOk) continue;
    readable(name);
    bytes += read.bytes.size();
    if (!out.empty() && bytes > kMaxYieldBytes) break;
    auto parsed = parse_name(name);
    out.push_back(
        {name, std::move(parsed->payload_type), std::move(parsed->task_id), std::move(read.bytes)});
  }
  if (out.size() < names.size()) {
    std::vector<std::string> taken;
    for (const Item& item : out) taken.push_back(item.name);
    folder_.marker.begin(taken);
  }
  if (out.empty() && shortage != 0) throw io_fault("read the spool", shortage);
  return true;
}

/// From memory when somebody removed the file.
Read FileSpool::read_batch(const Batch& batch) const {
  Read read = read_regular(folder_.batches.get(), batch.file, SIZE_MAX);
  if (read.kind == Read::Kind::kGone && !batch.bytes.empty()) return {Read::Kind::kOk, batch.bytes};
  return read;
}

/// The checked body of an item.
Read FileSpool::load(const std::string& name, const Place& place) {
  Read read = place.batch ? read_batch(*place.batch)
                          : read_regular(folder_.root.get(), name, kMaxItemBytes);
  if (read.kind != Read::Kind::kOk) return read;
  std::optional<std::string> body;
  if (place.batch) {
    if (auto line = read_batch_line(line_of(read.bytes, place.item()), read.reason))
      body = std::move(line->body);
  } else {
    body = unseal(read.bytes, read.reason);
  }
  read.kind = body ? Read::Kind::kOk : Read::Kind::kBad;
  if (body) read.bytes = std::move(*body);
  return read;
}

}  // namespace spool
