#include <boost/json.hpp>

#include "core/api/members.hpp"
#include "core/api/release_json.hpp"
#include "core/api/schema.hpp"
#include "core/base/base64.hpp"
#include "core/base/describe.hpp"
#include "core/base/text.hpp"
#include "core/base/utf8.hpp"

namespace skep::api {
namespace {

constexpr std::string_view kPublish = "publish";
constexpr std::int64_t kMaxPromoteAfterSeconds = 30 * 86'400;
constexpr std::size_t kRollbackReasonBytes = 300;

/// "canary": 2 workers, or "10%".
Status read_canary(const json::object& o, Publication& p) {
  const auto* v = o.if_contains("canary");
  if (v == nullptr || v->is_null()) return {};
  const Error wrong = wrong_member(kPublish, "canary", "a count of workers such as 2, or \"10%\"");
  if (v->is_int64()) {
    p.canary_count = v->get_int64();
    return p.canary_count > 0 ? Status{} : Status{wrong};
  }
  if (!v->is_string() || !v->get_string().ends_with('%')) return wrong;
  const std::string_view digits(v->get_string().data(), v->get_string().size() - 1);
  const auto percent = to_int(digits);
  if (!percent || *percent < 1 || *percent > 100) return wrong;
  p.canary_percent = static_cast<double>(*percent);
  return {};
}

/// "schemas": {"disk_check": {"type": "object", ..}}.
Status read_schemas(const json::object& o, Publication& p) {
  const auto* v = o.if_contains("schemas");
  if (v == nullptr || v->is_null()) return {};
  if (!v->is_object()) return wrong_member(kPublish, "schemas", "an object of schemas by type");
  for (const auto& [type, schema] : v->get_object()) {
    std::string text = to_text(schema);
    if (const auto compiled = Schema::compile(text); !compiled)
      return compiled.error().within("publish: \"schemas\": " + shorten(type));
    p.schemas.emplace(type, std::move(text));
  }
  return {};
}

/// When, and for whom.
Status read_rollout(const json::object& o, Publication& p) {
  SKEP_TRY(read_strings(o, kPublish, "sites", p.sites));
  SKEP_TRY(read_canary(o, p));
  SKEP_TRY(read_bool(o, kPublish, "hold", p.hold));
  double seconds = static_cast<double>(p.promote_after_ms) / 1000;
  SKEP_TRY(read_number(o, kPublish, "promote_after_seconds", 0, kMaxPromoteAfterSeconds, seconds));
  p.promote_after_ms = static_cast<std::int64_t>(seconds * 1000);
  return read_int(o, kPublish, "promote_after_tasks", 1, 1'000'000'000, p.promote_after_tasks);
}

}  // namespace

Result<Publication> decode_publication(std::string_view body) {
  const auto o = parse_object(body, kPublish);
  if (!o) return o.error();
  SKEP_TRY(only_known(
      *o, kPublish,
      {"kind", "name", "version", "content", "sha256", "signature", "types", "schemas", "force",
       "sites", "canary", "hold", "promote_after_seconds", "promote_after_tasks"}));
  for (const char* key : {"kind", "name", "version", "content"})
    SKEP_TRY(need_string(*o, kPublish, key));
  const auto kind = parse_release_kind(get_string(*o, "kind"));
  if (!kind) return kind.error();
  Publication p;
  p.kind = *kind;
  p.name = get_string(*o, "name");
  p.version = get_string(*o, "version");
  SKEP_TRY(read_string(*o, kPublish, "sha256", p.sha256));
  SKEP_TRY(read_string(*o, kPublish, "signature", p.signature));
  SKEP_TRY(read_strings(*o, kPublish, "types", p.types));
  SKEP_TRY(read_schemas(*o, p));
  SKEP_TRY(read_bool(*o, kPublish, "force", p.force));
  SKEP_TRY(read_rollout(*o, p));
  const auto& content = o->at("content").get_string();
  auto bytes = base64_decode({content.data(), content.size()});
  if (!bytes) return bytes.error().within("publish: \"content\"");
  p.content = std::move(*bytes);
  return p;
}

Result<std::string> decode_rollback(std::string_view body) {
  std::string reason = "rolled back by hand";
  if (body.empty()) return reason;
  const auto o = parse_object(body, "rollback");
  if (!o) return o.error();
  SKEP_TRY(only_known(*o, "rollback", {"reason"}));
  SKEP_TRY(read_string(*o, "rollback", "reason", reason));
  return std::string(clip_utf8(reason, kRollbackReasonBytes));
}

Document publication_document() {
  using namespace shape;
  constexpr std::string_view kTextsOrNull =
      R"({"type":["array","null"],"items":{"type":"string"}})";
  return {
      "Publication",
      request(
          {{"kind", word({"script", "plugin"})},
           {"name", R"({"type":"string","pattern":"^[a-z0-9][a-z0-9._-]*$","maxLength":64})"},
           {"version", R"({"type":"string","minLength":1})"},
           {"content", told(R"({"type":"string","contentEncoding":"base64"})", "Its bytes.")},
           {"sha256", told(kTextOrNull, "What the content must have.")},
           {"signature", told(kTextOrNull, "Text of FILE.minisig.")},
           {"types", told(kTextsOrNull, "Task types that it brings; its name when not given.")},
           {"schemas",
            told(
                R"({"type":["object","null"],"additionalProperties":{"type":"object","additionalProperties":true}})",
                "What its types take, by type: compared with what workers run.")},
           {"force", told(R"({"type":["boolean","null"]})", "Also when it takes less than they.")},
           {"sites", told(kTextsOrNull, "Every site when not given.")},
           {"canary", either({R"({"type":"integer","minimum":1})",
                              R"({"type":"string","pattern":"^(100|[1-9][0-9]?)%$"})",
                              std::string(kNothing)})},
           {"hold", told(R"({"type":["boolean","null"]})", "Until somebody promotes it.")},
           {"promote_after_seconds", R"({"type":["number","null"],"minimum":0,"maximum":2592000})"},
           {"promote_after_tasks",
            R"({"type":["integer","null"],"minimum":1,"maximum":1000000000})"}},
          {"kind", "name", "version", "content"})};
}

}  // namespace skep::api
