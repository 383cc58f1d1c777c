// The folders by which a script and skep exchange files: what it reads, and what it leaves.
#pragma once

#include <optional>
#include <string>

#include "skep/json.hpp"
#include "skep/task.hpp"
#include "workdir.hpp"

namespace skep::script {

/// Of one run, beside its working folder. On a host without artifacts there are none: its paths are
/// "".
class Exchange {
 public:
  /// Makes the folders, and puts each of `inputs` into one: the text that it is, or the bytes of
  /// {"artifact": SHA256, "size": n}. Throws Fault.
  Exchange(Call& call, const WorkDir& dir, const Json& inputs);
  const std::string& artifacts() const { return artifacts_; }
  const std::string& inputs() const { return inputs_; }
  /// Every regular file in the folder becomes an artifact of the task. What is none is listed:
  /// [{"name","reason"}].
  Json collect() const;

 private:
  void put(const std::string& name, const Json& value) const;
  void leave(int folder, const std::string& name) const;
  Call& call_;
  const std::optional<WorkDir::Owner> owner_;
  std::string artifacts_;
  std::string inputs_;
};

}  // namespace skep::script
