// Brings parcels home: new ones at once, then what the spool holds, newest first.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/service.hpp"
#include "core/ports/spool.hpp"
#include "core/worker/backoff.hpp"
#include "core/worker/control_plane.hpp"
#include "core/worker/link.hpp"
#include "core/worker/parcel.hpp"

namespace skep::worker {

struct SenderOptions {
  Millis rescan{60'000};  ///< how often an empty spool is looked at again
  std::uint64_t seed = std::random_device{}();
};

/// A parcel leaves the spool only when the control plane echoed its key. One that is refused twice
/// (400, 413, 415, 422) is set aside; every other answer keeps it. While nobody answers, new
/// parcels are handed to the spool at once and one thread probes with backoff.
class Sender final : public Service {
 public:
  /// Collaborators outlive the sender.
  Sender(SenderOptions options, std::unique_ptr<ControlPlane> control, ports::Spool& spool,
         Link& link, Clock& clock);
  ~Sender() override { stop(); }

  /// Takes parcels that are in the spool. [any]
  void push(std::vector<Parcel> parcels);
  /// Waits until every pushed parcel was sent or deferred; false when `deadline` came first. [any]
  bool flush(MonoMs deadline);
  /// One last try for parcels that no spool holds; how many the control plane took.
  static std::size_t send_unspooled(ControlPlane& control, std::vector<Parcel> parcels);

 protected:
  void run(std::stop_token stop) override;

 private:
  struct Trouble {
    int refusals = 0;
    Millis pause{0};
    MonoMs again = 0;  ///< not before this instant
  };
  enum class Answer { kDone, kAway, kDenied };

  std::vector<Parcel> take_new();
  void settle_taken();
  std::vector<Parcel> take_spooled();
  void deliver(std::vector<Parcel> parcels, bool spooled);
  Answer send(std::vector<Parcel> parcels);
  Answer apply(std::vector<Parcel>& parcels, const Submission& submission);
  void settle(std::vector<Parcel>& parcels, const Submission& submission);
  void refused(const Parcel& parcel, int status, const std::string& why, bool& again);
  void keep(std::vector<Parcel> parcels);
  void hold(const Parcel& parcel);
  void away(const std::string& why, Millis asked, Millis floor = Millis{0});
  void denied(const std::string& why);
  void answered();
  MonoMs next_try() const;

  const SenderOptions options_;
  const std::unique_ptr<ControlPlane> control_;
  ports::Spool& spool_;
  Link& link_;
  Clock& clock_;

  // The sender's own thread.
  Backoff backoff_;
  Complaint complaint_;
  MonoMs not_before_ = 0;                   ///< backoff
  bool parked_ = false;                     ///< backing off until another loop gets through
  MonoMs asked_until_ = 0;                  ///< the server's own Retry-After
  MonoMs next_look_ = 0;                    ///< at the spool
  std::map<std::string, Trouble> trouble_;  ///< spooled items that wait, by name

  std::mutex mutex_;
  std::condition_variable_any work_;
  std::deque<Parcel> new_;
  std::vector<Parcel> unspooled_;  ///< nobody else has them: kept until delivered
  bool sending_ = false;
};

}  // namespace skep::worker
