// UNIX sockets as files: who owns a path, and paths that are longer than sockaddr_un takes.
#pragma once

#include <string>

#include "core/base/fd.hpp"
#include "core/base/result.hpp"

namespace skep::net {

/// A path that fits sockaddr_un: as given, or through /proc/self/fd when its folder is too long.
/// Valid while this object lives.
class SocketPath {
 public:
  /// kInvalid when the file's own name is too long, kNotFound when the folder is not there.
  static Result<SocketPath> open(const std::string& path);
  const std::string& text() const { return text_; }

 private:
  UniqueFd folder_;
  std::string text_;
};

/// This process's right to a socket's path, by a lock on PATH.lock that ends with the process. What
/// an earlier owner left at the path is removed by claim(), ours by the destructor.
class SocketClaim {
 public:
  /// kState when a living process has it; the message names its pid.
  static Result<SocketClaim> claim(const std::string& path);
  SocketClaim(SocketClaim&& other) noexcept = default;
  SocketClaim& operator=(SocketClaim&&) = delete;
  ~SocketClaim();
  const std::string& path() const { return path_; }
  /// Nothing is at the path any more: somebody removed it.
  bool is_gone() const;

 private:
  SocketClaim(UniqueFd lock, std::string path) : lock_(std::move(lock)), path_(std::move(path)) {}
  UniqueFd lock_;
  std::string path_;
};

}  // namespace skep::net
