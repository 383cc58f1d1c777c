// Whose names are whose, over restarts and by what was pinned.
#include "core/plugin/names.hpp"

#include "tests/unit/plugin/support.hpp"

namespace skep::plugin {
namespace {

class NameBookTest : public testing::Test {
 protected:
  /// The file of plugin `id`, which is there, with these components.
  PluginFile file(const std::string& id, const std::vector<std::string>& components) {
    std::string list;
    for (const std::string& name : components)
      list += (list.empty() ? "" : ",") + std::string(R"({"kind":"skep.kind.task/1","name":")") +
              name + "\"}";
    auto manifest = parse_manifest(R"({"id":")" + id +
                                   R"(","version":"1.0.0","license":"MIT","abi":"skep/1",)" +
                                   R"("components":[)" + list + "]}");
    if (!manifest) throw std::runtime_error(manifest.error().message);
    PluginFile out;
    out.info.path = dir_.file(id + ".so");
    describe(*manifest, out.info);
    out.manifest = std::move(*manifest);
    write_bytes(out.info.path, id);
    return out;
  }
  NameBook names(std::map<std::string, std::string> reserved = {}) {
    return NameBook(std::move(reserved), dir_.file("names.json"));
  }
  /// Ids of those that may be used after `names` settled it.
  std::string settle(NameBook& names, std::vector<PluginFile> files, const std::string& pinned = "",
                     const std::string& serving = "") {
    names.settle(
        files, [&](std::string_view id) { return id == pinned; },
        [&](std::string_view id) { return id == serving; });
    std::string out;
    for (const PluginFile& f : files)
      if (f.usable()) out += (out.empty() ? "" : " ") + f.info.id;
    return out;
  }
  const TempDir dir_;
};

TEST_F(NameBookTest, ids_are_names_too_and_a_plugin_may_repeat_its_own) {
  NameBook n = names({{"file", "spool_file"}});
  EXPECT_EQ(settle(n, {file("a", {"a", "disk"}), file("b", {"a"})}), "");
  EXPECT_EQ(settle(n, {file("spool_file", {"file"}), file("c", {"file"})}), "spool_file");
  EXPECT_EQ(settle(n, {file("file", {"x"})}), "") << "an id that is a reserved name";
}

TEST_F(NameBookTest, a_new_plugin_takes_no_name_from_one_that_is_known) {
  NameBook n = names();
  EXPECT_EQ(settle(n, {file("z", {"disk"})}), "z");
  EXPECT_EQ(settle(n, {file("a", {"disk"}), file("z", {"disk"})}), "z");
  EXPECT_EQ(settle(n, {file("a", {"disk"}), file("z", {"disk"})}, "a"), "z") << "pinned too late";
  EXPECT_EQ(settle(n, {file("a", {"disk"}), file("z", {"other"})}), "z") << "still the old names";
  EXPECT_EQ(settle(n, {file("a", {"disk"}), file("z", {"other"})}), "a z");
}

TEST_F(NameBookTest, of_two_new_ones_a_pinned_one_has_it) {
  NameBook n = names();
  EXPECT_EQ(settle(n, {file("a", {"disk"}), file("z", {"disk"}), file("m", {"other"})}, "z"),
            "z m");
}

TEST_F(NameBookTest, who_is_turned_off_gone_or_another_plugin_now_holds_nothing) {
  NameBook n = names();
  EXPECT_EQ(settle(n, {file("z", {"disk"})}), "z");
  PluginFile off = file("z", {"disk"});
  off.info.state = PluginState::kDisabled;
  EXPECT_EQ(settle(n, {file("a", {"disk"}), off}), "a");
  PluginFile renamed = file("b", {"disk"});
  renamed.info.path = dir_.file("a.so");
  EXPECT_EQ(settle(n, {renamed}), "b");
  fs::remove(dir_.file("a.so"));
  EXPECT_EQ(settle(n, {file("c", {"disk"})}), "c");
}

TEST_F(NameBookTest, a_refused_file_holds_its_names_only_when_it_served) {
  NameBook n = names();
  PluginFile bad = file("z", {"disk"});
  EXPECT_EQ(settle(n, {bad}), "z");
  bad.info.state = PluginState::kRefused;
  EXPECT_EQ(settle(n, {file("a", {"disk"}), bad}), "a") << "never let in";
  EXPECT_EQ(settle(n, {file("a", {"disk"})}, "", "a"), "a");
  PluginFile broken = file("a", {"disk"});
  broken.info.state = PluginState::kRefused;
  EXPECT_EQ(settle(n, {broken, file("b", {"disk"})}), "");
  broken.manifest.reset();
  broken.info.id = "half-written";
  broken.info.path = dir_.file("a.so");
  EXPECT_EQ(settle(n, {broken, file("b", {"disk"})}), "");
}

TEST_F(NameBookTest, are_kept_over_restarts_and_an_unreadable_file_stays_as_it_is) {
  {
    NameBook n = names();
    EXPECT_EQ(settle(n, {file("z", {"disk"})}), "z");
    n.keep();
  }
  NameBook again = names();
  EXPECT_FALSE(again.check(*file("a", {"disk"}).manifest));
  EXPECT_EQ(again.check(*file("a", {"z"}).manifest).error().id(), "name-taken");
  EXPECT_TRUE(again.check(*file("z", {"disk"}).manifest));
  write_bytes(dir_.file("names.json"), "{ damaged");
  NameBook damaged = names();
  EXPECT_EQ(settle(damaged, {file("a", {"disk"}), file("z", {"disk"})}), "");
  fs::remove(dir_.file("names.json"));
  fs::create_directory(dir_.file("names.json"));
  NameBook unread = names();
  EXPECT_EQ(settle(unread, {file("q", {"disk"})}), "q");
  unread.keep();
  EXPECT_TRUE(fs::is_directory(dir_.file("names.json")));
}

}  // namespace
}  // namespace skep::plugin
