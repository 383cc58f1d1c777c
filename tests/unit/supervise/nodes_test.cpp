#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <fstream>

#include "core/base/text.hpp"
#include "core/supervise/detached.hpp"
#include "core/supervise/log_file.hpp"
#include "core/supervise/nodes.hpp"
#include "core/supervise/record.hpp"
#include "tests/support/resource_limits.hpp"
#include "tests/support/temp_dir.hpp"

namespace skep::supervise {
namespace {

constexpr Millis kLong{120'000};

proc::Background sleeper() {
  proc::Spec spec;
  spec.argv = {"/bin/sleep", "300"};
  auto child = proc::Background::spawn(spec, "/dev/null");
  EXPECT_TRUE(child) << child.error().message;
  return std::move(*child);
}

struct NodesTest : testing::Test {
  NodeSpec shell(const std::string& name, const std::string& script) const {
    return {name, {"/bin/sh", "-c", script}, {"PATH=/usr/bin:/bin"}, dir.file(name + ".log")};
  }
  /// Once the node's log says that it is there.
  Status start_ready(Nodes& nodes, const std::string& name, const std::string& before) const {
    SKEP_TRY(nodes.start(shell(name, before + "echo ready; while :; do sleep 0.05; done")));
    while (read_file(dir.file(name + ".log")).value_or("").find("ready") == std::string::npos)
      if (const auto ended = nodes.wait(Millis{10})) return unavailable(ended->name + " ended");
    return {};
  }
  const test::TempDir dir;
};

TEST(ProcessIds, ends_exactly_the_process_it_knows) {
  auto child = sleeper();
  const auto id = identify(child.pid());
  ASSERT_TRUE(id);
  EXPECT_TRUE(*is_alive(*id));
  const ProcessId other{id->pid, id->started + 1};
  EXPECT_FALSE(*is_alive(other));
  EXPECT_TRUE(*end_process(other, Millis{1'000}));
  EXPECT_TRUE(*is_alive(*id)) << "a reused number must not be signalled";
  const auto ended = end_process(*id, kLong);
  ASSERT_TRUE(ended) << ended.error().message;
  EXPECT_TRUE(*ended);
  EXPECT_FALSE(*is_alive(*id));
}

TEST(ProcessIds, says_so_when_it_cannot_look_for_one) {
  auto child = sleeper();
  const auto id = identify(child.pid());
  ASSERT_TRUE(id);
  const Record record{*id, "", true, {{"a", *id}}};
  const auto none = [](const std::string&) {};
  const auto with = [](rlim_t free, const auto& look) {
    const test::FewDescriptors few(free);
    return static_cast<bool>(look());
  };
  EXPECT_FALSE(with(0, [&] { return is_alive(*id); }));
  EXPECT_TRUE(with(1, [&] { return is_alive(*id); }));
  for (const rlim_t free : {0, 1}) {
    EXPECT_FALSE(with(free, [&] { return end_process(*id, kLong); }))
        << free << ": it was taken for one that had ended";
    EXPECT_FALSE(with(free, [&] { return end_recorded(record, none); })) << free;
    EXPECT_TRUE(*is_alive(*id)) << free;
  }
  EXPECT_TRUE(with(2, [&] { return end_process(*id, kLong); }));
  EXPECT_FALSE(*is_alive(*id));
}

TEST_F(NodesTest, tells_which_node_ended_and_how) {
  Nodes nodes;
  ASSERT_TRUE(start_ready(nodes, "stays", ""));
  ASSERT_TRUE(nodes.start(shell("goes", "echo boom >&2; exit 78")));
  EXPECT_EQ(nodes.names(), (std::vector<std::string>{"stays", "goes"}));
  const auto ended = nodes.wait(kLong);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->name, "goes");
  EXPECT_EQ(exit_words(ended->exit), "exited with code 78");
  EXPECT_EQ(last_lines_of(dir.file("goes.log"), 5), "boom\n");
  EXPECT_EQ(nodes.names(), std::vector<std::string>{"stays"});
  EXPECT_EQ(nodes.pid_of("goes"), 0);
  EXPECT_FALSE(nodes.wait(Millis{0}));
  EXPECT_EQ(::kill(nodes.pid_of("stays"), SIGKILL), 0);
  const auto killed = nodes.wait(kLong);
  ASSERT_TRUE(killed);
  EXPECT_EQ(exit_words(killed->exit), "was ended by signal 9 (KILL)");
  EXPECT_TRUE(nodes.empty());
  EXPECT_FALSE(nodes.wait(Millis{0})) << "without nodes there is nothing to wait for";
}

TEST_F(NodesTest, names_what_cannot_be_started) {
  Nodes nodes;
  const auto started = nodes.start({"a", {dir.file("missing")}, {}, dir.file("a.log")});
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().message.find("start node a"), std::string::npos);
  EXPECT_TRUE(nodes.empty());
}

TEST_F(NodesTest, stops_those_that_are_named_and_kills_what_does_not_end) {
  Nodes nodes;
  ASSERT_TRUE(start_ready(nodes, "polite", ""));
  ASSERT_TRUE(start_ready(nodes, "deaf", "trap '' TERM; "));
  ASSERT_TRUE(start_ready(nodes, "other", ""));
  EXPECT_EQ(nodes.stop({"polite", "nobody"}, kLong), std::vector<std::string>{});
  EXPECT_EQ(nodes.names(), (std::vector<std::string>{"deaf", "other"}));
  EXPECT_EQ(nodes.stop({"deaf"}, Millis{50}), std::vector<std::string>{"deaf"});
  EXPECT_EQ(nodes.names(), std::vector<std::string>{"other"});
}

TEST_F(NodesTest, die_with_their_owner) {
  std::vector<std::pair<std::string, ProcessId>> processes;
  {
    Nodes nodes;
    ASSERT_TRUE(start_ready(nodes, "a", ""));
    processes = *nodes.processes();
    ASSERT_EQ(processes.size(), 1U);
    EXPECT_TRUE(*is_alive(processes[0].second));
  }
  const auto gone = end_process(processes[0].second, kLong);
  ASSERT_TRUE(gone);
  EXPECT_FALSE(*is_alive(processes[0].second));
}

TEST(Records, come_back_as_they_were) {
  const Record sent{{10, 11}, "http://x", true, {{"control", {12, 13}}, {"a", {14, 15}}}};
  const auto back = parse_record(record_text(sent));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->supervisor.pid, 10);
  EXPECT_EQ(back->url, "http://x");
  EXPECT_TRUE(back->ready);
  ASSERT_EQ(back->nodes.size(), 2U);
  EXPECT_EQ(back->nodes[1].first, "a");
  EXPECT_EQ(back->nodes[1].second.started, 15U);
  for (const char* text : {"", "{}", "[]", "nonsense", R"({"pid":1,"url":"http://x"})",
                           R"({"pid":1,"started":"2","url":"","ready":true,"nodes":[]})"})
    EXPECT_FALSE(parse_record(text)) << text;
}

TEST(Records, end_exactly_what_they_name) {
  auto supervisor = sleeper();
  auto orphan = sleeper();
  auto bystander = sleeper();
  const Record record{*identify(supervisor.pid()),
                      "",
                      true,
                      {{"a", *identify(orphan.pid())}, {"b", {bystander.pid(), 1}}}};
  std::vector<std::string> orphans;
  const auto found =
      end_recorded(record, [&](const std::string& node) { orphans.push_back(node); });
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_TRUE(*found);
  EXPECT_EQ(orphans, std::vector<std::string>{"a"});
  EXPECT_TRUE(supervisor.poll(kLong));
  EXPECT_TRUE(orphan.poll(kLong));
  EXPECT_FALSE(bystander.poll());
  const auto again = end_recorded(record, [](const std::string&) { FAIL(); });
  ASSERT_TRUE(again);
  EXPECT_FALSE(*again);
}

TEST(DetachedSupervisor, tells_its_last_words_and_logs_its_errors) {
  const test::TempDir dir;
  auto made = Detached::launch({"/bin/sh", "-c", "echo to the log >&2; echo why"},
                               {"PATH=/usr/bin:/bin"}, dir.file("up.log"));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_TRUE(made->has_ended(kLong));
  EXPECT_EQ(made->last_words(), "why\n");
  EXPECT_EQ(made->last_words(), "");
  EXPECT_EQ(*read_file(dir.file("up.log")), "to the log\n");
}

TEST(DetachedSupervisor, that_was_told_to_end_has_ended) {
  const test::TempDir dir;
  const auto made = [&] {
    const auto args = std::vector<std::string>{"/bin/sleep", "300"};
    auto supervisor = Detached::launch(args, {}, dir.file("up.log"));
    EXPECT_TRUE(supervisor) << supervisor.error().message;
    return std::move(*supervisor);
  }();
  const test::FewDescriptors none(0);
  const auto ended = made.end(kLong);
  ASSERT_TRUE(ended) << ended.error().message;
  EXPECT_TRUE(*ended);
  EXPECT_TRUE(made.has_ended(Millis{0})) << "it was not seen, so it was taken for gone";
}

TEST(LogFile, gives_its_last_lines) {
  const test::TempDir dir;
  const std::string path = dir.file("n.log");
  EXPECT_EQ(last_lines_of(path, 2), "");
  std::ofstream(path) << "1\n2\n3\n";
  EXPECT_EQ(last_lines_of(path, 2), "2\n3\n");
  EXPECT_EQ(last_lines_of(path, 9), "1\n2\n3\n");
}

}  // namespace
}  // namespace skep::supervise
