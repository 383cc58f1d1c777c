// The contract of skep/kind/spool.h.
#include <algorithm>
#include <set>

#include "core/conformance/kind_case.hpp"

namespace skep::conformance {
namespace {

using Names = std::vector<std::string>;

/// An execution_result with this body.
ports::SpoolItem result_item(const std::string& task_id, const std::string& body) {
  return {{}, "execution_result", task_id, body};
}

class SpoolBench : public Bench<ports::Spool> {
 public:
  using Bench::Bench;
  void set_up() { fresh(); }

 protected:
  /// A spool of one MiB.
  void small() {
    skip_unless_it_has("max_bytes");
    fresh({{"max_bytes", 1 << 20}});
  }
  ports::Spool& spool() { return port(); }
  Names put(const std::vector<ports::SpoolItem>& items) {
    Names names = must(spool().put(items));
    KIT_EQ(names.size(), items.size()) << "put() names each item";
    return names;
  }
  Names put_ready(const std::vector<ports::SpoolItem>& items) {
    Names names = put(items);
    must(spool().defer(names));
    return names;
  }
  std::vector<ports::SpoolItem> next(std::uint32_t max = 1000) { return must(spool().next(max)); }
  Names ready_names(std::uint32_t max = 1000) {
    Names names;
    for (const auto& item : next(max)) names.push_back(item.name);
    return names;
  }
  ports::SpoolStats stats() { return must(spool().stats()); }
  static ports::SpoolItem numbered(int i, const std::string& type = "execution_result") {
    return {{}, type, "task-" + std::to_string(i), "{\"n\":" + std::to_string(i) + "}"};
  }
};

SKEP_KIT_CASE(SpoolBench, yields_nothing_that_is_in_flight) {
  put({numbered(1), numbered(2)});
  KIT_TRUE(ready_names().empty());
  KIT_EQ(stats().in_flight, 2);
  KIT_EQ(stats().ready, 0);
}

SKEP_KIT_CASE(SpoolBench, forgets_acked_items) {
  const auto names = put({numbered(1), numbered(2)});
  must(spool().ack(names));
  KIT_EQ(stats().in_flight, 0);
  KIT_TRUE(ready_names().empty());
}

SKEP_KIT_CASE(SpoolBench, yields_deferred_items_newest_first_with_their_bytes) {
  const auto names = put_ready({numbered(1, "logs"), numbered(2), numbered(3, "facts")});
  const auto items = next(10);
  KIT_EQ(items.size(), 3u);
  for (int i = 0; i < 3; ++i) {
    const auto& item = items[static_cast<std::size_t>(i)];
    KIT_EQ(item.name, names[static_cast<std::size_t>(2 - i)]);
    KIT_EQ(item.task_id, "task-" + std::to_string(3 - i));
    KIT_EQ(item.body, "{\"n\":" + std::to_string(3 - i) + "}");
  }
  KIT_EQ(items[0].payload_type, "facts");
  KIT_EQ(items[2].payload_type, "logs");
}

SKEP_KIT_CASE(SpoolBench, keeps_a_ready_item_until_it_is_acked) {
  const auto names = put_ready({numbered(1)});
  KIT_EQ(ready_names(), names);
  KIT_EQ(ready_names(), names);
  must(spool().defer(names));
  KIT_EQ(ready_names(), names);
  must(spool().ack(names));
  KIT_TRUE(ready_names().empty());
}

SKEP_KIT_CASE(SpoolBench, settles_the_items_of_one_put_one_by_one) {
  const auto names = put({numbered(1), numbered(2), numbered(3)});
  must(spool().ack(std::vector{names[1]}));
  must(spool().defer(std::vector{names[0]}));
  KIT_EQ(ready_names(), std::vector{names[0]});
  KIT_EQ(stats().in_flight, 1);
  must(spool().defer(std::vector{names[2]}));
  KIT_EQ(ready_names(), (std::vector{names[2], names[0]}));
}

SKEP_KIT_CASE(SpoolBench, puts_the_next_item_before_the_older_ones) {
  const auto first = put_ready({numbered(1), numbered(2)});
  KIT_EQ(ready_names(1), std::vector{first[1]});
  const auto second = put_ready({numbered(3)});
  KIT_EQ(ready_names(1), second);
}

SKEP_KIT_CASE(SpoolBench, ignores_unknown_names) {
  const std::vector<std::string> unknown{"execution_result-20260101T000000.000000Z-x.json", "..",
                                         ""};
  must(spool().ack(unknown));
  must(spool().defer(unknown));
  must(spool().reject("nobody", "no reason"));
}

SKEP_KIT_CASE(SpoolBench, sets_a_rejected_item_aside) {
  const auto ready = put_ready({numbered(1)});
  const auto flying = put({numbered(2)});
  must(spool().reject(ready[0], "status 422"));
  must(spool().reject(flying[0], "status 422"));
  KIT_TRUE(ready_names().empty());
  const ports::SpoolStats after = stats();
  KIT_EQ(after.rejected, 2);
  KIT_EQ(after.ready + after.in_flight, 0);
}

SKEP_KIT_CASE(SpoolBench, refuses_a_malformed_item_and_keeps_none_of_its_batch) {
  const std::vector<ports::SpoolItem> bad{{{}, "execution_result", "../x", "{\"a\":1}"},
                                          {{}, "gossip", "t", "{\"a\":1}"},
                                          {{}, "facts", "t", "[1]"},
                                          {{}, "facts", "t", "{}"},
                                          {{}, "facts", "", "{\"a\":1}"},
                                          {{}, "facts", "t", ""}};
  for (const auto& item : bad) {
    const auto names = spool().put(std::vector{numbered(1), item});
    KIT_FALSE(names) << item.body;
    KIT_EQ(names.error().code, Code::kInvalid);
  }
  KIT_EQ(stats().in_flight, 0);
}

SKEP_KIT_CASE(SpoolBench, names_a_thousand_items_of_one_task_apart) {  // S10
  constexpr std::size_t kItems = 1000;
  constexpr std::size_t kAtOnce = 50;  // each may be a file of its own, on a slow disk
  const Names names =
      put(std::vector<ports::SpoolItem>(kItems, result_item("one-task", "{\"a\":1}")));
  for (std::size_t i = 0; i < kItems; i += kAtOnce) must(spool().defer({&names[i], kAtOnce}));
  KIT_EQ(std::set<std::string>(names.begin(), names.end()).size(), kItems);
  KIT_EQ(stats().ready, static_cast<std::int64_t>(kItems));
}

SKEP_KIT_CASE(SpoolBench, keeps_the_bytes_of_a_body_with_line_breaks) {
  const std::string body =
      "{\n  \"a\": [\n    1,\n    {\"name\":\"x\"}\n  ],\n  \"b\": \"\\u00e9\"\n}";
  put_ready({result_item("pretty", body), result_item("other", "{\"a\":1}")});
  const auto items = next(2);
  KIT_EQ(items.size(), 2u);
  KIT_EQ(items[1].body, body);
}

SKEP_KIT_CASE(SpoolBench, refuses_reservations_beyond_its_size) {
  small();
  must(spool().reserve(700'000));
  const auto second = spool().reserve(700'000);
  KIT_FALSE(second);
  KIT_EQ(second.error().code, Code::kNoMemory);
  spool().unreserve(700'000);
  must(spool().reserve(700'000));
}

SKEP_KIT_CASE(SpoolBench, keeps_reserved_room_free_of_items_that_reserved_nothing) {
  small();
  must(spool().reserve(900'000));
  const std::string big = "{\"a\":\"" + std::string(300'000, 'x') + "\"}";
  const auto logs = spool().put(std::vector<ports::SpoolItem>{{{}, "logs", "t", big}});
  KIT_FALSE(logs);
  KIT_EQ(logs.error().code, Code::kNoMemory);
  KIT_TRUE(spool().put(std::vector{result_item("t", big)}));
}

SKEP_KIT_CASE(SpoolBench, evicts_health_then_facts_then_logs_and_never_a_result) {  // S11
  small();
  const std::string body = "{\"a\":\"" + std::string(100'000, 'x') + "\"}";
  for (const char* type : {"execution_result", "logs", "facts", "health"})
    put_ready({{{}, type, "t1", body}, {{}, type, "t2", body}});
  const std::vector<std::vector<std::string>> left{{"facts", "facts", "health", "logs", "logs"},
                                                   {"facts", "facts", "logs", "logs"},
                                                   {"facts", "logs", "logs"},
                                                   {"logs", "logs"},
                                                   {"logs"},
                                                   {}};
  must(spool().reserve(200'000));
  std::int64_t evicted = stats().evicted;
  for (std::uint64_t step = 0; step < 6; ++step) {
    must(spool().reserve(100'000));
    std::vector<std::string> types;
    for (const auto& item : next(100)) types.push_back(item.payload_type);
    KIT_EQ(std::count(types.begin(), types.end(), "execution_result"), 2);
    std::erase(types, "execution_result");
    std::sort(types.begin(), types.end());
    KIT_TRUE(std::find(left.begin(), left.end(), types) != left.end())
        << "step " << step << ": " << shown(types);
    KIT_GE(stats().evicted, evicted);
    evicted = stats().evicted;
    KIT_EQ(evicted, 6 - static_cast<std::int64_t>(types.size()));
  }
  KIT_FALSE(spool().reserve(300'000)) << "only results are left: they stay";
  KIT_EQ(stats().ready, 2);
}

SKEP_KIT_CASE(SpoolBench, finds_no_problem_in_sound_items) {
  put_ready({numbered(1), numbered(2)});
  KIT_TRUE(must(spool().verify()).empty());
}

SKEP_KIT_CASE(SpoolBench, brings_back_after_a_restart_what_was_not_settled) {
  skip_unless_durable();
  const auto deferred = put_ready({numbered(1)});
  const auto flying = put({numbered(2), numbered(3)});
  must(spool().ack(std::vector{flying[0]}));
  restart();
  KIT_EQ(ready_names(), (std::vector{flying[1], deferred[0]}));
}

}  // namespace

std::vector<KindCase<ports::Spool>> spool_cases() {
  static constexpr KindCase<ports::Spool> kCases[] = {
      SKEP_KIT_ENTRY(yields_nothing_that_is_in_flight),
      SKEP_KIT_ENTRY(forgets_acked_items),
      SKEP_KIT_ENTRY(yields_deferred_items_newest_first_with_their_bytes),
      SKEP_KIT_ENTRY(keeps_a_ready_item_until_it_is_acked),
      SKEP_KIT_ENTRY(settles_the_items_of_one_put_one_by_one),
      SKEP_KIT_ENTRY(puts_the_next_item_before_the_older_ones),
      SKEP_KIT_ENTRY(ignores_unknown_names),
      SKEP_KIT_ENTRY(sets_a_rejected_item_aside),
      SKEP_KIT_ENTRY(refuses_a_malformed_item_and_keeps_none_of_its_batch),
      SKEP_KIT_ENTRY(names_a_thousand_items_of_one_task_apart),
      SKEP_KIT_ENTRY(keeps_the_bytes_of_a_body_with_line_breaks),
      SKEP_KIT_ENTRY(refuses_reservations_beyond_its_size),
      SKEP_KIT_ENTRY(keeps_reserved_room_free_of_items_that_reserved_nothing),
      SKEP_KIT_ENTRY(evicts_health_then_facts_then_logs_and_never_a_result),
      SKEP_KIT_ENTRY(finds_no_problem_in_sound_items),
      SKEP_KIT_ENTRY(brings_back_after_a_restart_what_was_not_settled)};
  return {std::begin(kCases), std::end(kCases)};
}

}  // namespace skep::conformance
