// A folder of its own and a few words for the tests of the configuration.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "core/config/load.hpp"
#include "tests/support/temp_dir.hpp"

namespace skep::config {

class ConfigTest : public testing::Test {
 protected:
  std::string write(const std::string& text, const std::string& name = "skep.toml") const {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

  Result<Loaded> load_text(const std::string& toml) const { return load({.path = write(toml)}); }

  /// The message of a configuration that must not load, without the folder in front of file names.
  std::string error_of(const LoadOptions& options) const {
    const auto loaded = load(options);
    if (loaded) return "no error";
    EXPECT_EQ(loaded.error().code, Code::kConfig);
    std::string text = loaded.error().message;
    for (std::size_t at; (at = text.find(folder_ + "/")) != std::string::npos;)
      text.erase(at, folder_.size() + 1);
    return text;
  }
  std::string error_of_text(const std::string& toml) const {
    return error_of({.path = write(toml)});
  }

 private:
  const test::TempDir dir_;

 protected:
  const std::string folder_ = dir_.path();
};

inline Result<Loaded> load_environment(const std::map<std::string, std::string>& environment) {
  return load({.environment = environment});
}

}  // namespace skep::config
