// In which order the file spool makes its steps durable. No crash test can tell: a killed process
// leaves what it wrote to the kernel, and only a power cut does not.
#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "plugins/spool_file/batch.hpp"
#include "plugins/spool_file/item_name.hpp"
#include "tests/conformance/spool_component.hpp"
#include "tests/support/syscall_faults.hpp"
#include "tests/support/temp_dir.hpp"

namespace skep::test {
namespace {

namespace fs = std::filesystem;

using Steps = std::vector<std::string>;

/// The files that have generated names by what they are.
Steps plain(const Steps& steps) {
  Steps out;
  for (const std::string& step : steps) {
    const std::string call = step.substr(0, step.find(' ') + 1);
    out.push_back(step.ends_with(".jsonl")         ? call + "batch"
                  : step.ends_with(".json")        ? call + "item"
                  : step.ends_with(".json.reason") ? call + "reason"
                                                   : step);
  }
  return out;
}

/// From a batch file to a file of its own: what is renamed is on disk, and so is its new name
/// before the batch goes.
const Steps kMaterialise{"unlinkat item",  // of a try that failed
                         "fsync item", "renameat2 item", "fsync s", "unlinkat batch"};

class SpoolDurable : public ::testing::Test {
 protected:
  std::unique_ptr<ports::Spool> open(const std::string& dir = "s") const {
    auto spool = open_file_spool(dir_.file(dir));
    if (!spool) throw std::runtime_error(spool.error().message);
    return std::move(*spool);
  }
  static std::vector<std::string> put(ports::Spool& spool) {
    auto names = spool.put(std::vector{result_item("t1", "{\"a\":1}")});
    if (!names) throw std::runtime_error(names.error().message);
    return std::move(*names);
  }
  std::size_t batches() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(dir_.file("s/.batch")), fs::directory_iterator()));
  }
  TempDir dir_;
};

TEST_F(SpoolDurable, what_put_took_is_on_disk_with_its_name) {
  const auto spool = open();
  RecordedSteps steps;
  put(*spool);
  EXPECT_EQ(plain(steps.take()), (Steps{"fsync batch", "fsync .batch"}));
}

TEST_F(SpoolDurable, a_deferred_item_is_on_disk_before_its_batch_goes) {
  const auto spool = open();
  const auto names = put(*spool);
  RecordedSteps steps;
  ASSERT_TRUE(spool->defer(names));
  EXPECT_EQ(plain(steps.take()), kMaterialise);
  ASSERT_TRUE(spool->ack(names));
  EXPECT_EQ(plain(steps.take()), (Steps{"unlinkat item", "fsync s"})) << "it does not come back";
}

TEST_F(SpoolDurable, a_rejected_item_is_on_disk_before_it_leaves_its_place) {
  const auto spool = open();
  const auto deferred = put(*spool);
  ASSERT_TRUE(spool->defer(deferred));
  RecordedSteps steps;
  ASSERT_TRUE(spool->reject(deferred[0], "no"));
  EXPECT_EQ(plain(steps.take()),
            (Steps{"renameat2 item", "fsync rejected", "fsync s", "fsync reason"}));
  const auto flying = put(*spool);
  steps.take();
  ASSERT_TRUE(spool->reject(flying[0], "no"));
  EXPECT_EQ(plain(steps.take()),
            (Steps{"fsync item", "fsync rejected", "fsync reason", "unlinkat batch"}));
}

TEST_F(SpoolDurable, what_a_dead_process_left_is_on_disk_before_its_batch_goes) {
  open();
  std::ofstream(dir_.file("s/.batch/20260110T123456.000000Z.jsonl")) << spool::batch_line(
      spool::format_name("execution_result", 1'768'048'496'000'000, "t1"), "{\"a\":1}");
  RecordedSteps steps;
  const auto spool = open();
  const Steps made = plain(steps.take());
  ASSERT_GE(made.size(), kMaterialise.size());
  EXPECT_EQ(Steps(made.end() - static_cast<std::ptrdiff_t>(kMaterialise.size()), made.end()),
            kMaterialise);
}

TEST_F(SpoolDurable, a_new_spool_is_on_disk_down_to_its_own_folder) {
  RecordedSteps steps;
  const auto spool = open("deep/er/s");
  Steps synced;
  for (const std::string& step : steps.take())
    if (step.starts_with("fsync")) synced.push_back(step);
  EXPECT_EQ(synced, (Steps{"fsync " + fs::path(dir_.path()).filename().string(), "fsync deep",
                           "fsync er", "fsync s"}));
}

TEST_F(SpoolDurable, what_cannot_be_synced_is_refused_and_leaves_nothing) {
  const auto spool = open();
  for (const char* file : {".jsonl", ".batch"}) {
    const FailingSyscalls failing(fails("fsync", file, EIO));
    const auto names = spool->put(std::vector{result_item("t1", "{\"a\":1}")});
    ASSERT_FALSE(names) << file;
    EXPECT_EQ(names.error().code, Code::kUnavailable);
    EXPECT_EQ(batches(), 0u);
  }
}

TEST_F(SpoolDurable, a_batch_stays_while_the_names_of_its_items_cannot_be_synced) {
  const auto spool = open();
  const auto names = put(*spool);
  {
    const FailingSyscalls failing(fails("fsync", "s", EIO));
    ASSERT_TRUE(spool->defer(names));
    EXPECT_EQ(batches(), 1u);
    EXPECT_TRUE(spool->stats()->degraded) << "people see it";
  }
  EXPECT_EQ(spool->next(9)->size(), 1u);
}

}  // namespace
}  // namespace skep::test
