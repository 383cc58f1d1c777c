// Who needs which content: rows of the store.
#pragma once

#include <string>
#include <vector>

#include "core/api/artifact_json.hpp"
#include "core/ports/queue.hpp"
#include "core/ports/store.hpp"

namespace skep::control {

/// Artifacts of attempts and inputs of tasks. A content may go when no row names it. [any]
class ArtifactLedger {
 public:
  using Statements = std::vector<ports::Statement>;
  /// `store` outlives it.
  explicit ArtifactLedger(ports::Store& store) : store_(store) {}
  static std::vector<std::string> migrations();

  /// Statements that note what an attempt left; a repeat changes nothing.
  static void note(const model::Lease& lease, const std::vector<model::Artifact>& artifacts,
                   WallMs now, Statements& out);
  /// Of a task, those of the newest attempt first, then by name. `available` is not looked at.
  Result<std::vector<api::KeptArtifact>> of_task(const std::string& task_id);
  /// The newest of that name; kNotFound "unknown-artifact" names those that there are.
  Result<api::KeptArtifact> find(const std::string& task_id, const std::string& name);

  /// Inputs that a task will read, from before it is in the queue.
  struct Pin {
    std::string task_id;
    std::vector<model::Input> inputs;
  };
  Status pin(const std::vector<Pin>& pins, WallMs now);
  Status unpin(const std::string& task_id);
  /// Tasks, in the order of their ids after `after`, that were to read something, made before
  /// `before` and not known to have ended.
  Result<std::vector<std::string>> open_pins(const std::string& after, WallMs before,
                                             std::int64_t limit);
  /// What follows from tasks that ended: one that succeeded needs its inputs no more, one that may
  /// be tried again keeps them as long as its history.
  static void ended(const ports::Completion& c, WallMs now, Statements& out);

  /// Forgets at most `limit` rows older than `before`; the contents that they named.
  Result<std::vector<std::string>> forget(WallMs before, std::int64_t limit);
  Result<bool> reads(const std::string& task_id, const std::string& sha256);
  Result<bool> is_needed(const std::string& sha256);
  /// What tells this database from others; made when it is asked for first.
  Result<std::string> database_id();

 private:
  ports::Store& store_;
};

}  // namespace skep::control
