// Bodies that go on: pieces as they come, between them neither a thread nor a handler slot.
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>

#include "core/base/log.hpp"
#include "core/net/response.hpp"
#include "core/net/session.hpp"

namespace skep::net {

Awaitable<void> Session::respond_stream(HttpResponse response) {
  streaming_ = true;
  open_ = false;
  const std::string head = response_head(response, false);
  bool sent = co_await write_all(head, "");
  while (sent && !peer_gone_ && !evicted_ && !shared_.closing) {
    StreamPart part = next_part(response);
    if (!part.bytes.empty()) sent = co_await write_all(part.bytes, "");
    if (!sent || part.end || shared_.closing) co_return;
    const asio::use_awaitable_t<Strand> turn;
    const bool waits = part.wait.list != nullptr && part.wait.until > shared_.clock.mono_ms();
    if (!waits) {  // others on this thread have their turn
      co_await asio::post(socket_.get_executor(), turn);
      continue;
    }
    const bool has_room = co_await park(part.wait);
    if (!has_room) co_return;
  }
}

StreamPart Session::next_part(const HttpResponse& response) const {
  StreamPart end;
  end.end = true;
  try {
    StreamPart part = response.stream();
    const bool spins = part.bytes.empty() && part.wait.until <= shared_.clock.mono_ms();
    if (!spins || part.end) return part;
    log::error("http_stream_failed", {{"error", "an empty piece that waits for nothing"}});
  } catch (const std::exception& e) {
    log::error("http_stream_failed", {{"error", e.what()}});
  }
  return end;
}

}  // namespace skep::net
