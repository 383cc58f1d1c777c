#include "core/control/artifacts/ledger.hpp"

#include <set>

#include "core/base/id.hpp"
#include "core/base/text.hpp"

namespace skep::control {
namespace {

api::KeptArtifact kept_of(const ports::Row& row) {
  api::KeptArtifact a;
  a.attempt = ports::as_int(row[0]);
  a.what = {ports::as_text(row[1]), ports::as_text(row[2]), ports::as_int(row[3]),
            ports::as_text(row[4])};
  a.received_ms = ports::as_int(row[5]);
  return a;
}

constexpr const char* kColumns =
    "SELECT attempt, name, media_type, size, sha256, received_ms FROM task_artifacts WHERE task_id "
    "= $1";
/// A task of a hundred tries, each with all the artifacts that one may have.
constexpr std::int64_t kMostRows = 6'400;

}  // namespace

std::vector<std::string> ArtifactLedger::migrations() {
  return {
      "CREATE TABLE task_artifacts (task_id TEXT NOT NULL, attempt BIGINT NOT NULL, name TEXT NOT "
      "NULL, media_type TEXT NOT NULL, size BIGINT NOT NULL, sha256 TEXT NOT NULL, received_ms "
      "BIGINT NOT NULL, PRIMARY KEY (task_id, attempt, name))",
      "CREATE INDEX task_artifacts_by_content ON task_artifacts (sha256)",
      "CREATE INDEX task_artifacts_by_age ON task_artifacts (received_ms)",
      "CREATE TABLE task_inputs (task_id TEXT NOT NULL, sha256 TEXT NOT NULL, made_ms BIGINT NOT "
      "NULL, ended_ms BIGINT NOT NULL, PRIMARY KEY (task_id, sha256))",
      "CREATE INDEX task_inputs_by_content ON task_inputs (sha256)",
      "CREATE INDEX task_inputs_by_age ON task_inputs (ended_ms, task_id)",
      "CREATE TABLE artifacts_home (one BIGINT PRIMARY KEY, id TEXT NOT NULL)"};
}

void ArtifactLedger::note(const model::Lease& lease, const std::vector<model::Artifact>& artifacts,
                          WallMs now, Statements& out) {
  for (const model::Artifact& a : artifacts)
    out.push_back(
        {"INSERT INTO task_artifacts (task_id, attempt, name, media_type, size, sha256, "
         "received_ms) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (task_id, attempt, name) DO "
         "NOTHING",
         {lease.task_id, lease.attempt, a.name, a.media_type, a.size, a.sha256, now}});
}

Result<std::vector<api::KeptArtifact>> ArtifactLedger::of_task(const std::string& task_id) {
  const auto rows = store_.query(
      {std::string(kColumns) + " ORDER BY attempt DESC, name LIMIT $2", {task_id, kMostRows}});
  if (!rows) return rows.error();
  std::vector<api::KeptArtifact> out;
  for (const auto& row : *rows) out.push_back(kept_of(row));
  return out;
}

Result<api::KeptArtifact> ArtifactLedger::find(const std::string& task_id,
                                               const std::string& name) {
  const auto rows = store_.query(
      {std::string(kColumns) + " AND name = $2 ORDER BY attempt DESC LIMIT 1", {task_id, name}});
  if (!rows) return rows.error();
  if (!rows->empty()) return kept_of(rows->front());
  const auto all = of_task(task_id);
  if (!all) return all.error();
  std::set<std::string> names;
  for (const auto& a : *all) names.insert(a.what.name);
  const std::vector<std::string> known(names.begin(), names.end());
  Error error = not_found("artifact", name).named("unknown-artifact");
  error.message += known.empty() ? "; the task has none" : "; " + suggestion(name, known);
  error.next = "skep task artifacts " + task_id;
  return error;
}

Status ArtifactLedger::pin(const std::vector<Pin>& pins, WallMs now) {
  Statements batch;
  for (const Pin& pin : pins)
    for (const model::Input& input : pin.inputs)
      batch.push_back(
          {"INSERT INTO task_inputs (task_id, sha256, made_ms, ended_ms) VALUES ($1, "
           "$2, $3, 0) ON CONFLICT (task_id, sha256) DO NOTHING",
           {pin.task_id, input.sha256, now}});
  if (batch.empty()) return {};
  const auto done = store_.batch(batch);
  return done ? Status{} : Status{done.error()};
}

Status ArtifactLedger::unpin(const std::string& task_id) {
  const ports::Statement gone{"DELETE FROM task_inputs WHERE task_id = $1", {task_id}};
  const auto done = store_.batch({&gone, 1});
  return done ? Status{} : Status{done.error()};
}

Result<std::vector<std::string>> ArtifactLedger::open_pins(const std::string& after, WallMs before,
                                                           std::int64_t limit) {
  const auto rows = store_.query(
      {"SELECT DISTINCT task_id FROM task_inputs WHERE task_id > $1 AND ended_ms = 0 AND made_ms < "
       "$2 ORDER BY task_id LIMIT $3",
       {after, before, limit}});
  if (!rows) return rows.error();
  std::vector<std::string> out;
  for (const auto& row : *rows) out.push_back(ports::as_text(row[0]));
  return out;
}

void ArtifactLedger::ended(const ports::Completion& c, WallMs now, Statements& out) {
  if (c.task.spec.params.find("\"artifact\"") == std::string::npos) return;
  if (c.task.state == model::TaskState::kSucceeded)
    out.push_back({"DELETE FROM task_inputs WHERE task_id = $1", {c.task.id}});
  else
    out.push_back({"UPDATE task_inputs SET ended_ms = $2 WHERE task_id = $1", {c.task.id, now}});
}

Result<std::vector<std::string>> ArtifactLedger::forget(WallMs before, std::int64_t limit) {
  const Statements old{
      {"DELETE FROM task_artifacts WHERE (task_id, attempt, name) IN (SELECT task_id, attempt, "
       "name FROM task_artifacts WHERE received_ms < $1 ORDER BY received_ms LIMIT $2) RETURNING "
       "sha256",
       {before, limit}},
      {"DELETE FROM task_inputs WHERE (task_id, sha256) IN (SELECT task_id, sha256 FROM "
       "task_inputs "
       "WHERE ended_ms > 0 AND ended_ms < $1 ORDER BY ended_ms LIMIT $2) RETURNING sha256",
       {before, limit}}};
  const auto gone = store_.batch(old);
  if (!gone) return gone.error();
  std::set<std::string> contents;
  for (const auto& rows : *gone)
    for (const auto& row : rows) contents.insert(ports::as_text(row[0]));
  return std::vector<std::string>(contents.begin(), contents.end());
}

Result<bool> ArtifactLedger::reads(const std::string& task_id, const std::string& sha256) {
  const auto rows = store_.query(
      {"SELECT sha256 FROM task_inputs WHERE task_id = $1 AND sha256 = $2", {task_id, sha256}});
  if (!rows) return rows.error();
  return !rows->empty();
}

Result<bool> ArtifactLedger::is_needed(const std::string& sha256) {
  for (const char* table : {"task_artifacts", "task_inputs"}) {
    const auto rows = store_.query(
        {"SELECT sha256 FROM " + std::string(table) + " WHERE sha256 = $1 LIMIT 1", {sha256}});
    if (!rows) return rows.error();
    if (!rows->empty()) return true;
  }
  return false;
}

Result<std::string> ArtifactLedger::database_id() {
  const ports::Statement make{
      "INSERT INTO artifacts_home (one, id) VALUES (1, $1) ON CONFLICT (one) DO NOTHING",
      {new_id()}};
  if (const auto made = store_.batch({&make, 1}); !made) return made.error();
  const auto rows = store_.query({"SELECT id FROM artifacts_home WHERE one = 1"});
  if (!rows) return rows.error();
  if (rows->empty())
    return Error{Code::kCorrupt, "the database has lost its row in artifacts_home"};
  return ports::as_text(rows->front()[0]);
}

}  // namespace skep::control
