// Bodies out of files: read in a handler's place, a piece at a time, sent without one.
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/base/log.hpp"
#include "core/net/response.hpp"
#include "core/net/session.hpp"

namespace skep::net {
namespace {

constexpr std::size_t kPiece = 256u << 10;

/// Nothing when the file ends before its length, or cannot be read.
std::string read_piece(const FileBody& file) {
  std::string piece(std::min<std::uint64_t>(kPiece, file.size), '\0');
  std::size_t had = 0;
  while (had < piece.size()) {
    const ssize_t got = ::pread(file.file.get(), piece.data() + had, piece.size() - had,
                                static_cast<off_t>(file.offset + had));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return {};
    had += static_cast<std::size_t>(got);
  }
  return piece;
}

}  // namespace

Awaitable<void> Session::respond_file(HttpResponse response, bool keep_alive) {
  const std::string head = response_head(response, keep_alive);
  bool sent = co_await write_all(head, "");
  FileBody* const file = response.file.get();  // a head that was refused has none
  while (sent && file != nullptr && file->size > 0 && !shared_.closing) {
    co_await enter_slot(HandlerKind::kHeavy);
    const std::string piece = read_piece(*file);
    shared_.slots.leave(HandlerKind::kHeavy);
    if (piece.empty()) {
      log::error("http_file_ended_early", {{"missing", file->size}});
      break;
    }
    sent = co_await write_all(piece, "");
    file->offset += piece.size();
    file->size -= piece.size();
  }
  open_ = sent && keep_alive && file != nullptr && file->size == 0;
}

}  // namespace skep::net
