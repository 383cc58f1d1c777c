// The node's events for those who follow along, and a word to the node itself.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "core/app/event_reader.hpp"
#include "core/base/live.hpp"
#include "core/base/service.hpp"
#include "core/net/http.hpp"

namespace skep::app {

/// One thread wakes all streams; a stream itself has none. Must outlive the servers that answer
/// with open() and the control plane whose events it serves.
class EventStreams final : public Service {
 public:
  using OnEvent = std::function<void(const events::Event&)>;
  /// At most `most` streams at a time. `on_event` hears of each event, on this service's thread.
  /// `control`: the node is a control plane, which calls attach() before it serves.
  explicit EventStreams(std::size_t most, OnEvent on_event = {}, bool control = false);
  ~EventStreams() override { stop(); }

  /// The control plane's durable events. [any]
  void attach(std::shared_ptr<control::EventFeed> feed);

  /// Answers GET /api/node/events: `Last-Event-ID` or ?since= resume, ?follow=false ends when all
  /// that is kept was sent, ?kind= names patterns; without `since` it begins with what happens
  /// next. kBusy when there are too many. [any]
  net::HttpResponse open_node(const net::HttpRequest& request);
  /// Answers GET /api/events: the same with the durable events, on a node that is a control plane;
  /// kUnavailable until it runs and when it is gone. Asks the store. [handler]
  net::HttpResponse open_all(const net::HttpRequest& request);

 protected:
  void run(std::stop_token stop) override;

 private:
  class Seat;
  net::HttpResponse open(const net::HttpRequest& request, bool durable);
  const std::size_t most_;
  const OnEvent on_event_;
  const bool control_;
  const std::string run_;  ///< of this process, in every id
  net::WaitList waiting_;
  std::atomic<std::size_t> open_{0};
  Live<std::shared_ptr<control::EventFeed>> feed_{nullptr};
};

}  // namespace skep::app
