// skep plugin new: a folder that builds, or a script
#include "core/cli/plugin/verbs.hpp"

#include <ostream>

#include "core/base/text.hpp"
#include "core/cli/base/invocation.hpp"
#include "core/cli/base/new_script.hpp"
#include "core/cli/base/next_command.hpp"
#include "core/cli/base/node_config.hpp"
#include "core/cli/plugin/scaffold.hpp"
#include "core/plugin/manifest.hpp"

namespace skep::cli {
namespace {

struct Language {
  std::string_view word;
  std::string_view extension;
  std::string_view test_extension;
  std::string_view cmake;  ///< what project() enables
};
constexpr Language kLanguages[] = {
    {"cpp", "cpp", "cpp", "C CXX"}, {"c", "c", "c", "C"}, {"rust", "rs", "c", "C"}};

const Language& language_of(std::string_view word) {
  for (const Language& l : kLanguages)
    if (l.word == word) return l;
  return kLanguages[0];
}

Status check_choice(const std::string& lang, const std::string& kind) {
  if (lang == "cpp" || kind == "task") return Status();
  return usage_error("there is a " + lang + " template for tasks only, not for kind " + kind,
                     "--lang cpp --kind " + kind + "   or   --lang " + lang + " --kind task");
}

/// A script is one file: no plugin around it, nothing to build.
Expected<int> make_lua(Invocation& call) {
  if (!call.args.has("id")) return make_script(call);
  return usage_error("a script has no plugin id", "skep plugin new NAME --lang lua");
}

Status check_id(const std::string& id) {
  if (plugin::is_plugin_id(id)) return Status();
  return usage_error("--id \"" + id +
                         "\" is not a plugin id: parts of a-z, 0-9, _ and -, separated by dots, 64 "
                         "bytes at most",
                     "--id com.example.hello");
}

TemplateWords words_of(const std::string& name, const std::string& id, const std::string& kind,
                       const Language& language) {
  const auto file = [&](std::string_view stem, std::string_view extension) {
    return std::string(stem) + "." + std::string(extension);
  };
  return {{"NAME", name},
          {"ID", id},
          {"CLASS", camel_case(name)},
          {"KIND", kind},
          {"LANGUAGES", std::string(language.cmake)},
          {"SOURCE", file(name, language.extension)},
          {"TEST", file(name + "_test", language.test_extension)},
          {"SDK_DIR", sdk_package_dir()}};
}

void print_made(Invocation& call, const std::string& name, const std::string& folder,
                const std::vector<std::string>& files, const std::string& kind) {
  if (!call.for_people()) {
    json::object made{{"name", name}, {"folder", folder}};
    json::array list;
    for (const std::string& f : files) list.emplace_back(f);
    made["files"] = std::move(list);
    print_document(call.console, call.format, made, "name");
    return;
  }
  call.console.out << "made " << folder << ": " << join(files, " ") << '\n';
  std::string next = "next:  (cd " + shell_word(folder) +
                     " && cmake -B b && cmake --build b && ctest --test-dir b)\n"
                     "       skep plugin install " +
                     shell_word(folder + "/b/" + name + ".so");
  if (kind == "task") next += "\n       skep task submit " + name + " --wait";
  call.console.note(next);
}

Expected<int> make(Invocation& call) {
  const std::string name = call.args.get("NAME");
  const std::string lang = call.args.get("lang", "cpp");
  const std::string kind = call.args.get("kind", "task");
  const std::string id = call.args.get("id", name);
  const std::string folder = call.args.get("dir", name);
  if (const auto ok = check_choice(lang, kind); !ok) return ok.error();
  if (lang == "lua") return make_lua(call);
  if (const auto ok = check_new_name(name); !ok) return usage_error(ok.error().message);
  if (const auto ok = check_id(id); !ok) return ok.error();
  const auto files =
      scaffold({"common", lang + "-" + kind}, folder, words_of(name, id, kind, language_of(lang)));
  if (!files) return files.error();
  print_made(call, name, folder, *files, kind);
  return 0;
}

}  // namespace

Command new_command() {
  Command c{"plugin new", "make a folder with a plugin that builds, its manifest and its test"};
  c.positionals = {{"NAME", "task type or component, and file name"}};
  c.options = {
      {"lang", 'l', "LANG", "cpp (default), c, rust or lua", false, {"cpp", "c", "rust", "lua"}},
      {"kind",
       'k',
       "KIND",
       "task (default), queue, store, heartbeat or spool",
       false,
       {"task", "queue", "store", "heartbeat", "spool"}},
      {"id", 0, "ID", "plugin id, such as com.acme.hello (NAME)"},
      {"dir", 0, "DIR",
       "folder to make (./NAME), which must not exist; with --lang lua as in skep script new"}};
  for (Option& option : config_options()) c.options.push_back(std::move(option));
  c.notes =
      "The folder needs CMake and a compiler, and no source of skep. It finds the SDK that came\n"
      "with this program; another one by -DCMAKE_PREFIX_PATH=PREFIX.\n"
      "--lang lua writes one script and its test, as skep script new does; -c and --set name the\n"
      "node that shall run it.";
  c.examples = {"skep plugin new hello",
                "skep plugin new printer --lang rust --id com.acme.printer",
                "skep plugin new greeter --lang lua --dir ."};
  c.run = make;
  return c;
}

}  // namespace skep::cli
