// Brings envelopes home: new ones at once, then what the spool holds, newest first.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/mutex.hpp"
#include "core/base/service.hpp"
#include "core/ports/spool.hpp"
#include "core/worker/backoff.hpp"
#include "core/worker/control_plane.hpp"
#include "core/worker/membership.hpp"
#include "core/worker/pending_envelope.hpp"

namespace skep::worker {

struct SenderOptions {
  Millis rescan{60'000};  ///< how often an empty spool is looked at again
  std::uint64_t seed = std::random_device{}();
  BackoffLimits backoff{};
  Millis first_pause{1'000};  ///< of one item that nobody settles
  /// So long a spool that cannot be read keeps the worker from registering; by then the leases of
  /// an earlier process are over.
  Millis longest_hold{60'000};
  /// Hears after each look at the spool, while what it held at the start holds the worker up, why
  /// that cannot be read; "" = it can, or it holds nothing up any more.
  std::function<void(const std::string& why)> on_unread{};
  /// Whether what an envelope names is home; else look_again() tells when it is. Empty = it is.
  std::function<bool(const PendingEnvelope&)> may_go{};
  /// Whether something that may_go() waits for is on its way.
  std::function<bool()> brings{};
  /// Hears of each envelope with artifacts that the control plane has taken.
  std::function<void(const PendingEnvelope&)> on_delivered{};
};

/// A envelope leaves the spool only by an ack that names it by its key: taken, or refused twice by
/// the control plane itself (400, 413, 415, 422 with a problem document), then it is set aside.
/// Every other answer, whoever gives it, keeps it: "away". Requests halve with each of those, down
/// to one envelope, and double with each success. While nobody answers, new envelopes are handed to
/// the spool at once and one thread probes with backoff.
/// What the spool holds at the start goes home before this worker registers and claims, so that a
/// task that has ended is not given out again meanwhile. The first answer that settles nothing ends
/// that; a spool that cannot be read, or has nothing left but what cannot, does so after
/// `longest_hold`.
class Sender final : public Service {
 public:
  /// Collaborators outlive the sender.
  Sender(SenderOptions options, std::unique_ptr<ControlPlane> control, ports::Spool& spool,
         Membership& membership, Clock& clock);
  ~Sender() override { stop(); }

  /// Takes envelopes that are in the spool. [any]
  void push(std::vector<PendingEnvelope> envelopes);
  /// The envelope that is called so may go now. [any]
  void look_again(const std::string& label);
  /// Waits until every pushed envelope was sent or deferred; false when `deadline` came first.
  /// [any]
  bool flush(MonoMs deadline);
  /// What no spool holds and stop() left undelivered.
  std::vector<PendingEnvelope> take_unspooled();
  /// One last try for envelopes that no spool holds; those that the control plane took go.
  static void send_unspooled(ControlPlane& control, std::vector<PendingEnvelope>& envelopes);

 protected:
  void run(std::stop_token stop) override;

 private:
  struct Trouble {
    int refusals = 0;
    Millis pause{0};
    MonoMs again = 0;  ///< not before this instant
  };
  enum class Answer { kDone, kAway };

  std::vector<PendingEnvelope> take_new();
  void settle_taken();
  bool take_spooled(std::vector<PendingEnvelope>& out);
  bool read_spool(std::vector<ports::SpoolItem>& out);
  void take_ready();
  void hold_back(std::vector<PendingEnvelope>& envelopes);
  void deliver(std::vector<PendingEnvelope> envelopes, bool spooled);
  std::vector<PendingEnvelope> take_request(std::vector<PendingEnvelope>& all) const;
  Answer send(std::vector<PendingEnvelope>& request);
  bool settle(std::vector<PendingEnvelope>& request, const Submission& submission);
  Answer unsettled(std::vector<PendingEnvelope>& request, const Submission& submission);
  bool refused(const PendingEnvelope& envelope, const api::Ack& ack);
  void keep(std::vector<PendingEnvelope> envelopes);
  void set_aside(const std::string& name, const std::string& reason);
  void forget(const std::vector<std::string>& names);
  void hold(const std::string& label, Millis longest);
  void away(const Error& error, Millis asked, Millis floor = Millis{0});
  void answered();
  void settle_backlog(Backlog backlog);
  void say_cut_off(const std::string& why);
  void say_delivered();
  MonoMs next_try() const;

  const SenderOptions options_;
  const std::unique_ptr<ControlPlane> control_;
  ports::Spool& spool_;
  Membership& membership_;
  Clock& clock_;

  // The sender's own thread.
  Backoff backoff_;
  Complaint complaint_;
  Backoff read_backoff_;  ///< of a spool that cannot be read
  Complaint read_complaint_;
  MonoMs not_before_ = 0;    ///< backoff
  bool has_backlog_ = true;  ///< what the spool held at the start is not settled
  MonoMs hold_until_ = 0;    ///< then it no longer counts that the spool cannot be read
  bool parked_ = false;      ///< backing off until another loop gets through
  bool registered_at_send_ = false;
  MonoMs asked_until_ = 0;                  ///< the server's own Retry-After
  MonoMs next_look_ = 0;                    ///< at the spool
  MonoMs read_again_ = 0;                   ///< not before this instant: it cannot be read
  std::map<std::string, Trouble> trouble_;  ///< what waits, by name, or key when it has none
  MonoMs cut_off_at_ = 0;                   ///< since then nobody answers; 0 = all is well
  bool replaying_ = false;                  ///< what is being delivered comes out of the spool
  std::int64_t replayed_ = 0;               ///< out of the spool since then, or since the start
  std::vector<PendingEnvelope> unspooled_;  ///< nobody else has them: kept until delivered
  std::size_t most_items_;                  ///< in a request

  Mutex mutex_;
  StoppableCondVar work_;
  std::deque<PendingEnvelope> new_ SKEP_GUARDED_BY(mutex_);
  std::vector<std::string> ready_ SKEP_GUARDED_BY(mutex_);  ///< labels
  bool sending_ SKEP_GUARDED_BY(mutex_) = false;
};

}  // namespace skep::worker
