#include "core/plugin/quarantine.hpp"

#include <sys/resource.h>
#include <sys/stat.h>

#include "tests/unit/plugin/support.hpp"

namespace skep::plugin {
namespace {

std::string way_out(const std::string& id) { return "skep plugin reload " + id + " --force"; }

std::string sha(char digit) { return std::string(64, digit); }

class QuarantineTest : public testing::Test {
 protected:
  const TempDir dir_;
  const std::string path_ = dir_.file("quarantine.json");
};

TEST_F(QuarantineTest, is_kept_and_says_why_since_when_and_the_way_out) {
  Quarantine(path_, way_out)
      .add(sha('a'), {"disk", "2.0.0", "crashed in call 5", 1'768'046'400'000});
  Quarantine again(path_, way_out);
  ASSERT_TRUE(again.has(sha('a')));
  const Error error = again.refusal(sha('a'));
  EXPECT_EQ(error.code, Code::kDenied);
  EXPECT_EQ(error.message,
            "this file (2.0.0, sha256 aaaaaaaaaaaa) is in quarantine since "
            "2026-01-10T12:00:00.000Z: crashed in call 5");
  EXPECT_NE(error.next.find("skep plugin reload disk --force"), std::string::npos) << error.next;
  struct stat st {};
  ASSERT_EQ(::stat(path_.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777u, 0600u);
  EXPECT_TRUE(again.remove(sha('a')));
  EXPECT_FALSE(again.remove(sha('a')));
  EXPECT_FALSE(Quarantine(path_, way_out).has(sha('a')));
}

TEST_F(QuarantineTest, forgets_what_was_for_this_run_only_and_the_oldest_of_many) {
  {
    Quarantine q(path_, way_out);
    q.add(sha('a'), {"disk", "", "did not start in time", 5, false});
    EXPECT_TRUE(q.has(sha('a')));
    for (WallMs at = 10; at < 266; ++at) {
      const std::string digits = std::to_string(at);
      q.add(std::string(64 - digits.size(), 'b') + digits, {"disk", "", "crashed", at});
    }
    EXPECT_FALSE(q.has(sha('a')));
  }
  Quarantine q(path_, way_out);
  EXPECT_TRUE(q.has(std::string(61, 'b') + "265"));
  q.add(sha('a'), {"disk", "", "did not start in time", 900, false});
  EXPECT_FALSE(Quarantine(path_, way_out).has(sha('a')));
}

TEST_F(QuarantineTest, sets_a_damaged_file_aside) {
  for (const char* damaged : {"", "{", "[]", R"({"files":[{"sha256":"short"}]})", R"({"files":7})",
                              R"({"files":[{"sha256":"a","at":"now"}]})"}) {
    write_bytes(path_, damaged);
    Quarantine q(path_, way_out);
    EXPECT_FALSE(q.has("short"));
    EXPECT_FALSE(fs::exists(path_)) << damaged;
    EXPECT_EQ(bytes_of(path_ + ".damaged"), damaged);
    q.add(sha('a'), {"disk", "", "crashed", 1});
    EXPECT_TRUE(Quarantine(path_, way_out).has(sha('a')));
  }
}

TEST_F(QuarantineTest, a_file_that_cannot_be_read_now_stays_and_is_kept_later) {  // P2
  Quarantine(path_, way_out).add(sha('a'), {"disk", "", "crashed", 1});
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  Quarantine q(path_, way_out);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_FALSE(fs::exists(path_ + ".damaged"));
  q.add(sha('b'), {"disk", "", "crashed", 2});
  EXPECT_TRUE(q.has(sha('a')));
  Quarantine again(path_, way_out);
  EXPECT_TRUE(again.has(sha('a')) && again.has(sha('b')));
}

TEST_F(QuarantineTest, goes_on_without_a_place_to_write) {
  Quarantine q(dir_.file("no/such/folder/quarantine.json"), way_out);
  q.add(sha('a'), {"disk", "", "crashed", 1});
  EXPECT_TRUE(q.has(sha('a')));
}

}  // namespace
}  // namespace skep::plugin
