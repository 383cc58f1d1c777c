#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>

#include <atomic>
#include <thread>

#include "core/plugin/adapters/abi_error.hpp"
#include "core/plugin/adapters/task_call.hpp"
#include "core/plugin/services/host.hpp"
#include "core/plugin/services/kv_space.hpp"
#include "tests/unit/plugin/support.hpp"

namespace skep::plugin {
namespace {

class KvTest : public testing::Test {
 protected:
  KvSpace space(std::string_view owner = "acme") {
    return KvSpace::open(dir_.path(), owner).value();
  }
  TempDir dir_;
};

TEST_F(KvTest, keeps_what_was_put_in_a_space_of_its_own) {
  EXPECT_EQ(space().get("a").error().code, Code::kNotFound);
  EXPECT_TRUE(space().keys().value().empty());
  ASSERT_TRUE(space().put("b", "two"));
  ASSERT_TRUE(space().put("a", ""));
  ASSERT_TRUE(space().put("b", std::string_view("t\0w", 3)));
  EXPECT_EQ(space().get("b").value(), std::string_view("t\0w", 3));
  EXPECT_EQ(space().get("a").value(), "");
  EXPECT_EQ(space().keys().value(), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(space("script:acme").keys().value().empty());
  ASSERT_TRUE(space().remove("b"));
  EXPECT_TRUE(space().remove("b"));
  EXPECT_EQ(space().keys().value(), (std::vector<std::string>{"a"}));
}

TEST_F(KvTest, refuses_what_is_outside_its_limits) {
  for (const char* key : {"", "a/b", "../x", "a b", "k\xc3\xa4"}) {
    EXPECT_EQ(space().put(key, "v").error().code, Code::kInvalid) << key;
    EXPECT_EQ(space().get(key).error().code, Code::kInvalid) << key;
    EXPECT_EQ(space().remove(key).error().code, Code::kInvalid) << key;
  }
  EXPECT_EQ(space().put(std::string(129, 'k'), "v").error().code, Code::kInvalid);
  EXPECT_EQ(space().put("k", std::string(65'537, 'v')).error().code, Code::kInvalid);
  for (const char* key : {".", "..", "~", ".value"}) {
    if (std::string_view(key) == "~") continue;
    ASSERT_TRUE(space().put(key, key)) << key;
    EXPECT_EQ(space().get(key).value(), key);
  }
  EXPECT_EQ(KvSpace::open(dir_.path(), "../etc").error().code, Code::kInvalid);
  EXPECT_EQ(KvSpace::open("", "acme").error().code, Code::kState);
}

TEST_F(KvTest, a_value_that_cannot_be_read_now_is_neither_damaged_nor_missing) {  // P2
  ASSERT_TRUE(space().put("k", "v"));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto value = space().get("k");
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().code, Code::kUnavailable);
  EXPECT_EQ(space().get("k").value(), "v");
}

TEST_F(KvTest, a_full_space_takes_no_new_key) {
  const std::string folder = dir_.file("kv/acme");
  ASSERT_TRUE(space().put("k", "v"));
  for (std::size_t i = 1; i < kMaxKvKeys; ++i)
    write_bytes(folder + "/n" + std::to_string(i) + ".value", "x");
  EXPECT_EQ(space().put("one-more", "v").error().code, Code::kNoMemory);
  EXPECT_TRUE(space().put("k", "changed"));
  EXPECT_EQ(space().get("k").value(), "changed");
}

TEST_F(KvTest, what_a_killed_writer_left_goes_at_the_next_start) {  // P18
  ASSERT_TRUE(space().put("k", "v"));
  ASSERT_TRUE(space("busy").put("k", "v"));
  const std::string put = dir_.file("kv/acme/~put");
  const std::string old = dir_.file("kv/acme/~0123456789abcdef");
  const std::string busy = dir_.file("kv/busy/~put");
  for (const std::string& left : {put, old, busy}) write_bytes(left, "half");
  const UniqueFd writer(::open(dir_.file("kv/busy").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ASSERT_EQ(::flock(writer.get(), LOCK_EX), 0);
  remove_kv_leftovers(dir_.path());
  EXPECT_FALSE(fs::exists(put));
  EXPECT_FALSE(fs::exists(old));
  EXPECT_TRUE(fs::exists(busy)) << "somebody is writing there";
  EXPECT_EQ(space().get("k").value(), "v");
  remove_kv_leftovers(dir_.file("no such folder"));
}

TEST_F(KvTest, a_reader_sees_the_old_or_the_new_value) {
  const std::string even(4096, 'e');
  const std::string odd(60'000, 'o');
  ASSERT_TRUE(space().put("k", even));
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (int i = 0; i < 50; ++i) EXPECT_TRUE(space().put("k", i % 2 == 0 ? odd : even));
    done = true;
  });
  while (!done) {
    const auto seen = space().get("k");
    EXPECT_TRUE(seen) << seen.error().message;
    if (!seen) break;
    EXPECT_TRUE(*seen == even || *seen == odd) << seen->size();
  }
  writer.join();
}

TEST_F(KvTest, the_call_chooses_the_space) {
  const PluginHost host(PluginFacts{.id = "acme", .state_dir = dir_.path()});
  ports::CancelToken cancel;
  const ports::TaskEvents events;
  TaskCall script("script:watch", 0, cancel, events);
  ErrBuffer err;
  const auto& kv = kv_service();
  EXPECT_EQ(kv.put(host.handle(), script.handle(), to_view("k"), to_view("s"), err.out()), 0);
  EXPECT_EQ(kv.put(host.handle(), nullptr, to_view("k"), to_view("p"), err.out()), 0);
  EXPECT_EQ(space("script:watch").get("k").value(), "s");
  EXPECT_EQ(space("acme").get("k").value(), "p");
}

TEST_F(KvTest, a_generation_that_is_gone_gets_a_tombstone) {
  PluginHost host(PluginFacts{.id = "acme", .generation = 7, .state_dir = dir_.path()});
  const auto& kv = kv_service();
  ErrBuffer err;
  host.entomb();
  const skep_rc rc = kv.put(host.handle(), nullptr, to_view("k"), to_view("late"), err.out());
  EXPECT_EQ(rc, SKEP_E_STATE);
  EXPECT_EQ(err.status(rc).error().message,
            "generation 7 of plugin acme is gone and may call nothing");
  EXPECT_EQ(host.handle()->service(host.handle(), SKEP_SVC_KV), nullptr);
  EXPECT_FALSE(fs::exists(dir_.file("kv")));
}

}  // namespace
}  // namespace skep::plugin
