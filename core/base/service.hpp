// A background duty with one thread. start() and stop() are idempotent; stop() is legal before
// start() and waits for the thread.
#pragma once

#include <pthread.h>

#include <stop_token>
#include <string>
#include <thread>

namespace skep {

class Service {
 public:
  /// `name` shows in ps and gdb; 15 bytes at most.
  explicit Service(std::string name) : name_(std::move(name)) {}
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  /// A derived class calls stop() in its own destructor, before its members go.
  virtual ~Service() = default;

  void start() {
    if (thread_.joinable()) return;
    thread_ = std::jthread([this](std::stop_token stop) {
      pthread_setname_np(pthread_self(), name_.substr(0, 15).c_str());
      run(stop);
    });
  }
  void request_stop() { thread_.request_stop(); }
  void stop() {
    if (!thread_.joinable()) return;
    thread_.request_stop();
    thread_.join();
  }

 protected:
  /// Returns soon after `stop` is requested; catches what it throws.
  virtual void run(std::stop_token stop) = 0;

 private:
  std::string name_;
  std::jthread thread_;
};

}  // namespace skep
