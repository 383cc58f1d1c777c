// Artifacts on the worker: kept, brought home before their result, and never in its way.
#include <sys/stat.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>

#include "bench.hpp"
#include "core/api/artifact_json.hpp"
#include "core/base/id.hpp"
#include "core/base/json.hpp"
#include "core/worker/attempt_folders.hpp"
#include "core/worker/input_fetcher.hpp"
#include "tests/support/temp_dir.hpp"

namespace skep::test {
namespace {

namespace fs = std::filesystem;

/// A worker whose tasks of type "leave" leave what the test says.
class WorkerArtifacts : public testing::Test {
 protected:
  WorkerArtifacts() { bench.options.state_dir = dir.path(); }
  std::string folder() const { return dir.path() + "/attempts"; }
  bool has_folders() const { return fs::exists(folder()) && !fs::is_empty(folder()); }
  bool finished(std::size_t n = 1) const { return bench.finished(n); }

  TempDir dir;
  Bench bench;
};

TEST_F(WorkerArtifacts, are_home_before_their_result_and_then_gone_here) {
  const std::string bytes(3 * api::kPieceBytes / 2, 'x');
  bench.runner.leave({{"big.bin", bytes}, {"again.bin", bytes}, {"small.txt", "hello"}});
  bench.control.judge([&](const std::vector<std::string>& envelopes) {
    for (const std::string& e : envelopes)
      if (has(e, "big.bin")) {
        EXPECT_EQ(bench.control.artifacts_by_now().at(sha256_hex(bytes)), bytes);
      }
    return echo(envelopes);
  });
  bench.start();
  bench.control.enqueue("leave");
  EXPECT_TRUE(eventually([&] { return bench.control.submissions() > 0 && !has_folders(); }));
  const auto home = bench.control.artifacts();
  EXPECT_EQ(home.size(), 2u);  // the same content once
  EXPECT_EQ(home.at(sha256_hex("hello")), "hello");
}

TEST_F(WorkerArtifacts, go_on_after_a_cut) {
  const std::string bytes(4 * api::kPieceBytes, 'y');
  bench.runner.leave({{"big.bin", bytes}});
  bench.control.cut_after(2);
  bench.start();
  bench.control.enqueue("leave");
  ASSERT_TRUE(finished());
  EXPECT_EQ(bench.control.artifacts().at(sha256_hex(bytes)), bytes);
}

TEST_F(WorkerArtifacts, of_one_task_keep_no_other_result_waiting) {
  bench.runner.leave({{"big.bin", "bytes"}});
  bench.control.refuse_artifacts(Error{Code::kUnavailable, "no room", "artifacts-full"});
  bench.start();
  const auto waits = bench.control.enqueue("leave");
  const auto other = bench.control.enqueue("noop");
  ASSERT_TRUE(finished());
  EXPECT_EQ(bench.control.finished(), std::vector{other.task_id});
  EXPECT_TRUE(has_folders());
  bench.control.refuse_artifacts(std::nullopt);
  ASSERT_TRUE(finished(2));
  EXPECT_EQ(bench.control.artifacts().at(sha256_hex("bytes")), "bytes");
}

TEST_F(WorkerArtifacts, that_are_never_taken_keep_no_result) {
  bench.runner.leave({{"big.bin", "bytes"}});
  bench.control.refuse_artifacts(Error{Code::kInvalid, "it is too large", "too-large"});
  bench.start();
  bench.control.enqueue("leave");
  ASSERT_TRUE(finished());
  EXPECT_TRUE(eventually([&] { return !has_folders(); }));
}

TEST_F(WorkerArtifacts, are_kept_when_an_answer_is_no_verdict_on_them) {
  bench.runner.leave({{"big.bin", "bytes"}});
  for (const Code code : {Code::kNotFound, Code::kInvalid, Code::kDenied}) {
    bench.control.refuse_artifacts(Error{code, "look at artifacts: No such file", "not-found"});
    if (bench.worker == nullptr) bench.start();
    const int asked = bench.control.artifacts_refused();
    if (code == Code::kNotFound) bench.control.enqueue("leave");
    ASSERT_TRUE(eventually([&] { return bench.control.artifacts_refused() > asked; }));
    EXPECT_TRUE(has_folders());
  }
  bench.control.refuse_artifacts(std::nullopt);
  ASSERT_TRUE(finished());
  EXPECT_EQ(bench.control.artifacts().at(sha256_hex("bytes")), "bytes");
}

TEST_F(WorkerArtifacts, survive_a_restart) {
  bench.runner.leave({{"big.bin", "bytes"}});
  bench.control.refuse_artifacts(Error{Code::kUnavailable, "no room", "artifacts-full"});
  bench.start();
  bench.control.enqueue("leave");
  ASSERT_TRUE(eventually([&] { return has_folders() && bench.spool.stats()->ready > 0; }));
  bench.worker->drain(worker::StopKind::kNow);
  bench.worker.reset();
  fs::create_directories(folder() + "/unsealed/out");
  bench.control.refuse_artifacts(std::nullopt);
  bench.start();
  ASSERT_TRUE(finished());
  EXPECT_EQ(bench.control.artifacts().at(sha256_hex("bytes")), "bytes");
  EXPECT_TRUE(eventually([&] { return !has_folders(); }));
}

TEST_F(WorkerArtifacts, that_wait_for_room_stop_the_claims) {
  bench.options.artifacts.node_bytes = 4;
  bench.runner.leave({{"big.bin", "bytes"}});
  bench.control.refuse_artifacts(Error{Code::kUnavailable, "no room", "artifacts-full"});
  bench.options.look_every = Millis{20};
  bench.start();
  bench.control.enqueue("leave");
  ASSERT_TRUE(eventually([&] {
    for (const std::string& trouble : bench.worker->troubles())
      if (has(trouble, "artifacts of 5 bytes wait")) return true;
    return false;
  }));
  bench.control.refuse_artifacts(std::nullopt);
  ASSERT_TRUE(finished());
  EXPECT_TRUE(eventually([&] { return bench.worker->troubles().empty(); }));
}

TEST_F(WorkerArtifacts, inputs_are_there_when_the_task_runs) {
  const std::string sha256 = sha256_hex("what it reads");
  bench.control.set_input(sha256, "what it reads");
  bench.start();
  const auto lease =
      bench.control.enqueue_with("read", R"({"data":{"artifact":")" + sha256 + R"(","size":13}})");
  ASSERT_TRUE(finished());
  EXPECT_TRUE(has(bench.control.outcome(lease.task_id), "what it reads"));
  EXPECT_TRUE(eventually([&] { return !has_folders(); }));
}

TEST_F(WorkerArtifacts, a_task_whose_input_is_gone_fails_and_says_so) {
  bench.start();
  const auto lease = bench.control.enqueue_with(
      "read", R"({"data":{"artifact":")" + sha256_hex("gone") + R"(","size":4}})");
  ASSERT_TRUE(finished());
  EXPECT_TRUE(has(bench.control.outcome(lease.task_id), "fetch the input"));
}

TEST(AttemptFolders, what_was_not_sealed_is_removed_at_the_start) {
  const TempDir dir;
  const model::Lease lease{"t1", 1, "l1"};
  const model::Lease other{"t2", 1, "l2"};
  worker::AttemptFolders folders(dir.file("attempts"), {});
  for (const auto& l : {lease, other}) {
    fs::create_directories(folders.folder_of(l) + "/out");
    std::ofstream(folders.output_of(l, sha256_hex("x"))) << "x";
    std::ofstream(folders.folder_of(l) + "/out/half.part") << "half";
  }
  ASSERT_TRUE(folders.seal(lease, {{"a", "text/plain", 1, sha256_hex("x")}}));
  worker::AttemptFolders again(dir.file("attempts"), {.task_bytes = 10, .node_bytes = 4});
  again.start();
  EXPECT_TRUE(fs::exists(again.output_of(lease, sha256_hex("x"))));
  EXPECT_FALSE(fs::exists(again.folder_of(lease) + "/out/half.part"));
  EXPECT_FALSE(fs::exists(again.folder_of(other)));
  EXPECT_EQ(again.room(), 3u);
  again.drop(lease);
  EXPECT_EQ(again.room(), 4u);
  EXPECT_EQ(again.trouble(), "");
}

TEST(AttemptFolders, a_content_of_another_size_is_not_sealed) {
  const TempDir dir;
  const model::Lease lease{"t1", 1, "l1"};
  worker::AttemptFolders folders(dir.file("attempts"), {});
  fs::create_directories(folders.folder_of(lease) + "/out");
  std::ofstream(folders.output_of(lease, sha256_hex("x"))) << "x";
  EXPECT_FALSE(folders.seal(lease, {{"a", "text/plain", 2, sha256_hex("x")}}));
  EXPECT_FALSE(folders.seal(lease, {{"a", "text/plain", 1, sha256_hex("y")}}));
}

}  // namespace
}  // namespace skep::test
