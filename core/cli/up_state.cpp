#include "core/cli/up_state.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>

#include "core/app/app.hpp"
#include "core/app/slots.hpp"
#include "core/base/id.hpp"
#include "core/base/json.hpp"
#include "core/base/text.hpp"
#include "core/cli/format.hpp"

namespace skep::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRecord = "up.json";
constexpr const char* kLock = "up.lock";
constexpr std::string_view kLockMark = "skep up holds this folder\n";
constexpr const char* kTomlMark = "# Written by skep up at each start; changes here are lost.\n";

Status write_file(const std::string& path, const std::string& text) {
  const std::string temporary = path + ".new";
  {
    std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
    out << text;
    out.flush();
    if (!out) return errno_error("write \"" + temporary + "\"", errno);
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0)
    return errno_error("rename \"" + temporary + "\"", errno);
  return {};
}

/// Whether write_toml() wrote this file.
bool is_ours(const fs::path& toml) {
  std::error_code ec;  // what cannot be looked at is not ours
  if (!fs::is_regular_file(fs::symlink_status(toml, ec))) return false;
  const auto text = read_file(toml.string(), 64 << 10);
  return text && text->starts_with(kTomlMark) && is_name(toml.stem().string());
}

bool is_file(const std::string& path) {
  std::error_code ec;  // what cannot be looked at is not ours
  return fs::is_regular_file(fs::symlink_status(path, ec));
}

/// Whether lock() made this file: it has its mark, or nothing yet and nobody beside it.
bool is_our_lock(const std::string& path, const std::string& folder) {
  const auto text = is_file(path) ? read_file(path, 64 << 10) : std::nullopt;
  if (!text) return false;
  std::error_code ec;
  const auto count = std::distance(fs::directory_iterator(folder, ec), fs::directory_iterator());
  return text->empty() ? count == 1 : *text == kLockMark;
}

bool has_our_toml(const std::string& folder) {
  std::error_code ec;
  for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec))
    if (it->path().extension() == ".toml" && is_ours(it->path())) return true;
  return false;
}

/// A TOML basic string; JSON's escapes are a subset of TOML's.
std::string quoted(const std::string& text) {
  JsonOut out;
  return out.str(text).take();
}

/// "paths = [..]" of folders that every node may use, made when missing.
Result<std::string> shared_paths(const std::vector<std::string>& folders) {
  SKEP_TRY(app::make_state_dir(folders.front()));
  std::vector<std::string> words;
  for (const std::string& folder : folders) words.push_back(quoted(folder));
  return "paths = [" + join(words, ", ") + "]\n";
}

void append_process(JsonOut& out, const ProcessId& id) {
  out.key("pid").integer(id.pid).key("started").integer(static_cast<std::int64_t>(id.started));
}

bool is_process(const json::object& o) {
  const json::value* pid = o.if_contains("pid");
  const json::value* started = o.if_contains("started");
  return pid != nullptr && pid->is_int64() && started != nullptr && started->is_int64();
}

/// Whether write() made this object.
bool is_record(const json::object& o) {
  const json::value* url = o.if_contains("url");
  const json::value* ready = o.if_contains("ready");
  const json::value* nodes = o.if_contains("nodes");
  return is_process(o) && url != nullptr && url->is_string() && ready != nullptr &&
         ready->is_bool() && nodes != nullptr && nodes->is_array();
}

ProcessId process_of(const json::object& o) {
  return {static_cast<pid_t>(get_int(o, "pid")), static_cast<std::uint64_t>(get_int(o, "started"))};
}

}  // namespace

std::string worker_id_of(const std::string& site) { return "worker-" + site + "-01"; }

std::string UpState::path(std::string_view name) const { return folder_ + "/" + std::string(name); }

Status UpState::lock() {
  std::error_code ec;
  const bool fresh = !fs::exists(folder_, ec);
  fs::create_directories(folder_, ec);
  if (ec) return errno_error("make folder \"" + folder_ + "\"", ec.value());
  if (fresh) fs::permissions(folder_, fs::perms::owner_all, ec);
  UniqueFd fd(::open(path(kLock).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) return errno_error("open \"" + path(kLock) + "\"", errno);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return errno_error("lock \"" + path(kLock) + "\"", errno);
    return already_running();
  }
  struct stat st {};
  if (::fstat(fd.get(), &st) == 0 && st.st_size == 0 &&
      ::write(fd.get(), kLockMark.data(), kLockMark.size()) < 0)
    return errno_error("write \"" + path(kLock) + "\"", errno);
  lock_ = std::move(fd);
  return {};
}

Error UpState::already_running() const {
  const auto record = read();
  const bool known = record && *record && !(*record)->url.empty();
  return Error{Code::kState, "skep up is already running with state " + folder_}
      .named("already-running")
      .with_next((known ? "skep --server " + (*record)->url + " status\n" : "") +
                 "skep up --stop --state " + folder_ + "\nor another --state and --port");
}

Status UpState::check_made_by_up() const {
  std::error_code ec;
  if (!fs::exists(folder_, ec) || fs::is_empty(folder_, ec)) return {};
  const auto record = read();
  const bool theirs = !record || (!*record && fs::exists(fs::symlink_status(path(kRecord), ec)));
  if (!theirs && (*record || is_our_lock(path(kLock), folder_) || has_our_toml(folder_))) return {};
  return Error{
      Code::kState,
      "\"" + folder_ + "\" was not made by skep up and is not empty; nothing in it was touched"}
      .named("foreign-folder")
      .with_next("another --state, or empty the folder yourself");
}

Status UpState::wipe() {
  std::error_code ec;
  std::vector<std::string> names = {std::string(kRecord), std::string(kRecord) + ".new", "up.log"};
  for (fs::directory_iterator it(folder_, ec), end; !ec && it != end; it.increment(ec)) {
    const fs::path file = it->path();
    if (file.extension() != ".toml" || !is_ours(file)) continue;
    const std::string node = file.stem().string();
    // The TOML file goes last: it is what says that the others are ours.
    for (const char* suffix : {"", ".log", ".toml.new", ".toml"}) names.push_back(node + suffix);
  }
  if (ec) return errno_error("read folder \"" + folder_ + "\"", ec.value());
  for (const std::string& name : names) {
    fs::remove_all(path(name), ec);
    if (ec) return errno_error("remove \"" + path(name) + "\"", ec.value());
  }
  return {};
}

Status UpState::write(const UpRecord& record) const {
  JsonOut out;
  out.object();
  append_process(out, record.supervisor);
  out.key("url").str(record.url).key("ready").boolean(record.ready).key("nodes").array();
  for (const auto& [name, id] : record.nodes) {
    out.object().key("name").str(name);
    append_process(out, id);
    out.end_object();
  }
  return write_file(path(kRecord), out.end_array().end_object().take() + "\n");
}

Result<std::optional<UpRecord>> UpState::read() const {
  const auto text = is_file(path(kRecord)) ? read_file(path(kRecord)) : std::nullopt;
  if (!text) return std::optional<UpRecord>();
  const auto parsed = parse_json(*text);
  if (!parsed || !parsed->is_object() || !is_record(parsed->get_object()))
    return Error{Code::kCorrupt, "\"" + path(kRecord) + "\" is not what skep up wrote"}.with_next(
        "look for skep processes by hand, then remove the file");
  const json::object& o = parsed->get_object();
  UpRecord out{process_of(o), get_string(o, "url"), get_bool(o, "ready"), {}};
  if (const json::value* nodes = o.if_contains("nodes"); nodes != nullptr && nodes->is_array())
    for (const json::value& n : nodes->get_array())
      if (n.is_object())
        out.nodes.emplace_back(get_string(n.get_object(), "name"), process_of(n.get_object()));
  return std::optional<UpRecord>(std::move(out));
}

void UpState::forget(pid_t supervisor) const {
  const auto record = read();
  if (!record || !*record || (supervisor != 0 && (*record)->supervisor.pid != supervisor)) return;
  std::error_code ignored;  // a record that stays names processes that are gone; readers check
  fs::remove(path(kRecord), ignored);
}

Result<std::string> UpState::write_toml(const std::string& node, const std::string& text) const {
  const std::string file = path(node + ".toml");
  SKEP_TRY(write_file(file, kTomlMark + text));
  return file;
}

Result<std::string> UpState::write_control_toml(const UpPlan& plan) const {
  std::vector<std::string> listen;
  for (const std::string& address : plan.listen) listen.push_back(quoted(address));
  return write_toml("control",
                    "[node]\nid = \"control\"\nsite = \"control\"\nroles = [\"control\"]\n"
                    "state_dir = " +
                        quoted(path("control")) + "\n\n[http]\nlisten = [" + join(listen, ", ") +
                        "]\n");
}

Result<std::string> UpState::write_site_toml(const std::string& site,
                                             const std::string& control_url, bool docker) const {
  config::Config shared;
  shared.node.state_dir = folder_;
  const auto plugins = shared_paths(app::plugin_paths(shared));
  if (!plugins) return plugins.error();
  const auto scripts = shared_paths(app::script_paths(shared));
  if (!scripts) return scripts.error();
  return write_toml(site, "[node]\nid = " + quoted(worker_id_of(site)) +
                              "\nsite = " + quoted(site) +
                              "\nroles = [\"worker\"]\nstate_dir = " + quoted(path(site)) +
                              "\n\n[worker]\ncontrol_plane_url = [" + quoted(control_url) +
                              "]\nheartbeat_interval_seconds = 5.0\ncapabilities = { docker = " +
                              (docker ? "true" : "false") +
                              ", gpu = false }\n\n[spool]\nplugin = \"file\"\ndir = " +
                              quoted(path(site + "/offline")) + "\n\n[plugins]\n" + *plugins +
                              "\n[scripts]\n" + *scripts);
}

std::string first_endpoint(const std::string& state_dir) {
  const auto text = read_file(state_dir + "/endpoints", 64 << 10);
  // A line without its end may be half written.
  const std::size_t end = text ? text->find('\n') : std::string::npos;
  return end == std::string::npos ? std::string() : text->substr(0, end);
}

std::string UpState::log_tail(const std::string& node, std::size_t count) const {
  std::ifstream in(log_path(node), std::ios::binary | std::ios::ate);
  if (!in) return {};
  const std::streamoff size = in.tellg();
  const std::streamoff from = std::max<std::streamoff>(0, size - (16 << 10));
  std::string text(static_cast<std::size_t>(size - from), '\0');
  in.seekg(from);
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(0, in.gcount())));
  std::size_t at = text.size();
  for (std::size_t lines = 0; at > 0; --at)
    if (text[at - 1] == '\n' && at != text.size() && ++lines == count) break;
  return text.substr(at);
}

std::vector<std::string> last_lines(const UpState& state, const std::string& node,
                                    std::size_t count) {
  std::vector<std::string> lines = split(printable(state.log_tail(node, count), true), '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

}  // namespace skep::cli
