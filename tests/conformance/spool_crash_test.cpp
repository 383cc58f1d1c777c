// What a spool finds after its process was killed.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <thread>

#include "plugins/spool_file/batch.hpp"
#include "plugins/spool_file/item_name.hpp"
#include "plugins/spool_file/seal.hpp"
#include "tests/conformance/spool_component.hpp"
#include "tests/support/temp_dir.hpp"

namespace skep::test {
namespace {

namespace fs = std::filesystem;

// A killed process is not a power cut: memory serves as well as a disk and the suite stays quick.
[[maybe_unused]] const int in_memory = ::setenv("TMPDIR", "/dev/shm", 0);

std::unique_ptr<ports::Spool> open_or_throw(const std::string& dir) {
  auto spool = open_file_spool(dir);
  if (!spool) throw std::runtime_error(spool.error().message);
  return std::move(*spool);
}

std::vector<ports::SpoolItem> drain(ports::Spool& spool) {
  std::vector<ports::SpoolItem> all;
  for (;;) {
    auto items = *spool.next(100);
    if (items.empty()) return all;
    for (auto& item : items) {
      EXPECT_TRUE(spool.ack(std::vector{item.name}));
      all.push_back(std::move(item));
    }
  }
}

/// Spools 1,000 results in batches; says on `out` which batch is durable; some it settles.
[[noreturn]] void spool_a_thousand(const std::string& dir, int out) {
  const auto spool = open_or_throw(dir);
  for (int batch = 0; batch < 100; ++batch) {
    std::vector<ports::SpoolItem> items;
    for (int i = 0; i < 10; ++i) {
      const std::string n = std::to_string(batch * 10 + i);
      items.push_back(result_item("t" + n, "{\"n\":" + n + "}"));
    }
    const auto names = spool->put(items);
    if (!names || ::write(out, &batch, sizeof(batch)) != sizeof(batch)) ::_exit(1);
    if (batch % 3 == 0 && !spool->defer(*names)) ::_exit(2);
  }
  ::_exit(0);
}

TEST(SpoolCrash, loses_nothing_that_was_durable_when_killed_at_random_points) {  // S1
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 20; ++round) {
    TempDir dir;
    int pipe_ends[2];
    ASSERT_EQ(::pipe(pipe_ends), 0);
    const auto stop_after = static_cast<int>(random() % 95);
    const auto extra_us = static_cast<int>(random() % 2000);
    const pid_t child = ::fork();
    if (child == 0) spool_a_thousand(dir.file("s"), pipe_ends[1]);
    ::close(pipe_ends[1]);
    int durable = -1;
    int batch = 0;
    bool killed = false;
    while (::read(pipe_ends[0], &batch, sizeof(batch)) == sizeof(batch)) {
      durable = batch;
      if (!killed && batch >= stop_after) {
        // The instant of the kill is the random part; nothing waits for this pause.
        std::this_thread::sleep_for(std::chrono::microseconds(extra_us));
        ::kill(child, SIGKILL);
        killed = true;
      }
    }
    ::close(pipe_ends[0]);
    ::waitpid(child, nullptr, 0);

    const auto spool = open_or_throw(dir.file("s"));
    std::map<std::string, int> found;
    for (const auto& item : drain(*spool)) {
      EXPECT_EQ(item.body, "{\"n\":" + item.task_id.substr(1) + "}");
      ++found[item.task_id];
    }
    for (int n = 0; n < (durable + 1) * 10; ++n)
      EXPECT_EQ(found["t" + std::to_string(n)], 1) << "round " << round << " task " << n;
    for (const auto& [task, count] : found) EXPECT_LE(count, 1) << task;
  }
}

TEST(SpoolCrash, keeps_the_sound_lines_of_a_torn_batch_and_quarantines_the_tail) {
  TempDir dir;
  fs::create_directories(dir.file("s/.batch"));
  const auto line = [](int i) {
    return spool::batch_line(
        spool::format_name("execution_result", 1'768'048'496'000'000 + i, "t" + std::to_string(i)),
        "{\"n\":" + std::to_string(i) + "}");
  };
  const std::string torn = line(3).substr(0, 60);
  std::ofstream(dir.file("s/.batch/20260110T123456.000003Z.jsonl")) << line(1) << line(2) << torn;
  const auto spool = open_or_throw(dir.file("s"));
  EXPECT_EQ(spool->stats()->ready, 2);
  EXPECT_EQ(spool->stats()->quarantined, 1);
  EXPECT_TRUE(fs::is_empty(dir.file("s/.batch")));
  const auto items = drain(*spool);
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(items[0].task_id, "t2");
  EXPECT_EQ(items[1].body, "{\"n\":1}");
}

TEST(SpoolCrash, yields_an_item_once_when_its_file_and_its_batch_both_survived) {
  TempDir dir;
  fs::create_directories(dir.file("s/.batch"));
  const std::string name = spool::format_name("execution_result", 1'768'048'496'000'000, "t");
  std::ofstream(dir.file("s/.batch/20260110T123456.000000Z.jsonl"))
      << spool::batch_line(name, "{\"n\":1}");
  std::ofstream(dir.file("s/" + name)) << spool::seal("{\"n\":1}");
  const auto spool = open_or_throw(dir.file("s"));
  EXPECT_EQ(spool->stats()->ready, 1);
  EXPECT_EQ(drain(*spool).size(), 1u);
  EXPECT_TRUE(fs::is_empty(dir.file("s/.batch")));
}

TEST(SpoolCrash, removes_unfinished_temporary_files) {
  TempDir dir;
  fs::create_directories(dir.file("s/.tmp"));
  std::ofstream(dir.file("s/.tmp/half")) << "{";
  const auto spool = open_or_throw(dir.file("s"));
  EXPECT_TRUE(fs::is_empty(dir.file("s/.tmp")));
}

/// Takes the newest items, does something else and dies while it handles them.
std::size_t crash_while_handling(const std::string& dir, std::uint32_t max = 64,
                                 const std::function<void(ports::Spool&)>& meanwhile = {}) {
  int pipe_ends[2];
  if (::pipe(pipe_ends) != 0) return 999;
  const pid_t child = ::fork();
  if (child == 0) {
    const auto spool = open_or_throw(dir);
    const std::size_t n = spool->next(max)->size();
    if (meanwhile) meanwhile(*spool);
    ::_exit(::write(pipe_ends[1], &n, sizeof(n)) == sizeof(n) ? 0 : 1);
  }
  std::size_t handled = 999;
  ::close(pipe_ends[1]);
  if (::read(pipe_ends[0], &handled, sizeof(handled)) != sizeof(handled)) handled = 999;
  ::close(pipe_ends[0]);
  ::waitpid(child, nullptr, 0);
  return handled;
}

TEST(SpoolCrash, sets_nothing_aside_for_two_deaths_and_lets_the_suspect_wait) {  // S22
  TempDir dir;
  std::vector<std::string> names;
  {
    const auto spool = open_or_throw(dir.file("s"));
    names =
        *spool->put(std::vector{result_item("t1", "{\"n\":1}"), result_item("t2", "{\"n\":2}")});
    ASSERT_TRUE(spool->defer(names));
  }
  EXPECT_EQ(crash_while_handling(dir.file("s")), 2u);
  EXPECT_EQ(crash_while_handling(dir.file("s")), 1u) << "a suspect is handled alone";
  const auto spool = open_or_throw(dir.file("s"));
  EXPECT_EQ(spool->stats()->quarantined, 0);
  const auto items = drain(*spool);
  ASSERT_EQ(items.size(), 1u) << "its neighbour is delivered";
  EXPECT_EQ(items[0].name, names[0]);
  EXPECT_EQ(spool->stats()->ready, 1) << "it waits";
}

TEST(SpoolCrash, handles_a_suspect_after_all_others) {
  TempDir dir;
  const auto put = [&](const char* task) {
    const auto spool = open_or_throw(dir.file("s"));
    const auto names = *spool->put(std::vector{result_item(task, "{\"n\":1}")});
    EXPECT_TRUE(spool->defer(names));
  };
  put("old");
  put("suspect");
  EXPECT_EQ(crash_while_handling(dir.file("s"), 1), 1u);
  put("new");
  const auto spool = open_or_throw(dir.file("s"));
  std::vector<std::string> order;
  for (const auto& item : drain(*spool)) order.push_back(item.task_id);
  EXPECT_EQ(order, (std::vector<std::string>{"new", "old", "suspect"}));
}

TEST(SpoolCrash, blames_nothing_that_was_settled_before_the_crash) {
  TempDir dir;
  std::vector<std::string> names;
  {
    const auto spool = open_or_throw(dir.file("s"));
    names = *spool->put(std::vector{result_item("t1", "{\"n\":1}"), result_item("t2", "{\"n\":2}"),
                                    result_item("t3", "{\"n\":3}")});
    ASSERT_TRUE(spool->defer(names));
  }
  const auto settle_one = [&](ports::Spool& spool) {
    static_cast<void>(spool.defer(std::vector{names[0]}));
  };
  EXPECT_EQ(crash_while_handling(dir.file("s"), 64, settle_one), 3u);
  const auto spool = open_or_throw(dir.file("s"));
  const auto first = spool->next(64);
  ASSERT_TRUE(first);
  ASSERT_EQ(first->size(), 1u) << "the one above suspicion comes first, and the others alone";
  EXPECT_EQ((*first)[0].name, names[0]);
}

TEST(SpoolCrash, forgives_an_item_that_was_handled_to_its_end) {  // S22
  TempDir dir;
  std::vector<std::string> names;
  {
    const auto spool = open_or_throw(dir.file("s"));
    names = *spool->put(std::vector{result_item("t1", "{\"n\":1}")});
    ASSERT_TRUE(spool->defer(names));
  }
  for (int round = 0; round < 4; ++round) {
    EXPECT_EQ(crash_while_handling(dir.file("s")), 1u);
    const auto spool = open_or_throw(dir.file("s"));
    ASSERT_EQ(spool->next(1)->size(), 1u);
    ASSERT_TRUE(spool->defer(names)) << "not delivered, but it did no harm";
  }
}

/// Takes the newest items, gives them back and dies before it stops the spool.
std::size_t handle_and_crash(const std::string& dir) {
  const pid_t child = ::fork();
  if (child == 0) {
    const auto spool = open_or_throw(dir);
    const auto items = *spool->next(64);
    for (const auto& item : items)
      if (!spool->defer(std::vector{item.name})) ::_exit(99);
    ::_exit(static_cast<int>(items.size()));
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? static_cast<std::size_t>(WEXITSTATUS(status)) : 999;
}

TEST(SpoolCrash, blames_no_item_for_a_crash_after_it_was_handled) {  // S22
  TempDir dir;
  {
    const auto spool = open_or_throw(dir.file("s"));
    const auto names =
        *spool->put(std::vector{result_item("t1", "{\"n\":1}"), result_item("t2", "{\"n\":2}")});
    ASSERT_TRUE(spool->defer(names));
  }
  for (int round = 0; round < 3; ++round)
    EXPECT_EQ(handle_and_crash(dir.file("s")), 2u) << "no suspect, so none is alone";
  EXPECT_EQ(crash_while_handling(dir.file("s")), 2u) << "the first crash that counts";
  EXPECT_EQ(handle_and_crash(dir.file("s")), 1u) << "a suspect, alone, to its end";
  const auto spool = open_or_throw(dir.file("s"));
  EXPECT_EQ(spool->stats()->quarantined, 0);
  EXPECT_EQ(drain(*spool).size(), 2u);
}

}  // namespace
}  // namespace skep::test
