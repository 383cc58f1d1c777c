// One command against a scripted control plane: what it sent, what it printed, its exit code.
#pragma once

#include <sstream>
#include <string>
#include <vector>

#include "core/base/clock.hpp"
#include "core/cli/run.hpp"

namespace skep::cli {

inline WallMs test_now() { return *from_iso("2026-01-10T12:00:00Z"); }

struct Answer {
  int status = 200;
  std::string body;
  std::string type{};  ///< "" = the one that was asked for
};

struct Ran {
  int code = -1;
  std::string out;
  std::string err;
  std::vector<net::ClientRequest> requests;
};

/// Answers requests in order; after the last one, or without any, the control plane is gone.
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
    const Transport transport = [&](const net::ClientRequest& r) -> Result<net::ClientResponse> {
      ran.requests.push_back(r);
      if (next == answers_.size()) return unavailable("connect: Connection refused");
      const Answer& a = answers_[next++];
      if (r.on_body && a.status < 400) r.on_body(a.body);
      const std::string accepted = r.headers.front().substr(std::string("Accept: ").size());
      return net::ClientResponse{
          a.status, a.body, {{"content-type", a.type.empty() ? accepted : a.type}}};
    };
    ran.code = cli::run(words, environment, {in, out, err, tty, tty, test_now}, transport);
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

}  // namespace skep::cli
