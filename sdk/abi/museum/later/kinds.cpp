// The same in C++: each function answers with what it read. See ../v1.0/kinds.c.
#include <skep/heartbeat.hpp>
#include <skep/queue.hpp>
#include <skep/script_host.hpp>
#include <skep/spool.hpp>
#include <skep/store.hpp>
#include <skep/task.hpp>

static_assert(SKEP_MINOR > 0 && sizeof(skep_queue_task) > SKEP_SIZE_1_0_QUEUE_TASK);

namespace {

using skep::Array;
using skep::Call;
using skep::view;

template <class T>
T fresh() {
  T out{};
  out.size = sizeof(T);
  return out;
}

void one_row(const skep_queue_rows& rows, skep_view id, std::int64_t number) {
  auto row = fresh<skep_queue_task>();
  row.state = SKEP_TASK_CLAIMED;
  row.id = id;
  row.type = view("t");
  row.requirements = view("[]");
  row.params = view("{}");
  row.attempt = number;
  row.seq = 1;
  row.max_attempts = 3;
  row.lease_id = view("lease");
  if (rows.row(rows.ctx, &row) < 0) throw skep::Fault(SKEP_E_CANCELLED, "museum: no more rows");
}

class MuseumQueue final : public skep::Queue {
 public:
  void enqueue(Call& call, std::int64_t, Array<skep_queue_task> tasks,
               const Verdicts& out) override {
    call.check("museum");
    std::uint32_t i = 0;
    for (const skep_queue_task& task : tasks) say(out, i++, SKEP_ENQUEUED, task.id);
  }
  void claim(Call& call, std::int64_t, const skep_queue_filter& filter,
             const skep_queue_rows& rows) override {
    call.check("museum");
    one_row(rows, filter.worker_id, filter.lease_ms);
  }
  void renew(Call& call, std::int64_t, Array<skep_queue_lease> leases, std::int64_t,
             const Verdicts& out) override {
    each_lease(call, leases, out);
  }
  void complete(Call& call, std::int64_t, Array<skep_queue_result> results,
                const Verdicts& out) override {
    call.check("museum");
    for (std::uint32_t i = 0; i < results.size(); ++i)
      say(out, i, results[i].retry_delay_ms == i ? SKEP_RESULT_APPLIED : SKEP_RESULT_DUPLICATE,
          results[i].task_id);
  }
  void release(Call& call, std::int64_t, Array<skep_queue_lease> leases,
               const Verdicts& out) override {
    each_lease(call, leases, out);
  }
  std::int64_t tick(Call& call, std::int64_t now_ms, std::int64_t) override {
    call.check("museum");
    return now_ms + 1;
  }
  void overdue(Call& call, std::int64_t cutoff_ms, std::string_view worker_id, std::string_view,
               const skep_queue_rows& rows) override {
    call.check("museum");
    one_row(rows, view(worker_id), cutoff_ms);
  }
  void lose(Call& call, std::int64_t, std::int64_t, Array<skep_queue_loss> losses,
            const Verdicts& out) override {
    call.check("museum");
    std::uint32_t i = 0;
    for (const skep_queue_loss& loss : losses) {
      say(out, i, loss.max_crashes == i ? SKEP_LEASE_HELD : SKEP_LEASE_LOST, loss.task_id);
      ++i;
    }
  }
  void cancel(Call& call, std::int64_t, std::string_view task_id, std::string_view,
              const Verdicts& out) override {
    call.check("museum");
    say(out, 0, SKEP_LEASE_HELD, view(task_id));
  }
  void requeue(Call& call, std::int64_t, const skep_queue_requeue& what,
               const Verdicts& out) override {
    call.check("museum");
    say(out, 0, what.expected_attempt < 0 ? SKEP_LEASE_HELD : SKEP_LEASE_LOST, what.task_id);
  }
  void read(Call& call, const skep_queue_query& query, const skep_queue_rows& rows) override {
    call.check("museum");
    one_row(rows, query.id, query.after_seq);
  }
  void attempts(Call& call, std::string_view task_id, const skep_queue_attempts& out) override {
    call.check("museum");
    auto attempt = fresh<skep_queue_attempt>();
    attempt.task_id = view(task_id);
    attempt.attempt = 1;
    attempt.worker_id = view("w");
    attempt.finished_ms = 7;
    out.attempt(out.ctx, &attempt);
  }
  void completions(Call& call, std::int64_t sequence, std::uint32_t,
                   const skep_queue_completions& out) override {
    call.check("museum");
    auto to = out;
    one_row({&to,
             [](void* ctx, const skep_queue_task* row) {
               const auto& completions = *static_cast<skep_queue_completions*>(ctx);
               return completions.completion(completions.ctx, row->attempt, row);
             }},
            view("ended"), sequence + 1);
  }
  void stats(Call& call, const skep_queue_counts& out) override {
    call.check("museum");
    out.count(out.ctx, SKEP_TASK_QUEUED, view("site"), view("t"), 5, 1);
  }
  void wait(Call&, std::int64_t timeout_ms, std::uint64_t& token) override {
    token += static_cast<std::uint64_t>(timeout_ms) + 1;
  }
  std::uint32_t purge(Call& call, std::int64_t, std::int64_t, std::uint32_t limit) override {
    call.check("museum");
    return limit;
  }

 private:
  static void say(const Verdicts& to, std::uint32_t i, std::int32_t verdict, skep_view note) {
    to.verdict(to.ctx, i, verdict, note);
  }
  static void each_lease(Call& call, Array<skep_queue_lease> leases, const Verdicts& out) {
    call.check("museum");
    std::uint32_t i = 0;
    for (const skep_queue_lease& lease : leases) {
      say(out, i, lease.attempt == i ? SKEP_LEASE_HELD : SKEP_LEASE_LOST, lease.task_id);
      ++i;
    }
  }
};

class MuseumStore final : public skep::Store {
 public:
  void batch(Call& call, Array<skep_statement> statements, const skep_store_rows& rows) override {
    call.check("museum");
    std::uint32_t i = 0;
    for (const skep_statement& statement : statements) answer(statement, i++, rows);
  }
  void query(Call& call, const skep_statement& statement, const skep_store_rows& rows) override {
    call.check("museum");
    answer(statement, 0, rows);
  }
  void migrate(Call& call, std::string_view, std::span<const skep_view>) override {
    call.check("museum");
  }

 private:
  static void answer(const skep_statement& s, std::uint32_t i, const skep_store_rows& rows) {
    const std::int64_t number = s.param_count > 0 ? s.params[0].i : 0;
    const skep_value columns[] = {{SKEP_VALUE_TEXT, 0, 0, 0, s.sql},
                                  {SKEP_VALUE_INT, 0, number, 0, {}}};
    rows.row(rows.ctx, i, columns, 2);
  }
};

class MuseumSpool final : public skep::Spool {
 public:
  void reserve(Call& call, std::uint64_t) override { call.check("museum"); }
  void unreserve(Call&, std::uint64_t) noexcept override {}
  void put(Call& call, Array<skep_spool_item> items, const skep_spool_items& names) override {
    call.check("museum");
    std::uint32_t i = 0;
    for (const skep_spool_item& item : items) tell(names, i++, item.task_id, item.body);
  }
  void ack(Call& call, std::span<const skep_view>) override { call.check("museum"); }
  void defer(Call& call, std::span<const skep_view>) override { call.check("museum"); }
  void reject(Call& call, std::string_view, std::string_view) override { call.check("museum"); }
  void next(Call& call, std::uint32_t, const skep_spool_items& items) override {
    call.check("museum");
    tell(items, 0, view("item"), view("{}"));
  }
  skep_spool_stats stats(Call& call) override {
    call.check("museum");
    auto out = fresh<skep_spool_stats>();
    out.ready = 3;
    out.oldest_ms = 9;
    return out;
  }
  void verify(Call& call, const skep_spool_items& problems) override {
    call.check("museum");
    tell(problems, 0, view("bad"), view("why"));
  }

 private:
  static void tell(const skep_spool_items& to, std::uint32_t i, skep_view name, skep_view body) {
    auto item = fresh<skep_spool_item>();
    item.name = name;
    item.payload_type = view("facts");
    item.task_id = view("task");
    item.body = body;
    to.item(to.ctx, i, &item);
  }
};

class MuseumHeartbeat final : public skep::Heartbeat {
 public:
  std::string beat(Call& call, std::string_view, std::string_view,
                   std::string_view beat_json) override {
    call.check("museum");
    return std::string(beat_json);
  }
};

skep_rc run_museum(Call& call) {
  call.check("museum");
  call.progress(500, "half");
  call.log(SKEP_LOG_INFO, "museum_ran", "{}");
  call.out("out");
  return call.result(skep::Json::object({{"kind", "task"}}));
}

class MuseumTask final : public skep::Task {
 public:
  skep_rc run(Call& call) override { return run_museum(call); }
};

class MuseumLanguage final : public skep::ScriptHost {
 public:
  const char* endings() const override { return ".museum"; }
  std::string load(Call& call, std::string_view, std::string_view,
                   std::string_view source) override {
    call.check("museum");
    return skep::Json::object({{"name", source}}).dump();
  }
  void drop(Call& call, std::string_view) override { call.check("museum"); }
  skep_rc run(Call& call, std::string_view) override { return run_museum(call); }
};

}  // namespace

SKEP_PLUGIN(skep::component<MuseumTask>("museum_task"),
            skep::component<MuseumLanguage>("museum_language"),
            skep::component<MuseumQueue>("museum_queue"),
            skep::component<MuseumStore>("museum_store"),
            skep::component<MuseumSpool>("museum_spool"),
            skep::component<MuseumHeartbeat>("museum_heartbeat"))
