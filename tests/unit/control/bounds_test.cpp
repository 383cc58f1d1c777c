// What must not grow with what others send, or with how many workers there are.
#include <atomic>
#include <cstdlib>
#include <future>
#include <new>

#include "tests/unit/control/bundle.hpp"

namespace {
// NOLINTBEGIN(*-avoid-non-const-global-variables)
thread_local std::size_t allocations = 0;
thread_local std::size_t allocated_bytes = 0;
// NOLINTEND(*-avoid-non-const-global-variables)
}  // namespace

#ifndef SKEP_SANITIZED  // which has its own
void* operator new(std::size_t bytes) {
  ++allocations;
  allocated_bytes += bytes;
  if (void* p = std::malloc(bytes > 0 ? bytes : 1)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
#endif

namespace skep::test {
namespace {

class BoundsTest : public ControlTest {
 protected:
  /// Longer than what a string keeps without the heap.
  static std::string name(int number) {
    return "a-worker-with-a-name-of-some-length-" + std::to_string(1'000'000 + number);
  }
  /// Allocations of the registration of one more worker.
  std::size_t cost_of_registration(int number) {
    const std::string body = api::encode(registration(name(number)));
    const std::size_t before = allocations;
    const int status = call("POST", "/api/workers/register", body).status;
    const std::size_t cost = allocations - before;
    EXPECT_EQ(status, 200);
    return cost;
  }
};

TEST_F(BoundsTest, a_registration_costs_nothing_for_each_known_worker) {  // N10
#ifdef SKEP_SANITIZED
  GTEST_SKIP() << "a sanitizer counts its own allocations";
#endif
  int known = 0;
  for (; known < 20; ++known) cost_of_registration(known);
  const std::size_t among_few = cost_of_registration(known++);
  for (; known < 500; ++known) cost_of_registration(known);
  EXPECT_LT(cost_of_registration(known), among_few + 100) << "500 workers are known";
}

TEST_F(BoundsTest, a_version_too_many_costs_nothing_for_each_known_worker) {
#ifdef SKEP_SANITIZED
  GTEST_SKIP() << "a sanitizer counts its own allocations";
#endif
  constexpr int kMost = control::TypeVersions::kMost;
  auto& credentials = control.feature<control::Workers>().credentials;
  /// The bytes that it takes to register a worker that runs one of many versions of a type.
  const auto enrol = [&](int number, int version) {
    api::Registration r = registration(name(number));
    r.types = {
        {"probe", "", "1.0.0",
         R"({"type":"object","properties":{"p)" + std::to_string(1'000 + version) + R"(":{}}})",
         0}};
    const std::string body = api::encode(r);
    const std::size_t before = allocated_bytes;
    const auto response = call("POST", "/api/workers/register", body);
    const std::size_t cost = allocated_bytes - before;
    EXPECT_EQ(response.status, 200) << response.body;
    const auto reply = parse_json(response.body);
    credentials.worker_of(get_string(reply->get_object(), "credential"));
    return cost;
  };
  int known = 0;
  for (; known < kMost; ++known) enrol(known, known);
  enrol(known++, kMost);  // the first one too many
  const std::size_t among_few = enrol(known++, kMost + 1);
  constexpr std::size_t kMore = 2'000;
  for (std::size_t i = 0; i < kMore; ++i) enrol(known++, static_cast<int>(i) % kMost);
  EXPECT_LT(enrol(known, kMost + 2), among_few + kMore * sizeof(void*))
      << kMore << " more workers are known, and each is looked at";
}

TEST_F(BoundsTest, a_scrape_every_second_counts_tasks_for_a_tenth_of_the_time) {
  submit();
  int counted = 0;
  queue.before_stats = [&] {
    ++counted;
    clock.advance(Millis{500});
  };
  EXPECT_NE(call("GET", "/metrics").body.find("\nskep_tasks_counted_age_seconds 0.5\n"),
            std::string::npos);
  submit();
  for (int second = 1; second < 5; ++second) {
    clock.advance(Millis{1'000});
    EXPECT_NE(call("GET", "/metrics").body.find("\nnova_runs_queued 1\n"), std::string::npos);
    EXPECT_EQ(call("GET", "/api/workers/health").status, 200);
  }
  EXPECT_EQ(counted, 1);
  const std::string metrics = call("GET", "/metrics").body;
  EXPECT_NE(metrics.find("\nskep_tasks_counted_age_seconds 4.5\n"), std::string::npos) << metrics;
  clock.advance(Millis{1'000});
  EXPECT_NE(call("GET", "/metrics").body.find("\nnova_runs_queued 2\n"), std::string::npos);
  EXPECT_EQ(counted, 2);
}

TEST_F(BoundsTest, those_who_ask_for_counts_at_once_share_one) {
  std::atomic<int> counted{0};
  std::promise<void> counts;
  std::promise<void> goes_on;
  queue.before_stats = [&] {
    if (++counted > 1) return;
    counts.set_value();
    goes_on.get_future().wait();
    clock.advance(Millis{500});
  };
  const auto scrape = [&] { return call("GET", "/metrics").status; };
  auto first = std::async(std::launch::async, scrape);
  counts.get_future().wait();
  auto second = std::async(std::launch::async, scrape);
  auto third = std::async(std::launch::async, scrape);
  goes_on.set_value();
  EXPECT_EQ(first.get() + second.get() + third.get(), 600);
  EXPECT_EQ(counted, 1);
}

TEST_F(BoundsTest, what_could_not_be_counted_is_left_out_and_not_asked_for_again_at_once) {
  submit();
  int counted = 0;
  queue.before_stats = [&] {
    ++counted;
    clock.advance(Millis{5'000});
  };
  queue.stats_failure = Error{Code::kDeadline, "count tasks: interrupted"};
  for (int i = 0; i < 2; ++i) {
    const auto metrics = call("GET", "/metrics");
    EXPECT_EQ(metrics.status, 200);
    EXPECT_NE(metrics.body.find("\nskep_claims_waiting 0\n"), std::string::npos);
    for (const char* name : {"nova_runs_queued", "skep_tasks{", "skep_task_oldest", "skep_tasks_c"})
      EXPECT_EQ(metrics.body.find(name), std::string::npos) << metrics.body;
    const auto health = call("GET", "/api/workers/health");
    EXPECT_EQ(health.status, 200);
    EXPECT_NE(health.body.find(R"("status":"degraded")"), std::string::npos) << health.body;
    EXPECT_NE(health.body.find("tasks cannot be counted: "), std::string::npos) << health.body;
    EXPECT_EQ(health.body.find(R"("queue")"), std::string::npos) << health.body;
  }
  EXPECT_EQ(counted, 1);
  queue.stats_failure.reset();
  clock.advance(Millis{50'000});
  EXPECT_NE(call("GET", "/metrics").body.find("\nnova_runs_queued 1\n"), std::string::npos);
}

TEST_F(BoundsTest, methods_that_nobody_knows_are_one_label) {  // N2
  for (int i = 0; i < 100; ++i)
    control.http_metrics().count("BREW" + std::to_string(i), "", 405, Millis{1});
  control.http_metrics().count("GET", "/livez", 200, Millis{1});
  const std::string metrics = call("GET", "/metrics").body;
  EXPECT_EQ(metrics.find("BREW"), std::string::npos);
  EXPECT_NE(metrics.find(R"(method="GET")"), std::string::npos);
  const std::string other = R"(method="other")";
  const auto first = metrics.find(other);
  ASSERT_NE(first, std::string::npos);
  EXPECT_EQ(metrics.find(other, first + 1), std::string::npos);
}

}  // namespace
}  // namespace skep::test
