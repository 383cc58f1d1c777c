#include "core/plugin/last_good.hpp"

#include <sys/resource.h>

#include "core/base/id.hpp"
#include "tests/unit/plugin/support.hpp"

namespace skep::plugin {
namespace {

class LastGoodTest : public testing::Test {
 protected:
  LastGoodTest() { fs::create_directory(dir_.file("staging")); }
  /// A staged copy with these bytes, for `source`.
  LastGood::Entry staged(const std::string& source, const std::string& bytes, WallMs at = 1) {
    write_bytes(copy_, bytes);
    return {source, "disk", "1.0.0", sha256_hex(bytes), at};
  }
  void keep(LastGood& good, const LastGood::Entry& entry) {
    good.keep(entry, {copy_, entry.sha256}, used_);
    fs::remove(copy_);  // as a run does at its end
    fs::remove(signature_of(copy_));
    good.write();
  }
  LastGood open() const { return LastGood(dir_.file("good"), ".so"); }

  const TempDir dir_;
  bool used_ = true;
  const std::string copy_ = dir_.file("staging/disk.1.so");
};

TEST_F(LastGoodTest, outlives_the_run_with_its_signature) {
  write_bytes(signature_of(copy_), "signed");
  auto first = open();
  keep(first, staged("/plugins/disk.so", "one"));
  const auto kept = open().find("/plugins/disk.so");
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->entry.id, "disk");
  EXPECT_EQ(kept->entry.version, "1.0.0");
  EXPECT_EQ(bytes_of(kept->path), "one");
  EXPECT_EQ(bytes_of(signature_of(kept->path)), "signed");
  EXPECT_FALSE(open().find("/plugins/other.so"));
}

TEST_F(LastGoodTest, has_one_version_of_each_file_and_no_others_on_disk) {
  auto good = open();
  keep(good, staged("/plugins/disk.so", "one"));
  keep(good, staged("/plugins/disk.so", "two"));
  keep(good, staged("/more/disk.so", "two"));
  EXPECT_EQ(bytes_of(good.find("/plugins/disk.so")->path), "two");
  EXPECT_FALSE(fs::exists(dir_.file("good/" + sha256_hex("one") + ".so")));
  keep(good, staged("/plugins/disk.so", "three"));
  EXPECT_TRUE(good.find("/more/disk.so")) << "two sources shared these bytes";
}

TEST_F(LastGoodTest, a_version_that_nobody_used_takes_no_others_place) {
  auto good = open();
  used_ = false;
  keep(good, staged("/plugins/disk.so", "one"));
  keep(good, staged("/plugins/disk.so", "two"));
  EXPECT_EQ(bytes_of(good.find("/plugins/disk.so")->path), "one");
}

TEST_F(LastGoodTest, of_many_only_those_give_way_that_were_taken_away) {
  auto good = open();
  for (int i = 0; i < 130; ++i)
    keep(good, staged("/plugins/" + std::to_string(i), std::to_string(i), 1 + i));
  EXPECT_EQ(open().entries().size(), 128u);
  EXPECT_TRUE(good.find("/plugins/0")) << "it serves";
  EXPECT_FALSE(good.find("/plugins/128"));
  good.note_removed("/plugins/2");
  good.note_removed("/plugins/1");
  keep(good, staged("/plugins/new", "new", 200));
  EXPECT_TRUE(open().find("/plugins/new"));
  EXPECT_FALSE(good.find("/plugins/1")) << "the oldest of these";
  EXPECT_TRUE(good.find("/plugins/2"));
  EXPECT_FALSE(fs::exists(dir_.file("good/" + sha256_hex("1") + ".so")));
}

TEST_F(LastGoodTest, a_copy_goes_only_when_the_index_names_it_no_more) {
  auto good = open();
  keep(good, staged("/plugins/disk.so", "one"));
  fs::remove(dir_.file("good/index.json"));
  fs::create_directory(dir_.file("good/index.json"));
  keep(good, staged("/plugins/disk.so", "two"));
  const std::string one = dir_.file("good/" + sha256_hex("one") + ".so");
  EXPECT_TRUE(fs::exists(one)) << "the index could not be written";
  fs::remove(dir_.file("good/index.json"));
  good.write();
  EXPECT_FALSE(fs::exists(one));
  EXPECT_EQ(bytes_of(open().find("/plugins/disk.so")->path), "two");
}

TEST_F(LastGoodTest, copies_that_a_killed_process_left_go_at_the_next_start) {
  auto killed = open();
  keep(killed, staged("/plugins/disk.so", "one"));
  const auto two = staged("/plugins/disk.so", "two");
  write_bytes(signature_of(copy_), "signed");
  killed.keep(two, {copy_, two.sha256}, true);  // and no write()
  const std::string left = dir_.file("good/" + two.sha256 + ".so");
  ASSERT_TRUE(fs::exists(left) && fs::exists(signature_of(left)));
  write_bytes(dir_.file("good/README"), "of a person");
  auto next = open();
  next.clear();
  EXPECT_FALSE(fs::exists(left) || fs::exists(signature_of(left)));
  EXPECT_TRUE(next.find("/plugins/disk.so"));
  EXPECT_TRUE(fs::exists(dir_.file("good/README")));
}

TEST_F(LastGoodTest, an_index_that_is_none_condemns_no_copy) {
  auto good = open();
  const auto one = staged("/plugins/disk.so", "one");
  keep(good, one);
  write_bytes(dir_.file("good/index.json"), "{ half");
  auto next = open();
  next.clear();
  keep(next, staged("/plugins/other.so", "two"));
  EXPECT_TRUE(fs::exists(dir_.file("good/" + one.sha256 + ".so")));
}

TEST_F(LastGoodTest, an_index_that_cannot_be_read_now_is_not_overwritten) {  // P2
  auto first = open();
  keep(first, staged("/plugins/disk.so", "one"));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  auto good = open();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  keep(good, staged("/plugins/other.so", "two"));
  EXPECT_TRUE(open().find("/plugins/disk.so"));
  EXPECT_TRUE(open().find("/plugins/other.so"));
}

TEST_F(LastGoodTest, hands_out_no_copy_that_was_damaged) {
  auto good = open();
  const auto entry = staged("/plugins/disk.so", "one");
  keep(good, entry);
  write_bytes(dir_.file("good/" + entry.sha256 + ".so"), "two");
  EXPECT_FALSE(good.find("/plugins/disk.so"));
  for (const char* damaged : {"", "{", R"({"files":[{"source":"x","sha256":"../x"}]})"}) {
    write_bytes(dir_.file("good/index.json"), damaged);
    EXPECT_TRUE(open().entries().empty()) << damaged;
  }
}

}  // namespace
}  // namespace skep::plugin
