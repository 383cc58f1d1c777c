// skep script publish and skep registry against a scripted control plane.
#include <gtest/gtest.h>

#include <atomic>
#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "core/base/base64.hpp"
#include "core/base/json.hpp"
#include "core/base/limits.hpp"
#include "core/base/text.hpp"
#include "core/cli/registry/release_file.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/cli/cli_support.hpp"

namespace skep::cli {
namespace {

constexpr const char* kPublished =
    R"({"name":"probe","version":"1.0.0","release":7,"sites":["a"],"canaries":["w1"],"existed":false})";

constexpr const char* kWorkersAtB =
    R"({"items":[{"worker_id":"w1","site":"b"},{"worker_id":"w2","site":"b"}]})";

std::string show(const std::string& release_state, const std::string& worker_state) {
  return R"({"name":"probe","releases":[{"name":"probe","kind":"script","version":"1.0.0","arch":"any",)"
         R"("release":7,"state":")" +
         release_state +
         R"(","reason":"9 of 9 tasks failed","sites":[],"sha256":"abcdef0123456789",)" +
         R"("published_at":"2026-01-10T11:59:00Z"}],"workers":[{"worker_id":"w1","site":"a",)"
         R"("status":"online","release":7,"version":"1.0.0","state":")" +
         worker_state + R"(","reason":"no such file"}]})";
}

struct Files {
  std::string script(const std::string& text) const {
    const std::string path = dir.file("probe.lua");
    std::ofstream(path) << text;
    return path;
  }
  test::TempDir dir;
  const std::string good =
      "return skep.task {\n  name = 'probe', version = \"1.0.0\",\n"
      "  run = function() return {} end,\n}\n";
};

TEST(registry_cli, publish_sends_the_file_and_what_it_is_for) {
  const Files f;
  const std::string path = f.script(f.good);
  std::ofstream(path + ".minisig") << "signed";
  const Ran ran = run_cli(
      {"script", "publish", path, "--site", "a", "--site", "b", "--canary", "10%", "--hold"},
      {{201, kPublished}});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "script probe 1.0.0 published (signed) to site a; first on w1\n");
  ASSERT_FALSE(ran.requests.empty());
  const auto body = parse_json(ran.requests[0].body)->get_object();
  EXPECT_EQ(get_string(body, "content"), base64_encode(f.good));
  EXPECT_EQ(get_string(body, "name"), "probe");
  EXPECT_EQ(get_string(body, "canary"), "10%");
  EXPECT_EQ(get_raw(body, "types"), R"(["probe"])");
  EXPECT_TRUE(body.at("schemas").as_object().at("probe").is_object());
  EXPECT_FALSE(body.contains("force"));
  EXPECT_EQ(get_string(body, "signature"), "signed");
  EXPECT_EQ(get_raw(body, "sites"), R"(["a","b"])");
  EXPECT_TRUE(get_bool(body, "hold"));
}

TEST(registry_cli, publish_tries_again_while_another_script_is_looked_at) {
  const Files f;
  const std::string busy = R"({"code":"busy","detail":"publish: another script is looked at"})";
  const std::string path = f.script(f.good);
  const Ran ran =
      run_cli({"script", "publish", path}, {{503, busy}, {503, busy}, {201, kPublished}});
  EXPECT_EQ(ran.code, 0) << ran.err;
  ASSERT_GE(ran.requests.size(), 3u);
  EXPECT_EQ(ran.requests[0].body, ran.requests[2].body);
  const Ran late = run_cli({"--timeout", "0.01", "script", "publish", path}, {{503, busy}});
  EXPECT_EQ(late.code, 8) << late.err;
  EXPECT_EQ(late.requests.size(), 1u) << "no time for another try";
}

TEST(registry_cli, publish_tells_what_was_forced) {
  const Files f;
  const std::string answer = std::string(kPublished).substr(0, std::string(kPublished).size() - 1) +
                             R"(,"schema_changes":["probe 1.0.0 -> 2.0.0: /a was removed"]})";
  const Ran ran =
      run_cli({"script", "publish", f.script(f.good), "--force"}, {{201, answer.c_str()}});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.err.find("warning: probe 1.0.0 -> 2.0.0: /a was removed"), std::string::npos);
  EXPECT_TRUE(get_bool(parse_json(ran.requests.at(0).body)->get_object(), "force"));
}

TEST(registry_cli, a_signature_that_cannot_go_along_is_an_error) {
  const Files f;
  const std::string path = f.script(f.good);
  const std::string signature = path + ".minisig";
  const auto refused = [&](const std::string& word) {
    const Ran ran = run_cli({"script", "publish", path}, {{201, kPublished}});
    EXPECT_EQ(ran.code, 2) << ran.err;
    EXPECT_NE(ran.err.find("probe.lua.minisig " + word), std::string::npos) << ran.err;
    EXPECT_TRUE(ran.requests.empty()) << "published without its signature";
  };
  std::ofstream(signature) << std::string(kMaxSignatureBytes + 1, 's');
  refused("is larger than 16384 bytes");
  std::ofstream(signature, std::ios::trunc).close();
  refused("is empty");
  std::filesystem::remove(signature);
  std::filesystem::create_directory(signature);
  refused("is no regular file");
  std::filesystem::remove(signature);
  std::ofstream(signature) << std::string(kMaxSignatureBytes, 's');
  const Ran ran = run_cli({"script", "publish", path}, {{201, kPublished}});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(get_string(parse_json(ran.requests.at(0).body)->get_object(), "signature").size(),
            kMaxSignatureBytes);
}

TEST(registry_cli, bytes_and_manifest_are_those_of_one_build) {
  const Files f;
  const std::string path = f.dir.file("answer.so");
  const std::string builds = SKEP_BUILD_DIR "/lib/skep/test-plugins/reload/answer_";
  const std::map<std::string, std::string> bytes{{"1.0.0", read_file(builds + "1.so").value()},
                                                 {"2.0.0", read_file(builds + "2.so").value()}};
  const auto build = [&](const std::string& version) {
    std::ofstream(path + ".new", std::ios::binary) << bytes.at(version);
    std::filesystem::rename(path + ".new", path);
  };
  build("1.0.0");
  std::atomic<bool> done{false};
  std::thread builder([&] {
    for (int i = 0; !done; ++i) build(i % 2 == 0 ? "2.0.0" : "1.0.0");
  });
  for (int i = 0; i < 300; ++i) {
    const auto file = read_plugin(path);
    EXPECT_TRUE(file && file->content == bytes.at(file->version));
    if (testing::Test::HasFailure()) break;
  }
  done = true;
  builder.join();
}

TEST(registry_cli, wait_ends_when_every_online_worker_runs_it) {
  const Files f;
  const Ran ran =
      run_cli({"script", "publish", f.script(f.good), "--wait"}, {{201, kPublished},
                                                                  {200, kWorkersAtB},
                                                                  {200, show("active", "fetched")},
                                                                  {200, show("active", "active")}});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.err.find("1 of 1 online workers run it"), std::string::npos) << ran.err;
}

TEST(registry_cli, publish_warns_of_a_site_without_workers) {
  const Files f;
  const std::string path = f.script(f.good);
  const Ran typo = run_cli({"script", "publish", path, "--site", "a"},
                           {{201, kPublished}, {200, R"({"items":[]})"}, {200, kWorkersAtB}});
  EXPECT_EQ(typo.code, 0);
  EXPECT_EQ(typo.err,
            "warning: no worker at site \"a\"; known sites: b; did you mean \"b\"?\n"
            "  next:  skep registry show probe\n");
  const Ran none = run_cli({"script", "publish", path, "--site", "a"},
                           {{201, kPublished}, {200, R"({"items":[]})"}, {200, R"({"items":[]})"}});
  EXPECT_NE(none.err.find("no worker at site \"a\"; known sites: none\n"), std::string::npos)
      << none.err;
  const Ran known =
      run_cli({"script", "publish", path, "--site", "a"},
              {{201, kPublished}, {200, R"({"items":[{"worker_id":"w1","site":"a"}]})"}});
  EXPECT_EQ(known.err, "  next:  skep registry show probe\n");
}

TEST(registry_cli, wait_is_in_vain_when_nobody_is_there_to_run_it) {
  const Files f;
  const std::string nobody = R"({"name":"probe","releases":[],"workers":[]})";
  const Ran ran =
      run_cli({"script", "publish", f.script(f.good), "--wait", "--wait-timeout", "0.2"},
              {{201, kPublished}, {200, kWorkersAtB}, {200, nobody}, {200, nobody}, {200, nobody}});
  EXPECT_EQ(ran.code, 7) << ran.err;
  EXPECT_NE(ran.err.find("no worker that it is meant for is online when the time was up"),
            std::string::npos)
      << ran.err;
  EXPECT_NE(ran.err.find("skep registry withdraw probe"), std::string::npos) << ran.err;
}

TEST(registry_cli, wait_fails_when_a_worker_cannot_run_it_or_it_is_rolled_back) {
  const Files f;
  const std::string path = f.script(f.good);
  const Ran failed =
      run_cli({"script", "publish", path, "--wait"},
              {{201, kPublished}, {200, kWorkersAtB}, {200, show("active", "failed")}});
  EXPECT_EQ(failed.code, 9);
  EXPECT_NE(failed.err.find("worker w1: no such file"), std::string::npos) << failed.err;
  const Ran back =
      run_cli({"script", "publish", path, "--wait"},
              {{201, kPublished}, {200, kWorkersAtB}, {200, show("rolled_back", "pending")}});
  EXPECT_EQ(back.code, 9);
  EXPECT_NE(back.err.find("rolled back: 9 of 9 tasks failed"), std::string::npos) << back.err;
}

TEST(registry_cli, a_file_that_is_no_script_or_plugin_is_named) {
  const Files f;
  for (const auto& [text, word] : {std::pair{"print(1)", "skep.task"},
                                   {"-- skep.task\nreturn skep.task { name = 'x'", "probe.lua:2: "},
                                   {"return skep.task { name = 'x', run = print }", "version"},
                                   {"\x1bLua", "probe.lua:"}}) {
    const Ran ran = run_cli({"script", "publish", f.script(text)});
    EXPECT_EQ(ran.code, 2) << text;
    EXPECT_NE(ran.err.find(word), std::string::npos) << ran.err;
    EXPECT_TRUE(ran.requests.empty());
  }
  EXPECT_EQ(run_cli({"plugin", "publish", f.script(f.good)}).code, 2);
  EXPECT_EQ(run_cli({"plugin", "publish", "/nowhere.so"}).code, 2);
  EXPECT_EQ(run_cli({"script", "publish", f.script(f.good), "--canary", "many"}).code, 2);
  EXPECT_EQ(run_cli({"script", "publish", f.script(f.good), "--hold"}).code, 2);
}

TEST(registry_cli, show_has_releases_and_workers_and_rollback_says_what_changed) {
  const Ran ran = run_cli({"registry", "show", "probe"}, {{200, show("active", "fetched")}});
  EXPECT_EQ(ran.code, 0) << ran.err;
  for (const char* word : {"1.0.0", "abcdef012345", "w1", "fetched", "60s"})
    EXPECT_NE(ran.out.find(word), std::string::npos) << word << '\n' << ran.out;
  const Ran back = run_cli(
      {"registry", "rollback", "probe", "--reason", "slow"},
      {{200,
        R"({"items":[{"name":"probe","version":"2.0.0","arch":"any","state":"rolled_back"}]})"}});
  EXPECT_EQ(back.out, "probe 2.0.0 (any) rolled_back\n");
  EXPECT_EQ(back.requests.at(0).body, R"({"reason":"slow"})");
}

TEST(registry_cli, rollback_that_is_interrupted_before_the_answer_may_have_happened) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(run_and_exit({"registry", "rollback", "probe", "-w"}, interrupted_request),
              testing::ExitedWithCode(130),
              "error: interrupted; the rollback of probe may have happened   \\[interrupted\\]\n"
              "  next:  skep registry show probe\n");
}

}  // namespace
}  // namespace skep::cli
