// Claims that wait for work, by what their workers can run: a task that may be claimed now wakes
// one claim that fits, and nobody else.
//
// A wake-up is never lost. The claim that got it takes such a task, or looks and finds nothing that
// it may have; otherwise the wake-up goes on to the next claim that fits.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/model/task.hpp"
#include "core/net/http.hpp"

namespace skep::control {

/// [any]
class WaitingClaims {
 public:
  /// Claims wait in `waits` under the id of their worker; it must outlive this.
  explicit WaitingClaims(net::WaitList& waits) : waits_(waits) {}

  /// These tasks may be claimed now: for each, the claim that has waited longest of those whose
  /// worker may have it is woken.
  void announce(std::span<const model::Task> tasks);

 private:
  /// What placement looks at in a task.
  struct Route {
    explicit Route(const model::TaskSpec& spec);
    bool operator<(const Route& other) const;
    model::TaskSpec wish;  ///< type, site and requirements alone
    std::string target_worker;
  };
  using Routes = std::map<Route, std::size_t>;  ///< with how many such tasks there are
  struct Claimant;
  /// Workers of one site that run the same types with the same capabilities.
  struct Crowd {
    model::WorkerProfile like;                   ///< what they have in common
    std::string kind;                            ///< the same as a key
    std::map<std::uint64_t, Claimant*> waiting;  ///< in the order in which they came
  };
  struct Claimant {
    const std::string* worker_id = nullptr;
    int claims = 0;           ///< of this worker that wait or are at work
    Crowd* crowd = nullptr;   ///< null: none of them may be woken for work
    std::uint64_t place = 0;  ///< in the crowd
    Routes owed{};            ///< what it was woken for since its last turn
  };

 public:
  /// One run of a claim's handler: it looks for work, then it answers or waits on. What it was
  /// woken for is settled when the turn ends.
  class Turn {
   public:
    /// `first`: the claim is new. A turn without look() passes all on, as for a client that left.
    Turn(WaitingClaims& claims, std::string worker_id, bool first);
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn();
    /// Before it looks: what is announced from now on may wake it.
    void look(const model::WorkerProfile& worker);
    /// It has looked, and this is what it got.
    void found(std::span<const model::Task> tasks);
    /// The claim waits on; without it, it has ended.
    void wait_on() { waits_on_ = true; }

   private:
    WaitingClaims& claims_;
    const std::string worker_id_;
    Routes woken_for_;
    Routes found_;
    bool has_looked_ = false;
    bool waits_on_ = false;
  };

 private:
  static Routes routes_of(std::span<const model::Task> tasks);
  static void settle(Routes& owed, const Routes& found);

  void join(Claimant& claimant, const model::WorkerProfile& worker, const std::string& kind)
      SKEP_REQUIRES(mutex_);
  void leave(Claimant& claimant) SKEP_REQUIRES(mutex_);
  /// Takes the first `count` claimants that fit out of their crowds.
  std::vector<Claimant*> take(const Route& route, std::size_t count) SKEP_REQUIRES(mutex_);
  std::vector<Claimant*> take_target(const Route& route) SKEP_REQUIRES(mutex_);
  std::vector<Crowd*> crowds_for(const Route& route) SKEP_REQUIRES(mutex_);
  void announce(const Routes& routes);

  net::WaitList& waits_;
  Mutex mutex_;
  std::uint64_t places_ SKEP_GUARDED_BY(mutex_) = 0;
  std::unordered_map<std::string, Claimant> claimants_ SKEP_GUARDED_BY(mutex_);  ///< by worker id
  /// By site, then by types and capabilities; only those in which somebody waits.
  std::map<std::string, std::map<std::string, Crowd>> crowds_ SKEP_GUARDED_BY(mutex_);
};

}  // namespace skep::control
