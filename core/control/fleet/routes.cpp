// The routes of the feature "fleet": parse, call the registry, encode.
#include <algorithm>

#include "core/api/release_json.hpp"
#include "core/base/text.hpp"
#include "core/control/answer.hpp"
#include "core/control/fleet/fleet.hpp"

namespace skep::control {
namespace {

using net::HttpRequest;
using net::HttpResponse;

const std::string& name_of(const HttpRequest& r) { return r.params.at("name"); }

/// How far `w` is with a release that it is meant to have.
api::Standing standing_of(const Fleet& f, const WorkerRecord& w, const Release* release) {
  api::Standing s{w.profile.id, w.profile.site,
                  f.workers.directory.presence(w, f.platform.clock.wall_ms()), release};
  if (w.beat.releases.revision < release->id) return s;  // speaks of older ones
  for (const auto& a : w.beat.releases.items)
    if (a.name == release->name && a.sha256 == release->sha256) {
      s.state = a.state;
      s.reason = a.reason;
    }
  return s;
}

/// Where each worker is that is meant to have something named `name`; "" = anything.
std::vector<api::Standing> standings(const Fleet& f, const RegistrySnapshot& now,
                                     const std::string& name) {
  std::vector<api::Standing> out;
  for (const auto& w : f.workers.directory.all())
    for (const Release* r : desired(now.releases, {w.profile.id, w.profile.site, w.about.arch}))
      if (name.empty() || r->name == name) out.push_back(standing_of(f, w, r));
  return out;
}

std::vector<const api::ReleaseRecord*> pointers(const std::vector<Release>& releases) {
  std::vector<const api::ReleaseRecord*> out;
  for (const Release& r : releases) out.push_back(&r);
  return out;
}

HttpResponse answer(const Result<std::vector<Release>>& changed) {
  return changed ? HttpResponse::json(api::encode(pointers(*changed)))
                 : HttpResponse::problem(changed.error());
}

HttpResponse publish_release(Fleet& f, const HttpRequest& r) {
  auto publication = api::decode_publication(r.body);
  if (!publication) return HttpResponse::problem(publication.error());
  const auto published = f.registry.publish(std::move(*publication), actor_of(r.caller));
  if (!published) return HttpResponse::problem(published.error());
  auto response = HttpResponse::json(
      api::encode(published->release, published->existed, published->schema_changes),
      published->existed ? 200 : 201);
  response.headers.emplace_back("Location", "/api/registry/releases/" + published->release.name);
  return response;
}

HttpResponse list_releases(Fleet& f, const HttpRequest&) {
  const auto now = f.registry.snapshot();
  std::map<const api::ReleaseRecord*, std::map<std::string, std::int64_t>> workers;
  for (const api::Standing& s : standings(f, *now, "")) ++workers[s.release][s.state];
  api::ReleaseList list{now->revision, {}};
  for (auto r = now->releases.rbegin(); r != now->releases.rend(); ++r)
    if (r->in_force()) list.rows.push_back({&*r, workers[&*r]});
  return HttpResponse::json(api::encode(list));
}

HttpResponse get_releases(Fleet& f, const HttpRequest& r) {
  const auto history = f.registry.history(name_of(r));
  if (!history) return HttpResponse::problem(history.error());
  const auto now = f.registry.snapshot();
  api::ReleaseHistory answer{name_of(r), now->revision, pointers(*history),
                             standings(f, *now, name_of(r))};
  std::reverse(answer.releases.begin(), answer.releases.end());
  return HttpResponse::json(api::encode(answer));
}

HttpResponse roll_back(Fleet& f, const HttpRequest& r) {
  const auto reason = api::decode_rollback(r.body);
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
  constexpr net::QueryParameter kIfNoneMatch{"If-None-Match", "The ETag that one has."};
  const auto bind = [this](Handler h) {
    return [this, h](const HttpRequest& r) { return h(*this, r); };
  };
  const net::RouteDocuments blob{.response = "Blob",
                                 .media = "application/octet-stream",
                                 .headers = {kIfNoneMatch},
                                 .others = {{"304"}}};
  return {
      // It may wait for a child that reads a script.
      net::heavy({"POST",
                  "/api/registry/releases",
                  kOperate,
                  kPublication,
                  "Publish a script or a plugin.",
                  bind(publish_release),
                  {"Publication", "PublishedRelease"}}),
      {"GET",
       "/api/registry/releases",
       kOperate,
       0,
       "Releases in force.",
       bind(list_releases),
       {"", "ReleaseList"}},
      {"GET",
       "/api/registry/releases/{name}",
       kOperate,
       0,
       "Its releases, and how far each worker is.",
       bind(get_releases),
       {"", "ReleaseHistory"}},
      {"DELETE",
       "/api/registry/releases/{name}",
       kOperate,
       0,
       "Take it from every worker.",
       bind(withdraw),
       {"", "ChangedReleases"}},
      {"POST",
       "/api/registry/releases/{name}/rollback",
       kOperate,
       kSmall,
       "Back to the release before.",
       bind(roll_back),
       {"Rollback", "ChangedReleases"}},
      {"POST",
       "/api/registry/releases/{name}/promote",
       kOperate,
       kSmall,
       "Give the canary to everybody.",
       bind(promote),
       {"", "ChangedReleases"}},
      {"GET",
       "/api/registry/blobs/{sha256}",
       kWork,
       0,
       "The bytes of a release; ?chunk=0 a part of 768 KiB.",
       bind(get_blob),
       blob,
       {kChunk}},
      {"GET",
       "/api/workers/{id}/releases",
       kWork,
       0,
       "What it is meant to have.",
       bind(releases_of_worker),
       {"", "DesiredReleases"}},
  };
}

}  // namespace skep::control
