#include "core/plugin/scripts/script_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>
#include <filesystem>

#include "core/base/fd.hpp"
#include "core/base/id.hpp"
#include "core/base/json.hpp"

namespace skep::plugin {
namespace {

namespace fs = std::filesystem;

Status check_file(int fd, const std::string& path) {
  struct stat st {};
  if (::fstat(fd, &st) != 0) return errno_error("stat " + path, errno);
  if (!S_ISREG(st.st_mode)) return invalid(path + " is not a regular file");
  if ((st.st_mode & S_IWOTH) != 0)
    return Error{Code::kDenied, path + ": everybody may write it, so anybody could run code here",
                 "bad-script", "chmod o-w " + path};
  if (st.st_size > static_cast<off_t>(kMaxScriptBytes))
    return invalid(path + " has more than 1 MiB");
  return {};
}

std::vector<std::string> texts(const json::object& o, std::string_view key) {
  std::vector<std::string> out;
  if (const json::value* list = o.if_contains(key); list != nullptr && list->is_array())
    for (const json::value& item : list->get_array())
      if (item.is_string()) out.emplace_back(item.get_string());
  return out;
}

}  // namespace

Result<ScriptText> read_script(const std::string& path) {
  const UniqueFd fd(
      ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
  if (!fd && errno == ELOOP)
    return Error{Code::kDenied, path + " is a symbolic link", "bad-script",
                 "copy the file into the folder"};
  if (!fd) return errno_error("open " + path, errno);
  SKEP_TRY(check_file(fd.get(), path));
  ScriptText out;
  out.text.resize(kMaxScriptBytes + 1);
  std::size_t size = 0;
  for (;;) {
    const auto n = ::read(fd.get(), out.text.data() + size, out.text.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno_error("read " + path, errno);
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
    if (size > kMaxScriptBytes) return invalid(path + " has more than 1 MiB");
  }
  out.text.resize(size);
  out.text.shrink_to_fit();
  out.sha256 = sha256_hex(out.text);
  return out;
}

Result<ScriptManifest> parse_script_manifest(std::string_view manifest_json,
                                             const std::string& file) {
  const auto document = parse_json(manifest_json);
  if (!document || !document->is_object())
    return internal_error(file + ": the script host gave no manifest");
  const json::object& o = document->get_object();
  json::value schema = json::object();
  if (const json::value* said = o.if_contains("params")) schema = *said;
  for (const auto& [key, keyword] :
       {std::pair{"params_version", "x-version"}, {"migrations", "x-migrations"}})
    if (const json::value* said = o.if_contains(key); said != nullptr && schema.is_object())
      schema.get_object()[keyword] = *said;
  auto params = api::Schema::compile(to_text(schema));
  if (!params) return params.error().within(file + ":1: params");
  ScriptManifest out{get_string(o, "name"), get_string(o, "version"), get_string(o, "description"),
                     std::move(*params),    texts(o, "permissions"),  get_int(o, "timeout_ms"),
                     texts(o, "warnings")};
  if (!is_name(out.name)) return internal_error(file + ": the script host gave no name");
  return out;
}

bool is_script_file(std::string_view path, std::string_view ending) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  return name.size() > ending.size() && name.ends_with(ending) && name.front() != '.' &&
         !name.substr(0, name.size() - ending.size()).ends_with("_test");
}

std::vector<std::string> find_scripts(const std::vector<std::string>& folders,
                                      std::string_view ending) {
  std::vector<std::string> out;
  for (const std::string& folder : folders) {
    const auto begun = static_cast<std::ptrdiff_t>(out.size());
    std::error_code ec;
    for (fs::directory_iterator at(folder, ec), end; !ec && at != end; at.increment(ec))
      if (is_script_file(at->path().string(), ending)) out.push_back(at->path().string());
    std::sort(out.begin() + begun, out.end());
  }
  return out;
}

}  // namespace skep::plugin
