#include "user.hpp"

#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "skep/plugin.hpp"

namespace skep::script {
namespace {

constexpr std::size_t kMostBytes = 1 << 20;  // of an entry of the user database

std::string find_in(std::string_view path, const std::string& name) {
  for (;;) {
    const std::size_t colon = path.find(':');
    const std::string folder(path.substr(0, colon));
    std::string file = (folder.empty() ? "." : folder) + "/" + name;
    if (access(file.c_str(), X_OK) == 0) return file;
    if (colon == std::string_view::npos) return {};
    path.remove_prefix(colon + 1);
  }
}

/// What `ask`, one of the reentrant getpw functions, puts into `entry` and `buffer`; false when
/// there is no such user. `error` is its errno or 0.
template <typename Ask>
bool look_up(const Ask& ask, passwd& entry, std::string& buffer, int& error) {
  passwd* found = nullptr;
  buffer.resize(2048);
  do {
    buffer.resize(buffer.size() * 2);
    error = ask(&entry, buffer.data(), buffer.size(), &found);
  } while (error == ERANGE && buffer.size() <= kMostBytes);
  return found != nullptr;
}

passwd entry_of(const std::string& name, std::string& buffer) {
  passwd entry{};
  int error = 0;
  const bool found =
      look_up([&](auto... to) { return getpwnam_r(name.c_str(), to...); }, entry, buffer, error);
  if (error != 0)
    throw Fault(SKEP_E_UNAVAILABLE,
                "run_as: look up user \"" + name + "\": " + std::strerror(error));
  if (!found) throw Fault(SKEP_E_CONFIG, "run_as: this machine has no user \"" + name + "\"");
  return entry;
}

}  // namespace

std::string own_home() {
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') return home;
  passwd entry{};
  std::string buffer;
  int error = 0;
  const bool found =
      look_up([](auto... to) { return getpwuid_r(geteuid(), to...); }, entry, buffer, error);
  return found ? entry.pw_dir : "";
}

User find_user(const std::string& name) {
  if (geteuid() != 0)
    throw Fault(SKEP_E_CONFIG, "run_as = \"" + name +
                                   "\" needs a node that runs as root; this one runs as uid " +
                                   std::to_string(geteuid()));
  std::string buffer;
  const passwd entry = entry_of(name, buffer);
  if (entry.pw_uid == 0)
    throw Fault(SKEP_E_CONFIG, "run_as = \"" + name + "\" is root; leave run_as out for that");
  User user{name, entry.pw_uid, entry.pw_gid, find_in("/usr/bin:/bin", "setpriv")};
  if (user.setpriv.empty())
    throw Fault(SKEP_E_CONFIG, "run_as needs the program setpriv (package util-linux)");
  return user;
}

std::vector<std::string> as_user(const User& user, std::vector<std::string> command) {
  std::vector<std::string> all{user.setpriv,
                               "--reuid=" + std::to_string(user.uid),
                               "--regid=" + std::to_string(user.gid),
                               "--init-groups",
                               "--inh-caps=-all",
                               "--pdeathsig=keep",
                               "--"};
  all.insert(all.end(), command.begin(), command.end());
  return all;
}

std::string find_interpreter(const std::string& name) {
  const char* given = std::getenv("PATH");
  const std::string path = given != nullptr ? given : "/usr/local/bin:/usr/bin:/bin";
  const bool is_path = name.find('/') != std::string::npos;
  std::string file = is_path ? name : find_in(path, name);
  if (!file.empty() && access(file.c_str(), X_OK) == 0) return file;
  throw Fault(SKEP_E_NOT_FOUND,
              "no program \"" + name + "\"" + (is_path ? "" : " in PATH " + path));
}

}  // namespace skep::script
