// What scan_hazards() finds in files that have exactly one hazard, and in damaged ones.
#include "core/plugin/hazards.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "core/base/text.hpp"
#include "tests/support/temp_dir.hpp"

namespace skep::plugin {
namespace {

std::string fixture(const std::string& name) {
  return std::string(SKEP_BUILD_DIR) + "/lib/skep/test-plugins/hazards/" + name + ".so";
}

std::vector<std::string> fatal(const std::string& path) {
  const auto found = scan_hazards(path);
  EXPECT_TRUE(found) << (found ? "" : found.error().message);
  std::vector<std::string> ids;
  if (!found) return ids;
  for (const Hazard& h : *found) {
    EXPECT_NE(std::find(hazard_ids().begin(), hazard_ids().end(), h.id), hazard_ids().end());
    EXPECT_FALSE(h.fix.empty()) << h.id;
    if (h.fatal) ids.push_back(h.id);
  }
  return ids;
}

using Ids = std::vector<std::string>;

TEST(Hazards, CleanFileHasNone) { EXPECT_EQ(fatal(fixture("clean")), Ids{}); }
TEST(Hazards, FindsStaticTls) { EXPECT_EQ(fatal(fixture("static_tls")), Ids{"static-tls"}); }
TEST(Hazards, FindsNoDelete) { EXPECT_EQ(fatal(fixture("nodelete")), Ids{"nodelete"}); }
TEST(Hazards, FindsRunPath) { EXPECT_EQ(fatal(fixture("run_path")), Ids{"run-path"}); }
TEST(Hazards, FindsNeeded) { EXPECT_EQ(fatal(fixture("needed")), Ids{"needed"}); }
TEST(Hazards, FindsExports) { EXPECT_EQ(fatal(fixture("exports")), Ids{"exports"}); }
TEST(Hazards, NamesWhatIsRegisteredWithTheProcess) {
  const auto found = scan_hazards(fixture("../hooks/hooks"));
  ASSERT_TRUE(found);
  const auto hooks = std::find_if(found->begin(), found->end(),
                                  [](const Hazard& h) { return h.id == "process-hooks"; });
  ASSERT_NE(hooks, found->end());
  EXPECT_FALSE(hooks->fatal);
  for (const char* name : {"on_exit", "pthread_key_create", "sigaction"})
    EXPECT_NE(hooks->message.find(name), std::string::npos) << hooks->message;
}
TEST(Hazards, FindsTextRelocations) {
  EXPECT_EQ(fatal(fixture("text_relocations")), Ids{"text-relocations"});
}
TEST(Hazards, FindsWritableCode) {
  EXPECT_EQ(fatal(fixture("writable_code")), Ids{"writable-code"});
}
TEST(Hazards, FindsExecutableStack) {
  EXPECT_EQ(fatal(fixture("executable_stack")), Ids{"executable-stack"});
}
TEST(Hazards, FindsUniqueSymbolsAndNamesThem) {
  const auto found = scan_hazards(fixture("unique_symbols"));
  ASSERT_TRUE(found);
  EXPECT_TRUE(std::any_of(found->begin(), found->end(),
                          [](const Hazard& h) { return h.id == "unique-symbols"; }));
  const auto refused = refuse_hazards(*found);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kDenied);
  EXPECT_EQ(refused.error().id(), "plugin-hazard");
}

TEST(Hazards, ShippedPluginsHaveNone) {
  for (const auto& file : std::filesystem::directory_iterator(SKEP_TEST_PLUGIN_DIR)) {
    if (file.path().extension() == ".so") {
      EXPECT_EQ(fatal(file.path().string()), Ids{}) << file.path();
    }
  }
}

TEST(Hazards, DamagedFilesAreRefusedOrReadAndNeverCrash) {
  const test::TempDir dir;
  const std::string whole = *read_file(fixture("clean"));
  const std::string path = dir.path() + "/damaged.so";
  const auto write = [&](const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
    return scan_hazards(path);
  };
  EXPECT_FALSE(write(""));
  EXPECT_FALSE(write(whole.substr(0, 100)));
  EXPECT_FALSE(write(whole.substr(0, whole.size() - 64)));
  for (std::size_t at = 0; at < 64; ++at)
    for (const char byte : {'\0', '\x7f', '\xff'}) {
      std::string bytes = whole;
      bytes[at] = byte;
      static_cast<void>(write(bytes));
    }
}

}  // namespace
}  // namespace skep::plugin
