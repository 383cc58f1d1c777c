#include "core/plugin/quarantine.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <filesystem>

#include "core/base/file.hpp"
#include "core/base/json.hpp"
#include "core/base/log.hpp"
#include "core/base/text.hpp"
#include "core/base/utf8.hpp"

namespace skep::plugin {
namespace {

constexpr std::size_t kMostEntries = 256;
constexpr std::size_t kMaxBytes = std::size_t{4} << 20;
constexpr std::size_t kMaxReason = 2048;  ///< bytes, so that all entries fit
constexpr std::size_t kSha256Digits = 64;

}  // namespace

Quarantine::Quarantine(std::string path) : path_(std::move(path)) {
  std::error_code ec;
  if (path_.empty() || !std::filesystem::exists(path_, ec)) return;
  if (const auto text = read_file(path_, kMaxBytes); text && read(*text)) return;
  entries_.clear();
  const std::string aside = path_ + ".damaged";
  const bool moved = std::rename(path_.c_str(), aside.c_str()) == 0;
  log::warn("plugin_quarantine_unreadable",
            {{"path", path_},
             {"effect", moved ? "set aside as " + aside + "; no file is in quarantine"
                              : std::string("no file is in quarantine")}});
}

bool Quarantine::read(std::string_view text) {
  const auto parsed = parse_json(text);
  const auto* root = parsed ? parsed->if_object() : nullptr;
  const auto* files = root == nullptr ? nullptr : root->if_contains("files");
  if (files == nullptr || !files->is_array()) return false;
  for (const json::value& file : files->get_array()) {
    const auto* o = file.if_object();
    if (o == nullptr) return false;
    const std::string sha256 = get_string(*o, "sha256");
    const auto at = from_iso(get_string(*o, "at"));
    if (sha256.size() != kSha256Digits || !at) return false;
    entries_[sha256] =
        Entry{get_string(*o, "plugin"), get_string(*o, "version"), get_string(*o, "reason"), *at};
  }
  return true;
}

void Quarantine::write() const {
  if (path_.empty()) return;
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
  return Error{
      Code::kDenied,
      "this file (" + (e.version.empty() ? "" : e.version + ", ") + "sha256 " + sha.substr(0, 12) +
          ") is in quarantine since " + to_iso(e.at) + ": " + e.reason,
      "quarantined",
      "install another version, or try it again: skep plugin reload " + e.plugin + " --force"};
}

}  // namespace skep::plugin
