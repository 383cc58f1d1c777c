#include "core/plugin/task_table.hpp"

#include <atomic>
#include <future>

#include "core/base/json.hpp"
#include "core/plugin/adapters/abi_error.hpp"
#include "core/plugin/adapters/task_call.hpp"
#include "core/plugin/boundary.hpp"
#include "core/plugin/services/host.hpp"
#include "tests/unit/plugin/support.hpp"

namespace skep::plugin {
namespace {

using Body = std::function<model::Outcome(TaskCall&, std::string_view request)>;

class Target final : public TaskTarget {
 public:
  explicit Target(Body body) : body_(std::move(body)) {}
  model::Outcome run(TaskCall& call, std::string_view request) override {
    return body_(call, request);
  }

 private:
  Body body_;
};

model::Outcome says(TaskCall& call, std::string_view json) {
  TaskCall::ops().emit(call.handle(), SKEP_CH_RESULT, to_view(json));
  return call.outcome(SKEP_OK);
}

std::shared_ptr<TaskComponent> component(const std::string& owner, const std::string& type,
                                         Body body, std::int64_t max_concurrency = 0) {
  return std::make_shared<TaskComponent>(
      std::make_unique<Target>(std::move(body)),
      TaskComponent::Options{owner, {type, "", "1.0.0", "{}", 0}, std::nullopt, max_concurrency});
}

std::shared_ptr<Generation> generation(const std::string& owner, std::uint64_t number) {
  GenerationInfo info;
  info.number = number;
  return std::make_shared<Generation>(owner, std::move(info));
}

class TaskTableTest : public testing::Test {
 protected:
  model::Outcome run(const std::string& type, MonoMs deadline = 0) {
    ports::RunRequest request;
    request.task = {{"t-1", 3, "lease"}, type, "{}", "key-1", 5000};
    request.worker_id = "w-1";
    request.site = "site-a";
    return table_.run(request, deadline, cancel_, events_);
  }
  void serve(const std::string& owner, std::uint64_t number, const std::string& type, Body body) {
    ASSERT_TRUE(table_.put(generation(owner, number), {component(owner, type, std::move(body))}));
  }
  static Body answer(std::string json) {
    return [json](TaskCall& call, std::string_view) { return says(call, json); };
  }

  TaskTable table_;
  ports::CancelToken cancel_;
  ports::TaskEvents events_;
};

TEST_F(TaskTableTest, a_call_ends_on_the_generation_it_began_on) {
  std::promise<void> inside;
  std::promise<void> go;
  const auto first = generation("acme", 1);
  ASSERT_TRUE(table_.put(first, {component("acme", "hello", [&](TaskCall& call, std::string_view) {
                           inside.set_value();
                           go.get_future().wait();
                           return says(call, "1");
                         })}));
  auto old = std::async(std::launch::async, [&] { return run("hello"); });
  inside.get_future().wait();
  serve("acme", 2, "hello", answer("2"));
  EXPECT_EQ(first->info().inside, 1);
  EXPECT_FALSE(first->wait_idle(SystemClock().mono_ms() + 1));
  EXPECT_EQ(run("hello").result, "2");
  go.set_value();
  EXPECT_EQ(old.get().result, "1");
  EXPECT_TRUE(first->wait_idle(SystemClock().mono_ms() + 60'000));
  EXPECT_EQ(first->info().calls, 1);
  EXPECT_EQ(first->info().inside, 0);
}

TEST_F(TaskTableTest, a_task_that_waits_for_one_inside_of_it_does_not_keep_its_slot) {
  bool inside = false;
  std::atomic<int> at_once{0};
  const Body body = [&](TaskCall& call, std::string_view) {
    EXPECT_EQ(++at_once, 1) << "one at a time, as the manifest says";
    if (!std::exchange(inside, true)) {
      --at_once;
      const auto inner = call.run_task("recursive", "{}");
      ++at_once;
      EXPECT_TRUE(inner) << inner.error().message;
    }
    --at_once;
    return says(call, "1");
  };
  ASSERT_TRUE(table_.put(generation("acme", 1), {component("acme", "recursive", body, 1)}));
  const auto out = run("recursive", SystemClock().mono_ms() + 600'000);
  EXPECT_EQ(out.result, "1") << out.error;
}

TEST_F(TaskTableTest, types_come_and_go_with_their_owner_and_the_listener_hears) {
  int heard = 0;
  table_.on_change([&] { ++heard; });
  const auto acme = generation("acme", 1);
  ASSERT_TRUE(
      table_.put(acme, {component("acme", "a", answer("1")), component("acme", "b", answer("1"))}));
  serve("script:c", 1, "c", answer("1"));
  EXPECT_EQ(table_.types().size(), 3u);
  const Status taken = table_.put(generation("other", 1), {component("other", "b", answer("9"))});
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().message, "task type b is served by acme");
  serve("acme", 2, "b", answer("2"));
  EXPECT_EQ(table_.types().size(), 2u);
  EXPECT_EQ(table_.owner_of("a"), "");
  EXPECT_EQ(run("b").result, "2");
  table_.remove("acme");
  table_.remove("nobody");
  EXPECT_EQ(table_.owner_of("b"), "");
  EXPECT_NE(run("b").error.find("no task type"), std::string::npos);
  EXPECT_EQ(heard, 4);
}

TEST_F(TaskTableTest, held_calls_wait_for_the_next_generation) {
  serve("acme", 1, "hello", answer("1"));
  table_.hold("acme");
  auto late = run("hello", SystemClock().mono_ms() + 1);
  EXPECT_NE(late.error.find(R"("code":"deadline")"), std::string::npos) << late.error;
  ports::CancelToken cancel;
  auto waiting = std::async(std::launch::async, [&] {
    ports::RunRequest request;
    request.task.type = "hello";
    return table_.run(request, 0, cancel, events_);
  });
  serve("acme", 2, "hello", answer("2"));
  EXPECT_EQ(waiting.get().result, "2");
  table_.hold("acme");
  table_.release("acme");
  EXPECT_EQ(TaskTableTest::run("hello").kind, model::OutcomeKind::kSucceeded);
}

TEST_F(TaskTableTest, the_books_tell_faults_from_failures) {
  const auto books = generation("acme", 1);
  std::vector<CallEnd> heard;
  books->on_end([&](CallEnd end) { heard.push_back(end); });
  const auto fails = [](skep_rc code, std::string_view message) {
    return [code, message](TaskCall& call, std::string_view) {
      return call.outcome(TaskCall::ops().fail(call.handle(), code, 0, to_view(message)));
    };
  };
  ASSERT_TRUE(
      table_.put(books, {component("acme", "input", fails(SKEP_E_INVALID, "no such file")),
                         component("acme", "ended_badly", fails(SKEP_E_FAILED, "exit code 3")),
                         component("acme", "bug", fails(SKEP_E_INTERNAL, "oops")),
                         component("acme", "silent", fails(SKEP_E_DENIED, "")),
                         component("acme", "crash", [](TaskCall& call, std::string_view) {
                           call.blame(CallEnd::kCrash);
                           return failed_outcome(internal_error("signal 11"), false);
                         })}));
  for (const char* type : {"input", "ended_badly", "bug", "silent", "crash"}) run(type);
  EXPECT_EQ(heard, (std::vector<CallEnd>{CallEnd::kOk, CallEnd::kFailed, CallEnd::kFault,
                                         CallEnd::kFault, CallEnd::kCrash}));
  const CallTally tally = books->tally();
  EXPECT_EQ(tally.calls, 5);
  EXPECT_EQ(tally.failed, 4);
  EXPECT_EQ(tally.faults, 3);
  EXPECT_EQ(tally.crashes, 1);
}

/// Serves "wait", whose calls end with `end` once they are told to stop, cancels a call of it for
/// `reason`, and returns what came of it.
class TaskTableCancelTest : public TaskTableTest {
 protected:
  model::Outcome cancelled(ports::CancelReason reason, Body end) {
    std::promise<void> inside;
    EXPECT_TRUE(table_.put(
        books_, {component("acme", "wait", [&](TaskCall& call, std::string_view request) {
          inside.set_value();
          const auto& ops = TaskCall::ops();
          ops.wait(call.handle(), ops.deadline_ns(call.handle()));
          return end(call, request);
        })}));
    auto waiting = std::async(std::launch::async, [&] { return run("wait"); });
    inside.get_future().wait();
    books_->cancel_all(reason);
    return waiting.get();
  }
  static model::Outcome stops(TaskCall& call, std::string_view) {
    return call.outcome(SKEP_E_CANCELLED);
  }
  static model::Outcome explains(TaskCall& call, std::string_view) {
    return call.outcome(
        TaskCall::ops().fail(call.handle(), SKEP_E_CANCELLED, 0, to_view("stopped in step 2")));
  }
  const std::shared_ptr<Generation> books_ = generation("acme", 1);
};

TEST_F(TaskTableCancelTest, a_call_that_a_reload_stopped_may_be_tried_again) {
  const auto out = cancelled(ports::CancelReason::kReload, stops);
  EXPECT_EQ(out.kind, model::OutcomeKind::kFailed);
  EXPECT_TRUE(out.retryable);
  EXPECT_EQ(out.error, R"({"code":"unavailable",)"
                       R"("message":"stopped because its plugin is being replaced"})");
  EXPECT_EQ(books_->tally().failed, 0);
}

TEST_F(TaskTableCancelTest, what_it_says_of_that_follows_the_reason) {
  const auto out = cancelled(ports::CancelReason::kReload, explains);
  EXPECT_TRUE(out.retryable);
  EXPECT_EQ(out.error,
            R"({"code":"unavailable","message":"stopped because its plugin is being replaced: )"
            R"(stopped in step 2"})");
}

TEST_F(TaskTableCancelTest, a_call_that_ends_well_all_the_same_keeps_its_result) {
  const auto out = cancelled(ports::CancelReason::kReload, answer("7"));
  EXPECT_EQ(out.kind, model::OutcomeKind::kSucceeded);
  EXPECT_EQ(out.result, "7");
}

TEST_F(TaskTableCancelTest, a_call_that_an_operator_stopped_is_not_tried_again) {
  const auto out = cancelled(ports::CancelReason::kUser, stops);
  EXPECT_EQ(out.kind, model::OutcomeKind::kCancelled);
  EXPECT_FALSE(out.retryable);
  EXPECT_NE(out.error.find("cancelled by an operator"), std::string::npos) << out.error;
}

std::string message_in(const model::Outcome& outcome) {
  const auto parsed = parse_json(outcome.error);
  return parsed && parsed->is_object() ? get_string(parsed->get_object(), "message") : "";
}

TEST_F(TaskTableTest, a_message_of_any_length_is_bounded) {
  constexpr std::size_t kLong = 14u << 20;
  std::string said(kLong, '\1');
  serve("acme", 1, "says", [&](TaskCall& call, std::string_view) {
    return call.outcome(TaskCall::ops().fail(call.handle(), SKEP_E_INVALID, 0, to_view(said)));
  });
  const auto out = run("says");
  EXPECT_LT(out.error.size(), 128u << 10);
  EXPECT_TRUE(message_in(out).ends_with("... (14680064 bytes)"));
  said.clear();
  while (said.size() < kLong) said += "\u20ac";
  EXPECT_TRUE(message_in(run("says")).ends_with("\u20ac... (14680065 bytes)"));
  said = std::string(kLong, '\xe9');
  EXPECT_TRUE(message_in(run("says")).ends_with("\xef\xbf\xbd... (14680064 bytes)"));
  said = message_in(run("says"));
  EXPECT_EQ(message_in(run("says")), said) << "what was cut is not cut again";
  said = "short";
  EXPECT_EQ(message_in(run("says")), "short");
  EXPECT_LT(threw(std::string(kLong, 'x')).message.size(), 32u << 10);
}

/// Runs `type` inside of the call, through the service.
skep_rc inner(TaskCall& call, std::string_view type, std::string& result, ErrBuffer& err) {
  static const PluginHost host(PluginFacts{.id = "acme", .permissions = {"task"}});
  const skep_sink sink{&result, [](void* to, skep_view bytes) {
                         static_cast<std::string*>(to)->append(text(bytes));
                         return SKEP_OK;
                       }};
  return task_service().run(host.handle(), call.handle(), to_view(type), {}, &sink, err.out());
}

TEST_F(TaskTableTest, a_task_inside_a_task_inherits_attempt_and_output) {
  std::string seen;
  events_.output = [&](bool, std::string_view bytes) { seen += bytes; };
  serve("inner", 1, "inner", [](TaskCall& call, std::string_view request) {
    TaskCall::ops().emit(call.handle(), SKEP_CH_STDOUT, to_view("from inside"));
    return says(call, request);
  });
  serve("outer", 1, "outer", [](TaskCall& call, std::string_view) {
    std::string result;
    ErrBuffer err;
    EXPECT_EQ(inner(call, "inner", result, err), SKEP_OK);
    return says(call, result);
  });
  EXPECT_EQ(run("outer").result,
            R"({"task_id":"t-1","type":"inner","attempt":3,"worker_id":"w-1","site":"site-a",)"
            R"("idempotency_key":"key-1","timeout_ms":5000,"params":{}})");
  EXPECT_EQ(seen, "from inside");
}

TEST_F(TaskTableTest, a_failure_inside_comes_with_its_code) {
  serve("outer", 1, "outer", [](TaskCall& call, std::string_view) {
    std::string result;
    ErrBuffer err;
    const skep_rc rc = inner(call, "nobody", result, err);
    EXPECT_EQ(rc, SKEP_E_NOT_FOUND);
    EXPECT_TRUE(err.status(rc).error().message.starts_with("no task type \"nobody\""));
    return call.outcome(SKEP_OK);
  });
  EXPECT_EQ(run("outer").kind, model::OutcomeKind::kSucceeded);
}

TEST_F(TaskTableTest, eight_tasks_inside_each_other_are_enough) {
  std::atomic<int> begun{0};
  std::string refusal;
  serve("deep", 1, "deep", [&](TaskCall& call, std::string_view) {
    ++begun;
    std::string result;
    ErrBuffer err;
    const skep_rc rc = inner(call, "deep", result, err);
    if (rc == SKEP_E_STATE) refusal = err.status(rc).error().message;
    return call.outcome(SKEP_OK);
  });
  run("deep");
  EXPECT_EQ(begun, TaskCall::kMaxDepth);
  EXPECT_EQ(refusal, "task deep would be number 9 of tasks inside each other");
}

}  // namespace
}  // namespace skep::plugin
