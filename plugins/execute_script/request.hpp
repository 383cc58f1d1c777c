// What is to run: the task's parameters, checked against the worker's configuration.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "skep/json.hpp"

namespace skep::script {

struct Config {
  explicit Config(std::string_view text);
  std::vector<std::string> interpreters;
  std::vector<std::string> script_dirs;
  std::string work_dir;
  std::string run_as;  ///< "" = the node's own user
  std::int64_t grace_ms = 0;
  std::uint32_t nice = 0;
  std::uint64_t memory_bytes = 0;
};

/// As whom a run is.
struct Own {
  std::string user;  ///< "" = as the worker
  std::string home;
  std::string artifacts{};  ///< the folder of what it leaves, "" = it can leave nothing
  std::string inputs{};     ///< and of what it reads
};

struct Request {
  /// Throws Fault: what is wrong, what is allowed, what to do.
  Request(const Json& request, const Config& config, const Own& own);
  std::string interpreter;
  std::string script;  ///< inline text; empty when `file` is set
  std::string file;    ///< as it was asked for: see resolve_file()
  std::vector<std::string> args;
  std::vector<std::string> env;  ///< "KEY=value", all of it
  std::string stdin_bytes;
  std::string cwd;  ///< "" = the private folder; whether it is there shows when the child enters it
  std::int64_t timeout_ms = 0;
  std::int64_t task_timeout_ms = 0;  ///< of the task as a whole; 0 = none
  std::size_t output_cap = 0;
  std::vector<std::int64_t> retry_on_exit;
};

/// The script file, absolute and without links. Throws Fault unless it may be run and read here.
/// Looks at the file system, which may hang.
std::string resolve_file(const std::string& file, const Config& config);

}  // namespace skep::script
