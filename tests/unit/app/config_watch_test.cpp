#include "core/app/config_watch.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/support/temp_dir.hpp"

namespace skep::app {
namespace {

namespace fs = std::filesystem;

class ConfigWatchTest : public testing::Test {
 protected:
  static std::string text(int concurrency, const std::string& more = {}) {
    return more + "[worker]\nconcurrency = " + std::to_string(concurrency) + "\n";
  }
  static void write(const std::string& path, const std::string& content) {
    std::ofstream(path) << content;
  }
  void start(const std::string& path, Millis quiet = Millis{50}) {
    const config::LoadOptions source{.path = path};
    Reloader::Guards guards;
    guards.check = [](const config::Loaded&, const config::Loaded&) { return Status{}; };
    guards.plugins = [](const config::Config&) { return plugin::Configured{}; };
    guards.trust = [](const config::Config&) { return Status{}; };
    reloader_ = std::make_unique<Reloader>(config::load(source).value(), source, guards);
    reloader_->start({[this](const config::Config& c) { now_ = c.worker.concurrency; }});
    watch_ = std::make_unique<ConfigWatch>(*reloader_, quiet);
    watch_->start();
  }
  bool becomes(int concurrency, Millis within = Millis{120'000}) const {
    const auto end = std::chrono::steady_clock::now() + within;
    while (now_ != concurrency && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(Millis{2});
    return now_ == concurrency;
  }

  const test::TempDir dir_;
  std::atomic<int> now_{0};
  std::unique_ptr<Reloader> reloader_;
  std::unique_ptr<ConfigWatch> watch_;
};

TEST_F(ConfigWatchTest, notices_a_file_written_in_place_and_one_moved_over_it) {
  const std::string path = dir_.file("node.toml");
  write(path, text(2));
  start(path);
  write(path, text(3));
  EXPECT_TRUE(becomes(3));
  write(path + "~", text(4));
  fs::rename(path + "~", path);
  EXPECT_TRUE(becomes(4));
  fs::rename(path, path + ".bak");  // an editor that keeps a backup
  write(path, text(5));
  EXPECT_TRUE(becomes(5));
}

TEST_F(ConfigWatchTest, reads_a_file_when_its_writer_has_closed_it) {
  const std::string path = dir_.file("node.toml");
  write(path, text(2));
  start(path, Millis{60'000});
  std::ofstream half(path);
  half << text(7) << std::flush;
  write(dir_.file("other.toml"), "");  // wakes the watch while the write is under way
  EXPECT_FALSE(becomes(7, Millis{500}));
  half << "batch_size = 3\n";
  half.close();
  EXPECT_TRUE(becomes(7));
}

TEST_F(ConfigWatchTest, notices_that_a_link_leads_elsewhere) {
  const std::string path = dir_.file("node.toml");
  for (const auto* folder : {"one", "two"}) fs::create_directory(dir_.file(folder));
  write(dir_.file("one/node.toml"), text(2));
  write(dir_.file("two/node.toml"), text(3));
  fs::create_symlink("one", dir_.file("data"));
  fs::create_symlink("data/node.toml", path);
  start(path);
  fs::create_symlink("two", dir_.file("next"));
  fs::rename(dir_.file("next"), dir_.file("data"));
  EXPECT_TRUE(becomes(3));
}

TEST_F(ConfigWatchTest, notices_that_a_link_behind_another_leads_elsewhere) {
  for (const char* version : {"v1", "v2", "v3"}) fs::create_directories(dir_.file(version));
  fs::create_directory(dir_.file("etc"));
  write(dir_.file("v1/node.toml"), text(2));
  write(dir_.file("v2/node.toml"), text(3));
  write(dir_.file("v3/node.toml"), text(4));
  fs::create_directory_symlink("v1", dir_.file("current"));
  fs::create_symlink("current/node.toml", dir_.file("node.toml"));
  fs::create_symlink("../node.toml", dir_.file("etc/skep.toml"));
  start(dir_.file("etc/skep.toml"));
  for (const int version : {2, 3}) {
    fs::create_directory_symlink("v" + std::to_string(version), dir_.file("next"));
    fs::rename(dir_.file("next"), dir_.file("current"));
    EXPECT_TRUE(becomes(version + 1));
  }
}

TEST_F(ConfigWatchTest, waits_to_be_asked_when_it_shall_not_watch) {
  const std::string path = dir_.file("node.toml");
  const std::string off = "[node]\nwatch_config = false\n";
  write(path, text(2, off));
  start(path);
  write(path, text(3, off));
  watch_->request();
  EXPECT_TRUE(becomes(3));
  watch_.reset();  // the parts hear of a change before its report is there
  ASSERT_TRUE(reloader_->last());
  EXPECT_EQ(reloader_->last()->trigger, "SIGHUP");
}

}  // namespace
}  // namespace skep::app
