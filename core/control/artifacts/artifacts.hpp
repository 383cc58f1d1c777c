// The feature "artifacts": what tasks leave beside their results, and what they are given to read.
#pragma once

#include <atomic>

#include "core/base/mutex.hpp"
#include "core/base/service.hpp"
#include "core/control/artifacts/blob_folder.hpp"
#include "core/control/artifacts/ledger.hpp"
#include "core/control/feature.hpp"
#include "core/net/http.hpp"

namespace skep::control {

struct ArtifactSettings {
  BlobLimits limits;
  std::int64_t keep_ms = 0;  ///< as long as ended tasks; 0 = for ever
  bool operator==(const ArtifactSettings&) const = default;
};
ArtifactSettings artifact_settings(const config::Config& config);

class Artifacts;

/// Forgets rows that are too old, and removes contents that nobody needs.
class ArtifactSweeper final : public Service {
 public:
  explicit ArtifactSweeper(Artifacts& artifacts) : Service("artifacts"), artifacts_(artifacts) {}
  ~ArtifactSweeper() override { stop(); }

 protected:
  void run(std::stop_token stop) override;

 private:
  Artifacts& artifacts_;
};

class Artifacts final : public Feature {
 public:
  /// All must outlive it.
  Artifacts(Platform& platform, const config::Config& config);

  std::vector<Migrations> migrations() const override;
  Status load() override;
  std::vector<Service*> services() override { return {&sweeper_}; }
  std::vector<net::Route> routes() override;
  Status effects(std::span<const ports::Completion> ended, Effects& out) override;
  Status metrics(std::vector<prometheus::MetricFamily>& out) override;
  void apply(const config::Config& config) override;

  /// As BlobFolder::append().
  Result<api::BlobProgress> take(const std::string& sha256, std::uint64_t size,
                                 std::uint64_t offset, std::string_view bytes);
  /// kInvalid "unknown-input" unless every input of the tasks to be is here, whole and of that
  /// size; then they stay for the tasks. [any]
  Status admit(const std::vector<ArtifactLedger::Pin>& pins);
  /// kNotFound "unknown-task". [any]
  Status check_task(const std::string& task_id);
  /// kDenied "wrong-worker" unless the attempt is, or was, the caller's. [any]
  Status check_attempt(const net::Caller& caller, const model::Lease& lease);
  /// A batch of what the sweeper does: the rows that went and the contents that did. [any]
  struct Swept {
    std::size_t rows = 0;
    std::size_t contents = 0;
  };
  Result<Swept> sweep(bool everything);

  Platform& platform;
  BlobFolder blobs;
  ArtifactLedger ledger;

 private:
  Status settle_home(bool make);
  Status drop_lost_pins();
  std::atomic<std::int64_t> keep_ms_;
  Mutex home_mutex_;
  std::atomic<bool> home_known_{false};
  std::atomic<bool> may_sweep_{false};  ///< the folder is this database's
  ArtifactSweeper sweeper_;
};

}  // namespace skep::control
