#include "core/trust/owners.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

namespace skep::trust {
namespace {

namespace fs = std::filesystem;

Error refusal(const std::string& what, const std::string& next) {
  return Error{Code::kDenied, what, "writable-by-others", next};
}

Status check_owner(const std::string& path, const struct stat& st) {
  if (st.st_uid == 0 || st.st_uid == ::geteuid()) return Status();
  return refusal(path + " is owned by uid " + std::to_string(st.st_uid) + ", neither root nor us",
                 "chown " + std::to_string(::geteuid()) + " " + path);
}

Status check_one(const std::string& path, bool is_ancestor) {
  struct stat st {};
  if (::lstat(path.c_str(), &st) != 0) return errno_error("stat " + path, errno);
  SKEP_TRY(check_owner(path, st));
  if (S_ISLNK(st.st_mode)) return Status();  // its mode means nothing; its target is looked at too
  if (is_ancestor && (st.st_mode & S_ISVTX) != 0) return Status();
  if ((st.st_mode & S_IWOTH) != 0)
    return refusal("everybody may write " + path, "chmod go-w " + path);
  if ((st.st_mode & S_IWGRP) != 0)
    return refusal("the group " + std::to_string(st.st_gid) + " may write " + path,
                   "chmod g-w " + path);
  return Status();
}

Status check_chain(const fs::path& file) {
  SKEP_TRY(check_one(file.string(), false));
  fs::path at = file.parent_path();
  for (bool is_ancestor = false;; is_ancestor = true, at = at.parent_path()) {
    SKEP_TRY(check_one(at.string(), is_ancestor));
    if (at == at.parent_path()) return Status();
  }
}

}  // namespace

Status check_writers(const std::string& file) {
  std::error_code ec;
  const fs::path named = fs::absolute(file, ec).lexically_normal();
  const fs::path real = fs::canonical(named, ec);
  if (ec)
    return Error{ec == std::errc::no_such_file_or_directory ? Code::kNotFound : Code::kDenied,
                 "find " + file + ": " + ec.message()};
  SKEP_TRY(check_chain(named));
  return named == real ? Status() : check_chain(real);
}

Status check_owners(const std::string& file) {
  std::error_code ec;
  const fs::path path = fs::absolute(file, ec).lexically_normal();
  for (const std::string& one : {path.string(), path.parent_path().string()}) {
    struct stat st {};
    if (::stat(one.c_str(), &st) != 0) return errno_error("stat " + one, errno);
    SKEP_TRY(check_owner(one, st));
  }
  return Status();
}

Status check_open_folder(const std::string& file) {
  std::error_code ec;
  const std::string folder = fs::absolute(file, ec).parent_path().string();
  struct stat st {};
  if (::stat(folder.c_str(), &st) != 0) return errno_error("stat " + folder, errno);
  if ((st.st_mode & S_IWOTH) == 0) return Status();
  return refusal("everybody may write the folder " + folder, "chmod o-w " + folder);
}

}  // namespace skep::trust
