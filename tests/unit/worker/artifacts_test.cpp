// The registry's files on a worker whose control plane is scripted.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "core/base/id.hpp"
#include "core/base/limits.hpp"
#include "core/base/text.hpp"
#include "core/worker/artifact_folder.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/worker/bench.hpp"

namespace skep::test {
namespace {

using api::ArtifactKind;
using worker::ArtifactFolder;

api::DesiredArtifact wanted(const std::string& name, const std::string& bytes,
                            const std::string& signature = "") {
  return {ArtifactKind::kScript,
          name,
          "1.0.0",
          sha256_hex(bytes),
          static_cast<std::int64_t>(bytes.size()),
          signature};
}

struct ArtifactBench : Bench {
  ArtifactBench() { options.artifacts_dir = dir.path(); }
  void publish(std::int64_t revision, const std::map<std::string, std::string>& scripts) {
    api::DesiredArtifacts list{revision, {}};
    std::map<std::string, std::string> blobs;
    for (const auto& [name, bytes] : scripts) {
      list.items.push_back(wanted(name, bytes));
      blobs[list.items.back().sha256] = bytes;
    }
    control.set_artifacts(std::move(list), std::move(blobs));
  }
  std::string on_disk(const std::string& name) const {
    return read_file(dir.file("scripts/" + name)).value_or("");
  }
  bool reports(const std::string& name, const std::string& state) const {
    return eventually([&] {
      const auto beats = heartbeat.beats();
      if (beats.empty()) return false;
      for (const auto& a : beats.back().artifacts.items)
        if (a.name == name) return a.state == state;
      return false;
    });
  }
  TempDir dir;
};

TEST(artifacts, what_is_published_lies_on_disk_and_is_reported_at_once) {
  ArtifactBench b;
  b.start();
  b.publish(1, {{"a", "first"}, {"big", std::string(api::kArtifactChunkBytes + 5, 'x')}});
  EXPECT_TRUE(eventually([&] { return b.on_disk("a.lua") == "first"; }));
  EXPECT_TRUE(b.reports("big", "fetched"));
  EXPECT_EQ(b.on_disk("big.lua").size(), api::kArtifactChunkBytes + 5);
  EXPECT_EQ(b.control.chunks_sent(), 3);
  struct stat info {};
  ASSERT_EQ(::stat(b.dir.file("scripts/a.lua").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0640u);
  b.publish(2, {{"a", "second"}});
  EXPECT_TRUE(eventually([&] { return b.on_disk("a.lua") == "second"; }));
  EXPECT_TRUE(eventually([&] { return b.on_disk("big.lua").empty(); }));
}

TEST(artifacts, what_lies_there_already_is_not_fetched_again) {
  ArtifactBench b;
  const ArtifactFolder folder(b.dir.path());
  ASSERT_TRUE(folder.prepare());
  ASSERT_TRUE(folder.install(wanted("a", "first"), "first"));
  std::ofstream(b.dir.file("scripts/.b.lua.tmp")) << "cut off";
  b.publish(1, {{"a", "first"}});
  b.start();
  EXPECT_TRUE(b.reports("a", "fetched"));
  EXPECT_EQ(b.control.chunks_sent(), 0);
  EXPECT_EQ(b.on_disk(".b.lua.tmp"), "");
}

TEST(artifacts, damaged_bytes_are_not_installed_and_the_others_are) {
  ArtifactBench b;
  const auto good = wanted("good", "good");
  const auto bad = wanted("bad", "bad!");
  b.control.set_artifacts({1, {bad, good}}, {{bad.sha256, "BAD!"}, {good.sha256, "good"}});
  b.start();
  EXPECT_TRUE(eventually([&] { return b.on_disk("good.lua") == "good"; }));
  EXPECT_TRUE(b.reports("bad", "pending"));
  EXPECT_EQ(b.on_disk("bad.lua"), "");
  b.publish(2, {{"bad", "bad!"}});
  EXPECT_TRUE(eventually([&] { return b.on_disk("bad.lua") == "bad!"; }));
}

TEST(artifacts, what_the_loader_says_is_in_the_beats) {
  ArtifactBench b;
  std::atomic<bool> broken{false};
  b.options.artifacts_loaded = [&] {
    return std::vector<api::ArtifactState>{{ArtifactKind::kScript, "a", sha256_hex("first"),
                                            broken ? "failed" : "active", broken ? "why" : ""}};
  };
  b.publish(1, {{"a", "first"}});
  b.start();
  EXPECT_TRUE(b.reports("a", "active"));
  broken = true;
  EXPECT_TRUE(b.reports("a", "failed"));
  EXPECT_EQ(b.heartbeat.beats().back().artifacts.items.at(0).reason, "why");
}

TEST(artifacts, a_control_plane_that_is_away_meanwhile_is_asked_again) {
  ArtifactBench b;
  b.start();
  ASSERT_TRUE(eventually([&] { return b.worker->registered(); }));
  b.control.set_away(true);
  b.publish(1, {{"a", "first"}});
  b.control.set_away(false);
  EXPECT_TRUE(eventually([&] { return b.on_disk("a.lua") == "first"; }));
}

TEST(artifacts, a_name_cannot_leave_its_folder) {
  for (const char* name : {"../a", "a/b", "", ".a", "A"}) {
    auto a = wanted("a", "x");
    a.name = name;
    EXPECT_FALSE(api::decode_desired_artifacts(api::encode(api::DesiredArtifacts{1, {a}}))) << name;
  }
  EXPECT_TRUE(api::decode_desired_artifacts(
      api::encode(api::DesiredArtifacts{1, {wanted("a", "x", "sig")}})));
}

TEST(artifacts, a_signature_comes_and_goes_with_its_file) {
  const TempDir dir;
  const ArtifactFolder folder(dir.path());
  ASSERT_TRUE(folder.prepare());
  ASSERT_TRUE(folder.install(wanted("a", "x", "sig"), "x"));
  EXPECT_EQ(read_file(dir.file("scripts/a.lua.minisig")), "sig");
  EXPECT_TRUE(*folder.has(wanted("a", "x", "sig")));
  EXPECT_FALSE(*folder.has(wanted("a", "x", "other")));
  ASSERT_TRUE(folder.install(wanted("a", "y"), "y"));
  EXPECT_FALSE(read_file(dir.file("scripts/a.lua.minisig")));
  EXPECT_EQ(folder.install(wanted("a", "z"), "not z").error().id(), "hash-mismatch");
  EXPECT_EQ(read_file(dir.file("scripts/a.lua")), "y");
}

TEST(artifacts, a_signature_that_cannot_be_read_is_not_none) {
  const TempDir dir;
  const ArtifactFolder folder(dir.path());
  ASSERT_TRUE(folder.prepare());
  const auto large = wanted("a", "x", std::string(kMaxSignatureBytes, 's'));
  ASSERT_TRUE(folder.install(large, "x"));
  EXPECT_TRUE(*folder.has(large));
  std::ofstream(dir.file("scripts/a.lua.minisig")) << std::string(kMaxSignatureBytes + 1, 's');
  EXPECT_FALSE(*folder.has(wanted("a", "x")));
  ASSERT_TRUE(folder.install(wanted("a", "x"), "x"));
  EXPECT_TRUE(*folder.has(wanted("a", "x")));
}

}  // namespace
}  // namespace skep::test
