#include "core/cli/main.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <csignal>
#include <iostream>

#include "core/app/app.hpp"
#include "core/cli/run.hpp"

namespace skep::cli {
namespace {

Environment process_environment() {
  Environment out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos)
      out.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return out;
}

/// What the shell reports of a program that SIGPIPE ended.
constexpr int kBrokenPipe = 128 + SIGPIPE;

/// Started without a standard stream, the next file or connection would get its number, and
/// whatever writes to stderr would write into that.
void fill_standard_streams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(fd, F_GETFD) < 0) static_cast<void>(::open("/dev/null", O_RDWR));
}

/// 0 when it is no terminal, or one that does not say.
std::size_t columns_of(int fd) {
  winsize size{};
  return ::ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

bool reader_is_gone() {
  pollfd p{STDOUT_FILENO, 0, 0};
  return ::poll(&p, 1, 0) == 1 && (p.revents & POLLERR) != 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "start") app::expect_node();
  fill_standard_streams();
  // A node must outlive a peer that went away; other commands look at their streams.
  std::signal(SIGPIPE, SIG_IGN);
  const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  Terminal terminal{std::cin, std::cout, std::cerr, ::isatty(STDOUT_FILENO) == 1,
                    ::isatty(STDERR_FILENO) == 1};
  terminal.width = columns_of(STDOUT_FILENO);
  const int code = run(words, process_environment(), terminal, http_transport());
  std::cout.flush();
  if (code != 0 || std::cout) return code;
  if (reader_is_gone()) return kBrokenPipe;
  std::cerr << "error: the output could not be written   [output]\n";
  return 1;
}

}  // namespace skep::cli
