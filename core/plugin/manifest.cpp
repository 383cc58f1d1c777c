#include "core/plugin/manifest.hpp"

#include <algorithm>
#include <initializer_list>
#include <limits>

#include "core/api/members.hpp"
#include "core/base/text.hpp"
#include "skep/kind/task.h"

namespace skep::plugin {
namespace {

constexpr std::int64_t kMaxMs = std::int64_t{366} * 24 * 3600 * 1000;
const std::initializer_list<std::string_view> kIsolations{"inproc", "process", "per-task"};
constexpr std::size_t kMaxComponents = 64;

/// Reads the members of one object and keeps the first problem, so that a reader is one straight
/// list of fields.
class Reader {
 public:
  Reader(const json::object& object, std::string where)
      : object_(object), where_(std::move(where)) {}

  std::string required_text(std::string_view key) {
    if (!object_.contains(key)) problem(key, "is missing");
    return text(key);
  }
  std::string text(std::string_view key, std::string_view fallback = {}) {
    const auto* v = object_.if_contains(key);
    if (v == nullptr) return std::string(fallback);
    if (v->is_string() && !v->get_string().empty()) return std::string(v->get_string());
    problem(key, "must be a non-empty string");
    return {};
  }
  std::string word(std::string_view key, std::string_view fallback,
                   std::initializer_list<std::string_view> allowed) {
    std::string w = text(key, fallback);
    check_word(key, w, allowed);
    return w;
  }
  void check_word(std::string_view key, std::string_view w,
                  std::initializer_list<std::string_view> allowed) {
    if (std::find(allowed.begin(), allowed.end(), w) != allowed.end()) return;
    const std::vector<std::string> known(allowed.begin(), allowed.end());
    problem(key, "is \"" + std::string(w) + "\"; " + suggestion(w, known));
  }
  std::int64_t number(std::string_view key, std::int64_t fallback, std::int64_t max) {
    const auto* v = object_.if_contains(key);
    if (v == nullptr) return fallback;
    if (!v->is_int64() || v->get_int64() < 0 || v->get_int64() > max) {
      problem(key, "must be an integer from 0 to " + std::to_string(max));
      return fallback;
    }
    return v->get_int64();
  }
  std::vector<std::string> words(std::string_view key) {
    std::vector<std::string> out;
    const auto* v = object_.if_contains(key);
    if (v == nullptr) return out;
    if (!v->is_array()) problem(key, "must be an array of strings");
    if (const auto* items = v->if_array())
      for (const json::value& item : *items) {
        if (item.is_string() && !item.get_string().empty())
          out.emplace_back(item.get_string());
        else
          problem(key, "must be an array of non-empty strings");
      }
    return out;
  }
  std::optional<api::Schema> schema(std::string_view key) {
    const auto* v = object_.if_contains(key);
    if (v == nullptr) return std::nullopt;
    auto compiled = api::Schema::compile(to_text(*v));
    if (compiled) return std::move(*compiled);
    problem(key, compiled.error().message);
    return std::nullopt;
  }
  const json::object* object(std::string_view key) {
    const auto* v = object_.if_contains(key);
    if (v == nullptr) return nullptr;
    if (!v->is_object()) problem(key, "must be an object");
    return v->if_object();
  }
  void problem(std::string_view key, std::string_view what) {
    if (problem_.empty()) problem_ = where_ + std::string(key) + " " + std::string(what);
  }
  Status finish(std::initializer_list<std::string_view> known) const {
    if (!problem_.empty()) return invalid("manifest: " + problem_);
    const std::string place = where_.substr(0, where_.find_last_not_of('.') + 1);
    return api::only_known(object_, "manifest" + (place.empty() ? "" : ": " + place), known);
  }

 private:
  const json::object& object_;
  std::string where_;
  std::string problem_;
};

bool is_digits(std::string_view s) {
  return !s.empty() && std::all_of(s.begin(), s.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// MAJOR.MINOR.PATCH with an optional -pre and +build tail of [0-9A-Za-z.-].
bool is_semver(std::string_view s) {
  const std::size_t tail = s.find_first_of("-+");
  const auto parts = split(s.substr(0, tail), '.');
  if (parts.size() != 3 || !std::all_of(parts.begin(), parts.end(), is_digits)) return false;
  if (tail == std::string_view::npos) return s.size() <= 64;
  const std::string_view rest = s.substr(tail + 1);
  return s.size() <= 64 && !rest.empty() &&
         rest.find_first_not_of(
             "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-+") ==
             std::string_view::npos;
}

/// "com.acme.kind.name/1"
bool is_interface_id(std::string_view s) {
  const std::size_t slash = s.rfind('/');
  return slash != std::string_view::npos && is_plugin_id(s.substr(0, slash)) &&
         is_digits(s.substr(slash + 1)) && s.size() - slash <= 4;
}

/// The mode in which two generations of a kind may meet; a component may only ask for a stricter
/// one.
std::string_view default_reload(std::string_view kind) {
  const bool parallel =
      kind.starts_with("skep.kind.task/") || kind.starts_with("skep.kind.heartbeat/");
  return parallel ? "parallel" : "exclusive";
}

Result<ManifestComponent> parse_component(const json::object& object, const std::string& where) {
  Reader in(object, where);
  ManifestComponent c;
  c.name = in.required_text("name");
  if (!is_plugin_id(c.name)) in.problem("name", "must be [a-z0-9_-] with dots, 64 bytes at most");
  c.kind = in.required_text("kind");
  if (!is_interface_id(c.kind)) in.problem("kind", "must look like \"" SKEP_KIND_TASK "\"");
  c.description = in.text("description");
  c.stability =
      in.word("stability", "stable", {"development", "alpha", "beta", "stable", "deprecated"});
  c.reload = in.word("reload", default_reload(c.kind), {"parallel", "exclusive", "restart"});
  c.max_concurrency = in.number("max_concurrency", 0, 10'000);
  c.cancel_grace_ms = in.number("cancel_grace_ms", 1000, kMaxMs);
  c.default_timeout_ms = in.number("default_timeout_ms", 0, kMaxMs);
  c.required_services = in.words("requires");
  c.permissions = in.words("permissions");
  c.artifacts = in.words("artifacts");
  c.config_schema = in.schema("config_schema");
  c.params_schema = in.schema("params_schema");
  if (c.params_schema && !c.kind.starts_with("skep.kind.task/"))
    in.problem("params_schema", "is for task components only");
  SKEP_TRY(in.finish({"name", "kind", "description", "stability", "reload", "max_concurrency",
                      "cancel_grace_ms", "default_timeout_ms", "requires", "permissions",
                      "artifacts", "config_schema", "params_schema"}));
  return c;
}

Status parse_isolation(const json::object* object, Manifest& m) {
  m.isolation = "inproc";
  m.isolation_allowed.assign(kIsolations.begin(), kIsolations.end());
  if (object == nullptr) return Status();
  Reader in(*object, "isolation.");
  m.isolation = in.word("default", "inproc", kIsolations);
  if (object->contains("allowed")) m.isolation_allowed = in.words("allowed");
  for (const std::string& mode : m.isolation_allowed) in.check_word("allowed", mode, kIsolations);
  if (std::find(m.isolation_allowed.begin(), m.isolation_allowed.end(), m.isolation) ==
      m.isolation_allowed.end())
    in.problem("default", "is not among isolation.allowed");
  return in.finish({"default", "allowed"});
}

Status parse_components(const json::object& root, Manifest& m) {
  const auto* v = root.if_contains("components");
  const auto* items = v == nullptr ? nullptr : v->if_array();
  if (items == nullptr || items->empty() || items->size() > kMaxComponents)
    return invalid("manifest: components must be an array of 1 to 64 objects");
  for (std::size_t i = 0; i < items->size(); ++i) {
    const std::string where = "components[" + std::to_string(i) + "]";
    const auto* object = (*items)[i].if_object();
    if (object == nullptr) return invalid("manifest: " + where + " must be an object");
    auto c = parse_component(*object, where + ".");
    if (!c) return c.error();
    for (const ManifestComponent& other : m.components)
      if (other.name == c->name && other.kind == c->kind)
        return invalid("manifest: " + where + " repeats " + c->kind + " \"" + c->name + "\"");
    m.components.push_back(std::move(*c));
  }
  return Status();
}

}  // namespace

bool is_plugin_id(std::string_view s) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyz0123456789_-.";
  return !s.empty() && s.size() <= 64 && s.find_first_not_of(kAllowed) == std::string_view::npos &&
         s.front() != '.' && s.back() != '.' && s.find("..") == std::string_view::npos;
}

std::map<std::string, std::string> task_types(const Manifest& manifest) {
  std::map<std::string, std::string> out;
  for (const ManifestComponent& c : manifest.components)
    if (c.kind == SKEP_KIND_TASK)
      out.emplace(c.name, c.params_schema ? c.params_schema->text() : "{}");
  return out;
}

std::vector<std::string> permissions(const Manifest& manifest) {
  std::vector<std::string> out;
  for (const ManifestComponent& c : manifest.components)
    out.insert(out.end(), c.permissions.begin(), c.permissions.end());
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

Result<Manifest> parse_manifest(std::string_view json_text) {
  const auto parsed = parse_json(json_text);
  if (!parsed) return parsed.error().within("manifest");
  if (!parsed->is_object()) return invalid("manifest: must be one JSON object");
  const json::object& root = parsed->get_object();
  Reader in(root, "");
  Manifest m;
  m.id = in.required_text("id");
  if (!is_plugin_id(m.id)) in.problem("id", "must be [a-z0-9_-] with dots, 64 bytes at most");
  m.version = in.required_text("version");
  if (!is_semver(m.version)) in.problem("version", "must be MAJOR.MINOR.PATCH, such as 1.0.0");
  m.license = in.required_text("license");
  m.description = in.text("description");
  m.abi = in.required_text("abi");
  m.min_minor = in.number("min_minor", 0, 10'000);
  m.unload = in.word("unload", "keep", {"keep", "safe"});
  const json::object* isolation = in.object("isolation");
  SKEP_TRY(in.finish({"id", "version", "license", "description", "abi", "min_minor", "unload",
                      "isolation", "components"}));
  SKEP_TRY(parse_isolation(isolation, m));
  SKEP_TRY(parse_components(root, m));
  return m;
}

}  // namespace skep::plugin
