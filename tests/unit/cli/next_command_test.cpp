#include "core/cli/base/next_command.hpp"

#include <gtest/gtest.h>

namespace skep::cli {
namespace {

TEST(ShellWord, is_quoted_where_a_shell_would_read_more_into_it) {
  EXPECT_EQ(shell_word("/etc/skep/node-1.toml"), "/etc/skep/node-1.toml");
  EXPECT_EQ(shell_word("a b"), "'a b'");
  EXPECT_EQ(shell_word("it's; rm -rf $HOME"), "'it'\\''s; rm -rf $HOME'");
  EXPECT_EQ(shell_word("~"), "'~'");
  EXPECT_EQ(shell_word(""), "''");
}

TEST(PlaceOf, is_what_was_typed) {
  Args args;
  EXPECT_EQ(place_of(args), "");
  args.add("config", "my node.toml");
  args.add_from_environment("server", "http://h:1");
  EXPECT_EQ(place_of(args), "-c 'my node.toml'");
  args.add("server", "http://h:1");
  args.add("token-file", "t");
  EXPECT_EQ(place_of(args), "--server http://h:1 -c 'my node.toml' --token-file t");
}

TEST(WithPlace, goes_to_commands_that_ask_and_name_nobody) {
  const auto placed = [](std::string_view text) { return with_place(text, "-c n.toml"); };
  EXPECT_EQ(placed("skep task logs t1 -f     # look again\nskep task cancel t1      # or stop it"),
            "skep task logs t1 -f -c n.toml     # look again\n"
            "skep task cancel t1 -c n.toml      # or stop it");
  EXPECT_EQ(
      placed("next: skep worker list   or, where a worker runs: skep plugin list"),
      "next: skep worker list -c n.toml   or, where a worker runs: skep plugin list -c n.toml");
  EXPECT_EQ(placed("skep script list, skep status"),
            "skep script list -c n.toml, skep status -c n.toml");
  EXPECT_EQ(placed("skep task submit t -p a='b,  c'"), "skep task submit t -p a='b,  c' -c n.toml");
  for (const char* as_it_is :
       {"skep task --help", "skep plugin list -c other.toml", "skep status --server http://h:1",
        "skep start -c FILE", "skep up", "skep health: is this a skep control plane?",
        "skep health URL", "name the node: -c FILE", "askep task list", "skep plugin new NAME", ""})
    EXPECT_EQ(placed(as_it_is), as_it_is);
  EXPECT_EQ(with_place("skep task list", ""), "skep task list");
}

}  // namespace
}  // namespace skep::cli
