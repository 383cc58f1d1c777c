// The same plugin file in this process, in a warm child and in a fresh one: what the task says and
// how it ends is the same to the byte.
#include "core/plugin/adapters/task.hpp"
#include "core/plugin/instance.hpp"
#include "tests/unit/isolation/support.hpp"

namespace skep::plugin {
namespace {

struct Case {
  std::string name;
  std::string plugin;
  std::string params;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

Case misbehave(const std::string& how) {
  return {"misbehave_" + how, "odd/misbehave.so", R"({"how":")" + how + "\"}"};
}

std::vector<Case> cases() {
  std::vector<Case> out{
      {"noop", "good/noop.so", "{}"},
      {"echo", "good/echo.so", R"({"a":[1,2.5,{"b":null}],"text":"h\u00e9"})"},
      {"echo_large", "good/echo.so", "{\"x\":\"" + std::string(300'000, 'y') + "\"}"},
      {"sleep", "good/sleep.so", R"({"ms":1})"}};
  for (const char* how :
       {"request", "config", "throw", "silent", "positive", "unknown_code", "not_json",
        "two_results", "huge", "bad_utf8", "busy", "lost_code", "failed_with_result",
        "cancelled_alone", "artifact", "channel_9", "progress", "output"})
    out.push_back(misbehave(how));
  return out;
}

class Transcript : public testing::TestWithParam<Case> {
 protected:
  std::string transcript_of(TaskTarget& target, const std::string& id) {
    std::string all;
    for (const bool cancelled : {false, true}) {
      Attempt run;
      if (cancelled) run.cancel.cancel(ports::CancelReason::kReload);
      TaskCall call(id, 0, run.cancel, run.events);
      const auto out =
          target.run(call, R"({"task_id":"t","type":"x","params":)" + GetParam().params + "}");
      all += run.seen + std::string(model::to_string(out.kind)) + "\n" + out.result + "\n" +
             out.error + "\n" + (out.retryable ? "retry " : "final ") +
             std::to_string(out.retry_after_ms) + "\n";
    }
    // How long it slept is the one thing that may differ.
    const std::size_t slept = all.find("\"slept_ms\":");
    return slept == std::string::npos ? all : all.substr(0, slept);
  }
};

INSTANTIATE_TEST_SUITE_P(Fixture, Transcript, testing::ValuesIn(cases()),
                         [](const auto& c) { return c.param.name; });

TEST_P(Transcript, is_the_same_in_every_mode) {
  Staging staging;
  const std::string file = GetParam().plugin;
  const std::string id = fs::path(file).stem();
  ChildPlugin plugin = staging.plugin(file, id);
  plugin.config_json = R"({"greeting":"hi","limit":3})";
  plugin.limits.cancel_grace = Millis(60'000);  // how fast a child stops is not the matter here

  auto loaded = LoadedPlugin::load(facts_of(plugin), plugin.file);
  ASSERT_TRUE(loaded) << loaded.error().message;
  auto instance = Instance::start(*loaded, id, SKEP_KIND_TASK, plugin.config_json);
  ASSERT_TRUE(instance) << instance.error().message;
  InprocTarget inproc(static_cast<const skep_task_v1*>((*instance)->iface()), (*instance)->handle(),
                      *instance, id);
  const std::string expected = transcript_of(inproc, id);

  for (const bool per_task : {false, true}) {
    plugin.per_task = per_task;
    auto group = ChildGroup::start(plugin);
    ASSERT_TRUE(group) << group.error().message;
    EXPECT_EQ(transcript_of(*(*group)->task_target(), id), expected) << per_task;
  }
}

}  // namespace
}  // namespace skep::plugin
