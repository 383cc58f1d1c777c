#include "core/api/artifacts.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "core/api/members.hpp"
#include "core/base/utf8.hpp"

namespace skep::api {
namespace {

constexpr std::array<std::string_view, 4> kStates{"pending", "fetched", "active", "failed"};
constexpr std::size_t kReasonBytes = 500;

/// The objects of an array member; anything else is skipped.
template <class Use>
void for_each_object(const json::object& o, std::string_view key, Use&& use) {
  const auto* v = o.if_contains(key);
  if (v == nullptr || !v->is_array()) return;
  for (const auto& item : v->get_array())
    if (item.is_object()) use(item.get_object());
}

Status check(const DesiredArtifact& a) {
  if (!is_artifact_name(a.name))
    return invalid("artifact list: \"" + a.name + "\" is no name of an artifact");
  if (!is_sha256(a.sha256)) return invalid("artifact list: " + a.name + " has no sha256");
  if (a.size < 1 || static_cast<std::size_t>(a.size) > max_bytes(a.kind) ||
      a.signature.size() > kMaxSignatureBytes)
    return invalid("artifact list: " + a.name + " is larger than a " +
                   std::string(to_string(a.kind)) + " may be");
  return {};
}

}  // namespace

std::string_view to_string(ArtifactKind k) {
  return k == ArtifactKind::kScript ? "script" : "plugin";
}

Result<ArtifactKind> parse_artifact_kind(std::string_view word) {
  if (word == "script") return ArtifactKind::kScript;
  if (word == "plugin") return ArtifactKind::kPlugin;
  return invalid("artifact kind \"" + std::string(clip_utf8(word, 40)) +
                 "\": expected script or plugin");
}

bool is_artifact_name(std::string_view s) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (s.empty() || s.size() > 64 || !plain(s[0])) return false;
  return std::all_of(s.begin(), s.end(),
                     [&](char c) { return plain(c) || c == '.' || c == '_' || c == '-'; });
}

bool is_sha256(std::string_view s) {
  return s.size() == 64 && s.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

void write(JsonOut& out, const ArtifactReport& report) {
  out.object().key("revision").integer(report.revision).key("items").array();
  for (const ArtifactState& a : report.items) {
    out.object().key("kind").str(to_string(a.kind)).key("name").str(a.name);
    out.key("sha256").str(a.sha256).key("state").str(a.state);
    out.key("reason").str_or_null(a.reason).end_object();
  }
  out.end_array().end_object();
}

ArtifactReport read_artifact_report(const json::object& o) {
  ArtifactReport report;
  report.revision = get_int(o, "revision", -1);
  for_each_object(o, "items", [&](const json::object& item) {
    const auto kind = parse_artifact_kind(get_string(item, "kind"));
    const std::string state = get_string(item, "state");
    const bool known = std::find(kStates.begin(), kStates.end(), state) != kStates.end();
    const std::string name = get_string(item, "name");
    const std::string sha256 = get_string(item, "sha256");
    if (!kind || !known || !is_artifact_name(name) || !is_sha256(sha256)) return;
    report.items.push_back({*kind, name, sha256, state,
                            std::string(clip_utf8(get_string(item, "reason"), kReasonBytes))});
  });
  return report;
}

std::string encode(const DesiredArtifacts& d) {
  JsonOut out;
  out.object().key("revision").integer(d.revision);
  write_addressee(out, d.to);
  out.key("items").array();
  for (const DesiredArtifact& a : d.items) {
    out.object().key("kind").str(to_string(a.kind)).key("name").str(a.name);
    out.key("version").str(a.version).key("sha256").str(a.sha256).key("size").integer(a.size);
    out.key("signature").str_or_null(a.signature).end_object();
  }
  return out.end_array().end_object().take();
}

Result<DesiredArtifacts> decode_desired_artifacts(std::string_view body) {
  const auto o = parse_object(body, "artifact list");
  if (!o) return o.error();
  const auto* items = o->if_contains("items");
  if (items == nullptr || !items->is_array())
    return wrong_member("artifact list", "items", "an array");
  DesiredArtifacts d;
  d.revision = get_int(*o, "revision");
  d.to = read_addressee(*o);
  Status good;
  for_each_object(*o, "items", [&](const json::object& item) {
    const auto kind = parse_artifact_kind(get_string(item, "kind"));
    if (!kind) return;  // of a newer control plane
    DesiredArtifact a{*kind,
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
