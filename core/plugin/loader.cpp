#define BOOST_DLL_USE_STD_FS
#include "core/plugin/loader.hpp"

#include <dlfcn.h>
#include <link.h>
#include <sys/statvfs.h>

#include <boost/dll/shared_library.hpp>
#include <exception>
#include <string>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/plugin/kinds.hpp"

namespace skep::plugin {
namespace {

namespace dll = boost::dll;

Error load_error(std::string message) {
  return Error{Code::kInvalid, std::move(message), "plugin-load-failed"};
}

/// Keeps every library for the life of the process; never destroyed, so nothing is unmapped at
/// exit.
void keep(dll::shared_library library) {
  static Mutex mutex;
  static auto* kept = new std::vector<dll::shared_library>;
  const MutexLock lock(mutex);
  kept->push_back(std::move(library));
}

/// The linker matches by path and inode and may hand out an older copy; then the code is not the
/// one that was checked.
Status check_origin(const dll::shared_library& library, const std::string& path) {
  struct link_map* map = nullptr;
  if (::dlinfo(library.native(), RTLD_DI_LINKMAP, static_cast<void*>(&map)) != 0 || map == nullptr)
    return load_error("the dynamic linker does not say what it loaded for " + path);
  if (path == map->l_name) return Status();
  return load_error("the dynamic linker returned " + std::string(map->l_name) + " for " + path);
}

Result<const skep_plugin_v1*> checked_entry(const dll::shared_library& library) {
  if (!library.has(SKEP_PLUGIN_ENTRY_SYMBOL))
    return load_error("does not export " SKEP_PLUGIN_ENTRY_SYMBOL "()")
        .with_next("end the source with SKEP_PLUGIN(..), or export the function in C");
  const skep_plugin_v1* table = nullptr;
  try {
    table = library.get<const skep_plugin_v1*()>(SKEP_PLUGIN_ENTRY_SYMBOL)();
  } catch (const std::exception& e) {
    return load_error(std::string(SKEP_PLUGIN_ENTRY_SYMBOL "() threw: ") + e.what());
  } catch (...) {
    return load_error(SKEP_PLUGIN_ENTRY_SYMBOL "() threw");
  }
  SKEP_TRY(check_plugin(table));
  return table;
}

}  // namespace

Result<const skep_plugin_v1*> load_library(const Staged& staged) {
  SKEP_TRY(verify_staged(staged));
  dll::shared_library library;
  dll::fs::error_code ec;
  ::dlerror();
  library.load(staged.path, ec, dll::load_mode::rtld_now | dll::load_mode::rtld_local);
  if (ec) {
    const char* words = ::dlerror();  // Boost keeps only "bad file descriptor"
    Error error = load_error(words != nullptr ? words : staged.path + ": " + ec.message());
    struct statvfs fs {};
    if (::statvfs(staged.path.c_str(), &fs) == 0 && (fs.f_flag & ST_NOEXEC) != 0)
      return std::move(error).with_next("the file system of " + staged.path +
                                        " is mounted noexec: set [node] state_dir elsewhere");
    return error;
  }
  const auto origin = check_origin(library, staged.path);
  auto table = checked_entry(library);
  keep(std::move(library));
  if (!origin) return origin.error();
  return table;
}

}  // namespace skep::plugin
