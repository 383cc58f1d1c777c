// Durable events: what a transaction writes with what causes it, and how it is read again.
#include <atomic>
#include <map>

#include "core/base/events.hpp"
#include "core/control/events/events.hpp"
#include "registry.hpp"

namespace skep::test {
namespace {

using control::EventFeed;
using control::Events;
using control::NewEvent;
using control::StoredEvent;

class EventsTest : public RegistryTest {
 protected:
  EventsTest() {
    auto c = config();
    c.events.events = {"*"};
    control.apply(c);
  }
  Events& events() { return control.feature<Events>(); }
  std::vector<StoredEvent> stored(const std::string& kinds = "") {
    std::vector<StoredEvent> out;
    const auto rows = store.query(
        {"SELECT sequence, at_ms, kind, subject, actor, fields FROM events ORDER BY sequence"});
    for (const auto& row : *rows) {
      StoredEvent e{ports::as_int(row[0]),  ports::as_int(row[1]),  ports::as_text(row[2]),
                    ports::as_text(row[3]), ports::as_text(row[4]), ports::as_text(row[5])};
      if (e.kind.starts_with(kinds)) out.push_back(std::move(e));
    }
    return out;
  }
  std::vector<std::string> kinds(const std::string& beginning = "") {
    std::vector<std::string> out;
    for (const auto& e : stored(beginning)) out.push_back(e.kind);
    return out;
  }
  json::object fields(const StoredEvent& e) { return parse_json(e.fields)->as_object(); }
  void write(int n, control::Events& by, std::string_view kind = "task.failed") {
    const std::vector<NewEvent> some(static_cast<std::size_t>(n),
                                     NewEvent{clock.wall_ms(), kind, "t", "system"});
    ASSERT_TRUE(store.batch(by.log.statements(some)));
    by.log.committed();
  }
  /// All that a place gives; what is older than the window is read in between.
  std::vector<std::int64_t> follow(EventFeed& feed, EventFeed::Place& place) {
    std::vector<std::int64_t> out;
    EXPECT_TRUE(feed.look());
    for (;;) {
      const auto batch = place.next(64);
      for (const auto& e : batch.events) out.push_back(e->sequence);
      if (batch.pending)
        EXPECT_TRUE(feed.look());
      else if (!batch.more)
        return out;
    }
  }
  static std::vector<std::int64_t> range(std::int64_t first, std::int64_t last) {
    std::vector<std::int64_t> out;
    for (; first <= last; ++first) out.push_back(first);
    return out;
  }
  void end(bool ok, const std::string& worker = "w1") { end_task(begin_task(worker), worker, ok); }
  void settle() { ASSERT_TRUE(control.reconciler().step(1'000)); }
};

using Kinds = std::vector<std::string>;

TEST_F(EventsTest, of_tasks_that_ended_say_what_became_of_them) {
  enrol("w1");
  const auto lease = begin_task("w1");
  clock.advance(Millis{5});
  model::Outcome failed{model::OutcomeKind::kFailed, "",
                        R"({"code":"bad_input","message":"no","cancelled_by":"operator:eve"})"};
  failed.duration_ms = 3;
  verdict_of(envelope(lease, "w1", failed));
  end(true);
  settle();
  const auto all = stored("task.");
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].kind, "task.failed");
  EXPECT_EQ(all[0].subject, lease.task_id);
  EXPECT_EQ(all[0].actor, "worker:w1");
  EXPECT_LE(all[0].at, clock.wall_ms());
  const auto f = fields(all[0]);
  EXPECT_EQ(get_string(f, "type"), "echo");
  EXPECT_EQ(get_string(f, "worker_id"), "w1");
  EXPECT_EQ(get_int(f, "attempt"), 1);
  EXPECT_EQ(get_int(f, "duration_ms"), 3);
  EXPECT_EQ(get_string(f, "code"), "bad_input");
  EXPECT_EQ(all[1].kind, "task.succeeded");
}

TEST_F(EventsTest, are_there_once_however_often_the_store_fails) {
  enrol("w1");
  for (int i = 0; i < 60; ++i) end(i % 2 == 0);
  store.failure = Error{Code::kUnavailable, "the store is away"};
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(control.reconciler().step(1'000));
  EXPECT_TRUE(stored("task.").empty());
  EXPECT_FALSE(call("POST", "/api/workers/w1/pause").status < 300);
  EXPECT_FALSE(call("POST", "/api/registry/releases", publication("1.0.0")).status < 300);
  store.failure.reset();
  settle();
  settle();
  EXPECT_EQ(stored("task.").size(), 60u);
  const auto all = stored();
  for (std::size_t i = 0; i < all.size(); ++i)
    EXPECT_EQ(all[i].sequence, static_cast<std::int64_t>(i) + 1) << "no holes";
  EXPECT_EQ(kinds("worker."), Kinds{"worker.registered"});
  EXPECT_TRUE(kinds("release.").empty());
}

TEST_F(EventsTest, of_a_cancelled_task_name_who_cancelled_it) {
  enrol("w1");
  const std::string mine = submit();
  api("POST", "/api/tasks/" + mine + "/cancel");
  const auto lease = begin_task("w1");
  verdict_of(envelope(lease, "w1",
                      {model::OutcomeKind::kCancelled, "", R"({"cancelled_by":"operator:eve"})"}));
  settle();
  const auto all = stored("task.cancelled");
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].actor, "anonymous") << "the caller of this test";
  EXPECT_EQ(all[1].actor, "worker:w1") << "a worker cannot say that somebody else did it";
}

TEST_F(EventsTest, of_a_task_that_expired_are_the_control_planes_whatever_a_worker_says) {
  enrol("w1");
  const std::string at = to_iso(clock.wall_ms() + 1'000);
  submit(R"({"type":"echo","worker_id":"w2","expires_at":")" + at + "\"}");
  const auto lease = begin_task("w1");
  verdict_of(envelope(lease, "w1", {model::OutcomeKind::kFailed, "", R"({"code":"worker_lost"})"}));
  clock.advance(Millis{2'000});
  ASSERT_TRUE(tasks().reaper.round());
  settle();
  std::map<std::string, std::string> actors;
  for (const auto& e : stored("task.")) actors[e.kind] = e.actor;
  EXPECT_EQ(actors["task.cancelled"], "system");
  EXPECT_EQ(actors["task.failed"], "worker:w1");
}

TEST_F(EventsTest, of_a_task_that_the_control_plane_gave_up_are_its_own) {
  enrol("w1");
  submit(R"({"type":"echo","max_attempts":1})");
  ASSERT_EQ(claim("w1", 1).size(), 1u);
  enrol("w1", "i2");
  settle();
  const auto all = stored("task.");
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].kind, "task.dead");
  EXPECT_EQ(all[0].actor, "system");
  EXPECT_EQ(get_string(fields(all[0]), "code"), "worker_crashed");
}

TEST_F(EventsTest, of_workers_come_with_what_changed_and_who_did_it) {
  enrol("w1");
  enrol("w1");  // the same process says again what it can do
  enrol("w1", "i2");
  api("POST", "/api/workers/w1/pause");
  api("POST", "/api/workers/w1/pause");
  api("POST", "/api/workers/w1/drain");
  api("POST", "/api/workers/w1/resume");
  EXPECT_EQ(call("DELETE", "/api/workers/w1").status, 409);
  clock.advance(Millis{91'000});
  api("DELETE", "/api/workers/w1");
  EXPECT_EQ(kinds(), (Kinds{"worker.registered", "worker.registered", "worker.paused",
                            "worker.draining", "worker.resumed", "worker.removed"}));
  const auto all = stored();
  EXPECT_EQ(all[0].actor, "worker:w1");
  EXPECT_FALSE(get_bool(fields(all[0]), "restarted", true));
  EXPECT_TRUE(get_bool(fields(all[1]), "restarted"));
  EXPECT_EQ(all[2].actor, "anonymous");
  EXPECT_EQ(all[2].subject, "w1");
}

TEST_F(EventsTest, a_worker_that_two_control_planes_forget_is_removed_once) {
  enrol("w1");
  control::Control other(queue, store, clock, config(), types());
  ASSERT_TRUE(other.prepare());
  clock.advance(Millis{91'000});
  api("DELETE", "/api/workers/w1");
  EXPECT_TRUE(other.feature<control::Workers>().service.remove("w1", "operator:socket"));
  EXPECT_EQ(stored("worker.removed").size(), 1u);
}

TEST_F(EventsTest, of_releases_are_in_the_store_and_not_in_the_nodes_ring) {
  for (const char* id : {"w1", "w2"}) enrol(id);
  const std::uint64_t before = ::skep::events::newest();
  publish("1.0.0");
  publish("2.0.0", R"(,"canary":1,"hold":true)");
  report(canary(), "failed", "no");
  round();
  publish("2.1.0");
  api("POST", "/api/registry/releases/echo/rollback");
  api("DELETE", "/api/registry/releases/echo");
  EXPECT_EQ(kinds("release."), (Kinds{"release.published", "release.published", "release.canary",
                                      "release.rolled_back", "release.published",
                                      "release.rolled_back", "release.withdrawn"}));
  const auto all = stored("release.");
  EXPECT_EQ(all[0].actor, "anonymous");
  EXPECT_FALSE(get_bool(fields(all[0]), "hold", true));
  EXPECT_TRUE(get_bool(fields(all[2]), "hold"));
  EXPECT_EQ(all[3].actor, "system") << "the judgement's";
  EXPECT_EQ(get_string(fields(all[3]), "version"), "2.0.0");
  for (const auto& e : ::skep::events::since(before, 100, Millis{0}, {}))
    EXPECT_EQ(e.name, "release.failed") << "twice";
}

TEST(EventActors, tell_kinds_apart) {
  using net::Caller;
  EXPECT_EQ(control::actor_of({Caller::Kind::kOperator, "token"}), "operator:token");
  EXPECT_EQ(control::actor_of({Caller::Kind::kWorker, "w1"}), control::worker_actor("w1"));
  EXPECT_EQ(control::actor_of({}), "anonymous");
  EXPECT_NE(control::worker_actor("system"), control::kSystem);
}

TEST_F(EventsTest, only_the_kinds_that_somebody_wants_are_kept) {
  auto c = config();
  c.events.events = {"task.failed", "worker.*"};
  control.apply(c);
  enrol("w1");
  publish("1.0.0");
  end(true);
  end(false);
  settle();
  EXPECT_EQ(kinds(), (Kinds{"worker.registered", "task.failed"}));
  control.apply(config());
  end(true);
  settle();
  EXPECT_EQ(stored().size(), 2u) << "task.succeeded is nothing that is kept by default";
  c.events.events = {};
  control.apply(c);
  end(false);
  settle();
  EXPECT_EQ(stored().size(), 2u);
  EXPECT_EQ(stored().back().sequence, 2) << "what is not kept takes no number";
}

TEST_F(EventsTest, texts_from_outside_are_mended_and_bounded) {
  const std::string huge(1 << 20, 'x');
  const std::string split = std::string(1023, 'a') + "\xc3\xa9";
  const std::vector<NewEvent> hostile{
      {1,
       "task.failed",
       std::string("a\xff\0b", 4),
       huge,
       {{"bad", "\xc3(\xed\xa0\x80"}, {"huge", huge}, {"split", split}}}};
  ASSERT_TRUE(store.batch(events().log.statements(hostile)));
  const auto e = stored().at(0);
  EXPECT_EQ(e.subject, "a\xef\xbf\xbd?b");
  EXPECT_EQ(e.actor.size(), 1024u);
  EXPECT_LT(e.fields.size(), 4096u);
  EXPECT_EQ(get_string(fields(e), "split"), std::string(1023, 'a'));
}

TEST_F(EventsTest, a_reader_gets_what_is_new_and_resumes_over_a_restart) {
  write(3, events());
  auto place = *events().feed->open(std::nullopt);
  EXPECT_EQ(place->at(), 3);
  EXPECT_TRUE(follow(*events().feed, *place).empty());
  write(2, events());
  EXPECT_EQ(follow(*events().feed, *place), range(4, 5));
  control::Control again(queue, store, clock, config(), types());
  ASSERT_TRUE(again.prepare());
  auto& there = again.feature<Events>();
  write(2, there);
  auto resumed = *there.feed->open(place->at());
  EXPECT_EQ(follow(*there.feed, *resumed), range(6, 7));
  EXPECT_FALSE(resumed->reset());
}

TEST_F(EventsTest, a_reader_far_behind_gets_all_of_it_in_order) {
  auto slow = *events().feed->open(std::nullopt);
  for (int i = 0; i < 30; ++i) write(100, events());
  auto first = *events().feed->open(0);
  EXPECT_EQ(follow(*events().feed, *first), range(1, 3000));
  EXPECT_EQ(follow(*events().feed, *slow), range(1, 3000)) << "longer than the window";
  auto middle = *events().feed->open(2500);
  EXPECT_EQ(follow(*events().feed, *middle), range(2501, 3000));
}

TEST_F(EventsTest, two_control_planes_of_one_database_interleave_without_loss) {
  control::Control second(queue, store, clock, config(), types());
  ASSERT_TRUE(second.prepare());
  auto& there = second.feature<Events>();
  auto here = *events().feed->open(std::nullopt);
  auto over_there = *there.feed->open(0);
  std::vector<std::int64_t> seen;
  std::vector<std::int64_t> seen_there;
  for (int i = 0; i < 20; ++i) {
    write(1 + i % 3, i % 2 == 0 ? events() : there);
    for (const auto s : follow(*events().feed, *here)) seen.push_back(s);
    if (i % 4 == 0)
      for (const auto s : follow(*there.feed, *over_there)) seen_there.push_back(s);
  }
  for (const auto s : follow(*there.feed, *over_there)) seen_there.push_back(s);
  EXPECT_EQ(seen, range(1, stored().back().sequence));
  EXPECT_EQ(seen_there, seen);
}

TEST_F(EventsTest, numbers_are_never_given_again) {
  write(5, events());
  ASSERT_TRUE(store.batch(std::vector<ports::Statement>{{"DELETE FROM events"}}));
  write(1, events());
  EXPECT_EQ(stored().at(0).sequence, 6);
  auto place = *events().feed->open(0);
  EXPECT_EQ(follow(*events().feed, *place), range(6, 6));
}

TEST_F(EventsTest, a_reader_is_told_how_far_nothing_is_kept_any_more) {
  write(5, events());
  ASSERT_TRUE(store.batch(std::vector<ports::Statement>{{"DELETE FROM events"}}));
  auto place = *events().feed->open(2);
  EXPECT_TRUE(place->next(64).pending);
  ASSERT_TRUE(events().feed->look());
  const auto batch = place->next(64);
  EXPECT_TRUE(batch.events.empty());
  EXPECT_EQ(batch.through, 5);
  EXPECT_FALSE(batch.more);
}

TEST_F(EventsTest, a_place_beyond_the_end_is_of_another_database) {
  write(2, events());
  auto place = *events().feed->open(99);
  EXPECT_TRUE(place->reset());
  EXPECT_EQ(place->at(), 2);
}

TEST_F(EventsTest, readers_hear_of_news_and_of_the_end) {
  const auto told = std::make_shared<int>(0);  // the feed is closed again after this test
  const auto feed = events().feed;
  feed->set_listener([told] { ++*told; });
  ASSERT_TRUE(feed->look());
  EXPECT_EQ(*told, 0) << "nobody follows";
  auto place = *feed->open(std::nullopt);
  write(1, events());
  ASSERT_TRUE(feed->look());
  EXPECT_EQ(*told, 1);
  ASSERT_TRUE(feed->look());
  EXPECT_EQ(*told, 1) << "nothing new";
  feed->close();
  EXPECT_EQ(*told, 2);
  EXPECT_TRUE(place->next(64).closed);
  EXPECT_FALSE(feed->open(0));
}

TEST_F(EventsTest, a_commit_of_this_process_wakes_the_pump_in_no_time) {
  auto place = *events().feed->open(std::nullopt);
  events().feed->wait(Millis{0}, {});  // the poke of open()
  enrol("w1");
  events().feed->wait(Millis{3'600'000}, {});  // hangs when the wake-up is lost
  end(true);
  settle();
  events().feed->wait(Millis{3'600'000}, {});
}

TEST_F(EventsTest, old_ones_go_oldest_first_and_never_leave_a_hole) {
  auto c = config();
  c.tasks.retention_days = 1;
  control.apply(c);
  for (int i = 0; i < 15; ++i) write(100, events());
  clock.advance(Millis{86'400'001});
  write(3, events());
  EXPECT_EQ(*events().retention.step(), 1000u) << "a batch at a time";
  EXPECT_EQ(*events().retention.step(), 500u);
  EXPECT_EQ(*events().retention.step(), 0u);
  EXPECT_EQ(stored().size(), 3u);
  EXPECT_EQ(stored().at(0).sequence, 1501);
}

TEST_F(EventsTest, no_more_than_so_many_are_kept_however_young) {
  auto c = config();
  c.events.max_events = 1000;
  control.apply(c);
  for (int i = 0; i < 12; ++i) write(100, events());
  EXPECT_EQ(*events().retention.step(), 200u);
  EXPECT_EQ(stored().size(), 1000u);
  EXPECT_EQ(*events().retention.step(), 0u);
}

TEST_F(EventsTest, several_of_one_transaction_keep_their_order) {
  std::vector<ports::Statement> batch{{"UPDATE cursors SET sequence = sequence"}};
  events().log.append(std::vector<NewEvent>{{1, "task.failed", "a", ""}}, batch);
  events().log.append(std::vector<NewEvent>{{1, "task.dead", "b", ""}, {1, "task.failed", "c", ""}},
                      batch);
  ASSERT_TRUE(store.batch(batch));
  EXPECT_TRUE(batch.back().sql.starts_with("UPDATE cursors"))
      << "the numbers' row is the first that a transaction locks";
  std::string order;
  for (const auto& e : stored()) order += e.subject;
  EXPECT_EQ(order, "abc");
}

}  // namespace
}  // namespace skep::test
