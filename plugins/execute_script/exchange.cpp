#include "exchange.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <set>
#include <utility>

#include "skep/artifact.hpp"

namespace skep::script {
namespace {

constexpr std::size_t kCopyPiece = 256u << 10;
constexpr std::size_t kMostTold = 20;

struct Fd {
  int n = -1;
  explicit Fd(int fd) : n(fd) {}
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() {
    if (n >= 0) close(n);
  }
};

[[noreturn]] void give_up(const std::string& doing) {
  throw Fault(SKEP_E_NOT_HERE, doing + ": " + std::strerror(errno));
}

bool is_file_name(std::string_view name) {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  return !name.empty() && name.size() <= 128 && name != "." && name != ".." &&
         name.find_first_not_of(kLetters) == std::string_view::npos;
}

/// Of what scripts leave often; a program that reads it looks at the bytes anyway.
std::string_view media_type_of(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 14> kTypes{{
      {".txt", "text/plain"},
      {".log", "text/plain"},
      {".md", "text/markdown"},
      {".csv", "text/csv"},
      {".html", "text/html"},
      {".json", "application/json"},
      {".xml", "application/xml"},
      {".pdf", "application/pdf"},
      {".gz", "application/gzip"},
      {".tgz", "application/gzip"},
      {".zip", "application/zip"},
      {".tar", "application/x-tar"},
      {".png", "image/png"},
      {".jpg", "image/jpeg"},
  }};
  const auto at = std::find_if(kTypes.begin(), kTypes.end(),
                               [&](const auto& row) { return name.ends_with(row.first); });
  return at == kTypes.end() ? "application/octet-stream" : at->second;
}

void write_all(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) give_up("write " + path);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

/// The next bytes of `fd`, "" at its end.
std::string_view read_some(int fd, std::string& buffer, const std::string& path) {
  for (;;) {
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) give_up("read " + path);
    return {buffer.data(), static_cast<std::size_t>(n)};
  }
}

}  // namespace

Exchange::Exchange(Call& call, const WorkDir& dir, const Json& inputs)
    : call_(call), owner_(dir.owner()) {
  if (service<skep_svc_artifact_v1>(SKEP_SVC_ARTIFACT) == nullptr) {
    if (!inputs.members().empty())
      throw Fault(SKEP_E_UNSUPPORTED, "this host gives tasks no inputs");
    return;
  }
  artifacts_ = dir.make_folder(".artifacts");
  inputs_ = dir.make_folder(".inputs");
  for (const auto& [name, value] : inputs.members()) {
    if (!is_file_name(name))
      throw Fault(SKEP_E_INVALID, "inputs: \"" + name +
                                      "\" is no name for a file: 1 to 128 bytes of [A-Za-z0-9._-]");
    if (!value.is_string() && !(value.is_object() && value["artifact"].is_string()))
      throw Fault(SKEP_E_INVALID, "inputs: " + name +
                                      " is neither text nor {\"artifact\": SHA256, \"size\": n}; "
                                      "skep task submit -p inputs." +
                                      name + "=@FILE makes it");
    put(name, value);
  }
}

/// Copied, so that a script which changes it, or runs as another user, has its own.
void Exchange::put(const std::string& name, const Json& value) const {
  const std::string path = inputs_ + "/" + name;
  const Fd to(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (to.n < 0) give_up("make " + path);
  if (value.is_object()) {
    const std::string file = input_path(call_.handle(), value["artifact"].str());
    const Fd from(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (from.n < 0) give_up("open " + file);
    std::string buffer(kCopyPiece, '\0');
    for (auto piece = read_some(from.n, buffer, file); !piece.empty();
         piece = read_some(from.n, buffer, file))
      write_all(to.n, piece, path);
  } else {
    write_all(to.n, value.str(), path);
  }
  if (owner_ && fchown(to.n, owner_->uid, owner_->gid) != 0) give_up("hand over " + path);
}

/// Only what belongs to who runs: another user may have linked a file that he cannot read.
void Exchange::leave(int folder, const std::string& name) const {
  if (!is_file_name(name))
    throw Fault(SKEP_E_INVALID, "its name is not 1 to 128 bytes of [A-Za-z0-9._-]");
  const Fd file(openat(folder, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat s {};
  if (file.n < 0 || fstat(file.n, &s) != 0) throw Fault(SKEP_E_FAILED, std::strerror(errno));
  if (!S_ISREG(s.st_mode)) throw Fault(SKEP_E_INVALID, "it is no regular file");
  if (s.st_uid != (owner_ ? owner_->uid : geteuid()))
    throw Fault(SKEP_E_DENIED, "it is another user's");
  Artifact artifact(call_.handle(), name, media_type_of(name));
  std::string buffer(kCopyPiece, '\0');
  for (auto piece = read_some(file.n, buffer, name); !piece.empty();
       piece = read_some(file.n, buffer, name))
    artifact.write(piece);
  artifact.close();
}

Json Exchange::collect() const {
  Json skipped = Json::array();
  if (artifacts_.empty()) return skipped;
  const Fd folder(open(artifacts_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  struct Closer {
    void operator()(DIR* d) const { closedir(d); }
  };
  const std::unique_ptr<DIR, Closer> dir(folder.n < 0 ? nullptr : fdopendir(dup(folder.n)));
  std::set<std::string> names;
  while (const dirent* entry = dir ? readdir(dir.get()) : nullptr)
    if (const std::string_view name = entry->d_name; name != "." && name != "..")
      names.emplace(name);
  std::size_t told = 0;
  for (const std::string& name : names) {
    try {
      leave(folder.n, name);
    } catch (const Fault& fault) {
      if (fault.code() == SKEP_E_NOT_HERE) throw;
      if (told++ < kMostTold) skipped.push(Json().set("name", name).set("reason", fault.what()));
    }
  }
  return skipped;
}

}  // namespace skep::script
