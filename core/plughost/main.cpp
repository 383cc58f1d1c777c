// skep-plughost: runs one component of one plugin for a host, in a process of its own.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>

#include "core/plughost/conversation.hpp"

namespace {

constexpr int kSocket = 3;
constexpr int kMemory = 4;
constexpr int kEvent = 5;

bool is_socket(int fd) {
  int type = 0;
  socklen_t size = sizeof(type);
  return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

}  // namespace

int main() {
  if (!is_socket(kSocket)) {
    std::fputs(
        "skep-plughost is started by skep, for plugins with isolation = \"process\" or "
        "\"per-task\"; see share/doc/skep/docs/plugin-isolation.md\n",
        stderr);
    return 2;
  }
  for (const int fd : {kSocket, kMemory, kEvent}) fcntl(fd, F_SETFD, FD_CLOEXEC);
  auto cancel = skep::plugin::SharedCancel::adopt(skep::UniqueFd(kMemory), skep::UniqueFd(kEvent));
  if (!cancel) return 2;
  skep::plughost::Conversation conversation(skep::UniqueFd(kSocket), std::move(*cancel));
  conversation.run();
  // Not exit(): after close() nothing of the plugin runs any more, its exit handlers neither.
  _exit(0);
}
