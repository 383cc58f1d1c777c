#include "request.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <map>

#include "skep/plugin.hpp"

namespace skep::script {
namespace {

constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::vector<std::string> strings(const Json& array) {
  std::vector<std::string> out;
  for (const Json& item : array.items()) out.emplace_back(item.str());
  return out;
}

std::string list(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

/// In quotes, what is not printable escaped: a Fault's message would end at a NUL.
std::string shown(std::string_view text) {
  std::string out;
  Json::quote(out, text);
  return out;
}

/// What the system takes ends at a NUL: the script would get less than it was given.
void refuse_nul(std::string_view text, const std::string& what) {
  if (text.find('\0') != std::string_view::npos)
    throw Fault(SKEP_E_INVALID, what + " has a NUL byte, which no program can be given");
}

std::string env_or(const char* name, const char* fallback) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? fallback : value;
}

std::int64_t millis(const Json& seconds) {
  return static_cast<std::int64_t>(seconds.number() * 1000);
}

std::string resolved(const std::string& path) {
  char buffer[PATH_MAX];
  return realpath(path.c_str(), buffer) == nullptr ? std::string() : std::string(buffer);
}

bool is_beneath(const std::string& file, const std::string& folder) {
  const std::string root = resolved(folder);
  return !root.empty() && file.starts_with(root == "/" ? root : root + "/");
}

/// Absolute as it is; relative beneath the first script folder that has it.
std::string locate(const std::string& file, const Config& config) {
  if (file.starts_with('/')) return resolved(file);
  for (const std::string& folder : config.script_dirs)
    if (std::string found = resolved(folder + "/" + file); !found.empty()) return found;
  if (config.script_dirs.empty())
    throw Fault(
        SKEP_E_INVALID,
        "file " + shown(file) +
            " is relative, and this worker has no "
            "script_dirs; give an absolute path, or set [plugins.execute_script] script_dirs");
  return {};
}

bool is_variable(std::string_view name) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  if (name.empty() || !letter(name[0])) return false;
  return std::all_of(name.begin(), name.end(),
                     [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

/// As interpreters read it: without a byte order mark, and with \n where an editor of Windows ends
/// each line with \r\n. `set -e\r` would mean nothing. A text with both ends is left as it is.
std::string unix_text(std::string_view text) {
  constexpr std::string_view kMark = "\xef\xbb\xbf";
  if (text.starts_with(kMark)) text.remove_prefix(kMark.size());
  const auto lines = std::count(text.begin(), text.end(), '\n');
  std::string out;
  out.reserve(text.size());
  std::ptrdiff_t dos = 0;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n')
      ++dos;
    else
      out += text[i];
  return dos == lines ? out : std::string(text);
}

std::vector<std::string> arguments(const Json& params) {
  std::vector<std::string> out = strings(params["args"]);
  for (std::size_t i = 0; i < out.size(); ++i)
    refuse_nul(out[i], "args[" + std::to_string(i) + "]");
  return out;
}

std::map<std::string, std::string, std::less<>> fixed_variables(const Json& request,
                                                                const Own& own) {
  const auto text = [&](const char* key) { return std::string(request[key].str()); };
  const std::string key = text("idempotency_key");  // "" when the submitter gave none
  std::map<std::string, std::string, std::less<>> all{
      {"TASK_ID", text("task_id")},
      {"ATTEMPT", std::to_string(request["attempt"].integer())},
      {"IDEMPOTENCY_KEY", key.empty() ? text("task_id") : key},
      {"SKEP_SITE", text("site")},
      {"SKEP_WORKER_ID", text("worker_id")}};
  if (!own.artifacts.empty()) all["SKEP_ARTIFACTS"] = own.artifacts;
  if (!own.inputs.empty()) all["SKEP_INPUTS"] = own.inputs;
  return all;
}

std::vector<std::string> environment(const Json& request, const Own& own) {
  std::map<std::string, std::string, std::less<>> all{{"PATH", env_or("PATH", kDefaultPath)},
                                                      {"HOME", own.home},
                                                      {"LANG", env_or("LANG", "C.UTF-8")}};
  if (!own.user.empty()) all["USER"] = all["LOGNAME"] = own.user;
  if (const char* zone = std::getenv("TZ")) all["TZ"] = zone;
  const auto fixed = fixed_variables(request, own);
  for (const auto& [name, value] : request["params"]["env"].members()) {
    if (!is_variable(name))
      throw Fault(SKEP_E_INVALID, "env: " + shown(name) +
                                      " is no name for a variable; letters, digits "
                                      "and _ are, not beginning with a digit");
    if (fixed.contains(name))
      throw Fault(SKEP_E_INVALID, "env: " + name + " is set by the worker; use another name");
    refuse_nul(value.str(), "env: the value of " + name);
    all[name] = value.str();
  }
  all.insert(fixed.begin(), fixed.end());
  std::vector<std::string> out;
  for (const auto& [name, value] : all) out.push_back(name + "=" + value);
  return out;
}

}  // namespace

Config::Config(std::string_view text) {
  const Json json = Json::parse(text);
  interpreters = strings(json["interpreters"]);
  script_dirs = strings(json["script_dirs"]);
  work_dir = json["work_dir"].str();
  if (work_dir.empty()) work_dir = env_or("TMPDIR", "/tmp");
  run_as = json["run_as"].str();
  grace_ms = std::max<std::int64_t>(1, millis(json["grace_seconds"]));
  nice = static_cast<std::uint32_t>(json["nice"].integer());
  memory_bytes = static_cast<std::uint64_t>(json["memory_limit_bytes"].integer());
}

Request::Request(const Json& request, const Config& config, const Own& own) {
  const Json& params = request["params"];
  interpreter = params["interpreter"].str();
  if (std::find(config.interpreters.begin(), config.interpreters.end(), interpreter) ==
      config.interpreters.end())
    throw Fault(SKEP_E_DENIED, "interpreter " + shown(interpreter) +
                                   " is not allowed on this worker; "
                                   "allowed: " +
                                   list(config.interpreters) +
                                   " ([plugins.execute_script] interpreters)");
  if (params["script"].is_null() == params["file"].is_null())
    throw Fault(SKEP_E_INVALID, "give either \"script\" (text) or \"file\" (path), and not both");
  script = unix_text(params["script"].str());
  file = params["file"].str();
  args = arguments(params);
  env = environment(request, own);
  stdin_bytes = params["stdin"].str();
  cwd = params["cwd"].str();
  refuse_nul(cwd, "cwd " + shown(cwd));
  timeout_ms = std::max<std::int64_t>(1, millis(params["timeout_seconds"]));
  task_timeout_ms = request["timeout_ms"].integer();
  output_cap = static_cast<std::size_t>(params["output_cap_bytes"].integer());
  for (const Json& code : params["retry_on_exit"].items()) retry_on_exit.push_back(code.integer());
}

std::string resolve_file(const std::string& file, const Config& config) {
  refuse_nul(file, "script file " + shown(file));
  std::string path = locate(file, config);
  const int error = errno;
  if (path.empty())
    throw Fault(error == EACCES ? SKEP_E_DENIED : SKEP_E_NOT_FOUND,
                "script file " + shown(file) + ": " + std::strerror(error));
  const auto allowed = [&](const std::string& folder) { return is_beneath(path, folder); };
  if (!config.script_dirs.empty() &&
      std::none_of(config.script_dirs.begin(), config.script_dirs.end(), allowed))
    throw Fault(SKEP_E_DENIED, "script file " + shown(file) +
                                   " is outside the worker's script_dirs (" +
                                   list(config.script_dirs) + ")");
  struct stat s {};
  if (stat(path.c_str(), &s) != 0 || !S_ISREG(s.st_mode))
    throw Fault(SKEP_E_INVALID, "script file " + shown(file) + " is not a regular file");
  if (access(path.c_str(), R_OK) != 0)
    throw Fault(SKEP_E_DENIED, "script file " + shown(file) + " cannot be read by this worker");
  return path;
}

}  // namespace skep::script
