// The registry's files on a worker whose control plane is scripted.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "core/base/id.hpp"
#include "core/base/limits.hpp"
#include "core/base/text.hpp"
#include "core/worker/release_folder.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/worker/bench.hpp"

namespace skep::test {
namespace {

using api::ReleaseKind;
using worker::ReleaseFolder;

api::DesiredRelease wanted(const std::string& name, const std::string& bytes,
                           const std::string& signature = "") {
  return {ReleaseKind::kScript,
          name,
          "1.0.0",
          sha256_hex(bytes),
          static_cast<std::int64_t>(bytes.size()),
          signature};
}

struct ReleaseBench : Bench {
  ReleaseBench() { options.releases_dir = dir.path(); }
  void publish(std::int64_t revision, const std::map<std::string, std::string>& scripts) {
    api::DesiredReleases list{revision, {}};
    std::map<std::string, std::string> blobs;
    for (const auto& [name, bytes] : scripts) {
      list.items.push_back(wanted(name, bytes));
      blobs[list.items.back().sha256] = bytes;
    }
    control.set_releases(std::move(list), std::move(blobs));
  }
  std::string on_disk(const std::string& name) const {
    return read_file(dir.file("scripts/" + name)).value_or("");
  }
  bool reports(const std::string& name, const std::string& state) const {
    return eventually([&] {
      const auto beats = heartbeat.beats();
      if (beats.empty()) return false;
      for (const auto& a : beats.back().releases.items)
        if (a.name == name) return a.state == state;
      return false;
    });
  }
  TempDir dir;
};

TEST(releases, what_is_published_lies_on_disk_and_is_reported_at_once) {
  ReleaseBench b;
  b.start();
  b.publish(1, {{"a", "first"}, {"big", std::string(api::kReleaseChunkBytes + 5, 'x')}});
  EXPECT_TRUE(eventually([&] { return b.on_disk("a.lua") == "first"; }));
  EXPECT_TRUE(b.reports("big", "fetched"));
  EXPECT_EQ(b.on_disk("big.lua").size(), api::kReleaseChunkBytes + 5);
  EXPECT_EQ(b.control.chunks_sent(), 3);
  struct stat info {};
  ASSERT_EQ(::stat(b.dir.file("scripts/a.lua").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0640u);
  b.publish(2, {{"a", "second"}});
  EXPECT_TRUE(eventually([&] { return b.on_disk("a.lua") == "second"; }));
  EXPECT_TRUE(eventually([&] { return b.on_disk("big.lua").empty(); }));
}

TEST(releases, a_list_that_was_applied_is_done_with) {
  testing::internal::CaptureStderr();
  {
    ReleaseBench b;
    b.start();
    b.publish(1, {{"a", "first"}});
    EXPECT_TRUE(b.reports("a", "fetched"));
  }
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("complete: True"), std::string::npos) << log;
  EXPECT_EQ(log.find("complete: False"), std::string::npos) << "it would be asked for again";
}

TEST(releases, what_lies_there_already_is_not_fetched_again) {
  ReleaseBench b;
  const ReleaseFolder folder(b.dir.path());
  ASSERT_TRUE(folder.prepare());
  ASSERT_TRUE(folder.install(wanted("a", "first"), "first"));
  std::ofstream(b.dir.file("scripts/.b.lua.tmp")) << "cut off";
  b.publish(1, {{"a", "first"}});
  b.start();
  EXPECT_TRUE(b.reports("a", "fetched"));
  EXPECT_EQ(b.control.chunks_sent(), 0);
  EXPECT_EQ(b.on_disk(".b.lua.tmp"), "");
}

TEST(releases, damaged_bytes_are_not_installed_and_the_others_are) {
  ReleaseBench b;
  const auto good = wanted("good", "good");
  const auto bad = wanted("bad", "bad!");
  b.control.set_releases({1, {bad, good}}, {{bad.sha256, "BAD!"}, {good.sha256, "good"}});
  b.start();
  EXPECT_TRUE(eventually([&] { return b.on_disk("good.lua") == "good"; }));
  EXPECT_TRUE(b.reports("bad", "pending"));
  EXPECT_EQ(b.on_disk("bad.lua"), "");
  b.publish(2, {{"bad", "bad!"}});
  EXPECT_TRUE(eventually([&] { return b.on_disk("bad.lua") == "bad!"; }));
}

TEST(releases, what_the_loader_says_is_in_the_beats) {
  std::atomic<bool> broken{false};
  ReleaseBench b;
  b.options.releases_loaded = [&] {
    return std::vector<api::HeldRelease>{{ReleaseKind::kScript, "a", sha256_hex("first"),
                                          broken ? "failed" : "active", broken ? "why" : ""}};
  };
  b.publish(1, {{"a", "first"}});
  b.start();
  EXPECT_TRUE(b.reports("a", "active"));
  broken = true;
  EXPECT_TRUE(b.reports("a", "failed"));
  EXPECT_EQ(b.heartbeat.beats().back().releases.items.at(0).reason, "why");
}

TEST(releases, a_control_plane_that_is_away_meanwhile_is_asked_again) {
  ReleaseBench b;
  b.start();
  ASSERT_TRUE(eventually([&] { return b.worker->registered(); }));
  b.control.set_away(true);
  b.publish(1, {{"a", "first"}});
  b.control.set_away(false);
  EXPECT_TRUE(eventually([&] { return b.on_disk("a.lua") == "first"; }));
}

TEST(releases, a_registry_that_lost_all_of_them_takes_none_away) {
  ReleaseBench b;
  b.publish(8, {{"a", "first"}});
  b.start();
  ASSERT_TRUE(eventually([&] { return b.on_disk("a.lua") == "first"; }));
  b.publish(0, {});
  ASSERT_TRUE(eventually([&] {
    const auto beats = b.heartbeat.beats();
    return !beats.empty() && beats.back().releases.revision == 0;
  }));
  EXPECT_EQ(b.on_disk("a.lua"), "first");
  b.publish(1, {{"b", "second"}});
  EXPECT_TRUE(eventually([&] { return b.on_disk("b.lua") == "second"; }));
  EXPECT_TRUE(eventually([&] { return b.on_disk("a.lua").empty(); })) << "now it has a word";
}

TEST(releases, a_name_cannot_leave_its_folder) {
  for (const char* name : {"../a", "a/b", "", ".a", "A"}) {
    auto a = wanted("a", "x");
    a.name = name;
    EXPECT_FALSE(api::decode_desired_releases(api::encode(api::DesiredReleases{1, {a}}))) << name;
  }
  EXPECT_TRUE(api::decode_desired_releases(
      api::encode(api::DesiredReleases{1, {wanted("a", "x", "sig")}})));
}

TEST(releases, a_signature_comes_and_goes_with_its_file) {
  const TempDir dir;
  const ReleaseFolder folder(dir.path());
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

TEST(releases, a_signature_that_cannot_be_read_is_not_none) {
  const TempDir dir;
  const ReleaseFolder folder(dir.path());
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
