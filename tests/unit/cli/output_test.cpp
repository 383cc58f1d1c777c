#include "core/cli/base/output.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "core/cli/base/facts_table.hpp"
#include "core/cli/base/format.hpp"
#include "tests/unit/cli/cli_support.hpp"

namespace skep::cli {
namespace {

struct OutputTest : testing::Test {
  std::ostringstream out;
  std::ostringstream err;
  Console console{out, err};
};

TEST_F(OutputTest, aligns_columns_and_leaves_no_trailing_blanks) {
  Table table({"ID", "STATE", "NOTE"});
  table.row({"a", "online", ""});
  table.row({"größer", "x", "note"});
  table.print(console);
  EXPECT_EQ(out.str(),
            "ID      STATE   NOTE\n"
            "a       online\n"
            "größer  x       note\n");
}

TEST_F(OutputTest, colours_do_not_move_columns) {
  console.color_out = true;
  Table table({"S", "T"});
  table.row({Cell("on", Style::kGood), "t"});
  table.print(console);
  EXPECT_EQ(out.str(), "S   T\n\x1b[32mon\x1b[0m  t\n");
}

TEST_F(OutputTest, cuts_what_may_be_cut_to_fit_the_line) {
  console.width = 20;
  Table table({"ID", {"NAME", Fit::kCut}, {"TEXT", Fit::kCut}});
  table.row({"1", "größer als viele", "kurz"});
  table.row({"2", "ab", "abcdefghij"});
  table.print(console);
  EXPECT_EQ(out.str(),
            "ID  NAME     TEXT\n"
            "1   größer…  kurz\n"
            "2   ab       abcdef…\n");
}

TEST_F(OutputTest, puts_a_sentence_that_does_not_fit_below_its_row) {
  console.width = 24;
  Table table({"ID", "STATE", {"NOTE", Fit::kBelow}});
  table.row({"1", "online", "short"});
  table.row({"2", "failed", "a sentence of some length"});
  table.row({"3", "online", ""});
  table.print(console);
  EXPECT_EQ(out.str(),
            "ID  STATE   NOTE\n"
            "1   online  short\n"
            "2   failed\n"
            "    a sentence of some\n"
            "    length\n"
            "3   online\n");
}

TEST_F(OutputTest, shows_control_characters_of_others_as_text) {
  Table table({"T"});
  table.row(
      {"a\x1b[2Jb\nc\xc2\x9b"
       "d"});
  table.print(console);
  EXPECT_EQ(out.str(), "T\na\\x1b[2Jb c\\x9bd\n");
}

TEST_F(OutputTest, prints_the_document_the_items_or_their_names) {
  const auto list =
      parse_json(R"({"items":[{"id":"a","n":[]},{"id":"b","n":{}}],"next_cursor":null})");
  ASSERT_TRUE(list);
  print_list(console, Format::kJsonl, *list, {}, "id", "none");
  EXPECT_EQ(out.str(), "{\"id\":\"a\",\"n\":[]}\n{\"id\":\"b\",\"n\":{}}\n");
  out.str("");
  print_list(console, Format::kName, *list, {}, "id", "none");
  EXPECT_EQ(out.str(), "a\nb\n");
  out.str("");
  print_list(console, Format::kJson, *list, {}, "id", "none");
  EXPECT_EQ(
      out.str(),
      "{\n  \"items\": [\n    {\n      \"id\": \"a\",\n      \"n\": []\n    },\n"
      "    {\n      \"id\": \"b\",\n      \"n\": {}\n    }\n  ],\n  \"next_cursor\": null\n}\n");
}

TEST_F(OutputTest, says_on_stderr_that_a_list_is_empty) {
  print_list(console, Format::kTable, *parse_json(R"({"items":[]})"), {{"ID", {}}}, "id", "none");
  EXPECT_EQ(out.str(), "");
  EXPECT_EQ(err.str(), "none\n");
}

TEST_F(OutputTest, prints_an_error_with_its_code_details_and_next_step) {
  print_failure(console, Failure(invalid("params are wrong").named("schema").with_next("a\nb"), "",
                                 {"/script: is missing"}));
  EXPECT_EQ(err.str(),
            "error: params are wrong   [schema]\n"
            "  - /script: is missing\n"
            "  next:  a\n"
            "         b\n");
}

TEST_F(OutputTest, prints_an_error_as_a_problem_document_for_programs) {
  console.json_errors = true;
  print_failure(console, not_found("task", "x").with_next("skep task list"));
  EXPECT_EQ(
      err.str(),
      "{\"type\":\"/problems/not-found\",\"title\":\"not-found\",\"status\":404,"
      "\"detail\":\"no task \\\"x\\\"\",\"code\":\"not-found\",\"next\":\"skep task list\"}\n");
}

TEST_F(OutputTest, writes_fractions_without_exponents) {
  EXPECT_EQ(pretty(*parse_json("[7.23,0.092,5.0,-0.5,12,123456.75]")),
            "[\n  7.23,\n  0.092,\n  5.0,\n  -0.5,\n  12,\n  123456.75\n]");
}

TEST(Format, writes_durations_and_sizes_for_people) {
  EXPECT_EQ(human_duration(0), "0ms");
  EXPECT_EQ(human_duration(999), "999ms");
  EXPECT_EQ(human_duration(1'250), "1.2s");
  EXPECT_EQ(human_duration(119'999), "119s");
  EXPECT_EQ(human_duration(120'000), "2m");
  EXPECT_EQ(human_duration(7'200'000), "2h");
  EXPECT_EQ(human_duration(48LL * 3'600'000), "2d");
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(1'536), "1.5 KiB");
  EXPECT_EQ(human_bytes(16LL << 30), "16.0 GiB");
}

TEST(Format, writes_ages_from_a_stamp) {
  const WallMs now = test_now();
  EXPECT_EQ(human_age("2026-01-10T11:59:56Z", now), "4s");
  EXPECT_EQ(human_age("2026-01-10T12:00:00Z", now), "0s");
  EXPECT_EQ(human_age("2026-01-10T12:10:00Z", now), "in 10m");
  EXPECT_EQ(human_age("", now), "-");
}

TEST(Console, colours_only_on_a_terminal_without_no_color) {
  const std::vector<Answer> workers{{200, R"({"items":[{"worker_id":"w","status":"online"}]})"}};
  const auto colored = [&](std::vector<std::string> more, const Environment& environment,
                           bool tty) {
    std::vector<std::string> words{"worker", "list"};
    words.insert(words.end(), more.begin(), more.end());
    return FakeControl(workers).run(words, environment, "", tty).out.find('\x1b') !=
           std::string::npos;
  };
  EXPECT_TRUE(colored({}, {}, true));
  EXPECT_FALSE(colored({}, {}, false));
  EXPECT_FALSE(colored({}, {{"NO_COLOR", "1"}}, true));
  EXPECT_TRUE(colored({"--color", "always"}, {{"NO_COLOR", "1"}}, false));
  EXPECT_FALSE(colored({"--color=never"}, {}, true));
  EXPECT_FALSE(colored({}, {{"TERM", "dumb"}}, true));
  EXPECT_TRUE(colored({}, {{"CLICOLOR_FORCE", "1"}}, false));
  EXPECT_FALSE(colored({}, {{"CLICOLOR_FORCE", "0"}}, false));
  EXPECT_FALSE(colored({}, {{"CLICOLOR_FORCE", "1"}, {"NO_COLOR", "1"}}, true));
}

TEST(Facts, make_one_row_a_site) {
  const auto task =
      parse_json(R"J({"site":"a","worker_id":"w","duration_ms":12,"result":{"fact_count":61,
    "facts":{"os":{"name":"x","pretty_name":"Debian GNU/Linux 12 (bookworm)"},"kernel":{"release":"6.1.0"},
    "cpu":{"logical_count":4},"memory":{"total_bytes":4294967296,"available_bytes":1073741824},
    "mounts":{"mounts":[{"point":"/boot","total_bytes":1},{"point":"/","total_bytes":2048,"available_bytes":512,"used_percent":20}]},
    "load":{"one_minute":0.5}}}})J");
  ASSERT_TRUE(task) << task.error().message;
  std::ostringstream out;
  std::ostringstream err;
  print_facts_table(Console{out, err}, {*task, *parse_json(R"({"site":"b","result":null})")});
  EXPECT_EQ(
      out.str(),
      "SITE  OS                              KERNEL  CPUS  MEMORY       DISK /       LOAD  FACTS  "
      "MS\n"
      "a     Debian GNU/Linux 12 (bookworm)  6.1.0   4     4.0 GiB 75%  2.0 KiB 20%  0.50  61     "
      "12\n"
      "b     -                               -       -     -            -            -     -      "
      "0\n");
}

}  // namespace
}  // namespace skep::cli
