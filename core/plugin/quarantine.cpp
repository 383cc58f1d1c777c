#include "core/plugin/quarantine.hpp"

#include <algorithm>
#include <cstdio>

#include "core/api/desired_releases.hpp"
#include "core/base/file.hpp"
#include "core/base/json.hpp"
#include "core/base/log.hpp"
#include "core/base/utf8.hpp"
#include "core/plugin/file_list.hpp"

namespace skep::plugin {
namespace {

constexpr std::size_t kMostEntries = 256;
constexpr std::size_t kMaxBytes = std::size_t{4} << 20;
constexpr std::size_t kMaxReason = 2048;  ///< bytes, so that all entries fit

}  // namespace

Quarantine::Quarantine(std::string path, WayOut way_out)
    : path_(std::move(path)), way_out_(way_out) {
  if (!path_.empty()) load();
}

/// An error number is no verdict on the file: it stays, and the next write() reads it first.
void Quarantine::load() {
  decltype(entries_) found;
  const Status read = read_file_list(path_, kMaxBytes, [&](const json::object& o) {
    const std::string sha256 = get_string(o, "sha256");
    const auto at = from_iso(get_string(o, "at"));
    if (!api::is_sha256(sha256) || !at) return false;
    found[sha256] =
        Entry{get_string(o, "plugin"), get_string(o, "version"), get_string(o, "reason"), *at};
    return true;
  });
  is_read_ = read || read.error().code == Code::kCorrupt;
  if (read) return entries_.merge(found);
  std::string effect = "it stays as it is; no file is in quarantine";
  if (is_read_) {
    const std::string aside = path_ + ".damaged";
    const bool moved = std::rename(path_.c_str(), aside.c_str()) == 0;
    effect = (moved ? "set aside as " + aside + "; " : std::string()) + "no file is in quarantine";
  }
  log::warn("plugin_quarantine_unreadable",
            {{"path", path_}, {"error", read.error().message}, {"effect", effect}});
}

void Quarantine::write() {
  if (path_.empty()) return;
  if (!is_read_) load();
  if (!is_read_) return;  // load() has said so
  JsonOut out;
  out.object().key("format").integer(1).key("files").array();
  for (const auto& [sha256, e] : entries_) {
    if (!e.kept) continue;
    out.object().key("sha256").str(sha256).key("plugin").str(e.plugin);
    out.key("version").str(e.version).key("reason").str(e.reason);
    out.key("at").time_or_null(e.at).end_object();
  }
  out.end_array().end_object();
  if (const Status written = replace_file(path_, out.text() + "\n", 0600); !written)
    log::warn("plugin_quarantine_not_kept",
              {{"error", written.error().message}, {"effect", "a restart forgets the quarantine"}});
}

void Quarantine::add(const std::string& sha256, Entry entry) {
  entry.reason = clip_utf8(entry.reason, kMaxReason);
  entries_[sha256] = std::move(entry);
  if (entries_.size() > kMostEntries)
    entries_.erase(std::min_element(entries_.begin(), entries_.end(),
                                    [](auto& a, auto& b) { return a.second.at < b.second.at; }));
  write();
}

bool Quarantine::remove(std::string_view sha256) {
  const auto at = entries_.find(sha256);
  if (at == entries_.end()) return false;
  entries_.erase(at);
  write();
  return true;
}

Error Quarantine::refusal(std::string_view sha256) const {
  const auto& [sha, e] = *entries_.find(sha256);
  return Error{Code::kDenied,
               "this file (" + (e.version.empty() ? "" : e.version + ", ") + "sha256 " +
                   sha.substr(0, 12) + ") is in quarantine since " + to_iso(e.at) + ": " + e.reason,
               "quarantined", way_out_(e.plugin)};
}

}  // namespace skep::plugin
