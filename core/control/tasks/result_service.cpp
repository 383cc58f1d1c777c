#include "core/control/tasks/result_service.hpp"

#include <algorithm>
#include <random>

#include "core/api/task_json.hpp"
#include "core/base/id.hpp"
#include "core/base/log.hpp"
#include "core/control/artifacts/ledger.hpp"
#include "core/model/transitions.hpp"
#include "core/net/http.hpp"

namespace skep::control {
namespace {

using model::Envelope;
using model::PayloadType;
using model::Verdict;

std::uint64_t random_number() {
  thread_local std::mt19937_64 engine{std::random_device{}()};
  return engine();
}

api::Ack refused(const Envelope* e, int status, const Error& error) {
  return {"", "", e != nullptr ? e->lease.task_id : "", status,
          net::HttpResponse::problem(status, error).body};
}

int status_of(const Error& unread) {
  if (unread.code == Code::kDenied) return 403;
  return unread.id() == "unknown-payload-type" ? 422 : 400;
}

api::Ack stored(const Envelope& e) {
  return {e.idempotency_key, "stored", e.lease.task_id, 200, ""};
}

api::Ack answer(const Envelope& e, Verdict v) {
  switch (v) {
    case Verdict::kKeyConflict:
      return refused(&e, 422,
                     Error{Code::kInvalid, "this idempotency key came with another body before",
                           "idempotency-conflict"});
    case Verdict::kWrongWorker:
      return refused(&e, 403,
                     Error{Code::kDenied,
                           "attempt " + std::to_string(e.lease.attempt) +
                               " does not belong to worker " + e.worker_id,
                           "wrong-worker"});
    case Verdict::kApplied:
    case Verdict::kAppliedLate:
    case Verdict::kDuplicate:
    case Verdict::kSuperseded:
    case Verdict::kOrphanRecorded:
      break;
  }
  return {e.idempotency_key, std::string(to_string(v)), e.lease.task_id, 200, ""};
}

/// A chunk that is missing before another is waited for so long; it may have been dropped by a full
/// spool.
constexpr std::int64_t kLongestWay = 30'000;
constexpr const char* kInsertChunk =
    "INSERT INTO task_logs (task_id, attempt, chunk, entries, received_ms) VALUES ($1, $2, $3, $4, "
    "$5) ON CONFLICT (task_id, attempt, chunk) DO NOTHING";

}  // namespace

/// The envelopes of one request, sorted by where they go; indexes point into `acks`.
struct ResultService::Batch {
  std::vector<api::Ack> acks;
  std::vector<ports::ResultRecord> records;
  std::vector<std::pair<std::size_t, const Envelope*>> results;    ///< beside `records`
  std::vector<std::pair<std::size_t, const Envelope*>> documents;  ///< beside `statements`
  std::vector<ports::Statement> statements;
};

std::vector<std::string> ResultService::migrations() {
  return {
      "CREATE TABLE task_logs (task_id TEXT NOT NULL, attempt BIGINT NOT NULL, chunk BIGINT NOT "
      "NULL, entries TEXT NOT NULL, received_ms BIGINT NOT NULL, "
      "PRIMARY KEY (task_id, attempt, chunk))",
      "CREATE TABLE worker_documents (worker_id TEXT NOT NULL, kind TEXT NOT NULL, document TEXT "
      "NOT NULL, created_ms BIGINT NOT NULL, PRIMARY KEY (worker_id, kind))",
      "CREATE INDEX task_logs_by_age ON task_logs (received_ms)"};
}

Result<ResultService::Owner> ResultService::owner_of(const net::Caller& sender,
                                                     const model::Lease& lease) {
  if (sender.kind != net::Caller::Kind::kWorker) return Owner::kSender;
  const auto attempts = queue_.attempts(lease.task_id);
  if (!attempts) return attempts.error().within("look whose the attempt is");
  if (attempts->empty()) return Owner::kNobody;
  const auto own = std::find_if(attempts->begin(), attempts->end(), [&](const auto& a) {
    return a.attempt == lease.attempt && a.lease_id == lease.lease_id && a.worker_id == sender.name;
  });
  if (own == attempts->end()) return Owner::kOther;
  return own->outcome.empty() ? Owner::kSender : Owner::kFormerSender;
}

/// Costs a look at the attempt only once the worker's account is full.
Result<std::optional<api::Ack>> ResultService::refuse_unknown(const net::Caller& sender,
                                                              const Envelope& e) {
  std::optional<api::Ack> none;
  if (sender.kind != net::Caller::Kind::kWorker) return none;
  if (!unknown_.is_full(sender.name, clock_.mono_ms())) return none;
  const auto owner = owner_of(sender, e.lease);
  if (!owner) return owner.error();
  if (*owner == Owner::kSender) return none;
  return std::optional(refused(
      &e, 422,
      Error{Code::kInvalid,
            "worker " + sender.name +
                " has sent as much of tasks that are not known here, or have ended, as is "
                "kept of one worker in a day",
            "too-many-unknown-tasks",
            "look whether this is the control plane that gave out task " + e.lease.task_id}));
}

Result<std::vector<api::Ack>> ResultService::accept(const std::vector<Result<Envelope>>& envelopes,
                                                    const net::Caller& sender) {
  Batch batch;
  batch.acks.resize(envelopes.size());
  const RetryPolicy policy = retry_.get();
  const WallMs now = clock_.wall_ms();
  for (std::size_t i = 0; i < envelopes.size(); ++i) {
    if (!envelopes[i]) {
      batch.acks[i] = refused(nullptr, status_of(envelopes[i].error()), envelopes[i].error());
      continue;
    }
    const Envelope& e = *envelopes[i];
    if (e.payload_type == PayloadType::kExecutionResult || e.payload_type == PayloadType::kLogs) {
      auto refusal = refuse_unknown(sender, e);
      if (!refusal) return refusal.error();
      if (*refusal) {
        batch.acks[i] = std::move(**refusal);
        continue;
      }
    }
    if (e.payload_type == PayloadType::kExecutionResult) {
      auto outcome = api::decode_outcome(e.payload);
      if (!outcome || e.lease.task_id.empty()) {
        batch.acks[i] = refused(
            &e, 400,
            outcome ? invalid("execution_result: \"task_id\" is missing") : outcome.error());
        continue;
      }
      const bool retry = outcome->kind == model::OutcomeKind::kFailed && outcome->retryable;
      ports::ResultRecord record{e.idempotency_key, sha256_hex(e.payload), e.lease, e.worker_id,
                                 e.incarnation,     std::move(*outcome),   -1};
      SKEP_TRY(note_what_comes_beside(batch, e, record, sender));
      if (retry)
        record.retry_delay_ms = model::backoff_ms(e.lease.attempt, record.outcome.retry_after_ms,
                                                  random_number(), policy.base_ms, policy.cap_ms);
      batch.records.push_back(std::move(record));
      batch.results.emplace_back(i, &e);
    } else if (e.payload_type == PayloadType::kLogs) {
      const auto chunk = api::decode_log_chunk(e.payload);
      if (!chunk) {
        batch.acks[i] = refused(&e, 400, chunk.error());
        continue;
      }
      // A worker adds to the output of its own attempts alone. Of a task that is not known any
      // more there is nobody's output to spoil.
      const auto owner = owner_of(sender, e.lease);
      if (!owner) return owner.error();
      if (*owner == Owner::kOther) {
        batch.acks[i] = answer(e, Verdict::kWrongWorker);
        continue;
      }
      if (*owner == Owner::kNobody || *owner == Owner::kFormerSender)
        unknown_.add(sender.name, e.payload.size(), clock_.mono_ms());
      batch.statements.push_back(
          {kInsertChunk, {e.lease.task_id, e.lease.attempt, chunk->chunk, e.payload, now}});
      batch.documents.emplace_back(i, &e);
    } else {
      batch.statements.push_back(
          {"INSERT INTO worker_documents (worker_id, kind, document, created_ms) VALUES ($1, $2, "
           "$3, $4) ON CONFLICT (worker_id, kind) DO UPDATE SET document = $3, created_ms = $4 "
           "WHERE worker_documents.created_ms <= $4 OR worker_documents.created_ms > $5",
           {e.worker_id, std::string(to_string(e.payload_type)), e.payload,
            std::min(e.created_ms, now), now}});
      batch.documents.emplace_back(i, &e);
    }
  }
  SKEP_TRY(settle_documents(batch));
  SKEP_TRY(settle_results(batch, sender));
  return std::move(batch.acks);
}

/// Its artifacts, and where the output of this attempt ends: its last chunks may come after the
/// result.
Status ResultService::note_what_comes_beside(Batch& batch, const Envelope& e,
                                             const ports::ResultRecord& record,
                                             const net::Caller& sender) {
  const std::int64_t chunks = record.outcome.output_chunks;
  if (chunks == 0 && record.outcome.artifacts.empty()) return {};
  const auto owner = owner_of(sender, e.lease);
  if (!owner) return owner.error();
  if (*owner == Owner::kOther || *owner == Owner::kNobody) return {};
  ArtifactLedger::note(e.lease, record.outcome.artifacts, clock_.wall_ms(), batch.statements);
  if (chunks == 0) return {};
  batch.statements.push_back({kInsertChunk,
                              {e.lease.task_id, e.lease.attempt, chunks,
                               api::encode(api::LogChunk{chunks, {}}), clock_.wall_ms()}});
  return {};
}

Status ResultService::settle_documents(Batch& batch) {
  if (batch.statements.empty()) return {};
  const auto done = store_.batch(batch.statements);
  if (!done) return done.error().within("store documents");
  for (const auto& [index, e] : batch.documents) {
    batch.acks[index] = stored(*e);
    waits_.wake_task(e->lease.task_id);
  }
  return {};
}

Status ResultService::settle_results(Batch& batch, const net::Caller& sender) {
  if (batch.records.empty()) return {};
  const auto verdicts = queue_.complete(clock_.wall_ms(), batch.records);
  if (!verdicts) return verdicts.error().within("record results");
  for (std::size_t i = 0; i < batch.results.size(); ++i) {
    const auto& [index, e] = batch.results[i];
    const Verdict v = (*verdicts)[i];
    if ((v == Verdict::kOrphanRecorded || v == Verdict::kSuperseded) &&
        sender.kind == net::Caller::Kind::kWorker)
      unknown_.add(sender.name, e->payload.size(), clock_.mono_ms());
    batch.acks[index] = answer(*e, v);
    const auto& outcome = batch.records[i].outcome;
    metrics_.result(to_string(v), to_string(outcome.kind), outcome.duration_ms);
    if (v != Verdict::kApplied && v != Verdict::kDuplicate)
      log::warn("result_not_applied_as_usual", {{"verdict", to_string(v)},
                                                {"task_id", e->lease.task_id},
                                                {"attempt", e->lease.attempt},
                                                {"worker_id", e->worker_id}});
    waits_.wake_task(e->lease.task_id);
  }
  return {};
}

Result<ResultService::LogRows> ResultService::logs(const std::string& task_id,
                                                   std::int64_t after_attempt,
                                                   std::int64_t after_chunk, int limit) {
  const auto rows = store_.query(
      {"SELECT attempt, chunk, received_ms, entries FROM task_logs WHERE task_id = $1 AND (attempt "
       "> $2 OR (attempt = $2 AND chunk > $3)) ORDER BY attempt, chunk LIMIT $4",
       {task_id, after_attempt, after_chunk, static_cast<std::int64_t>(limit)}});
  if (!rows) return rows.error();
  LogRows out;
  out.attempt = after_attempt;
  out.chunk = after_chunk;
  const WallMs now = clock_.wall_ms();
  for (const auto& row : *rows) {
    LogRow next{ports::as_int(row[0]), ports::as_int(row[1]), ports::as_int(row[2]), {}};
    const std::int64_t expected = next.attempt == out.attempt ? out.chunk + 1 : 0;
    const std::int64_t age = now - next.received_ms;
    out.more_comes = next.chunk != expected && age >= 0 && age < kLongestWay;
    out.comes_within = Millis{kLongestWay - age};
    if (out.more_comes) return out;
    auto chunk = api::decode_log_chunk(ports::as_text(row[3]));
    if (!chunk) return chunk.error().within("task_logs");
    out.attempt = next.attempt;
    out.chunk = next.chunk;
    next.entries = std::move(chunk->entries);
    if (!next.entries.empty()) out.rows.push_back(std::move(next));
  }
  out.more_comes = rows->size() == static_cast<std::size_t>(limit);
  return out;
}

Result<std::size_t> ResultService::forget_logs(ports::Store& store, WallMs before,
                                               std::size_t limit) {
  const ports::Statement old{
      "DELETE FROM task_logs WHERE (task_id, attempt, chunk) IN (SELECT task_id, attempt, chunk "
      "FROM task_logs WHERE received_ms < $1 ORDER BY received_ms LIMIT $2) RETURNING chunk",
      {before, static_cast<std::int64_t>(limit)}};
  const auto gone = store.batch({&old, 1});
  if (!gone) return gone.error();
  return gone->front().size();
}

}  // namespace skep::control
