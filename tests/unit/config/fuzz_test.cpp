#include <random>

#include "core/config/show.hpp"
#include "support.hpp"

namespace skep::config {
namespace {

constexpr std::string_view kSeed = R"([node]
id = "w1"
roles = ["control", "worker"]
[http]
listen = ["127.0.0.1:9595", "[::1]:8000"]
[worker]
control_plane_url = "http://localhost:8000"
poll_interval_seconds = 5.0
capabilities = { docker = true, gpu = false }
[queue]
plugin = "sqlite"
path = '''multi
line'''
when = 1979-05-27T07:32:00Z
[plugins.execute_script]
isolation = "inproc"
list = [1, 2.5, "a", [true]]
[spool]
dir = "./offline"
)";
constexpr std::string_view kTokens[] = {"[",  "]",   "{", "}",  "\"", "'", "\"\"\"", "\n", "=",
                                        ".",  "#",   ",", "\\", "[[", "-", "inf",    "0x", "\xff",
                                        "\0", "1e9", ":", "~",  "é",  " ", "worker"};

class Mutator {
 public:
  explicit Mutator(std::uint64_t seed) : random_(seed) {}

  std::string operator()(std::string text) {
    for (std::size_t n = 1 + below(8); n > 0; --n) {
      const std::size_t at = below(text.size() + 1);
      switch (below(4)) {
        case 0:
          text.insert(at, kTokens[below(std::size(kTokens))]);
          break;
        case 1:
          text.erase(at, below(20));
          break;
        case 2:
          text.insert(at, text.substr(below(text.size() + 1), below(60)));
          break;
        default:
          if (at < text.size()) text[at] = static_cast<char>(below(256));
      }
    }
    return text;
  }

 private:
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(random_() % n); }
  std::mt19937_64 random_;
};

TEST_F(ConfigTest, mutated_files_load_or_are_refused_with_a_reason) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::cout << "seed " << seed << "\n";
  Mutator mutate(seed);
  int loaded_count = 0;
  for (int i = 0; i < 2'000; ++i) {
    const auto loaded = load_text(mutate(std::string(kSeed)));
    if (!loaded) {
      ASSERT_FALSE(loaded.error().message.empty());
      continue;
    }
    ++loaded_count;
    ASSERT_TRUE(load_text(show(*loaded, true))) << show(*loaded, true);
  }
  EXPECT_GT(loaded_count, 0);
}

TEST_F(ConfigTest, mutated_variables_load_or_are_refused_with_a_reason) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Mutator mutate(seed);
  for (int i = 0; i < 2'000; ++i) {
    const auto loaded =
        load({.environment = {{"WORKER_CAPABILITIES", mutate(R"({"docker": true})")},
                              {"SKEP_HTTP_LISTEN", mutate("127.0.0.1:1,[::1]:2")},
                              {"WORKER_CONTROL_PLANE_URL", mutate("http://h:1/")},
                              {"SKEP_QUEUE_URL", mutate("{\"a\": [1]}")}},
              .overrides = {{mutate("plugins.x.y"), mutate("[1.5]")}}});
    if (!loaded) {
      ASSERT_FALSE(loaded.error().message.empty());
    }
  }
}

}  // namespace
}  // namespace skep::config
