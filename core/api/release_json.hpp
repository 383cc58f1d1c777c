// Releases of the registry as JSON: what one publishes, and what the registry says of it.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/api/desired_releases.hpp"
#include "core/api/document.hpp"
#include "core/api/worker_json.hpp"

namespace skep::api {

/// What somebody wants to publish, as it came.
struct Publication {
  ReleaseKind kind = ReleaseKind::kScript;
  std::string name;
  std::string version;
  std::string content;             ///< bytes
  std::string sha256;              ///< "" or what the content must have
  std::string signature;           ///< text of FILE.minisig, "" = none
  std::vector<std::string> types;  ///< empty = the name
  /// What its types take, JSON Schema by type; a type that is not there is not compared.
  std::map<std::string, std::string> schemas;
  /// Components that are no task types, as the file itself says; never on the wire.
  std::vector<std::string> components{};
  bool force = false;              ///< also when it takes less than what is in force
  std::vector<std::string> sites;  ///< empty = every site
  std::int64_t canary_count = 0;   ///< 0 and canary_percent 0 = everybody at once
  double canary_percent = 0;
  bool hold = false;
  std::int64_t promote_after_ms = 600'000;
  std::int64_t promote_after_tasks = 20;
};
Result<Publication> decode_publication(std::string_view body);
/// The reason in an optional body {"reason": ".."}.
Result<std::string> decode_rollback(std::string_view body);

enum class ReleaseState { kCanary, kActive, kRolledBack, kWithdrawn };
std::string_view to_string(ReleaseState s);
/// kWithdrawn for a word that it does not know: of a newer control plane.
ReleaseState parse_release_state(std::string_view word);

/// Tasks that ended, by outcome; cancelled ones do not count.
struct Tally {
  std::int64_t ok = 0;
  std::int64_t failed = 0;
  std::int64_t finished() const { return ok + failed; }
};

/// What is known of one release.
struct ReleaseRecord {
  std::int64_t id = 0;  ///< the revision that published it
  ReleaseKind kind = ReleaseKind::kScript;
  std::string name;
  std::string arch;  ///< "any", "x86_64" or "aarch64"
  std::string version;
  std::string sha256;
  std::int64_t size = 0;
  std::string signature;
  std::vector<std::string> types;     ///< task types it brings
  std::vector<std::string> sites;     ///< sorted; empty = every site
  std::vector<std::string> canaries;  ///< ids of the workers that try it first
  bool hold = false;                  ///< a canary goes on until somebody promotes it
  std::int64_t promote_after_ms = 600'000;
  std::int64_t promote_after_tasks = 20;
  WallMs published_ms = 0;
  Tally before;  ///< of its types, all that ended before it was published

  ReleaseState state = ReleaseState::kActive;
  std::string reason;         ///< why it was rolled back
  std::int64_t revision = 0;  ///< its last change
  WallMs changed_ms = 0;
  Tally canary;  ///< on canaries since they have it
  Tally others;  ///< elsewhere at its sites, meanwhile
};
/// The answer to a publication; `schema_changes` are what it was forced over, a line each.
std::string encode(const ReleaseRecord& r, bool existed,
                   const std::vector<std::string>& schema_changes);

/// What an order changed: {"items":[..]}
std::string encode(const std::vector<const ReleaseRecord*>& changed);

struct ReleaseList {
  struct Row {
    const ReleaseRecord* release;
    std::map<std::string, std::int64_t> workers;  ///< how many are how far with it, by state
  };
  std::int64_t revision = 0;
  std::vector<Row> rows;
};
std::string encode(const ReleaseList& list);

/// How far a worker is with what it is meant to have of one name.
struct Standing {
  std::string worker_id;
  std::string site;
  Presence presence = Presence::kOnline;
  const ReleaseRecord* release = nullptr;
  std::string state = "pending";  ///< until the worker says more
  std::string reason{};
};
struct ReleaseHistory {
  std::string name;
  std::int64_t revision = 0;
  std::vector<const ReleaseRecord*> releases;
  std::vector<Standing> workers;
};
std::string encode(const ReleaseHistory& history);

/// Of decode_publication().
Document publication_document();
/// Publication, Rollback, Release and the lists of them.
Documents release_documents();

}  // namespace skep::api
