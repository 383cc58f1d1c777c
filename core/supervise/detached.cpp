#include "core/supervise/detached.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>

#include "core/supervise/process_id.hpp"

namespace skep::supervise {

Result<Detached> Detached::launch(const std::vector<std::string>& argv,
                                  const std::vector<std::string>& env,
                                  const std::string& log_path) {
  const UniqueFd in(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const UniqueFd log(::open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
  if (!in || !log) return errno_error("open \"" + log_path + "\"", errno);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return errno_error("make a pipe", errno);
  UniqueFd words(ends[0]);
  const UniqueFd out(ends[1]);
  // What the supervisor leaves behind may hold the other end: no read may wait for it.
  if (::fcntl(words.get(), F_SETFL, O_NONBLOCK) != 0) return errno_error("set O_NONBLOCK", errno);
  proc::Spec spec;
  spec.argv = argv;
  spec.env = env;
  proc::Launch request{spec};
  request.in = in.get();
  request.out = out.get();
  request.err = log.get();
  request.dies_with_us = false;
  auto child = proc::launch(request);
  if (!child) return child.error();
  return Detached(std::move(*child), std::move(words));
}

bool Detached::has_ended(Millis wait) const {
  pollfd p{child_.pidfd.get(), POLLIN, 0};
  return ::poll(&p, 1, static_cast<int>(wait.count())) == 1;
}

Result<bool> Detached::end(Millis grace) const {
  return end_process(child_.pidfd.get(), child_.pid, grace);
}

std::string Detached::last_words() {
  std::string text;
  char chunk[4096];
  for (ssize_t n; (n = ::read(out_.get(), chunk, sizeof chunk)) > 0;)
    text.append(chunk, static_cast<std::size_t>(n));
  return text;
}

}  // namespace skep::supervise
