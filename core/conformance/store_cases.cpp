// What every ports::Store must do.
#include <atomic>
#include <limits>

#include "core/conformance/in_threads.hpp"
#include "core/conformance/kind_case.hpp"

namespace skep::conformance {
namespace {

using ports::Row;
using ports::Statement;
using ports::Value;

const std::string kTable =
    "CREATE TABLE things (id TEXT PRIMARY KEY, n BIGINT, x DOUBLE PRECISION, note TEXT)";

class StoreBench : public Bench<ports::Store> {
 public:
  using Bench::Bench;
  void set_up() {
    fresh();
    must_migrate({kTable});
  }

 protected:
  ports::Store& s() { return port(); }
  void must_migrate(const std::vector<std::string>& migrations) {
    must(s().migrate("app", migrations));
  }
  std::vector<std::vector<Row>> run(const std::vector<Statement>& statements) {
    return must(s().batch(statements));
  }
  std::vector<Row> ask(const std::string& sql, std::vector<Value> params = {}) {
    return must(s().query({sql, std::move(params)}));
  }
  Error refused(const std::vector<Statement>& statements) {
    auto r = s().batch(statements);
    KIT_FALSE(r) << "of: " << (statements.empty() ? "" : statements.front().sql);
    return r.error();
  }
  std::int64_t count() {
    const auto rows = ask("SELECT count(*) FROM things");
    return ports::as_int(the_one(the_one(rows)));
  }
  static Statement add(const std::string& id, std::int64_t n = 0) {
    return {"INSERT INTO things (id, n) VALUES ($1, $2)", {id, n}};
  }
};

SKEP_KIT_CASE(StoreBench, keeps_values_of_every_type) {
  const std::string text = "it's \"quoted\"; DROP TABLE things; -- \xc3\xa9 \xf0\x9f\x90\x9d";
  const std::int64_t least = std::numeric_limits<std::int64_t>::min();
  const std::int64_t odd = (std::int64_t{1} << 53) + 1;  // no double has it
  run({{"INSERT INTO things (id, n, x, note) VALUES ($1, $2, $3, $4)",
        {std::string("a"), least, 0.1, text}},
       {"INSERT INTO things (id, n, x, note) VALUES ($1, $2, $3, $4)",
        {std::string(), std::monostate{}, 2.0, std::monostate{}}},
       {"INSERT INTO things (id, n, x) VALUES ($1, $2, $3)", {std::string("0"), odd, -0.5}}});
  const auto rows = ask("SELECT id, n, x, note FROM things ORDER BY id DESC");
  KIT_EQ(rows.size(), 3u);
  KIT_EQ(rows[0], (Row{std::string("a"), least, 0.1, text}));
  KIT_EQ(rows[1], (Row{std::string("0"), odd, -0.5, std::monostate{}}));
  KIT_EQ(rows[2], (Row{std::string(), std::monostate{}, 2.0, std::monostate{}}));
}

SKEP_KIT_CASE(StoreBench, numbers_parameters_by_name) {
  run({{"INSERT INTO things (note, id, n) VALUES ($2, $1, $3)",
        {std::string("id"), std::string("note"), std::int64_t{7}}}});
  KIT_EQ(first_of(first_of(ask("SELECT n FROM things WHERE note = $2 AND id = $1 AND id = $1",
                               {std::string("id"), std::string("note")}))),
         Value(std::int64_t{7}));
}

SKEP_KIT_CASE(StoreBench, undoes_a_whole_batch) {
  const Error error = refused({add("a"), add("b"), {"INSERT INTO nowhere VALUES (1)"}, add("c")});
  KIT_EQ(count(), 0) << "rows of a batch that failed";
  KIT_EQ(error.code, Code::kInvalid) << error.message;
  KIT_TRUE(has(error.message, "statement 2")) << error.message;
  run({add("a")});
  KIT_EQ(refused({add("b"), add("a")}).code, Code::kState);
  KIT_EQ(count(), 1);
}

SKEP_KIT_CASE(StoreBench, checks_the_number_of_changes) {
  run({add("a", 1), add("b", 1)});
  Statement bump{"UPDATE things SET n = n + 1 WHERE n = $1", {std::int64_t{1}}, 1};
  const Error error = refused({add("c"), bump});
  KIT_EQ(error.code, Code::kState) << error.message;
  KIT_TRUE(has(error.message, "statement 1")) << error.message;
  KIT_EQ(count(), 2);
  bump.expect_changes = 2;
  run({bump});
  bump.expect_changes = 0;
  run({bump});
}

SKEP_KIT_CASE(StoreBench, upserts_and_returns) {
  const Statement put{
      "INSERT INTO things (id, n) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET n = excluded.n + "
      "things.n RETURNING id, n",
      {std::string("a"), std::int64_t{5}}};
  const auto rows = run({put, put, {"SELECT coalesce(sum(n), 0) FROM things"}});
  KIT_EQ(rows.size(), 3u);
  KIT_EQ(rows[0], (std::vector<Row>{{std::string("a"), std::int64_t{5}}}));
  KIT_EQ(rows[1], (std::vector<Row>{{std::string("a"), std::int64_t{10}}}));
  KIT_EQ(rows[2], (std::vector<Row>{{std::int64_t{10}}}));
  run({{"INSERT INTO things (id, n) VALUES ($1, 0) ON CONFLICT (id) DO NOTHING",
        {std::string("a")},
        0}});
}

SKEP_KIT_CASE(StoreBench, refuses_what_is_outside_the_portable_subset) {
  KIT_EQ(refused({{"ATTACH DATABASE 'x' AS y"}}).code, Code::kInvalid);
  KIT_EQ(refused({{"DETACH DATABASE main"}}).code, Code::kInvalid);
  KIT_EQ(refused({{"PRAGMA synchronous = OFF"}}).code, Code::kInvalid);
  KIT_EQ(refused({{"PRAGMA user_version"}}).code, Code::kInvalid);
  KIT_EQ(refused({{"SAVEPOINT mine"}}).code, Code::kInvalid);
  KIT_EQ(refused({{"COMMIT"}}).code, Code::kInvalid);
  KIT_EQ(refused({{"SELECT 1; SELECT 2"}}).code, Code::kInvalid);
  KIT_EQ(refused({{""}}).code, Code::kInvalid);
  KIT_EQ(refused({{"SELECT $1, $2", {std::int64_t{1}}}}).code, Code::kInvalid);
  KIT_EQ(refused({{"SELECT $1", {std::string("a\0b", 3)}}}).code, Code::kInvalid);
  const auto write = s().query({"DELETE FROM things"});
  KIT_FALSE(write);
  KIT_EQ(write.error().code, Code::kInvalid);
  run({add("a")});
  KIT_EQ(count(), 1);
}

SKEP_KIT_CASE(StoreBench, accepts_an_empty_batch) { KIT_TRUE(run({}).empty()); }

SKEP_KIT_CASE(StoreBench, migrates_each_step_once_and_all_or_none) {
  const std::vector<std::string> two{kTable, "CREATE TABLE more (n BIGINT)"};
  must_migrate(two);
  must_migrate(two);
  run({{"INSERT INTO more (n) VALUES (1)"}});
  KIT_TRUE(s().migrate("other", std::vector<std::string>{"CREATE TABLE others (n BIGINT)"}));
  const Status older = s().migrate("app", std::vector<std::string>{kTable});
  KIT_FALSE(older);
  KIT_EQ(older.error().code, Code::kState);
  const std::vector<std::string> broken{two[0], two[1], "CREATE TABLE good (n BIGINT)", "CREATE"};
  KIT_FALSE(s().migrate("app", broken));
  KIT_TRUE(
      s().migrate("app", std::vector<std::string>{two[0], two[1], "CREATE TABLE good (n BIGINT)"}))
      << "step 3 stands, of a migration that failed";
  KIT_EQ(ask("SELECT * FROM more").size(), 1u);
}

SKEP_KIT_CASE(StoreBench, counts_every_increment_of_concurrent_writers) {
  run({add("a", 0)});
  std::atomic<int> failed = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] {
        for (int k = 0; k < 50; ++k) {
          const std::vector<Statement> step{
              {"UPDATE things SET n = n + 1 WHERE id = $1", {std::string("a")}, 1}};
          failed += s().batch(step) ? 0 : 1;
        }
      });
  }
  KIT_EQ(failed, 0);
  KIT_EQ(first_of(first_of(ask("SELECT n FROM things"))), Value(std::int64_t{200}));
}

SKEP_KIT_CASE(StoreBench, shows_readers_whole_batches_only) {
  run({add("a", 0), add("b", 0)});
  std::atomic<bool> stop = false;
  std::atomic<int> torn = 0;
  std::atomic<int> reads = 0;
  {
    std::vector<std::jthread> readers;
    for (int i = 0; i < 3; ++i)
      readers.emplace_back([&] {
        while (!stop) {
          const auto rows = s().query({"SELECT n FROM things ORDER BY id"});
          if (!rows || rows->size() != 2 || rows->at(0) != rows->at(1)) ++torn;
          ++reads;
        }
      });
    for (int k = 0; k < 200 || reads < 200; ++k)
      run({{"UPDATE things SET n = n + 1 WHERE id = 'a'"},
           {"UPDATE things SET n = n + 1 WHERE id = 'b'"}});
    stop = true;
  }
  KIT_EQ(torn, 0);
}

SKEP_KIT_CASE(StoreBench, keeps_everything_over_a_restart) {
  skip_unless_durable();
  run({add("a", 1)});
  restart();
  must_migrate({kTable});
  KIT_EQ(count(), 1);
}

}  // namespace

std::vector<KindCase<ports::Store>> store_cases() {
  static constexpr KindCase<ports::Store> kCases[] = {
      SKEP_KIT_ENTRY(keeps_values_of_every_type),
      SKEP_KIT_ENTRY(numbers_parameters_by_name),
      SKEP_KIT_ENTRY(undoes_a_whole_batch),
      SKEP_KIT_ENTRY(checks_the_number_of_changes),
      SKEP_KIT_ENTRY(upserts_and_returns),
      SKEP_KIT_ENTRY(refuses_what_is_outside_the_portable_subset),
      SKEP_KIT_ENTRY(accepts_an_empty_batch),
      SKEP_KIT_ENTRY(migrates_each_step_once_and_all_or_none),
      SKEP_KIT_ENTRY(counts_every_increment_of_concurrent_writers),
      SKEP_KIT_ENTRY(shows_readers_whole_batches_only),
      SKEP_KIT_ENTRY(keeps_everything_over_a_restart)};
  return {std::begin(kCases), std::end(kCases)};
}

}  // namespace skep::conformance
