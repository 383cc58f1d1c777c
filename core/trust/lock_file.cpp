#include "core/trust/lock_file.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "core/base/describe.hpp"
#include "core/base/file.hpp"
#include "core/base/id.hpp"
#include "core/base/text.hpp"
#include "core/config/toml_document.hpp"
#include "core/trust/owners.hpp"
#include "core/trust/version.hpp"

namespace skep::trust {
namespace {

namespace json = boost::json;

constexpr std::int64_t kFormat = 1;

bool is_hex(std::string_view s, std::size_t size, std::string_view digits) {
  return s.size() == size && s.find_first_not_of(digits) == std::string_view::npos;
}

/// Reads one [pins.ID]; the first thing that is wrong stands in `problem`.
class PinReader {
 public:
  PinReader(const std::string& id, const json::value& value) : id_(id), value_(value) {}

  Result<Pin> read() {
    if (!is_name(id_)) fail("", "cannot be an id");
    const json::object* table = value_.if_object();
    if (table == nullptr) return config_error("[pins] " + shorten(id_) + " is no table");
    static const std::vector<std::string> kNames{"version", "sha256", "key", "min_version"};
    for (const auto& [name, value] : *table)
      if (std::find(kNames.begin(), kNames.end(), std::string(name)) == kNames.end())
        fail("", "unknown key " + shorten(name) + "; " + suggestion(name, kNames));
    Pin out{text(*table, "version"), text(*table, "sha256"), text(*table, "key"),
            text(*table, "min_version")};
    for (const auto& [name, version] :
         {std::pair{"version", out.version}, {"min_version", out.min_version}})
      if (!is_version(version)) fail(name, "expected MAJOR.MINOR.PATCH");
    if (!is_hex(out.sha256, 64, "0123456789abcdef")) fail("sha256", "expected 64 hex digits");
    if (!out.key.empty() && !is_hex(out.key, 16, "0123456789ABCDEF"))
      fail("key", "expected 16 hex digits, or nothing");
    if (problem_.empty()) return out;
    return config_error("[pins.\"" + shorten(id_) + "\"] " + problem_);
  }

 private:
  std::string text(const json::object& table, std::string_view name) {
    const json::value* value = table.if_contains(name);
    if (value != nullptr && value->is_string()) return std::string(value->get_string());
    fail(name, value == nullptr ? "is missing" : "is " + describe(*value) + "; expected a string");
    return {};
  }
  void fail(std::string_view name, const std::string& why) {
    if (problem_.empty()) problem_ = std::string(name) + (name.empty() ? "" : ": ") + why;
  }

  const std::string& id_;
  const json::value& value_;
  std::string problem_;
};

Result<LockFile> from_document(const json::object& document) {
  LockFile out;
  for (const auto& [name, value] : document) {
    if (name == "format" || name == "pins") continue;
    return config_error("unknown key " + shorten(name) + "; known: format, pins");
  }
  const json::value* format = document.if_contains("format");
  if (format == nullptr || *format != json::value(kFormat))
    return config_error("format is not 1; it was written by another version of skep");
  const json::value* pins = document.if_contains("pins");
  if (pins == nullptr) return out;
  if (!pins->is_object()) return config_error("[pins] is no table");
  for (const auto& [id, value] : pins->get_object()) {
    auto pin = PinReader(std::string(id), value).read();
    if (!pin) return pin.error();
    out.pins.emplace(id, std::move(*pin));
  }
  return out;
}

}  // namespace

Result<LockFile> LockFile::read(const std::string& path) {
  SKEP_TRY(check_writers(path));
  const auto document = config::read_toml_document(path);
  if (!document) return document.error();
  auto out = from_document(*document);
  if (!out) return out.error().within(path);
  return out;
}

std::string LockFile::text() const {
  std::string out =
      "# Written by `skep plugin lock`: what this node may load. Keep it with the configuration.\n"
      "format = " +
      std::to_string(kFormat) + "\n";
  for (const auto& [id, pin] : pins)
    out += "\n[pins.\"" + id + "\"]\nversion = \"" + pin.version + "\"\nsha256 = \"" + pin.sha256 +
           "\"\nkey = \"" + pin.key + "\"\nmin_version = \"" + pin.min_version + "\"\n";
  return out;
}

Status LockFile::write(const std::string& path) const { return replace_file(path, text(), 0644); }

}  // namespace skep::trust
