// The routes of the feature "fleet": parse, call the registry, encode.
#include <boost/json.hpp>

#include <algorithm>

#include "core/api/members.hpp"
#include "core/base/base64.hpp"
#include "core/base/text.hpp"
#include "core/base/utf8.hpp"
#include "core/control/answer.hpp"
#include "core/control/fleet/fleet.hpp"

namespace skep::control {
namespace {

using net::HttpRequest;
using net::HttpResponse;

const std::string& name_of(const HttpRequest& r) { return r.params.at("name"); }

constexpr std::string_view kPublish = "publish";
constexpr std::int64_t kMaxPromoteAfterSeconds = 30 * 86'400;

/// "canary": 2 workers, or "10%".
Status read_canary(const json::object& o, Publication& p) {
  const auto* v = o.if_contains("canary");
  if (v == nullptr || v->is_null()) return {};
  const Error wrong =
      api::wrong_member(kPublish, "canary", "a count of workers such as 2, or \"10%\"");
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

/// When, and for whom.
Status read_rollout(const json::object& o, Publication& p) {
  SKEP_TRY(api::read_strings(o, kPublish, "sites", p.sites));
  SKEP_TRY(read_canary(o, p));
  SKEP_TRY(api::read_bool(o, kPublish, "hold", p.hold));
  double seconds = static_cast<double>(p.promote_after_ms) / 1000;
  SKEP_TRY(
      api::read_number(o, kPublish, "promote_after_seconds", 0, kMaxPromoteAfterSeconds, seconds));
  p.promote_after_ms = static_cast<std::int64_t>(seconds * 1000);
  return api::read_int(o, kPublish, "promote_after_tasks", 1, 1'000'000'000, p.promote_after_tasks);
}

Result<Publication> read_publication(const std::string& body) {
  const auto o = api::parse_object(body, kPublish);
  if (!o) return o.error();
  SKEP_TRY(
      api::only_known(*o, kPublish,
                      {"kind", "name", "version", "content", "sha256", "signature", "types",
                       "sites", "canary", "hold", "promote_after_seconds", "promote_after_tasks"}));
  for (const char* key : {"kind", "name", "version", "content"})
    SKEP_TRY(api::need_string(*o, kPublish, key));
  const auto kind = api::parse_artifact_kind(get_string(*o, "kind"));
  if (!kind) return kind.error();
  Publication p;
  p.kind = *kind;
  p.name = get_string(*o, "name");
  p.version = get_string(*o, "version");
  SKEP_TRY(api::read_string(*o, kPublish, "sha256", p.sha256));
  SKEP_TRY(api::read_string(*o, kPublish, "signature", p.signature));
  SKEP_TRY(api::read_strings(*o, kPublish, "types", p.types));
  SKEP_TRY(read_rollout(*o, p));
  const auto& content = o->at("content").get_string();
  auto bytes = base64_decode({content.data(), content.size()});
  if (!bytes) return bytes.error().within("publish: \"content\"");
  p.content = std::move(*bytes);
  return p;
}

void encode_list(JsonOut& out, std::string_view key, const std::vector<std::string>& list) {
  out.key(key).array();
  for (const std::string& word : list) out.str(word);
  out.end_array();
}

void encode_tally(JsonOut& out, std::string_view key, const Tally& t) {
  out.key(key).object().key("succeeded").integer(t.ok);
  out.key("failed").integer(t.failed).end_object();
}

void encode_members(JsonOut& out, const Release& r) {
  out.key("name").str(r.name).key("kind").str(api::to_string(r.kind));
  out.key("version").str(r.version).key("arch").str(r.arch).key("state").str(to_string(r.state));
  out.key("reason").str_or_null(r.reason).key("sha256").str(r.sha256);
  out.key("size").integer(r.size).key("signed").boolean(!r.signature.empty());
  out.key("release").integer(r.id).key("revision").integer(r.revision);
  encode_list(out, "types", r.types);
  encode_list(out, "sites", r.sites);
  encode_list(out, "canaries", r.canaries);
  out.key("hold").boolean(r.hold);
  out.key("promote_after_seconds").number(static_cast<double>(r.promote_after_ms) / 1000);
  out.key("promote_after_tasks").integer(r.promote_after_tasks);
  out.key("tasks").object();
  encode_tally(out, "canary", r.canary);
  encode_tally(out, "others", r.others);
  encode_tally(out, "before", r.before);
  out.end_object().key("published_at").time_or_null(r.published_ms);
  out.key("changed_at").time_or_null(r.changed_ms);
}

/// How far a worker is with what it is meant to have of one name.
struct Standing {
  const Release* release = nullptr;
  std::string state = "pending";  ///< until the worker says more
  std::string reason{};
};

Standing standing_of(const WorkerRecord& w, const Release* release) {
  Standing s{release};
  if (w.beat.artifacts.revision < release->id) return s;  // speaks of older ones
  for (const auto& a : w.beat.artifacts.items)
    if (a.name == release->name && a.sha256 == release->sha256) {
      s.state = a.state;
      s.reason = a.reason;
    }
  return s;
}

/// Calls `use(worker, standing)` for each worker that is meant to have something named `name`.
template <class Use>
void for_each_standing(Fleet& f, const RegistrySnapshot& now, const std::string& name, Use use) {
  for (const auto& w : f.workers.directory.all())
    for (const Release* r : desired(now.releases, {w.profile.id, w.profile.site, w.about.arch}))
      if (name.empty() || r->name == name) use(w, standing_of(w, r));
}

HttpResponse answer(const Result<std::vector<Release>>& changed) {
  if (!changed) return HttpResponse::problem(changed.error());
  JsonOut out;
  out.object().key("items").array();
  for (const Release& r : *changed) {
    out.object();
    encode_members(out, r);
    out.end_object();
  }
  return HttpResponse::json(out.end_array().end_object().take());
}

/// The reason in an optional body {"reason": ".."}.
Result<std::string> reason_of(const HttpRequest& r) {
  if (r.body.empty()) return std::string("rolled back by hand");
  const auto o = api::parse_object(r.body, "rollback");
  if (!o) return o.error();
  SKEP_TRY(api::only_known(*o, "rollback", {"reason"}));
  std::string reason = "rolled back by hand";
  SKEP_TRY(api::read_string(*o, "rollback", "reason", reason));
  return std::string(clip_utf8(reason, 300));
}

HttpResponse publish_release(Fleet& f, const HttpRequest& r) {
  const auto publication = read_publication(r.body);
  if (!publication) return HttpResponse::problem(publication.error());
  const auto published = f.registry.publish(*publication, actor_of(r.caller));
  if (!published) return HttpResponse::problem(published.error());
  JsonOut out;
  out.object();
  encode_members(out, published->release);
  out.key("existed").boolean(published->existed).end_object();
  auto response = HttpResponse::json(out.take(), published->existed ? 200 : 201);
  response.headers.emplace_back("Location", "/api/registry/artifacts/" + published->release.name);
  return response;
}

HttpResponse list_releases(Fleet& f, const HttpRequest&) {
  const auto now = f.registry.snapshot();
  std::map<std::string, std::map<std::string, std::int64_t>> workers;
  for_each_standing(f, *now, "", [&](const WorkerRecord&, const Standing& s) {
    ++workers[std::to_string(s.release->id)][s.state];
  });
  JsonOut out;
  out.object().key("revision").integer(now->revision).key("items").array();
  for (auto r = now->releases.rbegin(); r != now->releases.rend(); ++r) {
    if (!r->in_force()) continue;
    out.object();
    encode_members(out, *r);
    out.key("workers").object();
    for (const auto& [state, n] : workers[std::to_string(r->id)]) out.key(state).integer(n);
    out.end_object().end_object();
  }
  return HttpResponse::json(out.end_array().key("next_cursor").null().end_object().take());
}

HttpResponse get_releases(Fleet& f, const HttpRequest& r) {
  const auto history = f.registry.history(name_of(r));
  if (!history) return HttpResponse::problem(history.error());
  const auto now = f.registry.snapshot();
  JsonOut out;
  out.object().key("name").str(name_of(r)).key("revision").integer(now->revision);
  out.key("releases").array();
  for (auto release = history->rbegin(); release != history->rend(); ++release) {
    out.object();
    encode_members(out, *release);
    out.end_object();
  }
  out.end_array().key("workers").array();
  for_each_standing(f, *now, name_of(r), [&](const WorkerRecord& w, const Standing& s) {
    out.object().key("worker_id").str(w.profile.id).key("site").str(w.profile.site);
    out.key("status").str(to_string(f.workers.directory.presence(w, f.platform.clock.wall_ms())));
    out.key("release").integer(s.release->id).key("version").str(s.release->version);
    out.key("sha256").str(s.release->sha256).key("state").str(s.state);
    out.key("reason").str_or_null(s.reason).end_object();
  });
  return HttpResponse::json(out.end_array().end_object().take());
}

HttpResponse roll_back(Fleet& f, const HttpRequest& r) {
  const auto reason = reason_of(r);
  return reason ? answer(f.registry.rollback(name_of(r), *reason, actor_of(r.caller)))
                : HttpResponse::problem(reason.error());
}
HttpResponse promote(Fleet& f, const HttpRequest& r) {
  return answer(f.registry.promote(name_of(r), actor_of(r.caller)));
}
HttpResponse withdraw(Fleet& f, const HttpRequest& r) {
  return answer(f.registry.withdraw(name_of(r), actor_of(r.caller)));
}

HttpResponse get_blob(Fleet& f, const HttpRequest& r) {
  const std::string& sha256 = r.params.at("sha256");
  const std::string tag = "\"" + sha256 + "\"";
  const auto wanted = r.query.find("chunk");
  if (wanted == r.query.end() && r.header("if-none-match") == tag) {
    HttpResponse same;
    same.status = 304;
    same.headers.emplace_back("ETag", tag);
    return same;
  }
  const auto index =
      wanted == r.query.end() ? std::optional<std::int64_t>(0) : to_int(wanted->second);
  if (!index || *index < 0)
    return HttpResponse::problem(
        invalid("query parameter chunk: expected 0, 1, 2, ..").named("bad-query"));
  auto bytes = wanted == r.query.end() ? f.registry.blob(sha256) : f.registry.chunk(sha256, *index);
  if (!bytes) return HttpResponse::problem(bytes.error());
  HttpResponse response;
  response.body = std::move(*bytes);
  response.content_type = "application/octet-stream";
  if (wanted == r.query.end()) response.headers.emplace_back("ETag", tag);
  response.headers.emplace_back("Cache-Control", "private, max-age=31536000, immutable");
  return response;
}

HttpResponse releases_of_worker(Fleet& f, const HttpRequest& r) {
  const api::Addressee to{r.params.at("id"), {}};
  const auto w = f.workers.directory.find(to.worker_id);
  if (!w) return refuse(to, w.error());
  return answer_to(to, f.registry.desired_of(*w));
}

/// The largest plugin as base64, and the members around it.
constexpr std::size_t kPublication = api::kMaxPluginBytes / 3 * 4 + (128 << 10);

}  // namespace

std::vector<net::Route> Fleet::routes() {
  using enum net::Right;
  using Handler = HttpResponse (*)(Fleet&, const HttpRequest&);
  constexpr std::size_t kSmall = net::kOptionalBody;
  constexpr net::QueryParameter kChunk{"chunk", "Which part of 768 KiB; all of it when not given.",
                                       R"({"type":"integer","minimum":0})"};
  const auto bind = [this](Handler h) {
    return [this, h](const HttpRequest& r) { return h(*this, r); };
  };
  return {
      {"POST", "/api/registry/artifacts", kOperate, kPublication, "Publish a script or a plugin.",
       bind(publish_release)},
      {"GET", "/api/registry/artifacts", kOperate, 0, "Releases in force.", bind(list_releases)},
      {"GET", "/api/registry/artifacts/{name}", kOperate, 0,
       "Its releases, and how far each worker is.", bind(get_releases)},
      {"DELETE", "/api/registry/artifacts/{name}", kOperate, 0, "Take it from every worker.",
       bind(withdraw)},
      {"POST", "/api/registry/artifacts/{name}/rollback", kOperate, kSmall,
       "Back to the release before.", bind(roll_back)},
      {"POST", "/api/registry/artifacts/{name}/promote", kOperate, kSmall,
       "Give the canary to everybody.", bind(promote)},
      {"GET",
       "/api/registry/blobs/{sha256}",
       kWork,
       0,
       "The bytes of an artifact; ?chunk=0 a part of 768 KiB.",
       bind(get_blob),
       {kChunk}},
      {"GET", "/api/workers/{id}/artifacts", kWork, 0, "What it is meant to have.",
       bind(releases_of_worker)},
  };
}

}  // namespace skep::control
