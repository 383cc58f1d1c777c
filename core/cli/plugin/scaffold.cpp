#include "core/cli/plugin/scaffold.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "core/app/app.hpp"
#include "core/base/file.hpp"
#include "core/base/id.hpp"
#include "core/base/text.hpp"

namespace skep::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxName = 64;
constexpr std::array<std::string_view, 12> kCMakeTargets{
    "all",  "clean",        "depend",  "edit_cache",    "help", "install",
    "list", "list_install", "package", "rebuild_cache", "test", "preinstall"};

bool is_target_of_cmake(std::string_view name) {
  return std::find(kCMakeTargets.begin(), kCMakeTargets.end(), name) != kCMakeTargets.end();
}

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_name_char(char c) { return is_lower(c) || (c >= '0' && c <= '9') || c == '_' || c == '-'; }

std::string nearest_name(std::string_view name) {
  std::string out;
  for (char c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (out.empty() && !is_lower(c)) continue;
    out += is_name_char(c) ? c : '_';
  }
  out = out.substr(0, kMaxName);
  if (is_target_of_cmake(out)) out = "my-" + out;
  return out.empty() ? "hello" : out;
}

std::string rendered(std::string text, const TemplateWords& words) {
  for (const auto& [key, value] : words) {
    const std::string mark = "@" + key + "@";
    for (std::size_t at = 0; (at = text.find(mark, at)) != std::string::npos; at += value.size())
      text.replace(at, mark.size(), value);
  }
  return text;
}

std::string rendered_name(std::string file, const TemplateWords& words) {
  constexpr std::string_view kMark = "NAME";
  if (file == "gitignore") return ".gitignore";
  if (file.starts_with(kMark)) file.replace(0, kMark.size(), words.at("NAME"));
  return file;
}

Result<std::vector<std::string>> render_part(const fs::path& from, const fs::path& to,
                                             const TemplateWords& words) {
  std::vector<std::string> names;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(from, ec)) {
    const auto text = read_file(entry.path().string());
    if (!text) return not_found("template", entry.path().string());
    names.push_back(rendered_name(entry.path().filename().string(), words));
    std::ofstream out(to / names.back(), std::ios::binary);
    out << rendered(*text, words);
    out.close();
    if (!out) return errno_error("write " + (to / names.back()).string(), errno);
  }
  if (ec)
    return not_found("template folder", from.string())
        .with_next("install the component sdk beside this program: cmake --install BUILD");
  return names;
}

}  // namespace

std::string template_dir() { return app::install_prefix() + "/share/skep/templates"; }

std::string sdk_package_dir() { return app::install_prefix() + "/" SKEP_SDK_PACKAGE_DIR; }

Result<std::vector<std::string>> scaffold(const std::vector<std::string>& parts,
                                          const std::string& folder, const TemplateWords& words) {
  std::error_code ec;
  fs::path target = fs::absolute(folder, ec).lexically_normal();
  if (!target.has_filename()) target = target.parent_path();
  const fs::path temp =
      target.parent_path() / ("." + target.filename().string() + "." + random_hex(4));
  fs::create_directories(temp, ec);
  if (ec)
    return folder_error(target.string(), ec.value()).with_next("choose another folder: --dir DIR");
  std::vector<std::string> names;
  Status status;
  for (const std::string& part : parts) {
    auto more = render_part(fs::path(template_dir()) / part, temp, words);
    if (!more) status = more.error();
    if (!status) break;
    names.insert(names.end(), more->begin(), more->end());
  }
  if (status &&
      ::renameat2(AT_FDCWD, temp.c_str(), AT_FDCWD, target.c_str(), RENAME_NOREPLACE) != 0)
    status = errno == EEXIST ? Error{Code::kState, folder + " exists already; nothing was written",
                                     "folder-exists", "choose another folder: --dir DIR"}
                             : errno_error("make " + target.string(), errno);
  if (!status) {
    fs::remove_all(temp, ec);
    return status.error();
  }
  std::sort(names.begin(), names.end());
  return names;
}

Status check_new_name(std::string_view name) {
  const bool spelled = !name.empty() && name.size() <= kMaxName && is_lower(name.front()) &&
                       std::all_of(name.begin(), name.end(), is_name_char);
  if (spelled && !is_target_of_cmake(name)) return Status();
  const std::string why = spelled ? " is a target that CMake keeps for itself"
                                  : " is not a name: a-z first, then a-z, 0-9, _ and -, 64 at most";
  return invalid("\"" + std::string(name) + "\"" + why + "; did you mean \"" + nearest_name(name) +
                 "\"?");
}

std::string camel_case(std::string_view name) {
  std::string out;
  bool up = true;
  for (const char c : name) {
    if (c == '_' || c == '-') {
      up = true;
      continue;
    }
    out += up && is_lower(c) ? static_cast<char>(c - 'a' + 'A') : c;
    up = false;
  }
  return out;
}

}  // namespace skep::cli
