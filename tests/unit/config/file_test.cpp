#include <sys/stat.h>
#include <unistd.h>

#include <boost/json.hpp>

#include "core/base/json.hpp"
#include "support.hpp"

namespace skep::config {
namespace {

std::string repeated(std::string_view part, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += part;
  return out;
}

TEST_F(ConfigTest, a_missing_file_is_said_with_the_nearest_one) {
  write("", "skep.toml");
  EXPECT_EQ(error_of({.path = folder_ + "/sekp.toml"}),
            "sekp.toml: no such file; did you mean \"skep.toml\"?");
  EXPECT_NE(error_of({.path = folder_ + "/nowhere/skep.toml"}).find("does not exist either"),
            std::string::npos);
}

TEST_F(ConfigTest, a_folder_is_no_file) {
  write("", "site-a.toml");
  const std::string message = error_of({.path = folder_});
  EXPECT_NE(message.find("is a folder; name the TOML file in it, known: site-a.toml"),
            std::string::npos)
      << message;
}

TEST_F(ConfigTest, a_pipe_or_device_is_refused_without_being_opened) {
  const std::string path = folder_ + "/pipe.toml";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(error_of({.path = path}),
            "pipe.toml: is no regular file but a pipe; copy the configuration into a file");
  EXPECT_NE(error_of({.path = "/dev/zero"}).find("but a device"), std::string::npos);
}

TEST_F(ConfigTest, a_file_without_the_right_to_read_is_said) {
  const std::string path = write("");
  ASSERT_EQ(chmod(path.c_str(), 0), 0);
  const bool root = geteuid() == 0;  // who may read everything
  if (root) {
    ASSERT_EQ(seteuid(65534), 0);
  }
  const std::string message = error_of({.path = path});
  if (root) {
    ASSERT_EQ(seteuid(0), 0);
  }
  EXPECT_NE(message.find("Permission denied"), std::string::npos) << message;
}

TEST_F(ConfigTest, a_file_that_everybody_may_write_is_refused) {  // B11
  const std::string path = write("[worker]\nconcurrency = 3\n");
  ASSERT_EQ(chmod(path.c_str(), 0646), 0);
  EXPECT_EQ(error_of({.path = path}),
            "skep.toml: may be written by everybody; next: chmod o-w skep.toml");
  ASSERT_EQ(chmod(path.c_str(), 0664), 0);
  EXPECT_EQ(error_of({.path = path}), "no error") << "a group is of the owner's choosing";
}

TEST_F(ConfigTest, a_file_that_everybody_may_replace_is_refused) {  // B11
  const std::string open = folder_ + "/open";
  ASSERT_EQ(mkdir(open.c_str(), 0700), 0);
  const std::string path = write("[worker]\nconcurrency = 3\n", "open/skep.toml");
  const std::string link = folder_ + "/link.toml";
  ASSERT_EQ(symlink("open/skep.toml", link.c_str()), 0);
  ASSERT_EQ(chmod(open.c_str(), 0777), 0);
  for (const std::string& way : {path, link})
    EXPECT_NE(error_of({.path = way}).find("lies in a folder that everybody may write"),
              std::string::npos)
        << way;
  ASSERT_EQ(chmod(open.c_str(), 01777), 0);
  EXPECT_EQ(error_of({.path = path}), "no error")
      << "as /tmp: nobody replaces another's file there";
}

TEST_F(ConfigTest, a_loop_of_links_is_said) {
  const std::string path = folder_ + "/loop.toml";
  ASSERT_EQ(symlink("loop.toml", path.c_str()), 0);
  EXPECT_NE(error_of({.path = path}).find("cannot be read"), std::string::npos);
}

TEST_F(ConfigTest, problems_outside_the_file_are_said_even_when_it_cannot_be_read) {
  const std::string message =
      error_of({.path = folder_ + "/none.toml", .environment = {{"WORKER_CONCURRENCY", "x"}}});
  EXPECT_NE(message.find("none.toml: no such file"), std::string::npos);
  EXPECT_NE(message.find("env WORKER_CONCURRENCY"), std::string::npos);
}

TEST_F(ConfigTest, a_syntax_error_has_line_and_column) {
  EXPECT_EQ(
      error_of_text("[worker]\nconcurrency = = 4\n").rfind("skep.toml:2:15: not valid TOML", 0),
      0u);
  EXPECT_EQ(error_of_text("[worker]\nconcurrency = 1\nconcurrency = 2\n").rfind("skep.toml:3:", 0),
            0u);
}

TEST_F(ConfigTest, text_without_quotes_is_said_with_them) {
  const auto hint = [this](const std::string& line) {
    const std::string message = error_of_text("[node]\n" + line + "\n[worker]\n");
    const std::string words = "; text stands in quotes: ";
    const std::size_t at = message.find(words);
    EXPECT_NE(message.find("skep.toml:"), std::string::npos) << message;
    return at == std::string::npos ? std::string() : message.substr(at + words.size());
  };
  EXPECT_EQ(hint("site = site-d"), "site = \"site-d\"");
  EXPECT_EQ(hint("  state_dir=/var/lib/skep  # here"), "state_dir = \"/var/lib/skep\"");
  EXPECT_EQ(hint("site = true-ish"), "site = \"true-ish\"");
  EXPECT_EQ(hint("site = 10.0.0.1\r"), "site = \"10.0.0.1\"");
  for (const char* other : {"site = ", "site = = a", "site = \"a", "site = [a", "id = 1\nid = 2",
                            "site = {a = b}", "a b = c", "site = a b"})
    EXPECT_EQ(hint(other), "") << other;
}

TEST_F(ConfigTest, a_huge_file_is_refused_without_being_parsed) {
  EXPECT_NE(error_of_text(repeated("# filler\n", 1'200'000)).find("larger than 1 MiB"),
            std::string::npos);
}

TEST_F(ConfigTest, a_file_of_one_mebibyte_is_read) {
  EXPECT_TRUE(load_text(repeated("#2345678\n", 100'000)));
}

TEST_F(ConfigTest, garbage_is_a_syntax_error) {
  EXPECT_NE(error_of_text(std::string("\x7f\x45LF\x02\x01\x00\x00", 8)).find("not valid TOML"),
            std::string::npos);
  EXPECT_NE(error_of_text(std::string("\xff\xfe[\x00n\x00", 6)).find("skep.toml:1:1:"),
            std::string::npos);
  EXPECT_NE(error_of_text("a = \"\xff\"").find("not valid TOML"), std::string::npos);
}

TEST_F(ConfigTest, a_byte_order_mark_and_windows_line_ends_are_fine) {
  const auto loaded = load_text("\xef\xbb\xbf[worker]\r\nconcurrency = 7\r\n");
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->config.worker.concurrency, 7);
}

TEST_F(ConfigTest, depth_bombs_are_refused) {
  for (const std::size_t depth : {33u, 1'000u, 150'000u}) {
    const std::string dotted = repeated("a.", depth) + "a";
    for (const std::string& bomb :
         {"x = " + std::string(depth, '[') + std::string(depth, ']'),
          "x = " + std::string(depth, '['),
          "x = " + repeated("{a=", depth) + "1" + std::string(depth, '}'), dotted + " = 1",
          "[" + dotted + "]", "[[" + dotted + "]]", "x = { " + dotted + " = 1 }",
          "x = \"\"\"q\"\"\"\" # quote\n" + dotted + " = 1", repeated("\"a\" . ", depth) + "a = 1",
          "[queue]\n" + dotted + " = 1"})
      EXPECT_NE(error_of_text(bomb).find("nested deeper than 32 levels"), std::string::npos)
          << bomb.substr(0, 40);
  }
}

TEST_F(ConfigTest, dots_and_brackets_in_texts_are_no_depth) {
  const std::string dots = repeated("a.[{", 200);
  EXPECT_TRUE(load_text("# " + dots + "\n[queue]\na = \"" + dots + "\"\nb = '" + dots +
                        "'\nc = \"\"\"\n" + dots + "\n\\\"\"\" \"\"\"\nd = '''\n" + dots +
                        "'''\n"));
}

TEST_F(ConfigTest, a_table_nested_below_the_limit_reaches_the_plugin) {
  EXPECT_TRUE(load_text("[queue]\nx = " + std::string(30, '[') + std::string(30, ']')));
  EXPECT_NE(error_of_text("[queue." + repeated("a.", 20) + "a]\n" + repeated("b.", 20) + "b = 1")
                .find("is nested deeper than 32 levels"),
            std::string::npos);
}

std::string numbered_keys(int count) {
  std::string toml;
  for (int i = 0; i < count; ++i) toml += "x" + std::to_string(i) + " = 1\n";
  return toml;
}

TEST_F(ConfigTest, a_thousand_problems_are_counted_not_listed) {
  std::string toml;
  for (int i = 0; i < 1'000; ++i) toml += "[x" + std::to_string(i) + "]\n";
  const std::string message = error_of_text(toml);
  EXPECT_TRUE(message.ends_with("\nand 950 more")) << message.substr(message.size() - 40);
}

TEST_F(ConfigTest, of_many_unknown_keys_twenty_are_named) {
  const std::string message = error_of_text("[worker]\n" + numbered_keys(20'000));
  EXPECT_NE(message.find("unknown key worker.x19; known: "), std::string::npos);
  EXPECT_EQ(message.find("worker.x20;"), std::string::npos);
  EXPECT_TRUE(message.ends_with("\nand 19980 more unknown keys"))
      << message.substr(message.size() - 40);
}

TEST_F(ConfigTest, for_an_unknown_key_of_a_megabyte_nothing_is_sought) {
  const std::string message = error_of_text(std::string(1'000'000, 'a') + " = 1\n");
  EXPECT_LT(message.size(), 1'000U) << message.substr(0, 100);
}

TEST_F(ConfigTest, the_table_of_a_plugin_may_have_twenty_thousand_keys) {
  const auto loaded =
      load_text("[queue]\n" + numbered_keys(20'000) + "[plugins.lua]\n" + numbered_keys(20'000));
  ASSERT_TRUE(loaded);
  for (const std::string& table :
       {loaded->config.queue.table, loaded->config.plugins.tables.at("lua")}) {
    const auto members = parse_json(table);
    ASSERT_TRUE(members);
    EXPECT_EQ(members->get_object().size(), 20'000U);
    EXPECT_EQ(get_int(members->get_object(), "x19999"), 1);
  }
}

}  // namespace
}  // namespace skep::config
