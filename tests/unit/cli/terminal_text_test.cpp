// What scripts write reaches a terminal as text and a pipe as it is.
#include "core/cli/base/terminal_text.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "core/base/utf8.hpp"
#include "core/base/visible.hpp"
#include "tests/unit/cli/cli_support.hpp"

namespace skep::cli {
namespace {

std::string whole(std::string_view bytes) {
  TerminalText text;
  const std::string begun = text.add(bytes);
  return begun + text.end();
}

TEST(TerminalText, shows_what_a_terminal_would_obey) {
  EXPECT_EQ(whole("a\x1b[2Jb\x1b]0;title\x07"), "a\\x1b[2Jb\\x1b]0;title\\x07");
  EXPECT_EQ(whole(std::string_view("\0\x08\x7f", 3)), "\\x00\\x08\\x7f");
  EXPECT_EQ(whole("\xc2\x9b"
                  "31m"),
            "\\x9b31m")
      << "C1 as UTF-8";
  EXPECT_EQ(whole("\x9b"
                  "31m\xff"),
            "\\x9b31m\\xff")
      << "C1 as a byte, and no UTF-8";
  EXPECT_EQ(whole("a\xe2\x80\xae"
                  "b\xe2\x81\xa6"),
            "a\\u202eb\\u2066");
}

TEST(TerminalText, leaves_text_lines_and_tabs_alone) {
  EXPECT_EQ(whole("größer\t✓ 🙂\nx"), "größer\t✓ 🙂\nx");
}

TEST(TerminalText, lets_nobody_write_over_a_line) {
  EXPECT_EQ(whole("10%\r20%\r\nend\r"), "10%\n20%\nend\n");
}

TEST(TerminalText, puts_characters_together_that_come_in_pieces) {
  const std::string text = "ä✓🙂\xc2\x9b\r\n";
  TerminalText pieces;
  std::string shown;
  for (const char c : text) shown += pieces.add(std::string_view(&c, 1));
  shown += pieces.end();
  EXPECT_EQ(shown, "ä✓🙂\\x9b\n");
  TerminalText cut;
  EXPECT_EQ(cut.add("a\xe2\x9c"), "a");
  EXPECT_EQ(cut.end(), "\\xe2\\x9c");
}

TEST(TerminalText, never_lets_a_control_through_whatever_comes_and_how) {
  std::uint32_t state = 1;
  const auto next = [&] { return (state = state * 1'664'525u + 1'013'904'223u) >> 16; };
  for (int round = 0; round < 2'000; ++round) {
    TerminalText text;
    std::string shown;
    for (int i = 0; i < 6; ++i) {
      std::string piece;
      for (std::uint32_t n = next() % 5; n > 0; --n) piece += static_cast<char>(next());
      shown += text.add(piece);
    }
    shown += text.end();
    ASSERT_TRUE(is_utf8(shown));
    for (std::size_t i = 0; i < shown.size(); ++i) {
      const auto byte = static_cast<unsigned char>(shown[i]);
      ASSERT_TRUE((byte >= 0x20 && byte != 0x7f) || byte == '\n' || byte == '\t');
      ASSERT_FALSE(byte == 0xc2 && (static_cast<unsigned char>(shown[i + 1]) & 0xe0u) == 0x80u);
    }
  }
}

TEST(TerminalText, in_json_is_the_same_value) {
  const std::string raw =
      "[\"\xc2\x9b"
      "a\x7f\xe2\x80\xae✓\"]";
  const std::string shown = visible_json(raw);
  EXPECT_EQ(shown, "[\"\\u009ba\\u007f\\u202e✓\"]");
  EXPECT_EQ(*parse_json(shown), *parse_json(raw));
}

constexpr const char* kPage =
    R"({"items":[{"attempt":1,"stream":"stdout","text":"a\u001b[2J"},{"attempt":1,"stream":"stderr","text":"\u001b]0;x\u0007\u009b"}],
        "next_cursor":"1.1","ended":true})";

Ran logs(std::vector<std::string> more, bool tty, const char* page = kPage) {
  std::vector<std::string> words{"task", "logs", "t1"};
  words.insert(words.end(), more.begin(), more.end());
  return FakeControl({{200, page}}).run(words, {}, {}, tty);
}

TEST(TaskLogs, are_text_on_a_terminal_and_bytes_in_a_pipe) {
  for (const std::vector<std::string>& how : {std::vector<std::string>{}, {"-f"}}) {
    const Ran shown = logs(how, true);
    EXPECT_EQ(shown.out, "a\\x1b[2J");
    EXPECT_EQ(shown.err, "\\x1b]0;x\\x07\\x9b");
    const Ran piped = logs(how, false);
    EXPECT_EQ(piped.out, "a\x1b[2J");
    EXPECT_EQ(piped.err, "\x1b]0;x\x07\xc2\x9b");
  }
  EXPECT_EQ(logs({"--raw"}, true).out, "a\x1b[2J");
}

TEST(TaskLogs, have_no_control_characters_as_json) {
  for (const bool tty : {true, false}) {
    const Ran ran = logs({"-o", "jsonl"}, tty);
    EXPECT_EQ(ran.out.find_first_of("\x1b\x07\x7f"), std::string::npos) << ran.out;
    EXPECT_NE(ran.out.find("\\u009b"), std::string::npos) << ran.out;
  }
}

TEST(TaskLogs, tell_the_attempts_of_a_retried_task_apart) {
  const Ran ran = logs({}, false, R"({"items":[{"attempt":1,"stream":"stdout","text":"one"},
    {"attempt":2,"stream":"stderr","text":"no\n"},{"attempt":3,"stream":"stdout","text":"two\n"}],
    "next_cursor":"3.1","ended":true})");
  EXPECT_EQ(ran.out, "onetwo\n") << "a pipe gets what the task wrote and nothing else";
  EXPECT_EQ(ran.err, "--- attempt 2\nno\n--- attempt 3\n");
}

TEST(TaskLogs, begin_the_line_about_an_attempt_on_a_line_of_its_own) {
  const Ran ran = logs({}, true, R"({"items":[{"attempt":1,"stream":"stdout","text":"one"},
    {"attempt":2,"stream":"stdout","text":"two\n"}],"next_cursor":"2.1","ended":true})");
  EXPECT_EQ(ran.err, "\n--- attempt 2\n");
}

/// Everything that a control plane says of a task, full of what a terminal obeys.
constexpr const char* kHostile = "\\u001b[31mX\\u009b31m\\u0007\\u202e";

std::string hostile_task() {
  const std::string h = kHostile;
  return R"({"id":")" + h + R"(","type":")" + h +
         R"(","status":"failed","state":"failed","site":")" + h + R"(","worker_id":")" + h +
         R"(","attempt":2,"error":{"message":")" + h + R"("},"params":{"script":")" + h +
         R"("},"result":{"exit_code":1,"signal":")" + h + R"(","stdout":")" + h +
         R"(","stderr":")" + h + R"("},"attempts":[{"attempt":1,"worker_id":")" + h +
         R"(","outcome":")" + h + R"("},{"attempt":2}]})";
}

TEST(EveryCommand, shows_no_control_character_of_others_on_a_terminal) {
  const std::string task = hostile_task();
  const std::string list = R"({"items":[)" + task + R"(],"next_cursor":")" + kHostile + R"("})";
  const std::string problem = R"({"detail":")" + std::string(kHostile) + R"(","code":")" +
                              kHostile + R"(","next":")" + kHostile +
                              R"(","errors":[{"pointer":")" + kHostile + R"(","message":")" +
                              kHostile + R"("}]})";
  const std::vector<std::vector<std::string>> commands{
      {"task", "show", "t"},
      {"task", "list"},
      {"task", "explain", "t"},
      {"task", "cancel", "t"},
      {"task", "logs", "t"},
      {"task", "types"},
      {"worker", "list"},
      {"worker", "show", "w"},
      {"worker", "pause", "w"},
      {"status"},
      {"registry", "list"},
      {"registry", "show", "n"},
      {"node", "show"},
      {"node", "reload"},
      {"plugin", "show", "p"},
      {"api", "GET", "/x"},
      {"health"},
      {"events"},
      {"task", "submit", "t", "--site", "s", "--wait"}};
  for (std::vector<std::string> words : commands)
    for (const char* format : {"table", "wide", "json", "jsonl", "name"})
      for (const Answer& answer :
           {Answer{200, task}, Answer{200, list}, Answer{400, problem}, Answer{404, problem}}) {
        std::vector<std::string> all = words;
        all.insert(all.end(), {"-o", format, "--color", "never"});
        const Ran ran = FakeControl(std::vector<Answer>(8, answer)).run(all, {}, {}, true);
        for (const std::string& text : {ran.out, ran.err}) {
          EXPECT_EQ(text.find_first_of("\x1b\x07\x7f"), std::string::npos)
              << words[0] << ' ' << format << answer.status << ": " << text;
          EXPECT_EQ(text.find("\xc2\x9b"), std::string::npos) << words[0] << ' ' << format << text;
          EXPECT_EQ(text.find("\xe2\x80\xae"), std::string::npos)
              << words[0] << ' ' << format << text;
        }
      }
}

}  // namespace
}  // namespace skep::cli
