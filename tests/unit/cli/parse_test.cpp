#include "core/cli/base/parse.hpp"

#include <gtest/gtest.h>

#include "core/base/text.hpp"
#include "core/cli/commands.hpp"
#include "tests/unit/cli/cli_support.hpp"

namespace skep::cli {
namespace {

using Words = std::vector<std::string>;

std::string error_of(const Words& words) {
  const auto parsed = parse(all_commands(), words, {});
  return parsed ? "no error" : parsed.error().message;
}

TEST(Parse, finds_the_command_behind_global_options) {
  const auto parsed = parse(
      all_commands(), {"--server", "http://h:1", "task", "-o", "json", "list", "--limit=3"}, {});
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->command->name, "task list");
  EXPECT_EQ(parsed->args.get("server"), "http://h:1");
  EXPECT_EQ(parsed->args.get("output"), "json");
  EXPECT_EQ(parsed->args.get("limit"), "3");
}

TEST(Parse, offers_the_option_that_was_meant_where_no_command_is) {
  EXPECT_EQ(error_of({"--verison"}),
            "skep has no option \"--verison\"; did you mean \"--version\"?");
  EXPECT_EQ(error_of({"--server", "--odd", "--servre=x"}),
            "skep has no option \"--servre\"; did you mean \"--server\"?");
}

TEST(Parse, offers_minus_c_for_a_configuration_file) {
  for (const Words& command : {Words{"start"}, Words{"config", "check"}}) {
    Words words = command;
    words.push_back("worker.toml");
    const auto parsed = parse(all_commands(), words, {});
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().next, "skep " + join(command, " ") + " -c worker.toml");
  }
}

TEST(Parse, takes_ls_for_list) {
  EXPECT_EQ(parse(all_commands(), {"task", "ls"}, {})->command->name, "task list");
}

TEST(Parse, knows_each_noun_once) {
  const Ran ran = run_cli({"metrics", "tasks"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_EQ(ran.err.find("plugin, script, plugin"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("next:  skep api GET /metrics\n"), std::string::npos) << ran.err;
}

TEST(Parse, keeps_positionals_that_look_like_commands) {
  const auto parsed = parse(all_commands(), {"worker", "show", "status"}, {});
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->args.get("ID"), "status");
}

TEST(Parse, keeps_values_as_typed) {
  const Words values{"[1,2]", "{}", "-5", "a,b", "%%", "--", "x=y=z"};
  for (const std::string& value : values) {
    const auto parsed = parse(all_commands(), {"api", "POST", "/x", "--data=" + value}, {});
    ASSERT_TRUE(parsed) << value << ": " << parsed.error().message;
    EXPECT_EQ(parsed->args.get("data"), value);
  }
  const auto parsed =
      parse(all_commands(),
            {"task", "submit", "t", "-p", "a=[1,2]", "-p", "b=-1", "-pc={}", "-p", ""}, {});
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->args.all("param"), (Words{"a=[1,2]", "b=-1", "c={}", ""}));
}

TEST(Parse, takes_a_positional_with_a_dash_after_two_dashes) {
  const auto parsed = parse(all_commands(), {"worker", "show", "--", "-odd"}, {});
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->args.get("ID"), "-odd");
}

TEST(Parse, reads_options_from_the_environment_unless_given) {
  const Environment environment{{"SKEP_SERVER", "http://env:1"}};
  EXPECT_EQ(parse(all_commands(), {"status"}, environment)->args.get("server"), "http://env:1");
  EXPECT_EQ(parse(all_commands(), {"status", "--server", "http://arg:1"}, environment)
                ->args.get("server"),
            "http://arg:1");
}

TEST(Parse, names_the_nearest_noun_verb_option_and_choice) {
  EXPECT_NE(error_of({"wroker", "list"}).find("did you mean \"worker\""), std::string::npos);
  EXPECT_NE(error_of({"task", "sumbit"}).find("did you mean \"submit\""), std::string::npos);
  EXPECT_NE(error_of({"task", "list", "--sit", "a"}).find("did you mean \"--site\""),
            std::string::npos);
  EXPECT_NE(error_of({"task", "list", "-o", "jsn"}).find("did you mean \"json\""),
            std::string::npos);
  EXPECT_NE(error_of({"task", "list", "--status", "done"}).find("known: queued"),
            std::string::npos);
}

TEST(Parse, refuses_what_is_missing_or_too_much) {
  EXPECT_EQ(
      error_of({"task"}),
      "\"task\" needs one of: submit, list, show, logs, artifacts, explain, cancel, retry, types");
  EXPECT_EQ(error_of({"task", "show"}).find("\"task show\" needs ID: task id, "), 0u);
  EXPECT_EQ(error_of({"task", "show", ""}), "ID is empty");
  EXPECT_EQ(error_of({"task", "show", "a", "b"}), "\"task show\" does not take \"b\"");
  EXPECT_EQ(error_of({"task", "list", "--site"}), "--site needs a value: SITE");
  EXPECT_EQ(error_of({"task", "list", "--site", "a", "--site", "b"}), "--site is given 2 times");
  EXPECT_EQ(error_of({"-q"}), "no command is given");
}

TEST(Parse, takes_several_ids_where_the_last_argument_repeats) {
  const auto parsed = parse(all_commands(), {"worker", "drain", "a", "b", "c"}, {});
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->args.all("ID"), (Words{"a", "b", "c"}));
}

TEST(Parse, reads_the_timeout_of_submit_as_the_tasks) {
  const auto parsed = parse(all_commands(), {"task", "submit", "t", "--timeout", "600"}, {});
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->args.get("task-timeout"), "600");
  EXPECT_FALSE(parsed->args.has("timeout"));
}

TEST(Parse, gives_help_of_each_level) {
  EXPECT_EQ(parse(all_commands(), {}, {})->help_topic, "");
  EXPECT_EQ(parse(all_commands(), {"--help"}, {})->help_topic, "");
  EXPECT_EQ(parse(all_commands(), {"task", "-h"}, {})->help_topic, "task");
  EXPECT_EQ(parse(all_commands(), {"task", "list", "--help"}, {})->help_topic, "task list");
}

TEST(Parse, takes_version_as_an_option) {
  for (const Words& words : {Words{"--version"}, Words{"-V"}, Words{"-v"}, Words{"-q", "-V"},
                             Words{"-o", "json", "--version"}}) {
    const auto parsed = parse(all_commands(), words, {});
    ASSERT_TRUE(parsed) << words.back();
    EXPECT_EQ(parsed->command->name, "version");
  }
  EXPECT_EQ(parse(all_commands(), {"-V", "-o", "json"}, {})->args.get("output"), "json");
  EXPECT_EQ(error_of({"task", "list", "-V"}).find("\"task list\" has no option \"-V\""), 0U);
}

TEST(Parse, says_which_option_lacks_its_value) {
  EXPECT_EQ(error_of({"-o"}), "-o needs a value: FORMAT");
  EXPECT_EQ(error_of({"-q", "--server"}), "--server needs a value: URL");
  EXPECT_EQ(error_of({"task", "-o"}), "-o needs a value: FORMAT");
  EXPECT_EQ(error_of({"--server", "-o"}), "no command is given");
}

TEST(Parse, refuses_a_value_of_a_flag) {  // O12
  EXPECT_EQ(error_of({"task", "submit", "t", "--wait=12"}),
            "--wait takes no value, and \"12\" was given; it is on when it is there, and off when "
            "not");
  for (const Words& words :
       {Words{"events", "--follow=false"}, Words{"events", "-f=false"}, Words{"up", "-d=1"},
        Words{"task", "submit", "t", "--wait="}, Words{"status", "--quiet=no"},
        Words{"task", "submit", "t", "-p", "a=1", "-w=true"}}) {
    EXPECT_NE(error_of(words).find("takes no value"), std::string::npos) << words.back();
    EXPECT_EQ(run_cli(words).code, 2);
  }
  EXPECT_EQ(error_of({"task", "submit", "t", "-p", "wait=12", "--", "--wait=12"}),
            "\"task submit\" does not take \"--wait=12\"");
  EXPECT_NE(
      run_cli({"task", "submit", "t", "--wait=12"}).err.find("next:  --wait --wait-timeout 12"),
      std::string::npos);
}

TEST(Parse, says_that_a_word_is_given_twice) {  // O12
  EXPECT_EQ(error_of({"skep", "task", "list"}), "\"skep\" is given twice");
  EXPECT_EQ(error_of({"task", "task", "list"}), "\"task\" is given twice");
  EXPECT_EQ(error_of({"task", "list", "list"}), "\"list\" is given twice");
  EXPECT_EQ(error_of({"status", "status"}), "\"status\" is given twice");
}

TEST(Parse, gives_every_usage_error_a_next_step) {
  for (const Words& words :
       {Words{"task", "list", "--limit", "0"}, Words{"task", "list", "--status", "foo"},
        Words{"task", "list", "--site", "a", "--site", "b"}, Words{"-o"}}) {
    const Ran ran = run_cli(words);
    EXPECT_EQ(ran.code, 2);
    EXPECT_NE(ran.err.find("next:  skep "), std::string::npos) << ran.err;
  }
}

TEST(Parse, ends_usage_errors_with_exit_code_2) {
  for (const Words& words :
       {Words{"nonsense"}, Words{"task", "x"}, Words{"task", "list", "--x"},
        Words{"--server", "nowhere", "status"}, Words{"task", "list", "--limit", "0"}}) {
    const Ran ran = run_cli(words);
    EXPECT_EQ(ran.code, 2) << words.front();
    EXPECT_EQ(ran.out, "");
    EXPECT_NE(ran.err.find("[usage]"), std::string::npos) << ran.err;
  }
}

}  // namespace
}  // namespace skep::cli
