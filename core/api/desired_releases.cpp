#include "core/api/desired_releases.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "core/api/members.hpp"
#include "core/base/utf8.hpp"

namespace skep::api {
namespace {

constexpr std::array<std::string_view, 4> kStates{"pending", "fetched", "active", "failed"};
constexpr std::size_t kReasonBytes = 2'048;  ///< a whole table of trust, with its advice

/// The objects of an array member; anything else is skipped.
template <class Use>
void for_each_object(const json::object& o, std::string_view key, Use&& use) {
  const auto* v = o.if_contains(key);
  if (v == nullptr || !v->is_array()) return;
  for (const auto& item : v->get_array())
    if (item.is_object()) use(item.get_object());
}

Status check(const DesiredRelease& a) {
  if (!is_release_name(a.name))
    return invalid("release list: \"" + a.name + "\" is no name of a release");
  if (!is_sha256(a.sha256)) return invalid("release list: " + a.name + " has no sha256");
  if (a.size < 1 || static_cast<std::size_t>(a.size) > max_bytes(a.kind) ||
      a.signature.size() > kMaxSignatureBytes)
    return invalid("release list: " + a.name + " is larger than a " +
                   std::string(to_string(a.kind)) + " may be");
  return {};
}

}  // namespace

std::string_view to_string(ReleaseKind k) {
  return k == ReleaseKind::kScript ? "script" : "plugin";
}

Result<ReleaseKind> parse_release_kind(std::string_view word) {
  if (word == "script") return ReleaseKind::kScript;
  if (word == "plugin") return ReleaseKind::kPlugin;
  return invalid("release kind \"" + std::string(clip_utf8(word, 40)) +
                 "\": expected script or plugin");
}

bool is_release_name(std::string_view s) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (s.empty() || s.size() > 64 || !plain(s[0])) return false;
  return std::all_of(s.begin(), s.end(),
                     [&](char c) { return plain(c) || c == '.' || c == '_' || c == '-'; });
}

bool is_sha256(std::string_view s) {
  return s.size() == 64 && s.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

void write(JsonOut& out, const ReleaseReport& report) {
  out.object().key("revision").integer(report.revision).key("items").array();
  for (const HeldRelease& a : report.items) {
    out.object().key("kind").str(to_string(a.kind)).key("name").str(a.name);
    out.key("sha256").str(a.sha256).key("state").str(a.state);
    out.key("reason").str_or_null(a.reason).end_object();
  }
  out.end_array().end_object();
}

ReleaseReport read_release_report(const json::object& o) {
  ReleaseReport report;
  report.revision = get_int(o, "revision", -1);
  for_each_object(o, "items", [&](const json::object& item) {
    const auto kind = parse_release_kind(get_string(item, "kind"));
    const std::string state = get_string(item, "state");
    const bool known = std::find(kStates.begin(), kStates.end(), state) != kStates.end();
    const std::string name = get_string(item, "name");
    const std::string sha256 = get_string(item, "sha256");
    if (!kind || !known || !is_release_name(name) || !is_sha256(sha256)) return;
    report.items.push_back({*kind, name, sha256, state,
                            std::string(clip_utf8(get_string(item, "reason"), kReasonBytes))});
  });
  return report;
}

std::string encode(const DesiredReleases& d) {
  JsonOut out;
  out.object().key("revision").integer(d.revision);
  write_addressee(out, d.to);
  out.key("items").array();
  for (const DesiredRelease& a : d.items) {
    out.object().key("kind").str(to_string(a.kind)).key("name").str(a.name);
    out.key("version").str(a.version).key("sha256").str(a.sha256).key("size").integer(a.size);
    out.key("signature").str_or_null(a.signature).end_object();
  }
  return out.end_array().end_object().take();
}

Result<DesiredReleases> decode_desired_releases(std::string_view body) {
  const auto o = parse_object(body, "release list");
  if (!o) return o.error();
  const auto* items = o->if_contains("items");
  if (items == nullptr || !items->is_array())
    return wrong_member("release list", "items", "an array");
  DesiredReleases d;
  d.revision = get_int(*o, "revision");
  d.to = read_addressee(*o);
  Status good;
  for_each_object(*o, "items", [&](const json::object& item) {
    const auto kind = parse_release_kind(get_string(item, "kind"));
    if (!kind) return;  // of a newer control plane
    DesiredRelease a{*kind,
                     get_string(item, "name"),
                     get_string(item, "version"),
                     get_string(item, "sha256"),
                     get_int(item, "size"),
                     get_string(item, "signature")};
    if (const auto ok = check(a); !ok) good = ok.error();
    d.items.push_back(std::move(a));
  });
  if (!good) return good.error();
  return d;
}

}  // namespace skep::api
