// The node's events for those who follow along, and a word to the node itself.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "core/app/sse.hpp"
#include "core/base/service.hpp"
#include "core/net/http.hpp"

namespace skep::app {

/// One thread wakes all streams; a stream itself has none. Must outlive the servers that answer
/// with open().
class EventStreams final : public Service {
 public:
  using OnEvent = std::function<void(const events::Event&)>;
  /// At most `most` streams at a time. `on_event` hears of each event, on this service's thread.
  explicit EventStreams(std::size_t most, OnEvent on_event = {});
  ~EventStreams() override { stop(); }

  /// Answers GET /api/events: `Last-Event-ID` or ?since= resume, ?follow=false ends when all that
  /// is kept was sent; without either it begins with what happens next. kBusy when there are too
  /// many. [any]
  net::HttpResponse open(const net::HttpRequest& request);

 protected:
  void run(std::stop_token stop) override;

 private:
  class Reader;
  const std::size_t most_;
  const OnEvent on_event_;
  const std::string run_;  ///< of this process, in every id
  net::WaitList waiting_;
  std::atomic<std::size_t> open_{0};
};

}  // namespace skep::app
