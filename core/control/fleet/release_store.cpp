#include "core/control/fleet/release_store.hpp"

#include <boost/json.hpp>

#include "core/base/base64.hpp"
#include "core/base/id.hpp"
#include "core/base/json.hpp"
#include "core/base/utf8.hpp"

namespace skep::control {
namespace {

/// Chunks a transaction: other writers get their turn between two.
constexpr std::size_t kChunksAtOnce = 4;

void write_list(JsonOut& out, std::string_view key, const std::vector<std::string>& words) {
  out.key(key).array();
  for (const std::string& word : words) out.str(word);
  out.end_array();
}

/// What of a release never changes.
std::string document_of(const Release& r) {
  JsonOut out;
  out.object().key("kind").str(api::to_string(r.kind)).key("arch").str(r.arch);
  out.key("version").str(r.version).key("size").integer(r.size);
  out.key("signature").str(r.signature);
  write_list(out, "types", r.types);
  write_list(out, "components", r.components);
  write_list(out, "sites", r.sites);
  write_list(out, "canaries", r.canaries);
  out.key("hold").boolean(r.hold).key("promote_after_ms").integer(r.promote_after_ms);
  out.key("promote_after_tasks").integer(r.promote_after_tasks);
  out.key("published_ms").integer(r.published_ms);
  out.key("before_ok").integer(r.before.ok).key("before_failed").integer(r.before.failed);
  return out.end_object().take();
}

std::vector<std::string> read_list(const json::object& o, std::string_view key) {
  std::vector<std::string> out;
  if (const auto* v = o.if_contains(key); v != nullptr && v->is_array())
    for (const auto& word : v->get_array())
      if (word.is_string()) out.emplace_back(word.get_string());
  return out;
}

Status read_document(const std::string& text, Release& r) {
  const auto parsed = parse_json(text);
  if (!parsed || !parsed->is_object())
    return Error{Code::kCorrupt, "release " + std::to_string(r.id) + " is no JSON object"};
  const json::object& o = parsed->get_object();
  const auto kind = api::parse_release_kind(get_string(o, "kind"));
  if (!kind) return kind.error();
  r.kind = *kind;
  r.arch = get_string(o, "arch");
  r.version = get_string(o, "version");
  r.size = get_int(o, "size");
  r.signature = get_string(o, "signature");
  r.types = read_list(o, "types");
  r.components = read_list(o, "components");
  r.sites = read_list(o, "sites");
  r.canaries = read_list(o, "canaries");
  r.hold = get_bool(o, "hold");
  r.promote_after_ms = get_int(o, "promote_after_ms", r.promote_after_ms);
  r.promote_after_tasks = get_int(o, "promote_after_tasks", r.promote_after_tasks);
  r.published_ms = get_int(o, "published_ms");
  r.before = {get_int(o, "before_ok"), get_int(o, "before_failed")};
  return {};
}

ports::Statement move_revision(std::int64_t to) {
  return {"UPDATE artifact_revision SET revision = $1 WHERE revision = $2", {to, to - 1}, 1};
}

std::int64_t chunks_of(std::int64_t size) {
  const auto whole = static_cast<std::int64_t>(api::kReleaseChunkBytes);
  return (size + whole - 1) / whole;
}

Error damaged(const std::string& sha256, std::int64_t index) {
  return Error{Code::kCorrupt,
               "chunk " + std::to_string(index) + " of release " + sha256.substr(0, 12) +
                   " is damaged or missing in the store",
               "release-damaged", "publish the same file again: that repairs it"};
}

}  // namespace

std::vector<std::string> ReleaseStore::migrations() {
  return {
      "CREATE TABLE artifact_revision (revision BIGINT NOT NULL)",
      "INSERT INTO artifact_revision (revision) VALUES (0)",
      "CREATE TABLE artifact_releases (id BIGINT PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT "
      "NULL, document TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, revision BIGINT "
      "NOT NULL, changed_ms BIGINT NOT NULL, canary_ok BIGINT NOT NULL, canary_failed BIGINT NOT "
      "NULL, other_ok BIGINT NOT NULL, other_failed BIGINT NOT NULL)",
      "CREATE TABLE artifact_blobs (sha256 TEXT PRIMARY KEY, size BIGINT NOT NULL, touched_ms "
      "BIGINT NOT NULL)",
      "CREATE TABLE artifact_chunks (sha256 TEXT NOT NULL, chunk BIGINT NOT NULL, digest TEXT NOT "
      "NULL, data TEXT NOT NULL, PRIMARY KEY (sha256, chunk))"};
}

Result<std::int64_t> ReleaseStore::revision() {
  const auto rows = store_.query({"SELECT revision FROM artifact_revision"});
  if (!rows) return rows.error();
  if (rows->empty()) return Error{Code::kCorrupt, "the registry's revision is missing"};
  return ports::as_int(rows->front().at(0));
}

Result<ReleaseStore::Contents> ReleaseStore::load() {
  // Before the rows: what changes in between is read again with the next revision.
  const auto at = revision();
  if (!at) return at.error();
  const auto rows = store_.query(
      {"SELECT id, name, sha256, document, state, reason, revision, changed_ms, canary_ok, "
       "canary_failed, other_ok, other_failed FROM artifact_releases ORDER BY id"});
  if (!rows) return rows.error();
  Contents out{*at, {}};
  for (const auto& row : *rows) {
    Release r;
    r.id = ports::as_int(row[0]);
    r.name = ports::as_text(row[1]);
    r.sha256 = ports::as_text(row[2]);
    SKEP_TRY(read_document(ports::as_text(row[3]), r));
    r.state = api::parse_release_state(ports::as_text(row[4]));
    r.reason = ports::as_text(row[5]);
    r.revision = ports::as_int(row[6]);
    r.changed_ms = ports::as_int(row[7]);
    r.canary = {ports::as_int(row[8]), ports::as_int(row[9])};
    r.others = {ports::as_int(row[10]), ports::as_int(row[11])};
    out.releases.push_back(std::move(r));
  }
  return out;
}

Status ReleaseStore::write(const Statements& batch) {
  const auto done = store_.batch(batch);
  return done ? Status{} : Status{done.error()};
}

Status ReleaseStore::add(const Release& r, const std::vector<std::int64_t>& forget, WallMs now,
                         Statements also) {
  Statements batch = std::move(also);
  batch.push_back(move_revision(r.id));
  batch.push_back(
      {"UPDATE artifact_blobs SET touched_ms = $2 WHERE sha256 = $1", {r.sha256, now}, 1});
  batch.push_back(
      {"INSERT INTO artifact_releases (id, name, sha256, document, state, reason, "
       "revision, changed_ms, canary_ok, canary_failed, other_ok, other_failed) VALUES "
       "($1, $2, $3, $4, $5, '', $1, $6, 0, 0, 0, 0)",
       {r.id, r.name, r.sha256, document_of(r), std::string(to_string(r.state)), r.changed_ms}});
  for (const std::int64_t id : forget)
    batch.push_back({"DELETE FROM artifact_releases WHERE id = $1", {id}});
  return write(batch);
}

Result<std::vector<ReleaseStore::Orphan>> ReleaseStore::orphans() {
  const auto rows = store_.query(
      {"SELECT sha256, touched_ms FROM artifact_blobs WHERE sha256 NOT IN (SELECT sha256 FROM "
       "artifact_releases)"});
  if (!rows) return rows.error();
  std::vector<Orphan> out;
  for (const auto& row : *rows)
    out.push_back({std::string(ports::as_text(row[0])), ports::as_int(row[1])});
  return out;
}

Status ReleaseStore::drop(const std::vector<Orphan>& orphans) {
  for (const Orphan& orphan : orphans) {
    Statements batch;
    for (const char* table : {"artifact_chunks", "artifact_blobs"})
      batch.push_back({"DELETE FROM " + std::string(table) +
                           " WHERE sha256 IN (SELECT sha256 FROM artifact_blobs WHERE sha256 = $1 "
                           "AND touched_ms = $2) AND sha256 NOT IN (SELECT sha256 FROM "
                           "artifact_releases)",
                       {orphan.sha256, orphan.touched}});
    SKEP_TRY(write(batch));
  }
  return {};
}

Status ReleaseStore::change(const std::vector<Release>& changed, Statements also) {
  if (changed.empty()) return {};
  Statements batch = std::move(also);
  batch.push_back(move_revision(changed.front().revision));
  for (const Release& r : changed)
    batch.push_back(
        {"UPDATE artifact_releases SET state = $2, reason = $3, revision = $4, "
         "changed_ms = $5 WHERE id = $1",
         {r.id, std::string(to_string(r.state)), r.reason, r.revision, r.changed_ms},
         1});
  return write(batch);
}

ports::Statement ReleaseStore::add_tallies(std::int64_t id, const Tally& canary,
                                           const Tally& others) {
  return {
      "UPDATE artifact_releases SET canary_ok = canary_ok + $2, canary_failed = canary_failed + "
      "$3, other_ok = other_ok + $4, other_failed = other_failed + $5 WHERE id = $1",
      {id, canary.ok, canary.failed, others.ok, others.failed}};
}

Status ReleaseStore::put(const std::string& sha256, std::string_view bytes, WallMs now) {
  std::vector<ports::Statement> batch;
  batch.push_back(
      {"INSERT INTO artifact_blobs (sha256, size, touched_ms) VALUES ($1, $2, $3) ON "
       "CONFLICT (sha256) DO UPDATE SET touched_ms = CASE WHEN artifact_blobs.touched_ms < $3 THEN "
       "$3 ELSE artifact_blobs.touched_ms + 1 END",
       {sha256, static_cast<std::int64_t>(bytes.size()), now}});
  for (std::int64_t index = 0; !bytes.empty(); ++index) {
    const std::string_view part = bytes.substr(0, api::kReleaseChunkBytes);
    bytes.remove_prefix(part.size());
    batch.push_back(
        {"INSERT INTO artifact_chunks (sha256, chunk, digest, data) VALUES ($1, $2, "
         "$3, $4) ON CONFLICT (sha256, chunk) DO UPDATE SET digest = $3, data = $4",
         {sha256, index, sha256_hex(part), base64_encode(part)}});
    if (batch.size() >= kChunksAtOnce) SKEP_TRY(write(std::exchange(batch, {})));
  }
  return batch.empty() ? Status{} : write(batch);
}

Result<std::string> ReleaseStore::chunk(const std::string& sha256, std::int64_t index) {
  const auto rows =
      store_.query({"SELECT digest, data FROM artifact_chunks WHERE sha256 = $1 AND chunk = $2",
                    {sha256, index}});
  if (!rows) return rows.error();
  if (rows->empty()) {
    const auto known =
        store_.query({"SELECT size FROM artifact_blobs WHERE sha256 = $1", {sha256}});
    if (!known) return known.error();
    if (known->empty() || index < 0 || index >= chunks_of(ports::as_int(known->front()[0])))
      return Error{Code::kNotFound,
                   "no release has sha256 " + std::string(clip_utf8(sha256, 64)) + " with chunk " +
                       std::to_string(index),
                   "unknown-blob", "skep registry list"};
    return damaged(sha256, index);
  }
  auto bytes = base64_decode(ports::as_text(rows->front()[1]));
  if (!bytes || sha256_hex(*bytes) != ports::as_text(rows->front()[0]))
    return damaged(sha256, index);
  return bytes;
}

Result<std::string> ReleaseStore::blob(const std::string& sha256) {
  auto all = chunk(sha256, 0);
  if (!all) return all;
  for (std::int64_t i = 1; all->size() % api::kReleaseChunkBytes == 0; ++i) {
    const auto more = chunk(sha256, i);
    if (!more && more.error().code == Code::kNotFound)
      break;  // its size is a whole number of chunks
    if (!more) return more.error();
    *all += *more;
  }
  if (sha256_hex(*all) != sha256) return damaged(sha256, 0);
  return all;
}

}  // namespace skep::control
