// Registers this worker, then asks for tasks for as long as there is room for them.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "core/base/id.hpp"
#include "core/base/service.hpp"
#include "core/worker/backoff.hpp"
#include "core/worker/control_plane.hpp"
#include "core/worker/executor.hpp"
#include "core/worker/health.hpp"
#include "core/worker/instruction_loop.hpp"
#include "core/worker/membership.hpp"
#include "core/worker/release_fetcher.hpp"
#include "core/worker/self_check.hpp"
#include "core/worker/settings.hpp"
#include "core/worker/spool_reserve.hpp"

namespace skep::worker {

struct ClaimOptions {
  std::string incarnation;
  Millis hold{20'000};  ///< how long the server may hold a claim
  std::function<api::Registration()> registration;
  std::function<void(const api::RegistrationReply&)> on_registered;
  std::function<std::size_t()> going_back;      ///< attempts that are not handed back yet
  std::function<void(model::Lease)> give_back;  ///< of a task that was not begun
  std::uint64_t seed = std::random_device{}();
};

/// The last ids that came.
class SeenIds {
 public:
  /// False when it was seen before.
  bool add(const std::string& id);

 private:
  static constexpr std::size_t kMost = 4096;
  std::unordered_set<std::string> ids_;
  std::deque<std::string> order_;
};

/// Space for a task's result is set aside in the spool before the task is claimed, so that a full
/// disk means fewer claims and never a lost result.
class ClaimLoop final : public Service {
 public:
  /// Collaborators outlive the loop.
  ClaimLoop(ClaimOptions options, std::unique_ptr<ControlPlane> control,
            const LiveSettings& settings, SpoolReserve& reserve, Executor& executor, Health& health,
            SelfCheck& self_check, Membership& membership, InstructionLoop& instructions,
            ReleaseFetcher& releases, Clock& clock);
  ~ClaimLoop() override { stop(); }

 protected:
  void run(std::stop_token stop) override;

 private:
  void register_worker(std::stop_token stop);
  int room(std::stop_token stop);
  bool is_shortage() const;
  int reserve(int wanted);
  void give_back_reserve();
  void claim(int max, std::stop_token stop);
  void next_claim();
  void accept(api::ClaimReply reply);
  void give_back(std::vector<model::ClaimedTask> tasks);
  void forget_seen(std::vector<model::ClaimedTask>& tasks);
  void failed(const Error& error, std::stop_token stop);
  void pause_if_not_held(const api::ClaimReply& reply, MonoMs took, std::stop_token stop);

  const ClaimOptions options_;
  const std::unique_ptr<ControlPlane> control_;
  const LiveSettings& settings_;
  SpoolReserve& reserve_;
  Executor& executor_;
  Health& health_;
  SelfCheck& self_check_;
  Membership& membership_;
  InstructionLoop& instructions_;
  ReleaseFetcher& releases_;
  Clock& clock_;
  Backoff backoff_;
  Complaint complaint_;
  std::string claim_id_ = new_id();
  bool repeated_ = false;  ///< claim_id_ was sent, and its reply may be lost
  int no_room_ = 0;        ///< looks in a row that found a slot, and no room for what would come
  MonoMs no_room_since_ = 0;
  int reserved_ = 0;  ///< results' worth of space set aside and not yet given to a task
  int early_empty_ = 0;
  SeenIds seen_;  ///< leases: a reply may come twice, by whatever lies in between
};

}  // namespace skep::worker
