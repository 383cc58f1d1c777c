// A copy of a script that nobody else may change, for those who judge it; gone with the object.
#pragma once

#include <memory>
#include <string>

#include "core/base/result.hpp"

namespace skep::plugin {

class StagedScript {
 public:
  /// Writes `text` at `path` (its folder is made, 0700), with the signature of `source` beside it.
  static Result<std::shared_ptr<const StagedScript>> make(std::string path, const std::string& text,
                                                          const std::string& source);
  ~StagedScript();
  StagedScript(const StagedScript&) = delete;
  StagedScript& operator=(const StagedScript&) = delete;
  const std::string& path() const { return path_; }

 private:
  explicit StagedScript(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace skep::plugin
