// The worker protocol on the wire: one struct per message, encoded and decoded here for both roles.
//
// Decoders of requests refuse unknown members by name; decoders of replies ignore them, so that an
// older worker talks to a newer control plane.
#pragma once

#include <boost/json/value.hpp>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/api/addressee.hpp"
#include "core/api/desired_releases.hpp"
#include "core/base/result.hpp"
#include "core/model/task.hpp"
#include "core/ports/queue.hpp"
#include "core/ports/task_runner.hpp"

namespace skep::api {

inline constexpr int kProtocolMin = 1;
inline constexpr int kProtocolMax = 1;

/// POST /api/workers/register
struct Registration {
  std::string worker_id;
  std::string incarnation;  ///< new at each process start; later ones sort higher (UUIDv7)
  std::string site;
  std::map<std::string, bool> capabilities;
  int concurrency = 0;
  int batch_size = 0;
  std::string version;
  int protocol_min = kProtocolMin;
  int protocol_max = kProtocolMax;
  std::vector<ports::TaskType> types;
  std::string host;  ///< host name of the machine
  int pid = 0;
  std::string arch{};  ///< as uname -m says: "x86_64"; "" = an older worker
  /// It has them, and takes no task of theirs for now: they are known, and not placed there.
  std::vector<ports::TaskType> withheld{};
};
/// Those that it offers and those that it withholds.
std::vector<ports::TaskType> types_and_withheld(const Registration& r);
std::string encode(const Registration& r);
Result<Registration> decode_registration(std::string_view body);

struct RegistrationReply {
  int protocol = kProtocolMax;
  double heartbeat_interval_seconds = 0;  ///< 0 = the worker's own setting
  double lease_seconds = 90;
  bool ack_echo = true;
  Addressee to{};
  std::string credential{};  ///< the worker's own from now on; "" = the one that it has
};
std::string encode(const RegistrationReply& r);
Result<RegistrationReply> decode_registration_reply(std::string_view body);

inline constexpr std::size_t kMostTroubles = 8;
inline constexpr std::size_t kTroubleBytes = 512;

/// POST /api/workers/{id}/heartbeat
struct Beat {
  std::string worker_id;
  std::string incarnation;
  std::int64_t seq = 0;
  WallMs sent_ms = 0;  ///< worker's wall clock, for the skew
  std::vector<ports::Renewal> tasks;
  int pool_size = 0;
  int busy = 0;
  int waiting = 0;  ///< claimed, not started
  std::int64_t errors_total = 0;
  std::int64_t rss_bytes = 0;
  bool draining = false;
  std::int64_t spool_ready = 0;
  std::int64_t spool_bytes = 0;
  std::int64_t spool_quarantined = 0;
  std::int64_t spool_rejected = 0;
  bool spool_degraded = false;
  WallMs spool_oldest_ms = 0;
  std::vector<std::string> troubles{};  ///< why it takes no tasks, in words; at most kMostTroubles
  /// What else is wrong: it keeps the worker from no task, or from those of one type; as many.
  std::vector<std::string> notices{};
  ReleaseReport releases{};
};
std::string encode(const Beat& b);
Result<Beat> decode_beat(std::string_view body);

/// What an operator wants of a worker.
enum class WorkerMode { kActive, kPaused, kDraining };
std::string_view to_string(WorkerMode m);
WorkerMode parse_mode(std::string_view word);

struct BeatReply {
  std::vector<std::pair<model::Lease, ports::LeaseVerdict>> tasks;
  WorkerMode mode = WorkerMode::kActive;
  double heartbeat_interval_seconds = 0;
  std::int64_t registry = -1;  ///< revision of this worker's releases; -1 = not said
  Addressee to{};
};
std::string encode(const BeatReply& r);
Result<BeatReply> decode_beat_reply(std::string_view body);

/// POST /api/workers/{id}/claim
struct ClaimRequest {
  std::string incarnation;
  std::uint32_t max = 1;    ///< 0: only news, no tasks
  double wait_seconds = 0;  ///< long-poll up to this long
  /// The attempts this worker holds, so that the reply can say which of them are void.
  std::vector<model::Lease> held;
  std::string claim_id{};  ///< the worker's random name for this claim; "" = cannot be repeated
  bool repeated = false;   ///< the reply to this claim was lost: give the same tasks again
  /// The registry revision that the worker has heard of: another one ends the wait. -1 = it does
  /// not care.
  std::int64_t registry = -1;
};
std::string encode(const ClaimRequest& r);
Result<ClaimRequest> decode_claim(std::string_view body);

struct ClaimReply {
  std::vector<model::ClaimedTask> tasks;
  std::vector<model::Lease> cancel;  ///< attempts among `held` to stop: cancelled or moved on
  WorkerMode mode = WorkerMode::kActive;
  std::int64_t registry = -1;  ///< as in BeatReply
  Addressee to{};
  std::string claim_id{};  ///< of the request; "" = it had none, or an older control plane
};
std::string encode(const ClaimReply& r);
Result<ClaimReply> decode_claim_reply(std::string_view body);

/// POST /api/workers/{id}/release: hands claimed tasks back unfinished (drain).
struct ReleaseRequest {
  std::string incarnation;
  std::vector<model::Lease> tasks;
};
std::string encode(const ReleaseRequest& r);
Result<ReleaseRequest> decode_release(std::string_view body);

/// POST /api/workers/results: one envelope, or an array of them.
std::string encode(const model::Envelope& e);
std::string encode(const std::vector<std::string>& envelopes);  ///< array of encoded envelopes
Result<model::Envelope> decode_envelope(const boost::json::value& v);

/// The payload of an execution_result.
std::string encode(const model::Outcome& o);
Result<model::Outcome> decode_outcome(std::string_view payload);

/// The payload of a logs envelope.
struct LogEntry {
  std::string stream;  ///< "stdout", "stderr" or "log"
  std::string text;    ///< any bytes
};
struct LogChunk {
  std::int64_t chunk = 0;  ///< counts from 0 within one attempt
  std::vector<LogEntry> entries;
};
std::string encode(const LogChunk& c);
Result<LogChunk> decode_log_chunk(std::string_view payload);

/// The answer to one envelope, which it names by `key`. Taken when `ack` is the key, too; refused
/// when `error` says why. Anything else is no answer to it.
struct Ack {
  std::string ack;      ///< idempotency key, "" = refused
  std::string verdict;  ///< model::Verdict word, or "stored"
  std::string task_id;
  int status = 200;   ///< HTTP status of this item
  std::string error;  ///< problem object when refused
  std::string key{};  ///< idempotency key, "" = the envelope has none
};
/// The idempotency key of anything that was sent as an envelope, "" = it has none.
std::string key_of_envelope(const boost::json::value& v);
/// The artifacts that it names, empty when they make no sense; and its attempt.
std::vector<model::Artifact> artifacts_of_envelope(const json::value& v);
model::Lease lease_of_envelope(const json::value& v);
std::string encode(const Ack& a);
std::string encode(const std::vector<Ack>& acks);  ///< {"items":[..]}
/// The problem document of one that was refused alone, with its key.
std::string encode_refused(const Ack& a);
/// Reads the answer to `count` envelopes (an object for one, items for an array).
Result<std::vector<Ack>> decode_acks(std::string_view body);

}  // namespace skep::api
