// C++20 layer for queues. See skep/kind/queue.h for the contract of each function.
#ifndef SKEP_QUEUE_HPP
#define SKEP_QUEUE_HPP

#include "skep/kind/queue.h"
#include "skep/plugin.hpp"

namespace skep {

class Queue : public Component {
 public:
  using Verdicts = skep_queue_verdicts;
  virtual void enqueue(Call& call, std::int64_t now_ms, Array<skep_queue_task> tasks,
                       const Verdicts& out) = 0;
  virtual void claim(Call& call, std::int64_t now_ms, const skep_queue_filter& filter,
                     const skep_queue_rows& rows) = 0;
  virtual void renew(Call& call, std::int64_t now_ms, Array<skep_queue_lease> leases,
                     std::int64_t lease_ms, const Verdicts& out) = 0;
  virtual void complete(Call& call, std::int64_t now_ms, Array<skep_queue_result> results,
                        const Verdicts& out) = 0;
  virtual void release(Call& call, std::int64_t now_ms, Array<skep_queue_lease> leases,
                       const Verdicts& out) = 0;
  virtual std::int64_t tick(Call& call, std::int64_t now_ms, std::int64_t monotonic_ms) = 0;
  virtual void overdue(Call& call, std::int64_t cutoff_ms, std::string_view worker_id,
                       std::string_view incarnation, const skep_queue_rows& rows) = 0;
  virtual void lose(Call& call, std::int64_t now_ms, std::int64_t cutoff_ms,
                    Array<skep_queue_loss> losses, const Verdicts& out) = 0;
  virtual void cancel(Call& call, std::int64_t now_ms, std::string_view task_id,
                      std::string_view error, const Verdicts& out) = 0;
  virtual void requeue(Call& call, std::int64_t now_ms, const skep_queue_requeue& what,
                       const Verdicts& out) = 0;
  virtual void read(Call& call, const skep_queue_query& query, const skep_queue_rows& rows) = 0;
  virtual void attempts(Call& call, std::string_view task_id, const skep_queue_attempts& out) = 0;
  virtual void completions(Call& call, std::int64_t sequence, std::uint32_t limit,
                           const skep_queue_completions& out) = 0;
  virtual void stats(Call& call, const skep_queue_counts& out) = 0;
  virtual void wait(Call& call, std::int64_t timeout_ms, std::uint64_t& token) = 0;
  virtual std::uint32_t purge(Call& call, std::int64_t before_ms, std::int64_t sequence,
                              std::uint32_t limit) = 0;

  static constexpr const char* kKind = SKEP_KIND_QUEUE;
  template <class T>
  static const skep_queue_v1* table() {
    static const skep_queue_v1 t{
        sizeof(skep_queue_v1),
        0,
        [](skep_inst* i, skep_call* c, std::int64_t now, const skep_queue_task* p, std::uint32_t n,
           const Verdicts* v, skep_err* err) noexcept {
          return guarded_call(c, err, [&](Call& call) { self(i).enqueue(call, now, {p, n}, *v); });
        },
        [](skep_inst* i, skep_call* c, std::int64_t now, const skep_queue_filter* f,
           const skep_queue_rows* rows, skep_err* err) noexcept {
          return guarded_call(c, err,
                              [&](Call& call) { self(i).claim(call, now, skep::read(f), *rows); });
        },
        [](skep_inst* i, skep_call* c, std::int64_t now, const skep_queue_lease* p, std::uint32_t n,
           std::int64_t lease_ms, const Verdicts* v, skep_err* err) noexcept {
          return guarded_call(c, err, [&](Call& call) {
            self(i).renew(call, now, {p, n}, lease_ms, *v);
          });
        },
        [](skep_inst* i, skep_call* c, std::int64_t now, const skep_queue_result* p,
           std::uint32_t n, const Verdicts* v, skep_err* err) noexcept {
          return guarded_call(c, err, [&](Call& call) { self(i).complete(call, now, {p, n}, *v); });
        },
        [](skep_inst* i, skep_call* c, std::int64_t now, const skep_queue_lease* p, std::uint32_t n,
           const Verdicts* v, skep_err* err) noexcept {
          return guarded_call(c, err, [&](Call& call) { self(i).release(call, now, {p, n}, *v); });
        },
        [](skep_inst* i, skep_call* c, std::int64_t now, std::int64_t monotonic, std::int64_t* next,
           skep_err* err) noexcept {
          return guarded_call(c, err,
                              [&](Call& call) { *next = self(i).tick(call, now, monotonic); });
        },
        [](skep_inst* i, skep_call* c, std::int64_t cutoff, skep_view worker, skep_view incarnation,
           const skep_queue_rows* rows, skep_err* err) noexcept {
          return guarded_call(c, err, [&](Call& call) {
            self(i).overdue(call, cutoff, text(worker), text(incarnation), *rows);
          });
        },
        [](skep_inst* i, skep_call* c, std::int64_t now, std::int64_t cutoff,
           const skep_queue_loss* p, std::uint32_t n, const Verdicts* v, skep_err* err) noexcept {
          return guarded_call(c, err, [&](Call& call) {
            self(i).lose(call, now, cutoff, {p, n}, *v);
          });
        },
        [](skep_inst* i, skep_call* c, std::int64_t now, skep_view id, skep_view error,
           const Verdicts* v, skep_err* err) noexcept {
          return guarded_call(
              c, err, [&](Call& call) { self(i).cancel(call, now, text(id), text(error), *v); });
        },
        [](skep_inst* i, skep_call* c, std::int64_t now, const skep_queue_requeue* what,
           const Verdicts* v, skep_err* err) noexcept {
          return guarded_call(
              c, err, [&](Call& call) { self(i).requeue(call, now, skep::read(what), *v); });
        },
        [](skep_inst* i, skep_call* c, const skep_queue_query* q, const skep_queue_rows* rows,
           skep_err* err) noexcept {
          return guarded_call(c, err,
                              [&](Call& call) { self(i).read(call, skep::read(q), *rows); });
        },
        [](skep_inst* i, skep_call* c, skep_view id, const skep_queue_attempts* out,
           skep_err* err) noexcept {
          return guarded_call(c, err, [&](Call& call) { self(i).attempts(call, text(id), *out); });
        },
        [](skep_inst* i, skep_call* c, std::int64_t seq, std::uint32_t limit,
           const skep_queue_completions* out, skep_err* err) noexcept {
          return guarded_call(c, err,
                              [&](Call& call) { self(i).completions(call, seq, limit, *out); });
        },
        [](skep_inst* i, skep_call* c, const skep_queue_counts* out, skep_err* err) noexcept {
          return guarded_call(c, err, [&](Call& call) { self(i).stats(call, *out); });
        },
        [](skep_inst* i, skep_call* c, std::int64_t timeout, std::uint64_t* token,
           skep_err* err) noexcept {
          return guarded_call(c, err, [&](Call& call) { self(i).wait(call, timeout, *token); });
        },
        [](skep_inst* i, skep_call* c, std::int64_t before, std::int64_t seq, std::uint32_t limit,
           std::uint32_t* removed, skep_err* err) noexcept {
          return guarded_call(
              c, err, [&](Call& call) { *removed = self(i).purge(call, before, seq, limit); });
        }};
    return &t;
  }

 private:
  static Queue& self(skep_inst* i) { return *static_cast<Queue*>(to_component(i)); }
};

}  // namespace skep

#endif
