// The contract of skep/kind/spool.h, on every implementation.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>

#include "tests/conformance/spool_component.hpp"
#include "tests/support/memory_spool.hpp"
#include "tests/support/temp_dir.hpp"

namespace skep::test {
namespace {

struct Implementation {
  std::string name;
  bool is_persistent;
  std::function<std::unique_ptr<ports::Spool>(const std::string& dir, FileSpoolLimits limits)> open;
};

void PrintTo(const Implementation& i, std::ostream* out) { *out << i.name; }

class SpoolConformance : public ::testing::TestWithParam<Implementation> {
 protected:
  void open(FileSpoolLimits limits = {}) {
    spool_.reset();
    spool_ = GetParam().open(dir_.file("spool"), limits);
    ASSERT_NE(spool_, nullptr);
  }
  void SetUp() override { open(); }

  std::vector<std::string> put(const std::vector<ports::SpoolItem>& items) {
    auto names = spool_->put(items);
    EXPECT_TRUE(names) << (names ? "" : names.error().message);
    return names ? *names : std::vector<std::string>{};
  }
  std::vector<std::string> put_ready(const std::vector<ports::SpoolItem>& items) {
    auto names = put(items);
    EXPECT_TRUE(spool_->defer(names));
    return names;
  }
  std::vector<std::string> ready_names(std::uint32_t max = 1000) {
    std::vector<std::string> names;
    for (const auto& item : *spool_->next(max)) names.push_back(item.name);
    return names;
  }
  static ports::SpoolItem numbered(int i, const std::string& type = "execution_result") {
    return {{}, type, "task-" + std::to_string(i), "{\"n\":" + std::to_string(i) + "}"};
  }

  TempDir dir_;
  std::unique_ptr<ports::Spool> spool_;
};

TEST_P(SpoolConformance, yields_nothing_that_is_in_flight) {
  put({numbered(1), numbered(2)});
  EXPECT_TRUE(ready_names().empty());
  EXPECT_EQ(spool_->stats()->in_flight, 2);
  EXPECT_EQ(spool_->stats()->ready, 0);
}

TEST_P(SpoolConformance, forgets_acked_items) {
  const auto names = put({numbered(1), numbered(2)});
  ASSERT_TRUE(spool_->ack(names));
  EXPECT_EQ(spool_->stats()->in_flight, 0);
  EXPECT_TRUE(ready_names().empty());
}

TEST_P(SpoolConformance, yields_deferred_items_newest_first_with_their_bytes) {
  const auto names = put_ready({numbered(1, "logs"), numbered(2), numbered(3, "facts")});
  const auto items = *spool_->next(10);
  ASSERT_EQ(items.size(), 3u);
  for (int i = 0; i < 3; ++i) {
    const auto& item = items[static_cast<std::size_t>(i)];
    EXPECT_EQ(item.name, names[static_cast<std::size_t>(2 - i)]);
    EXPECT_EQ(item.task_id, "task-" + std::to_string(3 - i));
    EXPECT_EQ(item.body, "{\"n\":" + std::to_string(3 - i) + "}");
  }
  EXPECT_EQ(items[0].payload_type, "facts");
  EXPECT_EQ(items[2].payload_type, "logs");
}

TEST_P(SpoolConformance, keeps_a_ready_item_until_it_is_acked) {
  const auto names = put_ready({numbered(1)});
  EXPECT_EQ(ready_names(), names);
  EXPECT_EQ(ready_names(), names);
  ASSERT_TRUE(spool_->defer(names));
  EXPECT_EQ(ready_names(), names);
  ASSERT_TRUE(spool_->ack(names));
  EXPECT_TRUE(ready_names().empty());
}

TEST_P(SpoolConformance, settles_the_items_of_one_put_one_by_one) {
  const auto names = put({numbered(1), numbered(2), numbered(3)});
  ASSERT_TRUE(spool_->ack(std::vector{names[1]}));
  ASSERT_TRUE(spool_->defer(std::vector{names[0]}));
  EXPECT_EQ(ready_names(), std::vector{names[0]});
  EXPECT_EQ(spool_->stats()->in_flight, 1);
  ASSERT_TRUE(spool_->defer(std::vector{names[2]}));
  EXPECT_EQ(ready_names(), (std::vector{names[2], names[0]}));
}

TEST_P(SpoolConformance, puts_the_next_item_before_the_older_ones) {
  const auto first = put_ready({numbered(1), numbered(2)});
  ASSERT_EQ(ready_names(1), std::vector{first[1]});
  const auto second = put_ready({numbered(3)});
  EXPECT_EQ(ready_names(1), second);
}

TEST_P(SpoolConformance, ignores_unknown_names) {
  const std::vector<std::string> unknown{"execution_result-20260101T000000.000000Z-x.json", "..",
                                         ""};
  EXPECT_TRUE(spool_->ack(unknown));
  EXPECT_TRUE(spool_->defer(unknown));
  EXPECT_TRUE(spool_->reject("nobody", "no reason"));
}

TEST_P(SpoolConformance, sets_a_rejected_item_aside) {
  const auto ready = put_ready({numbered(1)});
  const auto flying = put({numbered(2)});
  ASSERT_TRUE(spool_->reject(ready[0], "status 422"));
  ASSERT_TRUE(spool_->reject(flying[0], "status 422"));
  EXPECT_TRUE(ready_names().empty());
  const auto stats = *spool_->stats();
  EXPECT_EQ(stats.rejected, 2);
  EXPECT_EQ(stats.ready + stats.in_flight, 0);
}

TEST_P(SpoolConformance, refuses_a_malformed_item_and_keeps_none_of_its_batch) {
  const std::vector<ports::SpoolItem> bad{{{}, "execution_result", "../x", "{\"a\":1}"},
                                          {{}, "gossip", "t", "{\"a\":1}"},
                                          {{}, "facts", "t", "[1]"},
                                          {{}, "facts", "t", "{}"},
                                          {{}, "facts", "", "{\"a\":1}"},
                                          {{}, "facts", "t", ""}};
  for (const auto& item : bad) {
    const auto names = spool_->put(std::vector{numbered(1), item});
    ASSERT_FALSE(names) << item.body;
    EXPECT_EQ(names.error().code, Code::kInvalid);
  }
  EXPECT_EQ(spool_->stats()->in_flight, 0);
}

TEST_P(SpoolConformance, names_a_thousand_items_of_one_task_apart) {  // S10
  std::vector<ports::SpoolItem> items(1000, result_item("one-task", "{\"a\":1}"));
  const auto names = put_ready(items);
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), 1000u);
  EXPECT_EQ(spool_->stats()->ready, 1000);
}

TEST_P(SpoolConformance, keeps_the_bytes_of_a_body_with_line_breaks) {
  const std::string body =
      "{\n  \"a\": [\n    1,\n    {\"name\":\"x\"}\n  ],\n  \"b\": \"\\u00e9\"\n}";
  put_ready({result_item("pretty", body), result_item("other", "{\"a\":1}")});
  const auto items = *spool_->next(2);
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(items[1].body, body);
}

TEST_P(SpoolConformance, refuses_reservations_beyond_its_size) {
  open({1 << 20, 1000});
  ASSERT_TRUE(spool_->reserve(700'000));
  const auto second = spool_->reserve(700'000);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kNoMemory);
  spool_->unreserve(700'000);
  EXPECT_TRUE(spool_->reserve(700'000));
}

TEST_P(SpoolConformance, keeps_reserved_room_free_of_items_that_reserved_nothing) {
  open({1 << 20, 1000});
  ASSERT_TRUE(spool_->reserve(900'000));
  const std::string big = "{\"a\":\"" + std::string(300'000, 'x') + "\"}";
  const auto logs = spool_->put(std::vector<ports::SpoolItem>{{{}, "logs", "t", big}});
  ASSERT_FALSE(logs);
  EXPECT_EQ(logs.error().code, Code::kNoMemory);
  EXPECT_TRUE(spool_->put(std::vector{result_item("t", big)}));
}

TEST_P(SpoolConformance, evicts_health_then_facts_then_logs_and_never_a_result) {  // S11
  open({1 << 20, 1000});
  const std::string body = "{\"a\":\"" + std::string(100'000, 'x') + "\"}";
  for (const char* type : {"execution_result", "logs", "facts", "health"})
    put_ready({{{}, type, "t1", body}, {{}, type, "t2", body}});
  const std::vector<std::vector<std::string>> left{{"facts", "facts", "health", "logs", "logs"},
                                                   {"facts", "facts", "logs", "logs"},
                                                   {"facts", "logs", "logs"},
                                                   {"logs", "logs"},
                                                   {"logs"},
                                                   {}};
  ASSERT_TRUE(spool_->reserve(200'000));
  std::int64_t evicted = spool_->stats()->evicted;
  for (std::uint64_t step = 0; step < 6; ++step) {
    ASSERT_TRUE(spool_->reserve(100'000));
    std::vector<std::string> types;
    for (const auto& item : *spool_->next(100)) types.push_back(item.payload_type);
    EXPECT_EQ(std::count(types.begin(), types.end(), "execution_result"), 2);
    std::erase(types, "execution_result");
    std::sort(types.begin(), types.end());
    EXPECT_TRUE(std::find(left.begin(), left.end(), types) != left.end())
        << "step " << step << ": " << ::testing::PrintToString(types);
    EXPECT_GE(spool_->stats()->evicted, evicted);
    evicted = spool_->stats()->evicted;
    EXPECT_EQ(evicted, 6 - static_cast<std::int64_t>(types.size()));
  }
  EXPECT_FALSE(spool_->reserve(300'000)) << "only results are left: they stay";
  EXPECT_EQ(spool_->stats()->ready, 2);
}

TEST_P(SpoolConformance, finds_no_problem_in_sound_items) {
  put_ready({numbered(1), numbered(2)});
  EXPECT_TRUE(spool_->verify()->empty());
}

TEST_P(SpoolConformance, brings_back_after_a_restart_what_was_not_settled) {
  if (!GetParam().is_persistent) GTEST_SKIP() << "memory ends with its process";
  const auto deferred = put_ready({numbered(1)});
  const auto flying = put({numbered(2), numbered(3)});
  ASSERT_TRUE(spool_->ack(std::vector{flying[0]}));
  open();
  EXPECT_EQ(ready_names(), (std::vector{flying[1], deferred[0]}));
}

std::vector<Implementation> implementations() {
  return {{"Memory", false,
           [](const std::string&, FileSpoolLimits limits) {
             return std::make_unique<MemorySpool>(
                 MemorySpoolLimits{limits.max_bytes, limits.max_items});
           }},
          {"File", true, [](const std::string& dir, FileSpoolLimits limits) {
             auto spool = open_file_spool(dir, limits);
             EXPECT_TRUE(spool) << (spool ? "" : spool.error().message);
             return spool ? std::move(*spool) : nullptr;
           }}};
}

INSTANTIATE_TEST_SUITE_P(Spools, SpoolConformance, ::testing::ValuesIn(implementations()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace skep::test
