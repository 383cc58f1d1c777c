// What the file spool does when a system call fails: an error number is no verdict on what is in a
// file.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>

#include "plugins/spool_file/aside.hpp"
#include "plugins/spool_file/batch.hpp"
#include "plugins/spool_file/item_name.hpp"
#include "plugins/spool_file/seal.hpp"
#include "tests/conformance/spool_component.hpp"
#include "tests/support/syscall_faults.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/told.hpp"

namespace skep::test {
namespace {

namespace fs = std::filesystem;

// Nothing here depends on a disk: memory is quicker.
[[maybe_unused]] const int in_memory = ::setenv("TMPDIR", "/dev/shm", 0);

constexpr int kErrnos[] = {EMFILE, ENFILE, ENOMEM, EIO, EACCES, ESTALE, EPERM, ENOSPC};

class SpoolFaults : public ::testing::Test {
 protected:
  SpoolFaults() { fs::create_directories(path(".batch")); }
  std::string path(const std::string& name) const { return dir_.file("s/" + name); }
  static std::string name(int i) {
    return spool::format_name("execution_result", 1'768'048'496'000'000 + i,
                              "t" + std::to_string(i));
  }
  static std::string body(int i) { return "{\"n\":" + std::to_string(i) + "}"; }
  void write_items(int n) const {
    for (int i = 0; i < n; ++i) std::ofstream(path(name(i))) << spool::seal(body(i));
  }
  void write_batch(int n) const {
    std::ofstream file(path(".batch/20260110T123456.000000Z.jsonl"));
    for (int i = 0; i < n; ++i) file << spool::batch_line(name(i), body(i));
  }
  std::unique_ptr<ports::Spool> open() const {
    auto spool = open_file_spool(dir_.file("s"));
    if (!spool) throw std::runtime_error(spool.error().message);
    return std::move(*spool);
  }
  std::size_t aside() const {
    std::size_t n = 0;
    for (const char* shelf : {"quarantine", "rejected"})
      if (fs::exists(path(shelf)))
        n += static_cast<std::size_t>(
            std::distance(fs::directory_iterator(path(shelf)), fs::directory_iterator()));
    return n;
  }
  /// Task ids of everything that the spool yields, acked.
  static std::set<std::string> drain(ports::Spool& spool) {
    std::set<std::string> tasks;
    for (;;) {
      const auto items = spool.next(64);
      if (!items || items->empty()) return tasks;
      for (const auto& item : *items) {
        tasks.insert(item.task_id);
        EXPECT_TRUE(spool.ack(std::vector{item.name}));
      }
    }
  }

  TempDir dir_;
};

TEST_F(SpoolFaults, an_error_number_condemns_no_item) {  // P2
  write_items(20);
  for (const char* call : {"openat", "read", "fstat"})
    for (const int error_number : kErrnos) {
      SCOPED_TRACE(std::string(call) + ": " + std::strerror(error_number));
      const auto spool = open();
      const FailingSyscalls failing(fails(call, ".json", error_number));
      const auto items = spool->next(64);
      EXPECT_TRUE(!items || items->empty());
      EXPECT_EQ(aside(), 0u);
      EXPECT_EQ(spool->stats()->ready, 20);
      EXPECT_TRUE(spool->stats()->degraded) << "people see it";
    }
  EXPECT_EQ(drain(*open()).size(), 20u);
}

TEST_F(SpoolFaults,
       says_that_nothing_can_be_read_when_descriptors_run_out_and_goes_on_after) {  // P2
  write_items(200);
  const auto spool = open();
  {
    const FailingSyscalls failing(fails("openat", ".json", EMFILE));
    const auto items = spool->next(64);
    ASSERT_FALSE(items);
    EXPECT_EQ(items.error().code, Code::kUnavailable);
  }
  EXPECT_EQ(drain(*spool).size(), 200u) << "at once: no item waits for it";
  EXPECT_FALSE(spool->stats()->degraded);
}

TEST_F(SpoolFaults, one_file_that_cannot_be_read_holds_up_no_other) {  // P2
  write_items(100);
  auto spool = open();
  {
    const FailingSyscalls failing(fails("read", name(50), EIO));
    EXPECT_EQ(drain(*spool).size(), 99u);
    for (int i = 0; i < 2; ++i) {
      const auto left = spool->next(64);
      ASSERT_FALSE(left) << "an empty answer would say that all was delivered";
      EXPECT_EQ(left.error().code, Code::kUnavailable);
      EXPECT_NE(left.error().message.find(path(name(50)) + ": it cannot be read: Input/output"),
                std::string::npos)
          << left.error().message;
    }
    EXPECT_TRUE(spool->stats()->degraded);
    const auto problems = *spool->verify();
    ASSERT_EQ(problems.size(), 1u);
    EXPECT_EQ(problems[0].name, name(50));
  }
  EXPECT_EQ(aside(), 0u);
  spool.reset();
  EXPECT_EQ(drain(*open()), std::set<std::string>{"t50"});
}

TEST_F(SpoolFaults, a_full_disk_is_named_with_its_folder) {
  const auto spool = open();
  const FailingSyscalls failing(fails("openat", ".jsonl", ENOSPC));
  const auto names = spool->put(std::vector{result_item("t", "{\"a\":1}")});
  ASSERT_FALSE(names);
  EXPECT_EQ(names.error().code, Code::kNoMemory);
  const std::string& text = names.error().message;
  EXPECT_NE(text.find("the spool " + dir_.file("s") + ": write "), std::string::npos) << text;
  EXPECT_NE(text.find("No space left on device; make room on its disk: df -h " + dir_.file("s")),
            std::string::npos)
      << text;
}

TEST_F(SpoolFaults, takes_nothing_while_no_file_can_be_made) {
  for (const int error_number : {EROFS, EACCES, EDQUOT, EIO, ENOSPC}) {
    SCOPED_TRACE(std::strerror(error_number));
    const auto spool = open();
    {
      const FailingSyscalls failing(fails("openat", ".probe", error_number));
      const Status looked = spool->reserve(0);
      ASSERT_FALSE(looked) << "before a task runs whose result cannot be kept";
      EXPECT_EQ(looked.error().code, Code::kUnavailable) << "the worker's claims stop";
      EXPECT_NE(looked.error().message.find("the spool " + dir_.file("s") +
                                            ": make a file: " + std::strerror(error_number)),
                std::string::npos)
          << looked.error().message;
    }
    EXPECT_TRUE(spool->reserve(0)) << "it goes on at once";
    EXPECT_FALSE(fs::exists(path(".probe")));
  }
}

TEST_F(SpoolFaults, a_write_that_failed_ends_the_trust_in_the_one_before) {
  const auto spool = open();
  const std::vector items{result_item("t", "{\"a\":1}")};
  ASSERT_TRUE(spool->put(items));
  const FailingSyscalls failing(
      [](std::string_view call, std::string_view) { return call == "openat" ? EROFS : 0; });
  ASSERT_FALSE(spool->put(items));
  EXPECT_FALSE(spool->reserve(0));
}

TEST_F(SpoolFaults, an_error_number_condemns_no_batch) {  // P2
  for (const char* call : {"openat", "read", "fstat"})
    for (const int error_number : kErrnos) {
      SCOPED_TRACE(std::string(call) + ": " + std::strerror(error_number));
      write_batch(5);
      std::unique_ptr<ports::Spool> spool;
      {
        const FailingSyscalls failing(fails(call, ".jsonl", error_number));
        spool = open();
        EXPECT_EQ(aside(), 0u);
        EXPECT_TRUE(spool->stats()->degraded);
        const auto items = spool->next(64);
        ASSERT_FALSE(items) << "or it would count as delivered";
        EXPECT_NE(
            items.error().message.find(path(".batch/20260110T123456.000000Z.jsonl: it cannot")),
            std::string::npos)
            << items.error().message;
      }
      EXPECT_EQ(drain(*spool).size(), 5u) << "without a restart";
      EXPECT_FALSE(spool->stats()->degraded);
    }
}

TEST_F(SpoolFaults, a_batch_that_cannot_be_removed_is_told) {
  for (const int error_number : {0, EIO, ENOENT}) {
    const Told told;
    const auto spool = open();
    const auto names = spool->put(std::vector{result_item("t", "{\"a\":1}")});
    ASSERT_TRUE(names) << names.error().message;
    {
      const FailingSyscalls failing(
          fails("unlinkat", error_number == 0 ? "none" : ".jsonl", error_number));
      EXPECT_TRUE(spool->ack(*names)) << "sent again after a restart, it is a duplicate";
    }
    EXPECT_EQ(told.lines("spool_batch_not_removed", ".jsonl"), error_number == EIO ? 1u : 0u);
  }
}

TEST_F(SpoolFaults, a_damaged_line_that_cannot_be_set_aside_stops_no_start_and_stays) {  // P2
  write_batch(2);
  std::ofstream(path(".batch/20260110T123456.000000Z.jsonl"), std::ios::app) << "{\"name\":\"torn";
  {
    const FailingSyscalls failing(fails("openat", ".damaged", ENOSPC));
    EXPECT_EQ(drain(*open()).size(), 2u);
  }
  EXPECT_EQ(aside(), 0u);
  const auto spool = open();
  EXPECT_EQ(spool->stats()->quarantined, 1);
  EXPECT_TRUE(fs::exists(path("quarantine/batch-20260110T123456.000000Z.jsonl.damaged")));
}

TEST_F(SpoolFaults, a_reject_that_cannot_read_keeps_the_item) {  // P2
  const auto spool = open();
  const auto names = *spool->put(std::vector{result_item("t1", "{\"a\":1}")});
  {
    const FailingSyscalls failing(fails("openat", ".jsonl", EMFILE));
    EXPECT_FALSE(spool->reject(names[0], "no"));
  }
  EXPECT_EQ(aside(), 0u);
  ASSERT_TRUE(spool->defer(names));
  const auto items = *spool->next(1);
  ASSERT_EQ(items.size(), 1u);
  EXPECT_EQ(items[0].body, "{\"a\":1}");
}

TEST_F(SpoolFaults, a_folder_that_is_listed_by_half_forgets_nothing) {  // P2
  write_items(10);
  const auto spool = open();
  {
    int left = 4;
    const FailingSyscalls failing([&](std::string_view call, std::string_view) {
      return call == "readdir" && left-- <= 0 ? EIO : 0;
    });
    EXPECT_FALSE(spool->verify());
  }
  EXPECT_EQ(spool->stats()->ready, 10);
  EXPECT_EQ(drain(*spool).size(), 10u);
}

TEST_F(SpoolFaults, results_that_were_set_aside_stay_until_a_person_takes_them) {  // P1
  const spool::Fd root = spool::open_folder(AT_FDCWD, dir_.file("s"));
  spool::Aside aside;
  aside.open(root.get());
  for (int i = 0; i < 1100; ++i)
    aside.store(i % 2 ? spool::Shelf::kRejected : spool::Shelf::kQuarantine, name(i), "bytes",
                "why");
  aside.store(spool::Shelf::kQuarantine, "batch-20260110T123456.000000Z.jsonl.damaged", "b", "why");
  const auto log = [](int i) { return spool::format_name("logs", 1'768'048'496'000'000 + i, "t"); };
  for (int i = 0; i < 501; ++i) aside.store(spool::Shelf::kQuarantine, log(i), "bytes", "why");
  for (int i = 0; i < 1100; ++i) {
    const std::string kept = path((i % 2 ? "rejected/" : "quarantine/") + name(i));
    EXPECT_TRUE(fs::exists(kept));
    EXPECT_TRUE(fs::exists(kept + ".reason"));
  }
  EXPECT_TRUE(fs::exists(path("quarantine/batch-20260110T123456.000000Z.jsonl.damaged")));
  EXPECT_FALSE(fs::exists(path("quarantine/" + log(0)))) << "over the limit";
  EXPECT_TRUE(fs::exists(path("quarantine/" + log(500))));
}

}  // namespace
}  // namespace skep::test
