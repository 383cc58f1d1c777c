#include "core/plugin/file_stamps.hpp"

#include <sys/stat.h>

#include <filesystem>

namespace skep::plugin {
namespace {

namespace fs = std::filesystem;

std::string access_of(const struct stat& st) {
  return std::to_string(st.st_mode) + " " + std::to_string(st.st_uid) + " " +
         std::to_string(st.st_gid);
}

std::string content_of(const struct stat& st) {
  return std::to_string(st.st_ino) + " " + std::to_string(st.st_size) + " " +
         std::to_string(st.st_mtim.tv_sec) + "." + std::to_string(st.st_mtim.tv_nsec);
}

/// Who may write the file and what is in it; "" when there is none.
std::string stamp_of(const std::string& path) {
  struct stat st {};
  return ::stat(path.c_str(), &st) == 0 ? content_of(st) + " " + access_of(st) : std::string();
}

}  // namespace

FileStamps stamps_of(const std::vector<std::string>& folders, const std::string& lock_file) {
  FileStamps out;
  const std::string lock = lock_file.empty() ? "" : stamp_of(lock_file);
  for (const std::string& folder : folders) {
    struct stat of_folder {};
    if (::stat(folder.c_str(), &of_folder) != 0) continue;
    std::error_code ec;
    for (fs::directory_iterator at(folder, ec), end; !ec && at != end; at.increment(ec)) {
      struct stat st {};
      const std::string path = at->path().string();
      if (at->path().extension() != ".so" || ::stat(path.c_str(), &st) != 0) continue;
      out[path] = {content_of(st), access_of(st) + ", " + access_of(of_folder) + ", " +
                                       stamp_of(path + ".minisig") + ", " + lock};
    }
  }
  return out;
}

}  // namespace skep::plugin
