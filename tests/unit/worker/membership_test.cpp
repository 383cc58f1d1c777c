#include "core/worker/membership.hpp"

#include <gtest/gtest.h>

#include "tests/support/fake_clock.hpp"

namespace skep::worker {
namespace {

using test::FakeClock;

struct Member {
  FakeClock clock;
  Membership membership{{.advice = [](Code) { return "skep health http://c"; }}, clock};
  std::string trouble() const { return membership.trouble(); }
  void refuse(Code code) { membership.failed(Error{code, "POST http://c/register: status 4xx"}); }
};

TEST(Membership, that_never_was_says_so_with_the_first_failure) {
  Member m;
  EXPECT_EQ(m.trouble(), "");
  const std::string since = to_iso(m.clock.wall_ms());
  m.membership.failed(unavailable("POST http://c/register: refused"));
  m.clock.advance(Millis{5'000});
  m.membership.failed(unavailable("POST http://c/register: timed out"));
  EXPECT_EQ(m.trouble(), "it has not reached its control plane since " + since +
                             ": POST http://c/register: timed out; next: skep health http://c");
  m.membership.set_registered(true);
  EXPECT_EQ(m.trouble(), "");
}

TEST(Membership, that_is_cut_off_says_so_after_a_while) {
  Member m;
  m.membership.set_registered(true);
  m.membership.failed(unavailable("away"));
  const std::string since = to_iso(m.clock.wall_ms());
  m.clock.advance(Millis{29'999});
  m.membership.failed(unavailable("still away"));
  EXPECT_EQ(m.trouble(), "") << "a restart is no trouble";
  m.clock.advance(Millis{1});
  EXPECT_EQ(m.trouble(), "cut off from its control plane since " + since +
                             ": still away; next: skep health http://c");
  m.membership.reached();
  EXPECT_EQ(m.trouble(), "");
  m.membership.failed(unavailable("away"));
  EXPECT_EQ(m.trouble(), "") << "it counts from the last success";
}

TEST(Membership, that_is_refused_says_so_at_once_and_until_it_is_taken) {
  for (const Code code : {Code::kDenied, Code::kInvalid}) {
    Member m;
    m.membership.set_registered(true);
    m.refuse(code);
    EXPECT_EQ(m.trouble().find("its control plane refuses it since 20"), 0u) << m.trouble();
    if (code == Code::kDenied) {
      EXPECT_FALSE(m.membership.registered());
      m.membership.reached();
      EXPECT_NE(m.trouble(), "") << "results pass, the worker does not";
    }
    m.membership.set_registered(true);
    EXPECT_EQ(m.trouble(), "");
  }
}

TEST(Membership, says_what_the_control_plane_advises) {
  Member m;
  m.membership.failed(Error{Code::kDenied, "409", "", "keep its state_dir"});
  EXPECT_TRUE(m.trouble().ends_with("; next: keep its state_dir")) << m.trouble();
}

TEST(Membership, asks_for_advice_without_its_lock) {
  FakeClock clock;
  const Membership* self = nullptr;
  Membership m({.advice = [&](Code) { return self->up() ? "wait" : "skep health"; }}, clock);
  self = &m;
  m.failed(unavailable("away"));
  EXPECT_TRUE(m.trouble().ends_with("; next: skep health")) << m.trouble();
}

TEST(Membership, whose_id_another_process_has_is_refused) {
  int conflicts = 0;
  FakeClock clock;
  Membership m({.on_conflict = [&] { ++conflicts; }}, clock);
  m.failed(Error{Code::kState, "another process has w1"});
  m.failed(Error{Code::kState, "another process has w1"});
  EXPECT_EQ(conflicts, 1);
  EXPECT_TRUE(m.conflicted());
  EXPECT_NE(m.trouble().find("another process has w1"), std::string::npos);
}

TEST(Membership, ages_by_the_monotonic_clock) {
  Member m;
  m.membership.set_registered(true);
  m.membership.failed(unavailable("away"));
  m.clock.set(Millis{3'600'000});
  EXPECT_EQ(m.trouble(), "") << "somebody set the clock";
}

}  // namespace
}  // namespace skep::worker
