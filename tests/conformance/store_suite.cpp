#include "tests/conformance/store_suite.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <stdexcept>
#include <thread>

#include "tests/support/temp_dir.hpp"

namespace skep::test {
namespace {

using ports::Row;
using ports::Statement;
using ports::Value;

const std::string kTable =
    "CREATE TABLE things (id TEXT PRIMARY KEY, n BIGINT, x DOUBLE PRECISION, note TEXT)";

class StoreContract : public testing::TestWithParam<StoreBackend> {
 protected:
  void SetUp() override {
    open();
    must_migrate({kTable});
  }
  void open() {
    store_.reset();
    auto opened = GetParam().open(dir_.path());
    if (!opened) throw std::runtime_error(opened.error().message);
    store_ = std::move(*opened);
  }
  ports::Store& s() { return *store_; }
  void must_migrate(const std::vector<std::string>& migrations) {
    const Status done = s().migrate("app", migrations);
    ASSERT_TRUE(done) << done.error().message;
  }
  std::vector<std::vector<Row>> run(const std::vector<Statement>& statements) {
    auto r = s().batch(statements);
    if (!r) throw std::runtime_error(r.error().message);
    return std::move(*r);
  }
  std::vector<Row> ask(const std::string& sql, std::vector<Value> params = {}) {
    auto r = s().query({sql, std::move(params)});
    if (!r) throw std::runtime_error(r.error().message);
    return std::move(*r);
  }
  Error refused(const std::vector<Statement>& statements) {
    auto r = s().batch(statements);
    if (r) throw std::runtime_error("the batch was accepted");
    return r.error();
  }
  std::int64_t count() { return ports::as_int(ask("SELECT count(*) FROM things").at(0).at(0)); }
  static Statement add(const std::string& id, std::int64_t n = 0) {
    return {"INSERT INTO things (id, n) VALUES ($1, $2)", {id, n}};
  }

  TempDir dir_;

 private:
  std::unique_ptr<ports::Store> store_;
};

TEST_P(StoreContract, keeps_values_of_every_type) {
  const std::string text = "it's \"quoted\"; DROP TABLE things; -- \xc3\xa9 \xf0\x9f\x90\x9d";
  const std::int64_t least = std::numeric_limits<std::int64_t>::min();
  run({{"INSERT INTO things (id, n, x, note) VALUES ($1, $2, $3, $4)",
        {std::string("a"), least, 0.1, text}},
       {"INSERT INTO things (id, n, x, note) VALUES ($1, $2, $3, $4)",
        {std::string(), std::monostate{}, 2.0, std::monostate{}}}});
  const auto rows = ask("SELECT id, n, x, note FROM things ORDER BY id DESC");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0], (Row{std::string("a"), least, 0.1, text}));
  EXPECT_EQ(rows[1], (Row{std::string(), std::monostate{}, 2.0, std::monostate{}}));
}

TEST_P(StoreContract, numbers_parameters_by_name) {
  run({{"INSERT INTO things (note, id, n) VALUES ($2, $1, $3)",
        {std::string("id"), std::string("note"), std::int64_t{7}}}});
  EXPECT_EQ(ask("SELECT n FROM things WHERE note = $2 AND id = $1 AND id = $1",
                {std::string("id"), std::string("note")})
                .at(0)
                .at(0),
            Value(std::int64_t{7}));
}

TEST_P(StoreContract, undoes_a_whole_batch) {
  const Error error = refused({add("a"), add("b"), {"INSERT INTO nowhere VALUES (1)"}, add("c")});
  EXPECT_EQ(error.code, Code::kInvalid) << error.message;
  EXPECT_NE(error.message.find("statement 2"), std::string::npos) << error.message;
  EXPECT_EQ(count(), 0);
  run({add("a")});
  EXPECT_EQ(refused({add("b"), add("a")}).code, Code::kState);
  EXPECT_EQ(count(), 1);
}

TEST_P(StoreContract, checks_the_number_of_changes) {
  run({add("a", 1), add("b", 1)});
  Statement bump{"UPDATE things SET n = n + 1 WHERE n = $1", {std::int64_t{1}}, 1};
  const Error error = refused({add("c"), bump});
  EXPECT_EQ(error.code, Code::kState) << error.message;
  EXPECT_NE(error.message.find("statement 1"), std::string::npos) << error.message;
  EXPECT_EQ(count(), 2);
  bump.expect_changes = 2;
  run({bump});
  bump.expect_changes = 0;
  run({bump});
}

TEST_P(StoreContract, upserts_and_returns) {
  const Statement put{
      "INSERT INTO things (id, n) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET n = excluded.n + "
      "things.n RETURNING id, n",
      {std::string("a"), std::int64_t{5}}};
  const auto rows = run({put, put, {"SELECT coalesce(sum(n), 0) FROM things"}});
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0], (std::vector<Row>{{std::string("a"), std::int64_t{5}}}));
  EXPECT_EQ(rows[1], (std::vector<Row>{{std::string("a"), std::int64_t{10}}}));
  EXPECT_EQ(rows[2], (std::vector<Row>{{std::int64_t{10}}}));
  run({{"INSERT INTO things (id, n) VALUES ($1, 0) ON CONFLICT (id) DO NOTHING",
        {std::string("a")},
        0}});
}

TEST_P(StoreContract, refuses_what_is_outside_the_portable_subset) {
  EXPECT_EQ(refused({{"ATTACH DATABASE 'x' AS y"}}).code, Code::kInvalid);
  EXPECT_EQ(refused({{"DETACH DATABASE main"}}).code, Code::kInvalid);
  EXPECT_EQ(refused({{"PRAGMA synchronous = OFF"}}).code, Code::kInvalid);
  EXPECT_EQ(refused({{"PRAGMA user_version"}}).code, Code::kInvalid);
  EXPECT_EQ(refused({{"SAVEPOINT mine"}}).code, Code::kInvalid);
  EXPECT_EQ(refused({{"COMMIT"}}).code, Code::kInvalid);
  EXPECT_EQ(refused({{"SELECT 1; SELECT 2"}}).code, Code::kInvalid);
  EXPECT_EQ(refused({{""}}).code, Code::kInvalid);
  EXPECT_EQ(refused({{"SELECT $1, $2", {std::int64_t{1}}}}).code, Code::kInvalid);
  EXPECT_EQ(refused({{"SELECT $1", {std::string("a\0b", 3)}}}).code, Code::kInvalid);
  const auto write = s().query({"DELETE FROM things"});
  ASSERT_FALSE(write);
  EXPECT_EQ(write.error().code, Code::kInvalid);
  run({add("a")});
  EXPECT_EQ(count(), 1);
}

TEST_P(StoreContract, accepts_an_empty_batch) { EXPECT_TRUE(run({}).empty()); }

TEST_P(StoreContract, migrates_each_step_once_and_all_or_none) {
  const std::vector<std::string> two{kTable, "CREATE TABLE more (n BIGINT)"};
  must_migrate(two);
  must_migrate(two);
  run({{"INSERT INTO more (n) VALUES (1)"}});
  ASSERT_TRUE(s().migrate("other", std::vector<std::string>{"CREATE TABLE others (n BIGINT)"}));
  const Status older = s().migrate("app", std::vector<std::string>{kTable});
  ASSERT_FALSE(older);
  EXPECT_EQ(older.error().code, Code::kState);
  const std::vector<std::string> broken{two[0], two[1], "CREATE TABLE good (n BIGINT)", "CREATE"};
  EXPECT_FALSE(s().migrate("app", broken));
  ASSERT_TRUE(
      s().migrate("app", std::vector<std::string>{two[0], two[1], "CREATE TABLE good (n BIGINT)"}))
      << "step 3 stands, of a migration that failed";
  EXPECT_EQ(ask("SELECT * FROM more").size(), 1u);
}

TEST_P(StoreContract, counts_every_increment_of_concurrent_writers) {
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
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(ask("SELECT n FROM things").at(0).at(0), Value(std::int64_t{200}));
}

TEST_P(StoreContract, shows_readers_whole_batches_only) {
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
  EXPECT_EQ(torn, 0);
}

TEST_P(StoreContract, keeps_everything_over_a_restart) {
  if (!GetParam().durable) GTEST_SKIP() << "this store lives in memory";
  run({add("a", 1)});
  open();
  must_migrate({kTable});
  EXPECT_EQ(count(), 1);
}

std::string backend_name(const testing::TestParamInfo<StoreBackend>& backend) {
  return backend.param.name;
}

INSTANTIATE_TEST_SUITE_P(Backends, StoreContract, testing::ValuesIn(store_backends()),
                         backend_name);

}  // namespace
}  // namespace skep::test
