#include "core/worker/release_folder.hpp"

#include <sys/stat.h>

#include <filesystem>
#include <optional>
#include <set>

#include "core/base/file.hpp"
#include "core/base/id.hpp"

namespace skep::worker {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kFileMode = 0640;
constexpr std::string_view kSignature = ".minisig";
constexpr api::ReleaseKind kKinds[] = {api::ReleaseKind::kScript, api::ReleaseKind::kPlugin};

/// Nothing when there is no such file; one that is too large counts as another one.
Result<std::optional<std::string>> content(const std::string& path, std::size_t cap) {
  auto text = load_file(path, cap);
  if (text) return std::optional<std::string>(std::move(*text));
  if (text.error().code == Code::kNotFound) return std::optional<std::string>();
  if (text.error().id() == "too-large") return std::optional<std::string>("");
  return text.error();
}

std::string_view extension(api::ReleaseKind kind) {
  return kind == api::ReleaseKind::kScript ? ".lua" : ".so";
}

}  // namespace

std::string release_path(const std::string& dir, api::ReleaseKind kind) {
  return dir + (kind == api::ReleaseKind::kScript ? "/scripts" : "/plugins");
}

Status ReleaseFolder::prepare() const {
  for (const api::ReleaseKind kind : kKinds) {
    const std::string folder = release_path(dir_, kind);
    std::error_code ec;
    fs::create_directories(folder, ec);
    if (ec) return folder_error(folder, ec.value());
    if (::chmod(folder.c_str(), S_IRWXU) != 0) return errno_error("chmod 700 " + folder, errno);
  }
  return {};
}

std::string ReleaseFolder::path_of(const api::DesiredRelease& a) const {
  return release_path(dir_, a.kind) + "/" + a.name + std::string(extension(a.kind));
}

Result<bool> ReleaseFolder::has(const api::DesiredRelease& a) const {
  const std::string path = path_of(a);
  const auto bytes = content(path, api::max_bytes(a.kind));
  if (!bytes) return bytes.error();
  if (!*bytes || sha256_hex(**bytes) != a.sha256) return false;
  const auto signature = content(path + std::string(kSignature), kMaxSignatureBytes);
  if (!signature) return signature.error();
  return signature->value_or("") == a.signature && signature->has_value() != a.signature.empty();
}

Status ReleaseFolder::install(const api::DesiredRelease& a, std::string_view bytes) const {
  if (const std::string found = sha256_hex(bytes); found != a.sha256)
    return Error{Code::kCorrupt,
                 a.name + " " + a.version + ": what came has sha256 " + found.substr(0, 12) +
                     ", expected " + a.sha256.substr(0, 12),
                 "hash-mismatch", "publish the same file again: that repairs the registry"};
  // The signature first: whoever sees the new file finds it signed.
  const std::string path = path_of(a);
  const std::string signature = path + std::string(kSignature);
  if (!a.signature.empty()) SKEP_TRY(replace_file(signature, a.signature, kFileMode));
  SKEP_TRY(replace_file(path, bytes, kFileMode));
  std::error_code ec;
  if (a.signature.empty()) fs::remove(signature, ec);
  return ec ? Status{errno_error("remove " + signature, ec.value())} : Status{};
}

Result<std::size_t> ReleaseFolder::keep_only(const std::vector<api::DesiredRelease>& wanted) const {
  std::set<std::string> keep;
  for (const api::DesiredRelease& a : wanted) {
    keep.insert(path_of(a));
    keep.insert(path_of(a) + std::string(kSignature));
  }
  std::size_t removed = 0;
  for (const api::ReleaseKind kind : kKinds) {
    std::error_code ec;
    std::vector<fs::path> gone;
    for (fs::directory_iterator at(release_path(dir_, kind), ec), end; !ec && at != end;
         at.increment(ec))
      if (!keep.contains(at->path().string())) gone.push_back(at->path());
    for (const fs::path& path : gone) {
      if (path.extension() == extension(kind)) ++removed;
      std::error_code failed;
      fs::remove_all(path, failed);
      if (failed) ec = failed;
    }
    if (ec) return errno_error("clear " + release_path(dir_, kind), ec.value());
  }
  return removed;
}

}  // namespace skep::worker
