#include "core/api/release_json.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

namespace skep::api {
namespace {

constexpr std::array<std::string_view, 4> kReleaseStates{"canary", "active", "rolled_back",
                                                         "withdrawn"};

void encode_list(JsonOut& out, std::string_view key, const std::vector<std::string>& list) {
  out.key(key).array();
  for (const std::string& word : list) out.str(word);
  out.end_array();
}

void encode_tally(JsonOut& out, std::string_view key, const Tally& t) {
  out.key(key).object().key("succeeded").integer(t.ok);
  out.key("failed").integer(t.failed).end_object();
}

/// The members only: some answers add their own.
void encode_members(JsonOut& out, const ReleaseRecord& r) {
  out.key("name").str(r.name).key("kind").str(to_string(r.kind));
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

void encode_array(JsonOut& out, const std::vector<const ReleaseRecord*>& releases) {
  out.array();
  for (const ReleaseRecord* r : releases) {
    encode_members(out.object(), *r);
    out.end_object();
  }
  out.end_array();
}

shape::Members release_members() {
  using namespace shape;
  const auto tally = answer({{"succeeded", kInt}, {"failed", kInt}});
  return {{"name", kText},
          {"kind", word({"script", "plugin"})},
          {"version", kText},
          {"arch", word({"any", "x86_64", "aarch64"})},
          {"state", word({"canary", "active", "rolled_back", "withdrawn"})},
          {"reason", told(kTextOrNull, "Why it was rolled back.")},
          {"sha256", kText},
          {"size", kInt},
          {"signed", kBool},
          {"release", told(kInt, "The revision that published it.")},
          {"revision", told(kInt, "Of its last change.")},
          {"types", told(kTexts, "Task types that it brings.")},
          {"sites", told(kTexts, "Empty: every site.")},
          {"canaries", told(kTexts, "Workers that try it first.")},
          {"hold", kBool},
          {"promote_after_seconds", kReal},
          {"promote_after_tasks", kInt},
          {"tasks", answer({{"canary", tally}, {"others", tally}, {"before", tally}})},
          {"published_at", kTimeOrNull},
          {"changed_at", kTimeOrNull}};
}

}  // namespace

std::string_view to_string(ReleaseState s) { return kReleaseStates[static_cast<std::size_t>(s)]; }

ReleaseState parse_release_state(std::string_view word) {
  const auto at = std::find(kReleaseStates.begin(), kReleaseStates.end(), word);
  return at == kReleaseStates.end() ? ReleaseState::kWithdrawn
                                    : static_cast<ReleaseState>(at - kReleaseStates.begin());
}

std::string encode(const ReleaseRecord& r, bool existed,
                   const std::vector<std::string>& schema_changes) {
  JsonOut out;
  encode_members(out.object(), r);
  encode_list(out, "schema_changes", schema_changes);
  return out.key("existed").boolean(existed).end_object().take();
}

std::string encode(const std::vector<const ReleaseRecord*>& changed) {
  JsonOut out;
  encode_array(out.object().key("items"), changed);
  return out.end_object().take();
}

std::string encode(const ReleaseList& list) {
  JsonOut out;
  out.object().key("revision").integer(list.revision).key("items").array();
  for (const ReleaseList::Row& row : list.rows) {
    encode_members(out.object(), *row.release);
    out.key("workers").object();
    for (const auto& [state, n] : row.workers) out.key(state).integer(n);
    out.end_object().end_object();
  }
  return out.end_array().key("next_cursor").null().end_object().take();
}

std::string encode(const ReleaseHistory& history) {
  JsonOut out;
  out.object().key("name").str(history.name).key("revision").integer(history.revision);
  encode_array(out.key("releases"), history.releases);
  out.key("workers").array();
  for (const Standing& s : history.workers) {
    out.object().key("worker_id").str(s.worker_id).key("site").str(s.site);
    out.key("status").str(to_string(s.presence));
    out.key("release").integer(s.release->id).key("version").str(s.release->version);
    out.key("sha256").str(s.release->sha256).key("state").str(s.state);
    out.key("reason").str_or_null(s.reason).end_object();
  }
  return out.end_array().end_object().take();
}

Documents release_documents() {
  using namespace shape;
  Members published = release_members();
  published.emplace_back("schema_changes",
                         told(kTexts, "What workers take now and it does not: it was forced."));
  published.emplace_back("existed", kBool);
  Members listed = release_members();
  listed.emplace_back("workers", told(map(kInt), "How many are how far with it, by state."));
  return {
      {"Release", answer(release_members())},
      {"PublishedRelease", answer(published)},
      {"ListedRelease", answer(listed)},
      {"ReleaseList", answer({{"revision", kInt},
                              {"items", array(ref("ListedRelease"))},
                              {"next_cursor", kTextOrNull}})},
      {"Standing", answer({{"worker_id", kText},
                           {"site", kText},
                           {"status", presence_shape()},
                           {"release", kInt},
                           {"version", kText},
                           {"sha256", kText},
                           {"state", word({"pending", "fetched", "active", "failed"})},
                           {"reason", kTextOrNull}})},
      {"ReleaseHistory", answer({{"name", kText},
                                 {"revision", kInt},
                                 {"releases", array(ref("Release"))},
                                 {"workers", array(ref("Standing"))}})},
      {"ChangedReleases", items("Release")},
      {"Blob", R"({"type":"string","contentMediaType":"application/octet-stream"})"},
      publication_document(),
      {"Rollback", request({{"reason", kTextOrNull}}, {})},
  };
}

}  // namespace skep::api
