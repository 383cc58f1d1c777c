// skep plugin dev: build, install, tell what happens, and again at each save
#include "core/cli/plugin/verbs.hpp"

#include <filesystem>
#include <ostream>
#include <set>

#include "core/base/folder_watch.hpp"
#include "core/base/text.hpp"
#include "core/cli/base/interrupt.hpp"
#include "core/cli/base/terminal_text.hpp"
#include "core/cli/plugin/install.hpp"
#include "core/cli/plugin/tail.hpp"
#include "core/proc/monotonic.hpp"
#include "core/proc/subprocess.hpp"

namespace skep::cli {
namespace {

namespace fs = std::filesystem;

constexpr Millis kLook{500};    // how often Ctrl-C is looked for
constexpr Millis kSettle{150};  // editors write a file in several steps

class DevLoop {
 public:
  DevLoop(Invocation& call, fs::path source)
      : call_(call), source_(std::move(source)), tail_(call) {
    for (const auto& [name, value] : call.environment) environment_.push_back(name + "=" + value);
  }

  /// Build and install; what fails is said, and the last good build goes on serving.
  void turn() {
    const MonoMs begin = proc::monotonic_ms();
    if (!build()) {
      call_.console.note("not built; the last good build goes on serving");
      return;
    }
    for (const fs::path& file : fresh_plugins()) {
      const auto installed = install_plugin(call_, file.string());
      if (!installed) {
        print_failure(call_.console, installed.error());
        continue;
      }
      print_installed(call_, *installed);
      tail_.follow(*installed);
      call_.console.note("built and installed in " + std::to_string(proc::monotonic_ms() - begin) +
                         " ms");
    }
  }

  /// Says what the plugin did since the last look.
  void tail() { tail_.look(); }

  /// Does a change of this path ask for a build?
  static bool is_source(const fs::path& path) {
    static const std::set<std::string> kEndings{".cpp", ".hpp",  ".cc",  ".c",    ".h",
                                                ".rs",  ".json", ".txt", ".cmake"};
    return kEndings.contains(path.extension().string());
  }

 private:
  bool run(const std::vector<std::string>& words) {
    proc::Spec spec;
    spec.argv = words;
    spec.env = environment_;
    spec.cwd = source_.string();
    std::string output;
    const auto exit = proc::run(spec, -1, 0, [&](bool, std::string_view bytes) {
      output += bytes;
      return !interrupted();
    });
    if (exit && exit->reason == proc::ExitReason::kExited && exit->exit_code == 0) return true;
    ScriptOutput(call_.console, false).err(output);
    if (!exit) print_failure(call_.console, Failure(exit.error()));
    return false;
  }

  bool build() {
    std::error_code ec;
    if (!fs::exists(source_ / "b/CMakeCache.txt", ec) && !run({"cmake", "-B", "b"})) return false;
    return run({"cmake", "--build", "b"});
  }

  /// Files that changed since they were last taken.
  std::vector<fs::path> fresh_plugins() {
    std::vector<fs::path> out;
    std::error_code ec;
    for (const auto& entry : fs::directory_iterator(source_ / "b", ec)) {
      if (entry.path().extension() != ".so") continue;
      const auto time = entry.last_write_time(ec);
      if (auto& last = taken_[entry.path()]; last != time) {
        last = time;
        out.push_back(entry.path());
      }
    }
    return out;
  }

  Invocation& call_;
  fs::path source_;
  std::vector<std::string> environment_;
  PluginTail tail_;
  std::map<fs::path, fs::file_time_type> taken_;
};

Expected<int> develop(Invocation& call) {
  std::error_code ec;
  const fs::path source = fs::absolute(call.args.get("DIR", "."), ec).lexically_normal();
  if (!fs::exists(source / "CMakeLists.txt", ec))
    return Failure(not_found("CMakeLists.txt", source.string())
                       .with_next("skep plugin new NAME, then skep plugin dev NAME"));
  catch_interrupts();
  FolderWatch watch({source.string()});
  DevLoop loop(call, source);
  loop.turn();
  call.console.note("watching " + source.string() + "; Ctrl-C ends");
  while (!interrupted()) {
    const auto changes = watch.wait(kLook, kSettle, {});
    bool wanted = changes.overflow;
    for (const std::string& path : changes.paths) wanted = wanted || DevLoop::is_source(path);
    if (wanted && !interrupted()) loop.turn();
    if (!interrupted()) loop.tail();
  }
  return 0;
}

}  // namespace

Command dev_command() {
  Command c{"plugin dev",
            "build and install a plugin at each save, and tell what it does, until Ctrl-C"};
  c.positionals = {{"DIR", "folder of the plugin (.)", false}};
  c.options = install_options();
  c.notes =
      "Builds DIR/b with CMake. A build that fails leaves the last good one serving. Between two "
      "builds\n"
      "it tells the plugin's events on the node, and its tasks that end without success, with "
      "what\n"
      "they wrote.";
  c.examples = {"skep plugin dev hello -c worker.toml"};
  c.run = develop;
  return c;
}

}  // namespace skep::cli
