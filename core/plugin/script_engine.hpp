// A language for scripts, running in killable children.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/plugin/task_target.hpp"

namespace skep::plugin {

/// One generation of a script_host component. Whoever runs the scripts names them: an id stands for
/// one text, so a changed script gets a new id. [any]
class ScriptEngine {
 public:
  virtual ~ScriptEngine() = default;
  /// Reads the script in a child and keeps it there; its manifest as JSON. `file` is for messages.
  /// kInvalid with "FILE:LINE: what is wrong" when the text is not a script; kDeadline or
  /// kUnavailable when it took too long, which the machine may have done. A text that crashes the
  /// child fails as "plugin-crashed" and costs nothing else.
  virtual Result<std::string> load(std::string_view id, std::string_view file,
                                   std::string_view source) = 0;
  /// Forgets the script in every child; those that run it forget it afterwards.
  virtual void drop(std::string_view id) = 0;
  /// Runs the script; a child that does not know it yet reads it first. The target may outlive the
  /// engine: then its tasks fail as unavailable.
  virtual std::unique_ptr<TaskTarget> target(std::string id, std::string file,
                                             std::string source) = 0;
};

}  // namespace skep::plugin
