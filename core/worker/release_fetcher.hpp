// Brings the registry's scripts and plugins to this worker: hears of a new revision, fetches what
// is missing, checks it, puts it where the folder watchers load it, and says how that went.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/base/service.hpp"
#include "core/worker/backoff.hpp"
#include "core/worker/control_plane.hpp"
#include "core/worker/membership.hpp"
#include "core/worker/release_folder.hpp"

namespace skep::worker {

struct FetcherOptions {
  std::string dir;  ///< STATE_DIR/releases; "" = this worker takes nothing from the registry
  /// What the loaders say of the files in there: "active" or "failed", by hash. May block; called
  /// on the fetcher's thread.
  std::function<std::vector<api::HeldRelease>()> loaded;
  std::function<void()> on_change;  ///< report() has news: a beat is due
  Millis look{1'000};               ///< how often `loaded` is asked
  Millis quick_look{50};            ///< and right after a change, for 10 s
};

class ReleaseFetcher final : public Service {
 public:
  /// Collaborators outlive the fetcher.
  ReleaseFetcher(FetcherOptions options, std::unique_ptr<ControlPlane> control,
                 Membership& membership, Clock& clock);
  ~ReleaseFetcher() override { stop(); }

  /// The newest revision heard of, for claims; -1 when nothing is taken from the registry. [any]
  std::int64_t heard() const;
  /// A reply named the revision of this worker's releases; -1 = it did not. [any]
  void notice(std::int64_t revision);
  /// For the beat; never blocks on a loader. [any]
  api::ReleaseReport report() const;
  /// That the registry has lost its releases, while those of this worker stay; "" = it has not.
  /// [any]
  std::string trouble() const;

 protected:
  void run(std::stop_token stop) override;

 private:
  struct Item {
    api::DesiredRelease what;
    bool on_disk = false;
    std::string trouble{};  ///< why it is not
    std::string before{};   ///< why the loaders could not use these bytes before they came again
  };
  bool wait(Millis pause, std::stop_token stop);
  bool is_news(std::int64_t before) const SKEP_REQUIRES(mutex_);
  Status synchronise();
  Status fetch(Item& item);
  bool notice_loss(std::int64_t revision);
  Status note_revision(std::int64_t revision);
  std::string reason_of_failure(const std::string& sha256) const;
  void look();
  Millis until_next_look() const;

  const FetcherOptions options_;
  const std::unique_ptr<ControlPlane> control_;
  Membership& membership_;
  Clock& clock_;
  const ReleaseFolder folder_;
  Backoff backoff_;
  Complaint complaint_;
  std::vector<Item> items_;    ///< fetcher's thread
  MonoMs quick_until_ = 0;     ///< fetcher's thread
  MonoMs retry_at_ = 0;        ///< fetcher's thread; 0 = nothing went wrong
  std::int64_t applied_ = -1;  ///< fetcher's thread; the list that items_ are of
  std::int64_t newest_ = -1;   ///< the last that had releases, or a later one; over restarts

  mutable Mutex mutex_;
  StoppableCondVar change_;
  std::int64_t heard_ SKEP_GUARDED_BY(mutex_) = 0;
  api::ReleaseReport report_ SKEP_GUARDED_BY(mutex_);
  std::string trouble_ SKEP_GUARDED_BY(mutex_);
};

}  // namespace skep::worker
