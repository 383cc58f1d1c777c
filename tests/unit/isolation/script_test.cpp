#include "core/plugin/instance.hpp"
#include "core/plugin/scripts/inproc_engine.hpp"
#include "tests/unit/isolation/support.hpp"

namespace skep::plugin {
namespace {

class Scripts : public testing::Test {
 protected:
  void SetUp() override {
    ChildPlugin plugin = staging_.plugin("unruly/parrot.so", "parrot");
    plugin.kind = "skep.kind.script_host/1";
    auto group = ChildGroup::start(plugin);
    ASSERT_TRUE(group) << group.error().message;
    group_ = *group;
    engine_ = group_->scripts();
  }
  std::string said(TaskTarget& target) {
    const auto out = Attempt().in(target, "{}");
    return out.result.empty() ? out.error : member(out.result, "said");
  }

  Staging staging_;
  std::shared_ptr<ChildGroup> group_;
  std::unique_ptr<ScriptEngine> engine_;
};

TEST_F(Scripts, are_read_in_a_child_and_run_there) {
  const auto manifest = engine_->load("hello@1", "hello.parrot", "say hello");
  ASSERT_TRUE(manifest) << manifest.error().message;
  EXPECT_EQ(*manifest, R"({"name":"hello"})");
  EXPECT_EQ(said(*engine_->target("hello@1", "hello.parrot", "say hello")), "hello");
}

TEST_F(Scripts, a_wrong_text_is_refused_with_its_place) {
  const auto manifest = engine_->load("x", "x.parrot", "sing");
  ASSERT_FALSE(manifest);
  EXPECT_EQ(manifest.error().code, Code::kInvalid);
  EXPECT_TRUE(manifest.error().message.starts_with("x.parrot:1: not a word to say"))
      << manifest.error().message;
}

TEST_F(Scripts, a_text_that_crashes_its_reader_costs_nothing_else) {
  const auto manifest = engine_->load("x", "x.parrot", "abort");
  ASSERT_FALSE(manifest);
  EXPECT_EQ(manifest.error().id(), "plugin-crashed");
  EXPECT_TRUE(engine_->load("y", "y.parrot", "say y"));
}

TEST_F(Scripts, an_exception_across_the_boundary_costs_that_call) {
  const ChildPlugin plugin = staging_.plugin("unruly/parrot.so", "parrot");
  auto code = LoadedPlugin::load(facts_of(plugin), plugin.file);
  ASSERT_TRUE(code) << code.error().message;
  auto instance = Instance::start(std::move(*code), "parrot", "skep.kind.script_host/1", "{}");
  ASSERT_TRUE(instance) << instance.error().message;
  const auto here = inproc_engine(std::move(*instance));
  for (ScriptEngine* engine : {engine_.get(), here.get()}) {
    const auto manifest = engine->load("x", "x.parrot", "throw");
    ASSERT_FALSE(manifest);
    EXPECT_EQ(manifest.error().message,
              "an exception crossed the C boundary, which no plugin may let happen: thrown on "
              "purpose");
    engine->drop("throw");
    EXPECT_TRUE(engine->load("y", "y.parrot", "say y"));
  }
}

TEST_F(Scripts, a_child_that_does_not_know_one_reads_it_first) {
  const auto target = engine_->target("late", "late.parrot", "say late");
  EXPECT_EQ(said(*target), "late");
}

TEST_F(Scripts, dropped_ones_are_forgotten) {
  ASSERT_TRUE(engine_->load("a", "a", "say a"));
  ASSERT_TRUE(engine_->load("b", "b", "say b"));
  engine_->drop("a");
  const auto target = engine_->target("b", "b", "say b");
  const auto out = Attempt().in(*target, "{}");
  EXPECT_NE(out.result.find("\"knows\":1"), std::string::npos) << out.result;
}

}  // namespace
}  // namespace skep::plugin
