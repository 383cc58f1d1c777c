#include <gtest/gtest.h>

#include <set>

#include "core/base/text.hpp"
#include "core/cli/base/format.hpp"
#include "core/cli/base/help.hpp"
#include "core/cli/commands.hpp"
#include "tests/unit/cli/cli_support.hpp"

namespace skep::cli {
namespace {

TEST(Version, prints_itself_for_people_and_programs) {
  EXPECT_TRUE(run_cli({"version"}).out.starts_with("skep "));
  EXPECT_NE(run_cli({"version", "-o", "json"}).out.find("\"protocol\""), std::string::npos);
}

TEST(Help, covers_every_command_option_and_topic) {
  for (const Command& c : all_commands()) {
    const std::string text = help_text(all_commands(), c.name);
    EXPECT_NE(text.find(usage_line(c)), std::string::npos) << c.name;
    for (const Option& o : c.options)
      EXPECT_NE(text.find("--" + o.long_name), std::string::npos) << c.name;
  }
  EXPECT_EQ(run_cli({"help", "exit-codes"}).out, help_text(all_commands(), "exit-codes"));
  EXPECT_EQ(run_cli({"help", "task", "list"}).out, help_text(all_commands(), "task list"));
  EXPECT_EQ(run_cli({"help", "nonsense"}).code, 2);
  EXPECT_NE(run_cli({}).out.find("start here: skep up"), std::string::npos);
}

TEST(Help, names_an_option_once) {
  for (const Command& c : all_commands()) {
    std::set<std::string> seen;
    for (const std::string& line : split(help_text(all_commands(), c.name), '\n')) {
      if (!line.starts_with("  -")) continue;
      const std::string option = line.substr(line.find("--"));
      EXPECT_TRUE(seen.insert(option.substr(0, option.find(' '))).second) << c.name << line;
    }
  }
  EXPECT_EQ(help_text(all_commands(), "task submit").find("one answer"), std::string::npos);
  EXPECT_NE(help_text(all_commands(), "task list").find("one answer"), std::string::npos);
}

TEST(Help, fits_80_columns) {  // O13
  std::vector<std::string> topics{""};
  for (const Command& c : all_commands()) topics.push_back(c.name);
  for (std::string& topic : help_topics()) topics.push_back(std::move(topic));
  for (const std::string& topic : topics)
    for (const std::string& line : split(help_text(all_commands(), topic), '\n')) {
      if (line.starts_with("  skep ") || line.starts_with("usage: ")) continue;  // to copy whole
      EXPECT_LE(display_width(line), 80u) << topic << ": " << line;
    }
}

TEST(Reference, is_what_the_command_table_says) {
  const auto file = read_file(SKEP_SOURCE_DIR "/docs/reference/cli.md");
  ASSERT_TRUE(file);
  EXPECT_EQ(*file, reference_markdown(all_commands()))
      << "write it again: build/bin/skep __docs cli > docs/reference/cli.md";
}

}  // namespace
}  // namespace skep::cli
