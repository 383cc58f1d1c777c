// Helpers of the plugin tests: temporary folders and the fixture plugins.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "core/base/text.hpp"
#include "core/plugin/registry.hpp"
#include "tests/support/temp_dir.hpp"

namespace skep::plugin {

namespace fs = std::filesystem;

using test::TempDir;

inline std::string fixture(const std::string& relative) {
  return std::string(SKEP_BUILD_DIR "/lib/skep/test-plugins/") + relative;
}

inline std::string bytes_of(const std::string& path) {
  auto bytes = read_file(path, 64u << 20);
  if (!bytes) throw std::runtime_error("cannot read " + path);
  return std::move(*bytes);
}

inline void write_bytes(const std::string& path, std::string_view bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!out.flush()) throw std::runtime_error("cannot write " + path);
}

/// The bytes with the only occurrence of `from` replaced by `to` of the same length.
inline std::string patched(std::string bytes, std::string_view from, std::string_view to) {
  const auto at = bytes.find(from);
  if (at == std::string::npos || from.size() != to.size()) throw std::runtime_error("cannot patch");
  return bytes.replace(at, from.size(), to);
}

inline PluginInfo info_of(const Registry& registry, std::string_view file) {
  for (PluginInfo& info : registry.list())
    if (fs::path(info.path).filename() == file) return info;
  ADD_FAILURE() << "no plugin file " << file;
  return {};
}

}  // namespace skep::plugin
