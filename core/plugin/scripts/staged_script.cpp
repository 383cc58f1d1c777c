#include "core/plugin/scripts/staged_script.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "core/plugin/stage.hpp"

namespace skep::plugin {

namespace fs = std::filesystem;

Result<std::shared_ptr<const StagedScript>> StagedScript::make(std::string path,
                                                               const std::string& text,
                                                               const std::string& source) {
  std::error_code ec;
  const fs::path folder = fs::path(path).parent_path();
  fs::create_directories(folder, ec);
  ::chmod(folder.c_str(), S_IRWXU);
  remove_staged({path, ""});  // of a run before: others may have a name for the same bytes
  const std::shared_ptr<const StagedScript> made(new StagedScript(std::move(path)));
  std::ofstream out(made->path_, std::ios::binary | std::ios::trunc);
  out << text << std::flush;
  if (!out) return errno_error("stage " + source + " as " + made->path_, errno);
  SKEP_TRY(keep_signature(source, {made->path_, ""}));
  return made;
}

StagedScript::~StagedScript() { remove_staged({path_, ""}); }

}  // namespace skep::plugin
