// What is kept of what a script writes.
#include <algorithm>
#include <string_view>

#include "capture.hpp"
#include "tests/unit/plugins/execute_script_support.hpp"

namespace skep {
namespace {

using test::script;

// W4
TEST_F(ExecuteScript, keeps_the_first_quarter_and_the_last_part_of_too_much_output) {
  Json params = script("echo FIRST; head -c 50000000 /dev/zero | tr '\\0' x; echo; echo LAST");
  FakeHost host(skep_plugin_entry_v1(), kManifest, config());
  std::size_t streamed = 0;
  const TaskRun r = host.run(
      params.dump(), {.on_output = [&](std::string_view bytes) { streamed += bytes.size(); }});
  const Json j = r.json();
  EXPECT_TRUE(j["truncated"].boolean());
  EXPECT_EQ(j["stdout_bytes"].integer(), 50'000'012);
  EXPECT_EQ(streamed, 50'000'012u);
  const std::string_view kept = j["stdout"].str();
  EXPECT_TRUE(kept.starts_with("FIRST\n"));
  EXPECT_TRUE(kept.ends_with("\nLAST\n"));
  const std::string gap =
      "\n[.. " + std::to_string(50'000'012 - (1 << 20)) + " bytes left out ..]\n";
  EXPECT_EQ(kept.find(gap), 256u << 10);
  EXPECT_EQ(kept.size(), (1u << 20) + gap.size());
}

TEST_F(ExecuteScript, writes_valid_json_for_output_that_is_not_text) {
  const TaskRun r = run(script("printf 'a\\377\\000b'").dump());
  EXPECT_EQ(r.json()["stdout"].str(), std::string_view("a\xef\xbf\xbd\0b", 6));
  EXPECT_EQ(r.json()["stdout_bytes"].integer(), 4);
}

constexpr std::size_t kMaxResult = 4u << 20;  // what a host takes

TEST_F(ExecuteScript, keeps_the_result_of_a_success_that_wrote_much_binary_output) {
  const TaskRun r = run(script("head -c 2000000 /dev/zero; echo ok >&2").dump());
  const Json j = r.json();
  EXPECT_EQ(r.rc, SKEP_OK) << r.message;
  EXPECT_LT(r.result.size(), kMaxResult);
  EXPECT_EQ(j["exit_code"].integer(-1), 0);
  EXPECT_TRUE(j["truncated"].boolean());
  EXPECT_EQ(j["stdout_bytes"].integer(), 2'000'000);
  EXPECT_EQ(j["stderr"].str(), "ok\n");
  const std::string_view kept = j["stdout"].str();
  const auto zeros = std::count(kept.begin(), kept.end(), '\0');
  EXPECT_GT(zeros, 520'000);
  EXPECT_NE(kept.find("\n[.. " + std::to_string(2'000'000 - zeros) + " bytes left out ..]\n"),
            std::string::npos);
}

TEST_F(ExecuteScript, keeps_a_half_of_each_stream_when_both_are_too_large) {
  Json params = script("head -c 3000000 /dev/zero | tr '\\0' '\\377' | tee /dev/stderr; exit 3");
  params.set("output_cap_bytes", 1'572'864);
  const TaskRun r = run(params.dump());
  EXPECT_EQ(r.message, "script exited with code 3");
  EXPECT_LT(r.result.size(), kMaxResult);
  EXPECT_GT(r.result.size(), 3'100'000u);
  const Json j = r.json();
  EXPECT_EQ(j["exit_code"].integer(), 3);
  EXPECT_TRUE(j["truncated"].boolean());
  EXPECT_EQ(j["stdout"].str(), j["stderr"].str());
}

TEST_F(ExecuteScript, keeps_text_up_to_the_largest_cap_on_both_streams) {
  Json params = script("head -c 1572864 /dev/zero | tr '\\0' x | tee /dev/stderr");
  params.set("output_cap_bytes", 1'572'864);
  const Json j = run(params.dump()).json();
  EXPECT_FALSE(j["truncated"].boolean(true));
  EXPECT_EQ(j["stdout"].str().size(), 1'572'864u);
  EXPECT_EQ(j["stderr"].str().size(), 1'572'864u);
}

TEST(Capture, keeps_exactly_what_fits_for_every_way_to_cut_the_stream) {
  std::string all;
  for (int i = 0; i < 100; ++i) all += static_cast<char>('a' + i % 26);
  for (std::size_t piece = 1; piece <= all.size(); ++piece) {
    script::Capture whole(100);
    script::Capture part(40);
    for (std::size_t at = 0; at < all.size(); at += piece) {
      whole.add(std::string_view(all).substr(at, piece));
      part.add(std::string_view(all).substr(at, piece));
    }
    EXPECT_EQ(whole.text(), all);
    EXPECT_FALSE(whole.truncated());
    EXPECT_EQ(part.text(), all.substr(0, 10) + "\n[.. 60 bytes left out ..]\n" + all.substr(70));
  }
}

TEST(Capture, fits_into_a_json_string_of_a_given_size_whatever_the_bytes) {
  for (const std::string& unit : {std::string(1, '\0'), std::string("\xff"), std::string("\n\""),
                                  std::string("x"), std::string("ü"), std::string("€😀")}) {
    std::string all;
    while (all.size() < 20'000) all += unit;
    for (const std::size_t cap : {std::size_t{12'000}, all.size()}) {
      script::Capture capture(cap);
      capture.add(all);
      for (std::size_t max = 4'096; max < 130'000; max += 4'099) {
        const std::string text = capture.text(max);
        const std::size_t size = script::encoded_size(text);
        ASSERT_LE(size, max);
        if (script::encoded_size(capture.text()) <= max) {
          ASSERT_EQ(text, capture.text());
          continue;
        }
        ASSERT_GT(size + 400, max) << unit;
        const std::size_t gap = text.find("\n[.. ");
        ASSERT_NE(gap, std::string::npos);
        const std::size_t after = text.find(" bytes left out ..]\n", gap);
        const std::string_view tail = std::string_view(text).substr(after + 20);
        ASSERT_EQ(std::stoul(text.substr(gap + 5)), all.size() - gap - tail.size());
        ASSERT_TRUE(all.starts_with(text.substr(0, gap)));
        ASSERT_TRUE(all.ends_with(tail));
        ASSERT_GT(gap, 0u);
        ASSERT_GT(tail.size(), gap);
      }
    }
  }
}

TEST(Capture, cuts_no_character_whatever_it_keeps) {
  std::string all;
  for (int i = 0; i < 100; ++i) all += "é€😀";
  for (std::size_t cap = 40; cap < 60; ++cap) {
    script::Capture capture(cap);
    capture.add(all);
    std::string json;
    Json::quote(json, capture.text());
    EXPECT_EQ(json.find("\xef\xbf\xbd"), std::string::npos) << cap;
    const std::string text = capture.text();
    const std::size_t gap = text.find("\n[.. ");
    ASSERT_NE(gap, std::string::npos);
    const std::size_t tail = text.size() - (text.find(" bytes left out ..]\n") + 20);
    EXPECT_EQ(std::stoul(text.substr(gap + 5)), all.size() - gap - tail) << cap;
  }
}

TEST(Capture, widens_its_gap_between_characters) {
  std::string all;
  for (int i = 0; i < 5'000; ++i) all += "€😀";
  script::Capture capture(all.size());
  capture.add(all);
  for (std::size_t max = 4'096; max < 5'000; max += 7) {
    std::string json;
    Json::quote(json, capture.text(max));
    ASSERT_EQ(json.find("\xef\xbf\xbd"), std::string::npos) << max;
  }
}

}  // namespace
}  // namespace skep
