#include "core/worker/health.hpp"

#include <gtest/gtest.h>

#include "tests/support/fake_clock.hpp"

namespace skep::worker {
namespace {

using test::FakeClock;
using Troubles = std::vector<std::string>;

struct Watched {
  FakeClock clock;
  int changes = 0;
  int offers = 0;
  Health health{clock, Millis{5'000}, {[this] { ++changes; }, [this] { ++offers; }}};
};

TEST(Health, rests_longer_each_time_that_a_type_fails_again) {
  Watched w;
  for (const int seconds : {5, 10, 20, 40, 60, 60}) {
    w.health.failed("script", "no space");
    EXPECT_EQ(w.health.troubles(), Troubles{"script: no space"});
    w.clock.advance(Millis{seconds * 1'000 - 1});
    EXPECT_TRUE(w.health.resting()) << seconds;
    w.clock.advance(Millis{1});
    EXPECT_FALSE(w.health.resting()) << seconds;
    EXPECT_TRUE(w.health.troubles().empty());
    EXPECT_TRUE(w.health.unproven());
  }
  EXPECT_EQ(w.changes, 12) << "each came, and each went";
}

TEST(Health, forgets_a_type_that_worked) {
  Watched w;
  w.health.failed("script", "no space");
  w.health.failed("script", "no space");  // that began at the same time
  w.health.worked("other");
  EXPECT_TRUE(w.health.resting());
  w.health.worked("script");
  EXPECT_FALSE(w.health.resting());
  EXPECT_FALSE(w.health.unproven());
  w.health.failed("script", "no space");
  w.clock.advance(Millis{5'000});
  EXPECT_FALSE(w.health.resting()) << "it begins at the shortest rest again";
}

TEST(Health, withholds_one_type_and_lets_the_others_go_on) {
  Watched w;
  const std::set<std::string> held{"greet"};
  for (const int seconds : {5, 10, 30}) {
    w.health.withhold("greet", "its child does not start", Millis{seconds == 30 ? 30'000 : 0});
    EXPECT_EQ(w.health.notices(), Troubles{"greet: its child does not start"});
    EXPECT_TRUE(w.health.troubles().empty());
    EXPECT_FALSE(w.health.resting());
    EXPECT_FALSE(w.health.unproven()) << "tasks of others come as many at a time as ever";
    EXPECT_EQ(w.health.withheld(), held);
    w.clock.advance(Millis{seconds * 1'000 - 1});
    w.health.worked("greet");  // it began before
    w.health.look();
    EXPECT_EQ(w.health.withheld(), held) << seconds;
    w.clock.advance(Millis{1});
    w.health.look();
    EXPECT_TRUE(w.health.withheld().empty()) << seconds;
    EXPECT_TRUE(w.health.notices().empty());
  }
  EXPECT_EQ(w.offers, 6) << "each went, and each came";
  w.health.worked("greet");
  w.health.withhold("greet", "again", {});
  w.clock.advance(Millis{5'000});
  EXPECT_TRUE(w.health.withheld().empty()) << "it begins at the shortest rest again";
}

TEST(Health, shows_a_source_until_it_is_well) {
  Watched w;
  w.health.set("spool", "full");
  w.health.set("spool", "still full");
  EXPECT_EQ(w.health.troubles(), Troubles{"still full"});
  w.health.set("spool", "");
  w.health.set("spool", "");
  EXPECT_TRUE(w.health.troubles().empty());
  EXPECT_EQ(w.changes, 2);
}

}  // namespace
}  // namespace skep::worker
