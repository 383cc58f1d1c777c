#include "core/plugin/last_good.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <set>

#include "core/api/desired_releases.hpp"
#include "core/base/file.hpp"
#include "core/base/json.hpp"
#include "core/base/log.hpp"
#include "core/plugin/file_list.hpp"

namespace skep::plugin {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostFiles = 128;
constexpr std::int64_t kMostKept = std::int64_t{512} << 20;
constexpr std::size_t kMostIndex = std::size_t{1} << 20;
constexpr std::size_t kDigits = 64;

/// A second name of the same bytes; "" of a file that is not there.
Status give_name(const std::string& file, const std::string& name) {
  ::unlink(name.c_str());  // of the same content, or damaged
  if (::link(file.c_str(), name.c_str()) == 0 || errno == ENOENT) return {};
  return errno_error("keep " + file + " as " + name, errno);
}

}  // namespace

std::string last_good_serves(std::string_view version, std::string_view sha256) {
  return "the last good version serves in its place: " + std::string(version) + " (sha256 " +
         std::string(sha256.substr(0, 12)) + ")\n  next: repair the file or remove it";
}

LastGood::LastGood(std::string dir, std::string ending)
    : dir_(std::move(dir)), ending_(std::move(ending)) {
  if (!dir_.empty()) load();
}

void LastGood::load() {
  const std::string path = dir_ + "/index.json";
  decltype(entries_) found;
  const Status read = read_file_list(path, kMostIndex, [&](const json::object& o) {
    const auto at = from_iso(get_string(o, "at"));
    Entry e{get_string(o, "source"), get_string(o, "id"), get_string(o, "version"),
            get_string(o, "sha256"), at.value_or(0),      get_int(o, "bytes"),
            get_bool(o, "removed")};
    if (e.source.empty() || !api::is_sha256(e.sha256) || !at) return false;
    found[e.source] = std::move(e);
    return true;
  });
  is_read_ = read || read.error().code == Code::kCorrupt;
  is_whole_ = static_cast<bool>(read);
  if (read) return entries_.merge(found);
  if (std::exchange(complained_, true)) return;
  log::warn("last_good_unreadable",
            {{"path", path},
             {"error", read.error().message},
             {"effect", "nothing stands in for a file that does not serve"}});
}

void LastGood::complain(const Entry& what, const std::string& error) {
  if (std::exchange(refused_[what.source], what.sha256) == what.sha256) return;
  log::warn("last_good_not_kept",
            {{"id", what.id},
             {"error", error},
             {"effect", "nothing stands in for the next file that does not serve"}});
}

void LastGood::keep(Entry what, const Staged& copy, bool used) {
  if (dir_.empty()) return;
  const auto known = entries_.find(what.source);
  if (known != entries_.end() && known->second.sha256 == what.sha256) {
    changed_ |= std::exchange(known->second.removed, false);
    return;
  }
  if (known != entries_.end() && !used) return;
  std::error_code ec;
  what.bytes = static_cast<std::int64_t>(fs::file_size(copy.path, ec));
  if (ec) return complain(what, ec.message());
  if (!make_room(what.source, what.bytes))
    return complain(what, dir_ + " is full: 128 files, 512 MiB");
  fs::create_directories(dir_, ec);
  ::chmod(dir_.c_str(), S_IRWXU);
  const std::string path = path_of(what.sha256);
  Status kept = give_name(copy.path, path);
  if (kept) kept = give_name(signature_of(copy.path), signature_of(path));
  if (!kept) return complain(what, kept.error().message);
  refused_.erase(what.source);
  const std::string source = what.source;
  entries_[source] = std::move(what);
  changed_ = true;
}

/// For a file of so many bytes in the place of what is kept of `source`.
bool LastGood::make_room(const std::string& source, std::int64_t bytes) {
  const auto fits = [&] {
    std::size_t files = 1;
    std::int64_t all = bytes;
    for (const auto& [other, e] : entries_) {
      if (other == source) continue;
      ++files;
      all += e.bytes;
    }
    return files <= kMostFiles && all <= kMostKept;
  };
  while (!fits()) {
    auto oldest = entries_.end();
    for (auto e = entries_.begin(); e != entries_.end(); ++e)
      if (e->second.removed && e->first != source &&
          (oldest == entries_.end() || e->second.at < oldest->second.at))
        oldest = e;
    if (oldest == entries_.end()) return false;
    entries_.erase(oldest);
    changed_ = true;
  }
  return true;
}

void LastGood::write() {
  if (!changed_) return;
  if (!is_read_) load();
  if (!is_read_) return;  // load() has said so
  JsonOut out;
  out.object().key("format").integer(1).key("files").array();
  for (const auto& [source, e] : entries_) {
    out.object().key("source").str(source).key("id").str(e.id).key("version").str(e.version);
    out.key("sha256").str(e.sha256).key("at").time_or_null(e.at);
    out.key("bytes").integer(e.bytes).key("removed").boolean(e.removed).end_object();
  }
  out.end_array().end_object();
  const Status written = replace_file(dir_ + "/index.json", out.text() + "\n", 0600);
  const bool complained = std::exchange(complained_, !written);
  if (!written) {
    if (!complained)
      log::warn("last_good_not_kept",
                {{"error", written.error().message},
                 {"effect", "after a restart nothing stands in for a file that does not serve"}});
    return;
  }
  changed_ = false;
  clear();
}

void LastGood::clear() {
  if (dir_.empty() || !is_whole_ || changed_) return;
  std::set<std::string> named;
  for (const auto& [source, e] : entries_) named.insert(path_of(e.sha256));
  std::set<std::string> others;
  std::error_code ec;  // of a folder that cannot be read now: it is cleared another time
  for (fs::directory_iterator at(dir_, ec), end; !ec && at != end; at.increment(ec)) {
    const std::string sha256 = at->path().filename().string().substr(0, kDigits);
    if (api::is_sha256(sha256) && !named.contains(path_of(sha256))) others.insert(path_of(sha256));
  }
  for (const std::string& path : others) remove_staged({path, ""});
}

std::optional<LastGood::Kept> LastGood::find(const std::string& source) const {
  const auto at = entries_.find(source);
  if (at == entries_.end()) return std::nullopt;
  Kept kept{at->second, path_of(at->second.sha256)};
  if (const Status sound = verify_staged({kept.path, kept.entry.sha256}); !sound) {
    log::warn("last_good_damaged", {{"id", kept.entry.id}, {"error", sound.error().message}});
    return std::nullopt;
  }
  return kept;
}

void LastGood::note_removed(const std::string& source) {
  if (const auto at = entries_.find(source); at != entries_.end())
    changed_ |= !std::exchange(at->second.removed, true);
}

}  // namespace skep::plugin
