// One command against a scripted control plane: what it sent, what it printed, its exit code.
#pragma once

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "core/base/clock.hpp"
#include "core/cli/run.hpp"
#include "tests/support/fake_clock.hpp"

namespace skep::cli {

inline WallMs test_now() { return *from_iso("2026-01-10T12:00:00Z"); }

struct Answer {
  int status = 200;  ///< 0 = nobody answers
  std::string body;
  std::string type{};  ///< "" = the one that was asked for
  bool cut = false;    ///< the connection breaks after the body
};
inline const Answer kNobody{0, ""};

struct Ran {
  int code = -1;
  std::string out;
  std::string err;
  std::vector<net::ClientRequest> requests;
  Millis waited{0};  ///< between requests
};

/// Answers requests in order, at test_now() and without ever sleeping; after the last one, or
/// without any, the control plane is gone.
class FakeControl {
 public:
  FakeControl(std::vector<Answer> answers = {}) : answers_(std::move(answers)) {}

  Ran run(const std::vector<std::string>& words, const Environment& environment = {},
          const std::string& input = {}, bool tty = false) {
    Ran ran;
    std::istringstream in(input);
    std::ostringstream out;
    std::ostringstream err;
    std::size_t next = 0;
    test::FakeClock clock;
    const MonoMs begin = clock.mono_ms();
    clock.set(Millis{test_now() - clock.wall_ms()});
    const Transport transport = [&](const net::ClientRequest& r) -> Result<net::ClientResponse> {
      ran.requests.push_back(r);
      if (next == answers_.size()) return unavailable("connect: Connection refused");
      const Answer& a = answers_[next++];
      if (a.status == 0) return unavailable("connect: Connection refused");
      if (r.on_body && a.status < 400) r.on_body(a.body);
      if (a.cut) return unavailable("recv: Connection reset by peer");
      const std::string accepted = r.headers.front().substr(std::string("Accept: ").size());
      return net::ClientResponse{
          a.status, a.body, {{"content-type", a.type.empty() ? accepted : a.type}}};
    };
    ran.code = cli::run(words, environment, {in, out, err, tty, tty, &clock}, transport);
    ran.waited = Millis{clock.mono_ms() - begin};
    ran.out = out.str();
    ran.err = err.str();
    return ran;
  }

 private:
  std::vector<Answer> answers_;
};

inline Ran run_cli(const std::vector<std::string>& words, std::vector<Answer> answers = {}) {
  return FakeControl(std::move(answers)).run(words);
}

/// Somebody types Ctrl-C while the command sleeps.
class Interrupting final : public Clock {
 public:
  WallMs wall_ms() const override { return test_now(); }
  MonoMs mono_ms() const override { return 1; }
  void sleep(Millis, std::stop_token) override { std::raise(SIGINT); }
};

/// In a process of its own, for an interrupt is one of the process.
[[noreturn]] inline void run_and_exit(const std::vector<std::string>& words,
                                      const Transport& transport) {
  std::istringstream in;
  std::ostringstream out;
  Interrupting clock;
  std::exit(cli::run(words, {}, {in, out, std::cerr, false, false, &clock}, transport));
}

/// Somebody types Ctrl-C while the answer is awaited.
inline Result<net::ClientResponse> interrupted_request(const net::ClientRequest& r) {
  std::raise(SIGINT);
  if (!r.aborted()) std::abort();
  return Error{Code::kCancelled, "aborted"};
}

}  // namespace skep::cli
