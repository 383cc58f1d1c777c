#include "core/cli/base/argument_file.hpp"

#include <fcntl.h>

#include <cerrno>
#include <cstring>

#include "core/base/fd.hpp"
#include "core/base/file.hpp"
#include "core/cli/base/console.hpp"

namespace skep::cli {

Result<std::string> read_argument_file(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return usage_error("file \"" + path + "\" cannot be read: " + ::strerror(errno));
  auto text = load_input(path, 16U << 20);
  if (text) return text;
  if (text.error().id() == "too-large")
    return usage_error("file \"" + path + "\" is larger than 16 MiB");
  return usage_error("file \"" + path + "\" cannot be read: " + text.error().message);
}

}  // namespace skep::cli
