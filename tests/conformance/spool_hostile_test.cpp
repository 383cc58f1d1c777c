// Damaged files, hostile entries, full disks.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>

#include "plugins/spool_file/item_name.hpp"
#include "plugins/spool_file/seal.hpp"
#include "tests/conformance/spool_component.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/told.hpp"

namespace skep::test {
namespace {

namespace fs = std::filesystem;

class HostileSpool : public ::testing::Test {
 protected:
  void SetUp() override { fs::create_directory(dir_.file("s")); }
  std::string path(const std::string& name) const { return dir_.file("s/" + name); }
  std::string name(int i) const {
    return spool::format_name("execution_result", 1'768'048'496'000'000 + i,
                              "t" + std::to_string(i));
  }
  void write(const std::string& name, const std::string& bytes) const {
    std::ofstream(path(name), std::ios::binary) << bytes;
  }
  std::unique_ptr<ports::Spool> open() const {
    auto spool = open_file_spool(dir_.file("s"));
    if (!spool) throw std::runtime_error(spool.error().message);
    return std::move(*spool);
  }
  /// Everything that the spool yields, acked.
  static std::vector<std::string> drain(ports::Spool& spool) {
    std::vector<std::string> names;
    for (;;) {
      const auto next = spool.next(64);
      if (!next || next->empty()) return names;  // what is left cannot be read
      for (const auto& item : *next) {
        names.push_back(item.name);
        EXPECT_TRUE(spool.ack(std::vector{item.name}));
      }
    }
  }

  TempDir dir_;
};

TEST_F(HostileSpool, quarantines_truncated_files_and_yields_their_neighbours) {  // S5
  const std::string sealed = spool::seal("{\"a\":\"" + std::string(1962, 'x') + "\"}");
  for (int i = 0; i < 128; ++i) {
    write(name(2 * i), sealed.substr(0, static_cast<std::size_t>(i) * 16));
    write(name(2 * i + 1), sealed);
  }
  const auto spool = open();
  EXPECT_EQ(drain(*spool).size(), 128u);
  EXPECT_EQ(spool->stats()->quarantined, 128);
  EXPECT_TRUE(fs::exists(path("quarantine/" + name(0))));
  EXPECT_TRUE(fs::exists(path("quarantine/" + name(0) + ".reason")));
}

TEST_F(HostileSpool, quarantines_flipped_bits) {  // S6
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int i = 0; i < 100; ++i) {
    std::string sealed = spool::seal("{\"n\":" + std::to_string(i) + "}");
    if (i % 2 == 0) {
      const std::size_t at = random() % sealed.size();
      sealed[at] = static_cast<char>(sealed[at] ^ (1 << (random() % 8)));
    }
    write(name(i), sealed);
  }
  const auto spool = open();
  const auto sent = drain(*spool);
  ASSERT_EQ(sent.size(), 50u);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(sent[static_cast<std::size_t>(i)], name(99 - 2 * i));
  EXPECT_EQ(spool->stats()->quarantined, 50);
}

TEST_F(HostileSpool, survives_entries_that_are_no_files) {  // S7
  const std::string secret = dir_.file("secret");
  std::ofstream(secret) << spool::seal("{\"secret\":1}");
  int n = 1000;
  for (int i = 0; i < 10; ++i) fs::create_directory(path(name(n++)));
  for (int i = 0; i < 10; ++i) fs::create_symlink(secret, path(name(n++)));
  for (int i = 0; i < 5; ++i) ASSERT_EQ(::mkfifo(path(name(n++)).c_str(), 0600), 0);
  const int listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string socket_path = path("execution_result-1-s.json");
  socket_path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  for (int i = 0; i < 5; ++i) write(name(n++), "");
  write(name(n), "");
  fs::resize_file(path(name(n++)), 1ull << 30);
  for (int i = 0; i < 5; ++i) {
    write(name(n), spool::seal("{\"a\":1}"));
    fs::permissions(path(name(n++)), fs::perms::none);
  }
  write("execution_result-1-\xff\xfe.json", "{}");
  write("execution_result-1-a\nb.json", "{}");
  write(std::string(255, 'x'), "{}");
  write("execution_result-99999999999999999999-t.json", spool::seal("{\"a\":1}"));
  for (int i = 0; i < 100; ++i) write(name(i), spool::seal("{\"a\":1}"));

  const auto spool = open();
  const auto sent = drain(*spool);
  int good = 0;
  for (const auto& sent_name : sent)
    for (int i = 0; i < 100; ++i) good += sent_name == name(i) ? 1 : 0;
  EXPECT_EQ(good, 100);
  for (int i = 1010; i < 1020; ++i)
    EXPECT_TRUE(fs::is_symlink(path("quarantine/" + name(i)))) << "moved, not followed";
  EXPECT_TRUE(fs::exists(secret));
  EXPECT_TRUE(fs::exists(path(std::string(255, 'x'))));
  ::close(listener);
}

/// Runs `body` in a child whose files may not grow beyond `limit`; its exit code.
int with_file_limit(rlim_t limit,
                    const std::function<int(const std::function<void()>& lift)>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit old{};
    ::getrlimit(RLIMIT_FSIZE, &old);
    const rlimit low{limit, old.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &low);
    ::_exit(body([&] { ::setrlimit(RLIMIT_FSIZE, &old); }));
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST_F(HostileSpool, publishes_nothing_of_a_write_that_failed) {  // S3
  const std::string big = "{\"a\":\"" + std::string(20'000, 'x') + "\"}";
  const int code = with_file_limit(8192, [&](const auto& lift) {
    const auto spool = open();
    const auto refused =
        spool->put(std::vector{result_item("t", "{\"a\":1}"), result_item("t", big)});
    if (refused || refused.error().code != Code::kNoMemory) return 10;
    if (!spool->stats()->degraded || spool->stats()->in_flight != 0) return 11;
    if (!fs::is_empty(path(".batch")) || !fs::is_empty(path(".tmp"))) return 12;
    lift();
    const auto taken = spool->put(std::vector{result_item("t", big)});
    if (!taken || spool->stats()->degraded) return 13;
    return spool->ack(*taken) ? 0 : 14;
  });
  EXPECT_EQ(code, 0);
}

TEST_F(HostileSpool, replays_from_the_batch_when_there_is_no_room_for_files) {  // S3
  const int code = with_file_limit(8192, [&](const auto& lift) {
    const auto spool = open();
    std::vector<ports::SpoolItem> items(
        3, result_item("t", "{\"a\":\"" + std::string(1000, 'x') + "\"}"));
    const auto names = *spool->put(items);
    fs::permissions(path(".tmp"), fs::perms::none);
    fs::rename(path(".tmp"), path(".gone"));  // root may write anywhere: take the folder away
    fs::remove(path(".gone"));
    if (!spool->defer(names) || !spool->stats()->degraded) return 10;
    const auto ready = *spool->next(10);
    if (ready.size() != 3 || ready[0].name != names[2] || ready[0].body != items[2].body) return 11;
    if (!spool->ack(std::vector{names[0], names[1]})) return 12;
    if (spool->stats()->ready != 1 || fs::is_empty(path(".batch"))) return 13;
    lift();
    return spool->ack(std::vector{names[2]}) && fs::is_empty(path(".batch")) ? 0 : 14;
  });
  EXPECT_EQ(code, 0);
}

TEST_F(HostileSpool, says_what_is_wrong_when_its_folder_vanishes) {  // S25
  const auto spool = open();
  fs::remove_all(dir_.file("s"));
  const auto names = spool->put(std::vector{result_item("t", "{\"a\":1}")});
  ASSERT_FALSE(names);
  EXPECT_EQ(names.error().code, Code::kUnavailable);
  EXPECT_TRUE(spool->stats()->degraded);
  EXPECT_TRUE(spool->next(10)->empty());
}

TEST_F(HostileSpool, names_the_limit_in_whose_way_a_result_is) {
  const std::vector<std::pair<FileSpoolLimits, std::string>> full{
      {{1 << 30, 1000, std::int64_t{1} << 60}, "lower [spool] keep_free_bytes and restart"},
      {{1 << 20, 1000, 0}, "[spool] max_bytes allows no more"},
      {{1 << 30, 16, 0}, "[spool] max_items allows no more"}};
  for (std::size_t i = 0; i < full.size(); ++i) {
    const auto& [limits, text] = full[i];
    const auto spool = *open_file_spool(dir_.file("limits" + std::to_string(i)), limits);
    ASSERT_TRUE(spool->put(std::vector(16, result_item("t", "{\"a\":1}"))));
    const Status refused = spool->reserve(2 << 20);
    ASSERT_FALSE(refused) << text;
    EXPECT_NE(refused.error().message.find(text), std::string::npos) << refused.error().message;
    EXPECT_EQ(refused.error().message.find("[spool]"), refused.error().message.rfind("[spool]"));
  }
}

TEST_F(HostileSpool, names_the_limit_in_whose_way_a_result_with_its_output_is) {
  const auto sized = [](std::size_t bytes) {
    return result_item("t", "{\"a\":\"" + std::string(bytes, 'x') + "\"}");
  };
  const auto spool = *open_file_spool(dir_.file("s"), {1 << 20, 1000, 0});
  ASSERT_TRUE(spool->put(std::vector{sized(700 << 10)}));
  std::vector both{sized(200 << 10), sized(200 << 10)};
  both[1].payload_type = "logs";
  const auto refused = spool->put(both);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("max_bytes allows no more"), std::string::npos)
      << refused.error().message;
}

TEST_F(HostileSpool, names_the_folder_that_was_moved_away_and_goes_on_when_it_is_back) {
  const auto spool = open();
  const auto kept = *spool->put(std::vector{result_item("t1", "{\"a\":1}")});
  ASSERT_TRUE(spool->defer(kept));
  fs::rename(dir_.file("s"), dir_.file("away"));
  const auto refused = spool->put(std::vector{result_item("t2", "{\"a\":2}")});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  EXPECT_NE(refused.error().message.find(dir_.file("s") + " is gone"), std::string::npos);
  EXPECT_NE(spool->reserve(0).error().message.find(dir_.file("s") + " is gone"), std::string::npos);
  EXPECT_TRUE(spool->stats()->degraded);
  EXPECT_FALSE(fs::exists(dir_.file("s"))) << "it may be a disk that is mounted again";
  std::ofstream(dir_.file("s")) << "no folder";
  EXPECT_NE(spool->reserve(0).error().message.find("is no folder any more"), std::string::npos);
  EXPECT_FALSE(spool->put(std::vector{result_item("t2", "{\"a\":2}")}));
  fs::remove(dir_.file("s"));
  fs::rename(dir_.file("away"), dir_.file("s"));
  EXPECT_EQ(spool->next(10)->size(), 1u);
  EXPECT_FALSE(spool->stats()->degraded);
  EXPECT_TRUE(spool->reserve(0));
  EXPECT_TRUE(spool->put(std::vector{result_item("t2", "{\"a\":2}")}));
}

TEST_F(HostileSpool, says_once_that_it_is_degraded_and_once_that_it_is_not) {
  const Told told;
  const auto spool = open();
  const std::vector items{result_item("t", "{\"a\":1}")};
  fs::rename(dir_.file("s"), dir_.file("away"));
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(spool->put(items));
  EXPECT_EQ(told.lines("spool_degraded", dir_.file("s")), 1u);
  EXPECT_EQ(told.lines("spool_recovered", ""), 0u);
  fs::rename(dir_.file("away"), dir_.file("s"));
  for (int i = 0; i < 3; ++i) {
    const auto names = spool->put(items);
    EXPECT_TRUE(names) << names.error().message;
  }
  EXPECT_EQ(told.lines("spool_degraded", ""), 1u);
  EXPECT_EQ(told.lines("spool_recovered", ""), 1u);
}

TEST_F(HostileSpool, loses_nothing_in_flight_when_its_folder_is_removed_and_made_again) {
  const auto spool = open();
  const auto flying =
      *spool->put(std::vector{result_item("t1", "{\"a\":1}"), result_item("t2", "{\"a\":2}")});
  const auto deferred = *spool->put(std::vector{result_item("t3", "{\"a\":3}")});
  fs::remove_all(dir_.file("s"));
  ASSERT_TRUE(spool->defer(deferred));
  EXPECT_EQ(spool->next(10)->size(), 1u) << "from memory";
  EXPECT_TRUE(spool->stats()->degraded);
  fs::create_directory(dir_.file("s"));
  const auto names = spool->put(std::vector{result_item("t4", "{\"a\":4}")});
  ASSERT_TRUE(names) << names.error().message;
  EXPECT_FALSE(spool->stats()->degraded);
  EXPECT_TRUE(fs::exists(path(deferred[0]))) << "it has its file now";
  EXPECT_EQ(std::distance(fs::directory_iterator(path(".batch")), fs::directory_iterator()), 2);
  ASSERT_TRUE(spool->ack(std::vector{flying[0]}));
  ASSERT_TRUE(spool->defer(std::vector{flying[1], (*names)[0]}));
  EXPECT_TRUE(fs::is_empty(path(".batch")));
  std::set<std::string> tasks;
  for (const auto& item : *spool->next(10)) tasks.insert(item.task_id);
  EXPECT_EQ(tasks, (std::set<std::string>{"t2", "t3", "t4"}));
}

TEST_F(HostileSpool, sends_what_is_in_the_folder_that_took_its_place) {
  std::string item;
  {
    const auto before = open();
    item = (*before->put(std::vector{result_item("t1", "{\"a\":1}")}))[0];
  }
  const auto spool = open();
  const auto flying = *spool->put(std::vector{result_item("t2", "{\"a\":2}")});
  fs::copy(dir_.file("s"), dir_.file("copy"), fs::copy_options::recursive);
  fs::remove_all(dir_.file("s"));
  fs::rename(dir_.file("copy"), dir_.file("s"));
  const auto items = *spool->next(10);
  ASSERT_EQ(items.size(), 1u);
  EXPECT_EQ(items[0].name, item);
  EXPECT_EQ(spool->stats()->in_flight, 1) << "what is under way is not sent twice";
  EXPECT_EQ(open_file_spool(dir_.file("s")).error().code, Code::kState) << "it has the lock there";
  ASSERT_TRUE(spool->ack(flying));
  EXPECT_TRUE(fs::is_empty(path(".batch")));
}

}  // namespace
}  // namespace skep::test
