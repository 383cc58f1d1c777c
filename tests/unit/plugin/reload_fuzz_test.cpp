// A plugin folder in careless hands: files come in halves, shrink, vanish and change while others
// reload. Callers notice nothing, and the last whole file serves in the end.
#include <random>

#include "core/plugin/stage.hpp"
#include "tests/unit/plugin/reload_support.hpp"

namespace skep::plugin {
namespace {

constexpr int kOperations = 120;

class ReloadFuzzTest : public ReloadTest, public testing::WithParamInterface<unsigned> {
 protected:
  ReloadFuzzTest() : random_(GetParam()) {}
  int below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }
  std::string file() const { return folder() + "/answer.so"; }
  std::string some_build() { return "answer_" + std::to_string(1 + below(2)); }
  std::string some_bytes() {
    return bytes_of(fixture("reload/" + some_build() + ".so")) + std::to_string(below(4));
  }
  std::string half() {
    const std::string whole = some_bytes();
    return whole.substr(0, static_cast<std::size_t>(below(static_cast<int>(whole.size()))));
  }
  /// In place, as `cp` does it: for a while the file is what came so far.
  void write_slowly(const std::string& bytes) {
    std::ofstream out(file(), std::ios::binary | std::ios::trunc);
    for (std::size_t at = 0; at < bytes.size(); at += 4096) out << bytes.substr(at, 4096);
  }

  void step() {
    std::error_code ec;
    switch (below(9)) {
      case 0:
        return install(some_build(), std::to_string(below(4)));
      case 1:
        return install_bytes(half(), "answer.so");
      case 2:
        return write_bytes(file(), half());
      case 3:
        return write_slowly(some_bytes());
      case 4:
        return void(fs::remove(file(), ec));
      case 5:
        return fs::rename(file(), folder() + "/aside.tmp", ec);
      case 6:
        return fs::rename(folder() + "/aside.tmp", file(), ec);
      case 7:
        if (fs::exists(file(), ec))
          fs::resize_file(file(), static_cast<std::uintmax_t>(below(40'000)), ec);
        return;
      default:
        return void(registry_->reload("answer"));
    }
  }

  std::mt19937 random_;
};

TEST_P(ReloadFuzzTest, the_last_whole_file_serves) {
  begin("answer_1");
  registry_->watch();
  std::atomic<bool> stop{false};
  std::atomic<int> calls{0};
  std::atomic<int> failed{0};
  std::thread caller([&] {
    for (; !stop; ++calls)
      if (const auto n = build(); n != 1 && n != 2) ++failed;
  });
  std::thread reloader([&] {
    while (!stop) static_cast<void>(registry_->reload("answer"));
  });
  for (int i = 0; i < kOperations; ++i) step();
  stop = true;
  reloader.join();
  install("answer_2", "the last one");
  const std::string sha256 = inspect(file())->sha256;
  await_event("plugin.active", sha256);
  EXPECT_EQ(build(), 2);
  caller.join();
  registry_->wait_drained();
  EXPECT_EQ(failed, 0) << "of " << calls;
  EXPECT_TRUE(serves(info().generations.at(0).state));
  for (const GenerationInfo& g : info().generations) EXPECT_NE(g.state, GenerationState::kZombie);
  std::cout << "  seed " << GetParam() << ": " << calls << " calls, generation "
            << info().generations.at(0).number << "\n";
}

INSTANTIATE_TEST_SUITE_P(Seeds, ReloadFuzzTest, testing::Values(1u, 2u, 3u));

}  // namespace
}  // namespace skep::plugin
