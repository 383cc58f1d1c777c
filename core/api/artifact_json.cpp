#include "core/api/artifact_json.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <set>

#include "core/api/desired_releases.hpp"
#include "core/api/members.hpp"
#include "core/api/wire_parts.hpp"

namespace skep::api {
namespace {

constexpr std::string_view kArtifact = "artifact";
constexpr std::string_view kSize = "size";

void members(JsonOut& out, const model::Artifact& a) {
  out.key("name").str(a.name).key("media_type").str(a.media_type);
  out.key(kSize).integer(a.size).key("sha256").str(a.sha256);
}

bool makes_sense(const model::Artifact& a) {
  return model::is_artifact_name(a.name) && model::is_media_type(a.media_type) && a.size >= 0 &&
         is_sha256(a.sha256);
}

/// Whether it has the two members of an input and no other.
bool looks_like_input(const json::object& o) {
  return o.size() == 2 && o.contains(kArtifact) && o.contains(kSize);
}

Status collect(const json::value& v, const std::string& where, std::set<model::Input>& out) {
  if (const auto* items = v.if_array()) {
    for (std::size_t i = 0; i < items->size(); ++i)
      SKEP_TRY(collect((*items)[i], where + "/" + std::to_string(i), out));
    return {};
  }
  const auto* o = v.if_object();
  if (o == nullptr) return {};
  if (!looks_like_input(*o)) {
    for (const auto& member : *o)
      SKEP_TRY(collect(member.value(), where + "/" + std::string(member.key()), out));
    return {};
  }
  const model::Input input{get_string(*o, kArtifact), get_int(*o, kSize, -1)};
  if (!is_sha256(input.sha256) || input.size < 0)
    return invalid("params" + where +
                   ": an input is {\"artifact\": 64 hex digits of its SHA-256, \"size\": bytes}")
        .named("bad-input");
  out.insert(input);
  return {};
}

}  // namespace

void write(JsonOut& out, const std::vector<model::Artifact>& artifacts) {
  out.array();
  for (const model::Artifact& a : artifacts) {
    members(out.object(), a);
    out.end_object();
  }
  out.end_array();
}

Result<std::vector<model::Artifact>> read_artifacts(const json::object& o, std::string_view key) {
  std::vector<model::Artifact> out;
  std::set<std::string> names;
  for (const json::object* a : objects_of(o, key)) {
    model::Artifact one{get_string(*a, "name"), get_string(*a, "media_type", model::kBytes),
                        get_int(*a, kSize, -1), get_string(*a, "sha256")};
    if (!makes_sense(one))
      return invalid(std::string(key) +
                     ": each needs \"name\" ([A-Za-z0-9._-], 1 to 128), \"media_type\", \"size\" "
                     "and \"sha256\"");
    if (!names.insert(one.name).second)
      return invalid(std::string(key) + ": \"" + one.name + "\" is there twice");
    out.push_back(std::move(one));
  }
  if (out.size() > model::kMostArtifacts)
    return invalid(std::string(key) + ": " + std::to_string(out.size()) + "; at most 64 of a task");
  return out;
}

Result<std::vector<model::Input>> inputs_of(const std::string& params) {
  std::vector<model::Input> out;
  if (params.find("\"artifact\"") == std::string::npos) return out;
  const auto parsed = parse_json(params);
  if (!parsed) return parsed.error();
  std::set<model::Input> found;
  SKEP_TRY(collect(*parsed, "", found));
  if (found.size() > model::kMostArtifacts)
    return invalid("params: " + std::to_string(found.size()) + " inputs; at most 64 of a task")
        .named("too-many-inputs");
  out.assign(found.begin(), found.end());
  return out;
}

std::string encode(const BlobProgress& p) {
  JsonOut out;
  out.object().key("sha256").str(p.sha256).key("received").integer(p.received);
  return out.key("complete").boolean(p.complete).end_object().take();
}

Result<BlobProgress> decode_blob_progress(std::string_view body) {
  const auto o = parse_object(body, "progress of a blob");
  if (!o) return o.error();
  BlobProgress p{get_string(*o, "sha256"), get_int(*o, "received", -1), get_bool(*o, "complete")};
  if (!is_sha256(p.sha256) || p.received < 0) return invalid("this is no progress of a blob");
  return p;
}

std::string encode(const std::vector<KeptArtifact>& artifacts) {
  JsonOut out;
  out.object().key("items").array();
  for (const KeptArtifact& a : artifacts) {
    members(out.object(), a.what);
    out.key("attempt").integer(a.attempt).key("received_at").time_or_null(a.received_ms);
    out.key("available").boolean(a.available).end_object();
  }
  return out.end_array().end_object().take();
}

Documents artifact_documents() {
  using namespace shape;
  const Members artifact{{"name", told(kText, "[A-Za-z0-9._-], 1 to 128 bytes.")},
                         {"media_type", kText},
                         {"size", told(kInt, "Bytes.")},
                         {"sha256", kText}};
  Members kept = artifact;
  kept.emplace_back("attempt", kInt);
  kept.emplace_back("received_at", kTime);
  kept.emplace_back("available", told(kBool, "false: its bytes never came here, or are gone."));
  return {
      {"Artifact", part(artifact)},
      {"KeptArtifact", answer(kept)},
      {"KeptArtifactList", items("KeptArtifact")},
      {"BlobProgress", answer({{"sha256", kText},
                               {"received", told(kInt, "Bytes that are here: go on from there.")},
                               {"complete", kBool}})},
  };
}

}  // namespace skep::api
