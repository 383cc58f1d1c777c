// C++20 layer for queues. See skep/kind/queue.h for the contract of each function.
#ifndef SKEP_QUEUE_HPP
#define SKEP_QUEUE_HPP

#include "skep/kind/queue.h"
#include "skep/plugin.hpp"

namespace skep {

class Queue : public Component {
 public:
  using Verdicts = skep_queue_verdicts;
  virtual void enqueue(std::int64_t now_ms, std::span<const skep_queue_task> tasks,
                       const Verdicts& out) = 0;
  virtual void claim(std::int64_t now_ms, const skep_queue_filter& filter,
                     const skep_queue_rows& rows) = 0;
  virtual void renew(std::int64_t now_ms, std::span<const skep_queue_lease> leases,
                     std::int64_t lease_ms, const Verdicts& out) = 0;
  virtual void complete(std::int64_t now_ms, std::span<const skep_queue_result> results,
                        const Verdicts& out) = 0;
  virtual void release(std::int64_t now_ms, std::span<const skep_queue_lease> leases,
                       const Verdicts& out) = 0;
  virtual std::int64_t tick(std::int64_t now_ms) = 0;
  virtual void overdue(std::int64_t cutoff_ms, std::string_view worker_id,
                       std::string_view incarnation, const skep_queue_rows& rows) = 0;
  virtual void lose(std::int64_t now_ms, std::int64_t cutoff_ms,
                    std::span<const skep_queue_loss> losses, const Verdicts& out) = 0;
  virtual void cancel(std::int64_t now_ms, std::string_view task_id, std::string_view error,
                      const Verdicts& out) = 0;
  virtual void requeue(std::int64_t now_ms, std::string_view task_id, const Verdicts& out) = 0;
  virtual void read(const skep_queue_query& query, const skep_queue_rows& rows) = 0;
  virtual void attempts(std::string_view task_id, const skep_queue_attempts& out) = 0;
  virtual void completions(std::int64_t sequence, std::uint32_t limit,
                           const skep_queue_completions& out) = 0;
  virtual void stats(const skep_queue_counts& out) = 0;
  virtual void wait(std::int64_t timeout_ms, std::uint64_t& token) = 0;
  virtual std::uint32_t purge(std::int64_t before_ms, std::int64_t sequence,
                              std::uint32_t limit) = 0;

  static constexpr const char* kKind = SKEP_KIND_QUEUE;
  template <class T>
  static const skep_queue_v1* table() {
    static const skep_queue_v1 t{
        sizeof(skep_queue_v1),
        0,
        [](skep_inst* i, std::int64_t now, const skep_queue_task* p, std::uint32_t n,
           const Verdicts* v, skep_err* err) noexcept {
          return guarded(err, [&] { self(i).enqueue(now, {p, n}, *v); });
        },
        [](skep_inst* i, std::int64_t now, const skep_queue_filter* f, const skep_queue_rows* rows,
           skep_err* err) noexcept { return guarded(err, [&] { self(i).claim(now, *f, *rows); }); },
        [](skep_inst* i, std::int64_t now, const skep_queue_lease* p, std::uint32_t n,
           std::int64_t lease_ms, const Verdicts* v, skep_err* err) noexcept {
          return guarded(err, [&] { self(i).renew(now, {p, n}, lease_ms, *v); });
        },
        [](skep_inst* i, std::int64_t now, const skep_queue_result* p, std::uint32_t n,
           const Verdicts* v, skep_err* err) noexcept {
          return guarded(err, [&] { self(i).complete(now, {p, n}, *v); });
        },
        [](skep_inst* i, std::int64_t now, const skep_queue_lease* p, std::uint32_t n,
           const Verdicts* v, skep_err* err) noexcept {
          return guarded(err, [&] { self(i).release(now, {p, n}, *v); });
        },
        [](skep_inst* i, std::int64_t now, std::int64_t* next, skep_err* err) noexcept {
          return guarded(err, [&] { *next = self(i).tick(now); });
        },
        [](skep_inst* i, std::int64_t cutoff, skep_view worker, skep_view incarnation,
           const skep_queue_rows* rows, skep_err* err) noexcept {
          return guarded(err,
                         [&] { self(i).overdue(cutoff, text(worker), text(incarnation), *rows); });
        },
        [](skep_inst* i, std::int64_t now, std::int64_t cutoff, const skep_queue_loss* p,
           std::uint32_t n, const Verdicts* v, skep_err* err) noexcept {
          return guarded(err, [&] { self(i).lose(now, cutoff, {p, n}, *v); });
        },
        [](skep_inst* i, std::int64_t now, skep_view id, skep_view error, const Verdicts* v,
           skep_err* err) noexcept {
          return guarded(err, [&] { self(i).cancel(now, text(id), text(error), *v); });
        },
        [](skep_inst* i, std::int64_t now, skep_view id, const Verdicts* v,
           skep_err* err) noexcept {
          return guarded(err, [&] { self(i).requeue(now, text(id), *v); });
        },
        [](skep_inst* i, const skep_queue_query* q, const skep_queue_rows* rows,
           skep_err* err) noexcept { return guarded(err, [&] { self(i).read(*q, *rows); }); },
        [](skep_inst* i, skep_view id, const skep_queue_attempts* out, skep_err* err) noexcept {
          return guarded(err, [&] { self(i).attempts(text(id), *out); });
        },
        [](skep_inst* i, std::int64_t seq, std::uint32_t limit, const skep_queue_completions* out,
           skep_err* err) noexcept {
          return guarded(err, [&] { self(i).completions(seq, limit, *out); });
        },
        [](skep_inst* i, const skep_queue_counts* out, skep_err* err) noexcept {
          return guarded(err, [&] { self(i).stats(*out); });
        },
        [](skep_inst* i, std::int64_t timeout, std::uint64_t* token, skep_err* err) noexcept {
          return guarded(err, [&] { self(i).wait(timeout, *token); });
        },
        [](skep_inst* i, std::int64_t before, std::int64_t seq, std::uint32_t limit,
           std::uint32_t* removed, skep_err* err) noexcept {
          return guarded(err, [&] { *removed = self(i).purge(before, seq, limit); });
        }};
    return &t;
  }

 private:
  static Queue& self(skep_inst* i) { return *static_cast<Queue*>(to_component(i)); }
};

}  // namespace skep

#endif
